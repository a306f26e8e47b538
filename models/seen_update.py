"""The updates that Telegram has delivered, so that a redelivery changes nothing twice."""

from datetime import datetime
from typing import Any

from tortoise import fields
from tortoise.models import Model

from models.db import connection


class SeenUpdate(Model):
    """An update of Telegram's, by its id, so that a redelivery changes nothing twice."""

    id = fields.BigIntField(primary_key=True, generated=False)
    attempts = fields.SmallIntField(default=0)
    done = fields.BooleanField(default=False)
    error = fields.CharField(
        max_length=255, null=True
    )  # set aside after too many failures: the last one's kind
    seen_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "seen_updates"
        indexes = (("seen_at",),)


async def open_update(update_id: int) -> int | None:
    """Counts an attempt at an update and answers which it is (from 1), or None when it was done before."""
    rows: list[dict[str, Any]] = await connection().execute_query_dict(
        """
        INSERT INTO seen_updates AS seen (id, attempts, done, seen_at) VALUES ($1, 1, false, now())
        ON CONFLICT (id) DO UPDATE SET attempts = seen.attempts + 1 WHERE NOT seen.done
        RETURNING attempts
        """,
        [update_id],
    )
    return rows[0]["attempts"] if rows else None


async def close_update(update_id: int, error: str | None = None) -> None:
    """The update is done with: handled, or set aside because of `error`."""
    await SeenUpdate.filter(id=update_id).update(done=True, error=error)
