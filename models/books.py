"""The books: what each day moved, closed once it is over, and how far Telegram's own list has been read."""

from datetime import date, datetime
from typing import Any

from tortoise import fields
from tortoise.models import Model


class DailyClose(Model):
    """A day (UTC) by the ledger, and the sums of all rows and of all balances at the moment it was closed."""

    day: date = fields.DateField(primary_key=True)
    totals: dict[str, Any] = fields.JSONField()  # by kind: {"rows": …, "stars": …}
    rows_sum = fields.BigIntField()
    balances_sum = fields.BigIntField()
    closed_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "daily_closes"


class Bookmark(Model):
    """How far a list of somebody else's has been read, in its entries."""

    name = fields.CharField(primary_key=True, max_length=32)
    position = fields.BigIntField()

    class Meta:
        table = "bookmarks"
