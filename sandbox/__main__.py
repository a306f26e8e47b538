"""The sandbox: emulated Telegram and fal, and Selfi itself pointed at them, until Ctrl-C.

    python -m sandbox [--port 8080]

SANDBOX_TRAINING_SECONDS says how long 1,000 steps take (25).
Each of the three is a process of its own on loopback, on three ports in a row: the chat page and Telegram's
API, Selfi, and fal. Selfi doesn't know that it is in a sandbox; when it is killed, it is started again, so
that one can watch it go on where it was. The sandbox begins empty every time: its data is in `.sandbox`.
"""

import argparse
import asyncio
import os
import shutil
import signal
import socket
import sys
import time
from asyncio.subprocess import Process
from pathlib import Path

import aiohttp

ROOT = Path(__file__).parent.parent
HOST = "127.0.0.1"
BOT_TOKEN = "7000000001:AAsandbox-token-for-loopback-only"  # noqa: S105 — it opens nothing
FAL_KEY = "sandbox-key"
START_SECONDS = 60
# Longer than Selfi takes at most: killed, it would leave its Postgres behind.
STOP_SECONDS = 80


def data_dir(app: int) -> Path:
    """Selfi's data, by its port: two sandboxes at once don't share any."""
    return ROOT / ".sandbox" / str(app)


def environment(chat: int, app: int, fal: int) -> dict[str, str]:
    """Selfi's settings in the sandbox: where things are is fixed, the rest is free to try."""
    free = {
        "FAL_POLL_SECONDS": "0.5",
        "FAL_POLL_MAX_SECONDS": "1.5",
        "FAL_ADOPT_SECONDS": "60",
        "WELCOME_STARS": "500",
        "ADMIN_IDS": "7100000004",  # Diego
        "REFERRAL_STARS": "20",
        "REFERRED_STARS": "10",
        "LOG_LEVEL": "warning",
    }
    fixed = {
        "HOST": HOST,
        "PORT": str(app),
        "PUBLIC_URL": f"http://{HOST}:{app}",
        "DATA_DIR": str(data_dir(app)),
        "TELEGRAM_BOT_TOKEN": BOT_TOKEN,
        "TELEGRAM_API_URL": f"http://{HOST}:{chat}",
        "FRAME_ANCESTORS": f"http://{HOST}:{chat} http://localhost:{chat}",
        "FAL_KEY": FAL_KEY,
        "FAL_QUEUE_URL": f"http://{HOST}:{fal}/queue",
        "FAL_REST_URL": f"http://{HOST}:{fal}/rest",
        "FAL_CDN_URL": f"http://{HOST}:{fal}/cdn",
        "FAL_API_URL": f"http://{HOST}:{fal}/api/v1",
    }
    # Nothing else of the environment comes along: it may be a real service's.
    wanted = {*free, "PATH", "HOME", "LANG", "TMPDIR"}
    kept = {name: value for name, value in os.environ.items() if name in wanted}
    return {**free, **kept, **fixed}


async def main(first_port: int) -> int:
    ports = first_port, first_port + 1, first_port + 2
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                print(
                    f"Port {port} is taken: choose another with SANDBOX_PORT=9000 make run", file=sys.stderr
                )
                return 1
    data = data_dir(first_port + 1)
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return await _run(*ports, stopped)


async def _run(chat: int, app: int, fal: int, stopped: asyncio.Event) -> int:
    began = time.monotonic()
    env = environment(chat, app, fal)
    telegram = await _start(
        "-m", "sandbox.telegram", "--port", str(chat), "--token", BOT_TOKEN,
        "--app-url", f"http://{HOST}:{app}", "--fal-url", f"http://{HOST}:{fal}",
    )  # fmt: skip
    fal_process = await _start(
        "-m", "sandbox.fal", "--port", str(fal), "--key", FAL_KEY,
        "--training-seconds", os.environ.get("SANDBOX_TRAINING_SECONDS", "25"),
    )  # fmt: skip
    selfi = asyncio.create_task(_keep_running(env, stopped))
    try:
        if not await _ready(f"http://{HOST}:{app}/readyz", stopped):
            print("Selfi did not become ready: see the lines above.", file=sys.stderr)
            return 1
        seconds = time.monotonic() - began
        print(f"\n  Selfi's sandbox is ready after {seconds:.1f} s.\n")
        print(f"  Chat with the bot:   http://{HOST}:{chat}/")
        print(f"  Break fal's things:  http://{HOST}:{fal}/")
        print("\n  Ctrl-C stops it.\n", flush=True)
        await stopped.wait()
        return 0
    finally:
        stopped.set()
        await selfi
        for process in (telegram, fal_process):
            await _stop(process)


async def _keep_running(env: dict[str, str], stopped: asyncio.Event) -> None:
    """Starts Selfi, and again whenever it dies, until the sandbox stops."""
    while not stopped.is_set():
        # Not started in the project's folder, whose .env is for the real service.
        process = await _start(str(ROOT / "main.py"), env=env, cwd=env["DATA_DIR"])
        death, stop = asyncio.create_task(process.wait()), asyncio.create_task(stopped.wait())
        await asyncio.wait({death, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not death.done():
            await _stop(process)
        elif process.returncode == 2:
            stopped.set()  # a wrong setting, which it has named
        else:
            print(f"Selfi ended with {process.returncode}; starting it again.", file=sys.stderr)
            await asyncio.sleep(0.5)


async def _start(*arguments: str, env: dict[str, str] | None = None, cwd: Path | str = ROOT) -> Process:
    # A session of its own: Ctrl-C reaches this process alone, which stops the others in order.
    return await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=cwd, env=env, start_new_session=True
    )


async def _stop(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _ready(url: str, stopped: asyncio.Event) -> bool:
    deadline = time.monotonic() + START_SECONDS
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline and not stopped.is_set():
            try:
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return True
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.1)
    return False


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="sandbox", description="Run Selfi in its offline sandbox.")
    parser.add_argument(
        "--port",
        type=int,
        default=int(os.environ.get("SANDBOX_PORT", "8080")),
        help="the chat page's port; the two after it are used too (default: 8080)",
    )
    sys.exit(asyncio.run(main(parser.parse_args().port)))
