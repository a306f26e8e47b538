"""Trainings as they are: status, live events, the list, and cancelling one."""

import base64
import struct
import uuid
from datetime import UTC, datetime, timedelta

import structlog
from aiohttp import web

from models import training
from models.errors import Invalid, NotFound
from models.training import Training
from web import schemas
from web.bodies import json_answer
from web.errors import from_client
from web.keys import ANSWERS, IDENTITY

_CURSOR = struct.Struct(">q16s")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def find(request: web.Request) -> Training:
    """The training that the path names.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    found = await training.find(request[IDENTITY].user_id, _any_id(request))
    _name_in_logs(found.id)
    return found


def _any_id(request: web.Request) -> uuid.UUID:
    """The id in the path, a training's or its LoRA model's. Raises NotFound."""
    try:
        any_id = uuid.UUID(request.match_info["id"])
    except ValueError:
        raise NotFound("There is no such training.", code="training_not_found") from None
    _name_in_logs(any_id)  # until its training is found
    return any_id


def _name_in_logs(training_id: uuid.UUID) -> None:
    """From here on, all log lines of the request carry the id."""
    structlog.contextvars.bind_contextvars(training_id=str(training_id))


async def status(request: web.Request) -> web.Response:
    return json_answer(await request.app[ANSWERS].status(await find(request)))


async def cancel(request: web.Request) -> web.Response:
    cancelled = await training.cancel(request[IDENTITY].user_id, _any_id(request))
    _name_in_logs(cancelled.id)
    return json_answer(await request.app[ANSWERS].status(cancelled))


async def page(request: web.Request) -> web.Response:
    with from_client():
        query = schemas.PageQuery.model_validate(dict(request.query))
    before = _read_cursor(query.cursor) if query.cursor else None
    rows = await training.page(request[IDENTITY].user_id, query.limit + 1, before)
    shown = rows[: query.limit]
    return json_answer(
        schemas.TrainingPage(
            items=await request.app[ANSWERS].trainings(shown),
            next_cursor=_cursor(shown[-1]) if len(rows) > len(shown) else None,
        )
    )


def _cursor(last: Training) -> str:
    """The last shown training's place: its start, to the microsecond as Postgres keeps it, and its id."""
    since = last.started_at - _EPOCH
    microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return base64.urlsafe_b64encode(_CURSOR.pack(microseconds, last.id.bytes)).decode()


def _read_cursor(cursor: str) -> tuple[datetime, uuid.UUID]:
    try:
        microseconds, training_id = _CURSOR.unpack(base64.b64decode(cursor, altchars=b"-_", validate=True))
        return _EPOCH + timedelta(microseconds=microseconds), uuid.UUID(bytes=training_id)
    except (ValueError, OverflowError, struct.error):
        raise Invalid(
            "This is no cursor of ours: take the nextCursor of the page before.", field="cursor"
        ) from None
