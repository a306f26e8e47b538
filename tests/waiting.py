"""Waiting for what has no event of its own."""

import asyncio
from collections.abc import Callable


async def until(ready: Callable[[], object], seconds: float = 10) -> None:
    """Raises TimeoutError where `ready` isn't true within the time; long enough for a busy machine."""
    async with asyncio.timeout(seconds):
        while not ready():
            await asyncio.sleep(0.005)
