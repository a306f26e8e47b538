"""/models: LoRA models that are ready, one's own and public ones."""

import uuid
from collections.abc import Sequence

from aiohttp import web

from models import lora as loras
from models import moderation
from models.errors import NotFound
from models.lora import LoraModel
from web import cursors, previews, schemas
from web.addresses import HEADERS
from web.auth import known
from web.bodies import json_answer, path_id, read_json, read_query
from web.keys import IDENTITY, SETTINGS


async def page(request: web.Request) -> web.Response:
    query = read_query(request, schemas.ModelsQuery)
    before = cursors.read(query.cursor) if query.cursor else None
    rows = await loras.page(request[IDENTITY].user_id, query.scope, query.limit + 1, before)
    shown, next_cursor = cursors.cut(rows, query.limit, lambda row: cursors.write((row.created_at, row.id)))
    return json_answer(
        schemas.ModelPage(
            items=await _answers(request, shown),
            next_cursor=next_cursor,
        )
    )


async def show(request: web.Request) -> web.Response:
    return await _answer(request, await loras.find(request[IDENTITY].user_id, _id(request)))


async def edit(request: web.Request) -> web.Response:
    body = await read_json(request, schemas.ModelEdit)
    wanted = loras.Edit(body.name, body.isPublic, body.selected)
    return await _answer(request, await loras.edit(request[IDENTITY].user_id, _id(request), wanted))


async def remove(request: web.Request) -> web.Response:
    await loras.delete(request[IDENTITY].user_id, _id(request))
    return web.Response(status=204)


async def report(request: web.Request) -> web.Response:
    body = await read_json(request, schemas.ModelReport)
    person = await known(request)
    await moderation.report(person.id, _id(request), body.reason or "", request.app[SETTINGS].admin_ids)
    return web.Response(status=204)


async def preview(request: web.Request) -> web.Response:
    """A browser shows pictures without any header of ours: the address is the proof."""
    query = read_query(request, schemas.SignedQuery)
    picture = await previews.picture(request.app[SETTINGS], _id(request), query)
    return web.Response(body=picture, content_type="image/jpeg", headers=HEADERS)


def _id(request: web.Request) -> uuid.UUID:
    return path_id(request, NotFound("There is no such model.", code="model_not_found"))


async def _answer(request: web.Request, row: LoraModel) -> web.Response:
    (answer,) = await _answers(request, [row])
    return json_answer(answer)


async def _answers(request: web.Request, rows: Sequence[LoraModel]) -> list[schemas.Model]:
    user_id = request[IDENTITY].user_id
    selected = await loras.selected(user_id, [row.id for row in rows])
    return [
        schemas.Model(
            id=row.id,
            name=row.name,
            trigger_word=row.trigger_word,
            trainer=row.base_model_id,
            own=row.user_id == user_id,
            is_public=row.is_public,
            selected=row.id in selected,
            hidden=row.hidden_at is not None,
            preview=previews.address(request.app[SETTINGS], row) if row.preview else None,
            created_at=row.created_at,
        )
        for row in rows
    ]
