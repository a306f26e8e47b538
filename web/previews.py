"""Previews of models, by addresses that hold for as long as everybody may see the model, or its owner alone.

What somebody makes private, or an operator hides, is gone from wherever its address went.
"""

import uuid

from config import Settings
from models.errors import NotFound
from models.lora import LoraModel
from web import schemas
from web.addresses import proven, signed


def address(settings: Settings, model: LoraModel) -> str:
    return signed(settings, _path(model.id), model.is_open)


async def picture(settings: Settings, model_id: uuid.UUID, query: schemas.SignedQuery) -> bytes:
    """The JPEG.

    Raises:
        NotFound: the address proves nothing (any more).
    """
    model = await LoraModel.get_or_none(id=model_id)
    if (
        model is None
        or model.preview is None
        or not proven(settings, _path(model_id), query.until, query.key, model.is_open)
    ):
        raise NotFound("There is no such preview (any more).", code="preview_not_found")
    return model.preview


def _path(model_id: uuid.UUID) -> str:
    return f"/models/{model_id}/preview"
