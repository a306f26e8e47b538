"""Server-sent events: the status of a training or a generation, from any replica.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import math
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from aiohttp import web
from pydantic import BaseModel

from models.generation import Generation, with_pictures
from models.training import Training
from web import generations, trainings
from web.errors import is_database_failure
from web.keys import ANSWERS, EVENTS

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 15.0
LOOK_SECONDS = 1.0
"""aiohttp doesn't tell a handler that its client has gone: so often we look."""
PLACE_SECONDS = 3.0
"""A place in our queue moves with others' runs, which wakes nobody: so often it is asked for."""

_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx
}


@dataclass(frozen=True)
class Shown:
    """A run as it is now: the version of its row, its answer, and whether it has ended.

    `place` is its place in our queue, while it is there.
    """

    version: int
    answer: BaseModel
    ended: bool
    place: int | None = None


Look = Callable[[], Awaitable[Shown]]


async def training(request: web.Request) -> web.StreamResponse:
    found = await trainings.find(request)

    async def look() -> Shown:
        row = await Training.get(id=found.id).select_related("lora")
        return Shown(row.version, await request.app[ANSWERS].status(row), not row.is_active)

    return await _stream(request, found.id, look)


async def generation(request: web.Request) -> web.StreamResponse:
    found = await generations.find(request)

    async def look() -> Shown:
        row = await Generation.get(id=found.id)
        await with_pictures([row])
        answer = await request.app[ANSWERS].generation(row)
        return Shown(row.version, answer, not row.is_active, answer.position)

    return await _stream(request, found.id, look)


async def _stream(request: web.Request, run_id: uuid.UUID, look: Look) -> web.StreamResponse:
    """Sends the status at once, then at each change, and ends after the last."""
    response = web.StreamResponse(headers=_HEADERS)
    with request.app[EVENTS].subscribe(run_id) as changed:
        changed.set()  # it may have changed before we subscribed
        await response.prepare(request)
        try:
            await _follow(request, response, look, changed)
        except ConnectionError:
            log.debug("stream_left")
        except Exception as e:
            if not is_database_failure(e):
                raise
            log.warning("stream_broken", error=type(e).__name__)
    return response


async def _follow(
    request: web.Request, response: web.StreamResponse, look: Look, changed: asyncio.Event
) -> None:
    events = request.app[EVENTS]
    before: Shown | None = None
    while not events.closing and await _change(request, response, changed, before):
        changed.clear()
        current = await look()
        if before and (current.version, current.place) == (before.version, before.place):
            continue
        before = current
        data = current.answer.model_dump_json()
        await response.write(f"event: status\nid: {current.version}\ndata: {data}\n\n".encode())
        if current.ended:
            return


async def _change(
    request: web.Request, response: web.StreamResponse, changed: asyncio.Event, before: Shown | None
) -> bool:
    """Waits for a change, with a sign of life now and then; False when the client has gone, or we go."""
    loop = asyncio.get_running_loop()
    next_heartbeat = loop.time() + HEARTBEAT_SECONDS
    look_again = loop.time() + PLACE_SECONDS if before and before.place is not None else math.inf
    while not changed.is_set() and loop.time() < look_again:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await changed.wait()
        except TimeoutError:
            if request.transport is None or request.transport.is_closing():
                return False
            if loop.time() >= next_heartbeat:
                next_heartbeat = loop.time() + HEARTBEAT_SECONDS
                await response.write(b": alive\n\n")
    return not request.app[EVENTS].closing
