"""/styles: words that fill a prompt, with what they look like."""

from aiohttp import web

from models.errors import NotFound
from web import schemas
from web.bodies import json_answer


async def show(request: web.Request) -> web.Response:  # noqa: ARG001
    return json_answer(schemas.Styles(items=[]))


async def preview(request: web.Request) -> web.StreamResponse:  # noqa: ARG001
    raise NotFound("There is no such style.", code="style_not_found")
