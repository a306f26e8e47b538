"""A process that serves nothing but bare handlers: `python -m benchmarks.bare PORT`."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.service.running import free_port


async def handler(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def page(_request: web.Request) -> web.Response:
    return web.Response(text="<!doctype html><title>Nothing</title>", content_type="text/html")


async def main(port: int) -> None:
    app = web.Application()
    app.router.add_get("/", handler)
    app.router.add_get("/page", page)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


@asynccontextmanager
async def bare() -> AsyncIterator[str]:
    """Yields the address of such a process."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.bare", str(port), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout
        await process.stdout.readline()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
