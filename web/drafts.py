"""/training/photos: the draft, one photo a request."""

from pathlib import Path
from typing import NamedTuple

from aiohttp import web
from pydantic import BaseModel

from models import photo as photos
from models.errors import Invalid, NotFound
from models.photo import Photo
from web import answers, bodies, schemas
from web.auth import known
from web.errors import from_client
from web.keys import DRAFTS, IDENTITY, SETTINGS, SPOOL, UPLOAD_SLOTS

# `image` is the field's name; the others are what people try.
_IMAGE_FIELDS = frozenset({"image", "images", "photo"})


class _Caption(BaseModel):
    caption: schemas.Caption


class _Sent(NamedTuple):
    path: Path
    file_name: str
    caption: str | None


async def show(request: web.Request) -> web.Response:
    settings = request.app[SETTINGS]
    rows = await photos.draft(request[IDENTITY].user_id)
    return bodies.json_answer(
        schemas.Draft(
            photos=[answers.photo(row) for row in rows],
            minimum=settings.photos_min,
            maximum=settings.photos_max,
        )
    )


async def add(request: web.Request) -> web.Response:
    limit = request.app[SETTINGS].photo_max_bytes
    bodies.check_length(request, limit, bodies.FORM_OVERHEAD if _is_form(request) else 0)
    user = await known(request)
    slots = request.app[UPLOAD_SLOTS]
    with slots.of(user.id):
        async with bodies.folder(request.app[SPOOL]) as folder:
            async with bodies.in_time():
                path = folder / "photo"
                sent = await (_from_form if _is_form(request) else _from_body)(request, path, limit)
            async with slots.work:
                row = await request.app[DRAFTS].take(
                    user.id,
                    sent.path,
                    file_name=sent.file_name,
                    caption=sent.caption,
                    origin="app",
                    key=bodies.idempotency_key(request),
                )
    return bodies.json_answer(answers.photo(row), status=201)


async def edit(request: web.Request) -> web.Response:
    body = await bodies.read_json(request, schemas.PhotoEdit)
    row = await _find(request)
    await Photo.filter(id=row.id).update(caption=body.caption or None)
    return bodies.json_answer(answers.photo(await _find(request)))


async def remove(request: web.Request) -> web.Response:
    row = await _find(request)
    await request.app[DRAFTS].remove(row.user_id, row.id)
    return web.Response(status=204)


async def _find(request: web.Request) -> Photo:
    photo_id = bodies.path_id(
        request, NotFound("There is no such photo in your draft.", code="photo_not_found")
    )
    return await photos.find(request[IDENTITY].user_id, photo_id)


def _is_form(request: web.Request) -> bool:
    return request.content_type.startswith("multipart/")


async def _from_body(request: web.Request, path: Path, limit: int) -> _Sent:
    if await bodies.save(bodies.raw_chunks(request), path, limit, limit) == 0:
        raise Invalid("Send one photo, as the field `image` of a form or as the body itself.", field="image")
    return _Sent(path, "photo", None)


async def _from_form(request: web.Request, path: Path, limit: int) -> _Sent:
    file_name: str | None = None
    caption: str | None = None
    async for part in bodies.form_parts(request):
        if part.name in _IMAGE_FIELDS:
            if file_name is not None:
                raise Invalid("Send one photo a request.", field="image", code="one_photo_a_request")
            file_name = bodies.file_name(part)
            await bodies.save(bodies.part_chunks(part), path, limit, limit)
        elif part.name == "caption":
            caption = _caption(await bodies.part_text(part))
        else:
            raise Invalid("Only `image` and `caption` are fields of this form.", field=str(part.name)[:100])
    if file_name is None:
        raise Invalid("The form has no photo: send it as the field `image`.", field="image")
    return _Sent(path, file_name, caption)


def _caption(text: str) -> str:
    with from_client():
        return _Caption(caption=text).caption
