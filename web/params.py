"""/params: what pictures are made with where nothing else is said."""

from dataclasses import asdict

from aiohttp import web

from models import params
from models.params import Params
from models.wish import check_params
from web import schemas
from web.auth import known
from web.bodies import json_answer, read_json
from web.keys import IDENTITY


async def show(request: web.Request) -> web.Response:
    return json_answer(schemas.Params(**asdict(await params.saved(request[IDENTITY].user_id))))


async def replace(request: web.Request) -> web.Response:
    body = await read_json(request, schemas.Params)
    person = await known(request)
    wanted = Params(**body.model_dump())
    check_params(wanted)
    await params.save(person.id, wanted)
    return json_answer(body)
