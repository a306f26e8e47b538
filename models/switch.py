"""What operators turn on and off while Selfi runs: rows, so that every replica obeys."""

from datetime import datetime
from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from models.db import check_enum, connection


class SwitchName(StrEnum):
    PURCHASES_PAUSED = "purchases_paused"


class Switch(Model):
    """One that has never been touched has no row, and is off."""

    name = fields.CharEnumField(SwitchName, primary_key=True, max_length=32)
    is_on = fields.BooleanField()
    changed_at: datetime = fields.DatetimeField()

    class Meta:
        table = "switches"
        constraints = (check_enum("switches", "name", SwitchName),)


async def is_on(name: SwitchName) -> bool:
    return await Switch.exists(name=name, is_on=True)


async def turn(name: SwitchName, *, on: bool) -> bool:
    """Turns it, and answers whether that changed anything."""
    rows = await connection().execute_query_dict(
        """
        INSERT INTO switches AS switch (name, is_on, changed_at) VALUES ($1, $2, now())
        ON CONFLICT (name) DO UPDATE SET is_on = $2, changed_at = now() WHERE switch.is_on <> $2
        RETURNING is_on
        """,
        [name.value, on],
    )
    return bool(rows)
