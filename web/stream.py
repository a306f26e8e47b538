"""GET /training/{id}/events: a training's status as server-sent events, from any replica.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio

import structlog
from aiohttp import web

from models.training import Training
from web.errors import is_database_failure
from web.events import TrainingEvents
from web.keys import ANSWERS, EVENTS
from web.trainings import find

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 15.0
LOOK_SECONDS = 1.0
"""aiohttp doesn't tell a handler that its client has gone: so often we look."""

_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx
}


async def stream(request: web.Request) -> web.StreamResponse:
    """Sends the status at once, then at each change, and ends after the last."""
    training = await find(request)
    events = request.app[EVENTS]
    response = web.StreamResponse(headers=_HEADERS)
    with events.subscribe(training.id) as changed:
        changed.set()  # it may have changed before we subscribed
        await response.prepare(request)
        try:
            await _follow(request, response, training, changed)
        except ConnectionError:
            log.debug("stream_left")
        except Exception as e:
            if not is_database_failure(e):
                raise
            log.warning("stream_broken", error=type(e).__name__)
    return response


async def _follow(
    request: web.Request, response: web.StreamResponse, training: Training, changed: asyncio.Event
) -> None:
    events = request.app[EVENTS]
    version: int | None = None
    while not events.closing and await _change(request, response, changed, events):
        changed.clear()
        current = await Training.get(id=training.id).select_related("lora")
        if current.version == version:
            continue
        version = current.version
        status = await request.app[ANSWERS].status(current)
        await response.write(f"event: status\nid: {version}\ndata: {status.model_dump_json()}\n\n".encode())
        if not current.is_active:
            return


async def _change(
    request: web.Request, response: web.StreamResponse, changed: asyncio.Event, events: TrainingEvents
) -> bool:
    """Waits for a change, with a sign of life now and then; False when the client has gone, or we go."""
    loop = asyncio.get_running_loop()
    next_heartbeat = loop.time() + HEARTBEAT_SECONDS
    while not changed.is_set():
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await changed.wait()
        except TimeoutError:
            if request.transport is None or request.transport.is_closing():
                return False
            if loop.time() >= next_heartbeat:
                next_heartbeat = loop.time() + HEARTBEAT_SECONDS
                await response.write(b": alive\n\n")
    return not events.closing
