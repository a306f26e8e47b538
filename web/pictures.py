"""Pictures as files, by addresses that hold for as long as the picture is there."""

from aiohttp import web

from models.errors import NotFound
from models.picture import Picture
from web import addresses, schemas, stored
from web.addresses import HEADERS, Shape
from web.bodies import path_id, read_query
from web.keys import SETTINGS

_TELEGRAM = "https://web.telegram.org"
"""Who fetches a file for `downloadFile` where it isn't the phone's own app."""


async def thumbnail(request: web.Request) -> web.Response:
    picture = await _find(request, "thumbnail")
    return web.Response(body=picture.thumbnail, content_type="image/jpeg", headers=HEADERS)


async def file(request: web.Request) -> web.StreamResponse:
    picture = await _find(request, "file")
    return await stored.answer(request, picture.storage_key, "image/jpeg", HEADERS)


async def download(request: web.Request) -> web.StreamResponse:
    picture = await _find(request, "download")
    headers = {
        **HEADERS,
        "Content-Disposition": f'attachment; filename="selfi-{picture.id}.jpg"',
        "Access-Control-Allow-Origin": _TELEGRAM,
    }
    return await stored.answer(request, picture.storage_key, "image/jpeg", headers)


async def _find(request: web.Request, shape: Shape) -> Picture:
    """Raises NotFound: the address proves nothing (any more)."""
    query = read_query(request, schemas.SignedQuery)
    picture_id = path_id(request, _not_found())
    path = addresses.picture_path(picture_id, shape)
    if not addresses.proven(request.app[SETTINGS], path, query.until, query.key):
        raise _not_found()
    query_set = Picture.filter(id=picture_id)
    found = await (query_set if shape == "thumbnail" else query_set.only("id", "user_id")).first()
    if found is None:
        raise _not_found()
    return found


def _not_found() -> NotFound:
    return NotFound("There is no such picture (any more).", code="picture_not_found")
