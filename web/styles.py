"""/styles: words that fill a prompt, with what they look like."""

from aiohttp import web

from models.errors import NotFound
from web import schemas
from web.auth import known
from web.bodies import json_answer
from web.keys import STYLES

_HEADERS = {
    "Cache-Control": "public, max-age=3600",  # an operator may put another picture in its place
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",  # an SVG can hold scripts
}


async def show(request: web.Request) -> web.Response:
    person = await known(request)
    return json_answer(
        schemas.Styles(
            items=[
                schemas.Style(
                    id=style.id,
                    name=style.name,
                    prompt=style.prompt,
                    preview=f"/styles/{style.id}/preview" if style.preview else None,
                )
                for style in await request.app[STYLES].all(person.language)
            ]
        )
    )


async def preview(request: web.Request) -> web.StreamResponse:
    found = await request.app[STYLES].preview(request.match_info["style"])
    if found is None or not found.is_file():
        raise NotFound("There is no such style, or none with a picture.", code="style_not_found")
    return web.FileResponse(found, headers=_HEADERS)
