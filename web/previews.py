"""Previews of models, by addresses that prove themselves: an <img> sends no header of ours.

An address is good for a day or two, and for as long as its model stays private or public: what somebody makes
private is gone from wherever its address went.
"""

import hmac
import time
import uuid

from config import Settings
from models.errors import NotFound
from models.lora import LoraModel

DAY = 86_400

HEADERS = {"Cache-Control": f"private, max-age={DAY}, immutable"}


def address(settings: Settings, model: LoraModel) -> str:
    """The same one for a whole day, so that browsers keep the picture."""
    until = (int(time.time()) // DAY + 2) * DAY
    return f"/models/{model.id}/preview?until={until}&key={_key(settings, model, until)}"


async def picture(settings: Settings, model_id: uuid.UUID, until: int, key: str) -> bytes:
    """The JPEG.

    Raises:
        NotFound: the address proves nothing (any more).
    """
    model = await LoraModel.get_or_none(id=model_id)
    if (
        model is None
        or model.preview is None
        or until < time.time()
        or not hmac.compare_digest(_key(settings, model, until), key)
    ):
        raise NotFound("There is no such preview (any more).", code="preview_not_found")
    return model.preview


def _key(settings: Settings, model: LoraModel, until: int) -> str:
    return settings.derived_secret(f"preview {model.id} {until} {model.is_public}")
