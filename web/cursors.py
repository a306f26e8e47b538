"""Cursors of the lists that are read page by page: where a page ended, opaque to whoever carries it."""

import base64
import struct
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from models.errors import Invalid
from models.paging import Place

_CURSOR = struct.Struct(">q16s")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")


def cut(rows: list[T], limit: int, cursor: Callable[[T], str]) -> tuple[list[T], str | None]:
    """Of up to `limit` + 1 rows those to show, and the cursor of the page after, where there is one."""
    shown = rows[:limit]
    return shown, cursor(shown[-1]) if len(rows) > limit else None


def write(place: Place) -> str:
    """The moment, to the microsecond as Postgres keeps it, and the id."""
    moment, row_id = place
    since = moment - _EPOCH
    microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return base64.urlsafe_b64encode(_CURSOR.pack(microseconds, row_id.bytes)).decode()


def read(cursor: str) -> Place:
    """Raises Invalid where it is none of ours."""
    try:
        microseconds, row_id = _CURSOR.unpack(base64.b64decode(cursor, altchars=b"-_", validate=True))
        return _EPOCH + timedelta(microseconds=microseconds), uuid.UUID(bytes=row_id)
    except (ValueError, OverflowError, struct.error):
        raise Invalid(
            "This is no cursor of ours: take the nextCursor of the page before.", field="cursor"
        ) from None
