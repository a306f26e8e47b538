"""Runs the emulator alone: `python -m sandbox.telegram --port 8080 --token 123:abc`."""

import argparse
import asyncio
import contextlib
import signal

from aiohttp import web

from .emulator import TOKEN, TelegramEmulator


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.telegram", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one")
    parser.add_argument("--token", default=TOKEN, help="the bot's token, <bot id>:<secret>")
    parser.add_argument("--fal-url", help="where the chat page finds the emulated fal")
    parser.add_argument("--app-url", help="where the chat page finds Selfi itself")
    arguments = parser.parse_args()
    if not arguments.token.partition(":")[0].isdecimal():
        parser.error("--token must have the form <bot id>:<secret>")
    return arguments


async def _serve(arguments: argparse.Namespace) -> None:
    addresses = {"falUrl": arguments.fal_url, "appUrl": arguments.app_url}
    emulator = TelegramEmulator(
        arguments.token, info={name: url for name, url in addresses.items() if url is not None}
    )
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    runner = web.AppRunner(emulator.app(), access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        site = web.TCPSite(runner, arguments.host, arguments.port)
        await site.start()
        host, port = runner.addresses[0][:2]
        print(f"Telegram's offline twin is ready at http://{host}:{port}", flush=True)
        await stopped.wait()
    finally:
        await runner.cleanup()


def main() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(_arguments()))


if __name__ == "__main__":
    main()
