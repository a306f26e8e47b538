"""`python -m sandbox.fal --port 8082`: the emulator as a process of its own."""

import argparse
import asyncio
import signal
import sys

from aiohttp import web

from sandbox.fal.app import FalEmulator


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.fal", description="The offline twin of fal.ai.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8082, help="0 takes a free one")
    parser.add_argument("--key", help="the only key to accept; without it any does")
    parser.add_argument("--training-seconds", type=float, default=25.0, help="for 1,000 steps")
    parser.add_argument("--picture-seconds", type=float, default=1.0)
    parser.add_argument("--queue-seconds", type=float, default=1.0, help="the least wait for a runner")
    parser.add_argument("--concurrency", type=int, default=1, help="runners of each model")
    parser.add_argument(
        "--retry-factor",
        type=float,
        default=0.1,
        help="how long the pauses between a webhook's attempts are beside fal's own",
    )
    return parser.parse_args()


async def serve(options: argparse.Namespace) -> None:
    emulator = FalEmulator(
        key=options.key,
        training_seconds=options.training_seconds,
        picture_seconds=options.picture_seconds,
        queue_seconds=options.queue_seconds,
        concurrency=options.concurrency,
        retry_factor=options.retry_factor,
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(emulator.app(), access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, options.host, options.port).start()
        except OSError as error:
            sys.exit(
                f"Can't listen on {options.host}:{options.port}, choose another --port: {error.strerror}"
            )
        host, port = runner.addresses[0][:2]
        sys.stdout.write(f"fal.ai's twin is ready: http://{host}:{port}/\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(arguments()))
