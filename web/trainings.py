"""Trainings as they are: status, live events, the list, and cancelling one."""

import uuid

from aiohttp import web

from models import training
from models.errors import NotFound
from models.training import Training
from web import cursors, schemas
from web.bodies import json_answer, name_in_logs, read_query, run_id
from web.keys import ANSWERS, IDENTITY


async def find(request: web.Request) -> Training:
    """The training that the path names.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    found = await training.find(request[IDENTITY].user_id, _any_id(request))
    name_in_logs(Training, found.id)
    return found


def _any_id(request: web.Request) -> uuid.UUID:
    """The id in the path, a training's or its LoRA model's. Raises NotFound."""
    missing = NotFound("There is no such training.", code="training_not_found")
    return run_id(request, Training, missing)


async def status(request: web.Request) -> web.Response:
    return json_answer(await request.app[ANSWERS].status(await find(request)))


async def cancel(request: web.Request) -> web.Response:
    cancelled = await training.cancel(request[IDENTITY].user_id, _any_id(request))
    name_in_logs(Training, cancelled.id)
    return json_answer(await request.app[ANSWERS].status(cancelled))


async def page(request: web.Request) -> web.Response:
    query = read_query(request, schemas.PageQuery)
    before = cursors.read(query.cursor) if query.cursor else None
    rows = await training.page(request[IDENTITY].user_id, query.limit + 1, before)
    shown, next_cursor = cursors.cut(rows, query.limit, lambda row: cursors.write((row.started_at, row.id)))
    return json_answer(
        schemas.TrainingPage(
            items=await request.app[ANSWERS].trainings(shown),
            next_cursor=next_cursor,
        )
    )
