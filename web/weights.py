"""Our copies of models' weights, for fal: its own links to what it has trained end after some days."""

import uuid
from datetime import datetime

from aiohttp import web

from config import Settings
from models.errors import NotFound
from models.lora import LoraModel
from web import schemas, stored
from web.addresses import proven, signed
from web.bodies import path_id, read_query
from web.keys import SETTINGS


def address(settings: Settings, lora_id: uuid.UUID, at: datetime) -> str | None:
    """Where fal fetches our copy, for a day or two from then on; None where nobody can reach us."""
    path = signed(settings, _path(lora_id), at=at.timestamp())
    return f"{settings.public_url}{path}" if settings.public_url else None


async def show(request: web.Request) -> web.StreamResponse:
    query = read_query(request, schemas.SignedQuery)
    lora = await _find(request, query)
    headers = {"Content-Disposition": f'attachment; filename="{lora.id}.safetensors"'}
    return await stored.answer(request, lora.weights_key, "application/octet-stream", headers)


async def _find(request: web.Request, query: schemas.SignedQuery) -> LoraModel:
    """Raises NotFound: the address proves nothing (any more), or we have no copy (any more)."""
    lora_id = path_id(request, _not_found())
    if not proven(request.app[SETTINGS], _path(lora_id), query.until, query.key):
        raise _not_found()
    kept = LoraModel.filter(id=lora_id, deleted_at=None, weights_kept_at__isnull=False)
    lora = await kept.only("id", "user_id").first()
    if lora is None:
        raise _not_found()
    return lora


def _not_found() -> NotFound:
    return NotFound("There are no such weights (any more).", code="weights_not_found")


def _path(lora_id: uuid.UUID) -> str:
    return f"/models/{lora_id}/weights"
