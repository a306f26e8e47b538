"""/generation: pictures that are asked for, made, sent into the chat, and deleted."""

import hashlib
import json
import uuid

from aiohttp import web
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.transactions import in_transaction

from models import generation as generations
from models import wish as wishes
from models.asking import Asking, place
from models.errors import Conflict, Invalid, NotFound, Problems, TooOften
from models.generation import Generation, Origin
from models.notification import NotificationKind, notify, waiting
from models.params import Params
from models.wish import Named, Wish
from web import cursors, schemas
from web.auth import known
from web.bodies import (
    JSON_LIMIT,
    idempotency_key,
    json_answer,
    name_in_logs,
    read_body,
    read_json,
    read_query,
    run_id,
)
from web.errors import InvalidFields, from_client
from web.keys import ANSWERS, IDENTITY, RATES

_FIELDS = frozenset(schemas.GenerationStart.model_fields)
# A message to the person's chat takes a second; more than these would be in the way of what is news.
_SENDS_WAITING = 20


async def start(request: web.Request) -> web.Response:
    raw = await read_body(request, JSON_LIMIT)
    person = await known(request)
    try:
        with from_client():
            body = schemas.GenerationStart.model_validate_json(raw)
    except InvalidFields as e:
        rest = await _other_problems(raw, e, person.id)
        raise Problems([*_as_problems(e), *rest]) if rest else e from None
    asking = Asking(Origin.APP, idempotency_key(request))
    begun = await place(_wish(body), person.id, asking, request.app[RATES])
    return await _answer(request, await generations.find(person.id, begun.id))


async def _other_problems(raw: bytes, error: InvalidFields, user_id: int) -> list[Invalid]:
    """What else is wrong with a wish of which some fields can't be read: all is said at once."""
    unread = {one.field.partition(".")[0] for one in error.errors}
    try:
        fields = json.loads(raw)
        read = {name: value for name, value in fields.items() if name in _FIELDS and name not in unread}
        body = schemas.GenerationStart.model_validate_json(json.dumps({"prompt": "", **read}))
    except (ValueError, AttributeError, RecursionError):  # it isn't even a JSON object
        return []
    problems = await wishes.problems(user_id, _wish(body))
    return [one for one in problems if one.field not in unread]


def _as_problems(error: InvalidFields) -> list[Invalid]:
    return [Invalid(f"{one.field} {one.message}.", field=one.field) for one in error.errors]


def _wish(body: schemas.GenerationStart) -> Wish:
    return Wish(
        prompt=body.prompt,
        models=None if body.models is None else [Named(id=one.id, scale=one.scale) for one in body.models],
        params=Params(
            aspect=body.aspect,
            steps=body.steps,
            guidance=body.guidance,
            seed=body.seed,
            count=body.count,
        ),
    )


async def page(request: web.Request) -> web.Response:
    query = read_query(request, schemas.GenerationsQuery)
    before = cursors.read(query.cursor) if query.cursor else None
    rows = await generations.page(
        request[IDENTITY].user_id, query.limit + 1, before, with_failed=query.scope == "all"
    )
    shown, next_cursor = cursors.cut(rows, query.limit, lambda row: cursors.write((row.started_at, row.id)))
    items = await request.app[ANSWERS].generations(shown)
    return json_answer(schemas.GenerationPage(items=items, next_cursor=next_cursor))


async def find(request: web.Request) -> Generation:
    """The generation that the path names, by its own id or a picture's, with its pictures.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    found = await generations.find(request[IDENTITY].user_id, _any_id(request))
    name_in_logs(Generation, found.id)
    return found


def _any_id(request: web.Request) -> uuid.UUID:
    missing = NotFound("There are no such pictures.", code="generation_not_found")
    return run_id(request, Generation, missing)


async def show(request: web.Request) -> web.Response:
    return await _answer(request, await find(request))


async def cancel(request: web.Request) -> web.Response:
    return await _answer(request, await generations.cancel(request[IDENTITY].user_id, _any_id(request)))


async def remove(request: web.Request) -> web.Response:
    await generations.delete(request[IDENTITY].user_id, _any_id(request))
    return web.Response(status=204)


async def send(request: web.Request) -> web.Response:
    """A message that must arrive, so that Telegram's limits hold for these as for all."""
    await read_json(request, schemas.GenerationSend)
    key = idempotency_key(request)
    generation, any_id = await find(request), _any_id(request)
    if not generation.pictures:
        raise Conflict("There are no pictures to send yet.", code="no_pictures")
    one = None if any_id == generation.id else any_id
    name = f"send {any_id} {uuid.uuid4() if key is None else key}"
    async with in_transaction() as tx:
        await _check_sends(tx, generation.user_id)
        await notify(
            tx,
            generation.user_id,
            NotificationKind.PICTURES,
            hashlib.sha256(name.encode()).hexdigest(),
            generation_id=generation.id,
            picture_id=one,
        )
    return web.Response(status=202)


async def _check_sends(tx: BaseDBAsyncClient, user_id: int) -> None:
    """One at a time of a person, so that the count holds.

    Raises:
        Conflict: they have blocked the bot, or never let it write (`bot_blocked`).
        TooOften: `too_many_sends`.
    """
    lock = "SELECT blocked_at FROM users WHERE id = $1 FOR NO KEY UPDATE"
    (person,) = await tx.execute_query_dict(lock, [user_id])
    if person["blocked_at"]:
        raise Conflict(
            "The bot may not write to you: start it in its chat, and try again.", code="bot_blocked"
        )
    if await waiting(user_id, NotificationKind.PICTURES) >= _SENDS_WAITING:
        raise TooOften(
            f"{_SENDS_WAITING} messages with pictures are on their way to you: let them arrive first.",
            retry_after=10,
            code="too_many_sends",
            limit=_SENDS_WAITING,
        )


async def _answer(request: web.Request, row: Generation) -> web.Response:
    return json_answer(await request.app[ANSWERS].generation(row))
