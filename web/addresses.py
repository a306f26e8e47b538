"""Addresses that prove themselves, for what sends no header of ours: an <img>, Telegram, fal.

An address is good until a moment that it names, and for as long as the facts hold that it was made with.
"""

import hmac
import time
import uuid
from typing import Literal

from config import Settings

DAY = 86_400

HEADERS = {"Cache-Control": f"private, max-age={DAY}, immutable"}
"""For what never changes."""


Shape = Literal["thumbnail", "file", "download"]
"""What a picture is fetched as."""


def picture(settings: Settings, picture_id: uuid.UUID, shape: Shape) -> str:
    return signed(settings, picture_path(picture_id, shape))


def picture_path(picture_id: uuid.UUID, shape: Shape) -> str:
    return f"/pictures/{picture_id}/{shape}"


def signed(settings: Settings, path: str, *facts: object, at: float | None = None) -> str:
    """Good for a day or two, and the same one for a whole day, so that browsers keep what is there.

    `at` is when it is made, as Unix time: now, unless the same has to come out again later.
    """
    until = (int(time.time() if at is None else at) // DAY + 2) * DAY
    return f"{path}?until={until}&key={_key(settings, path, until, facts)}"


def proven(settings: Settings, path: str, until: int, key: str, *facts: object) -> bool:
    """Whether the address of the path is ours, and good still."""
    return until >= time.time() and hmac.compare_digest(_key(settings, path, until, facts), key)


def _key(settings: Settings, path: str, until: int, facts: tuple[object, ...]) -> str:
    return settings.derived_secret(" ".join(["address", path, str(until), *map(str, facts)]))
