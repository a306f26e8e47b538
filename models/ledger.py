"""Stars: the only module that changes a balance, and always with a row that says why.

The sum of a person's rows is their balance, because each statement here changes both or neither. The database
itself refuses a negative balance, a job charged twice and a job refunded twice.
"""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from models.db import check_enum

if TYPE_CHECKING:
    from models.training import Training
    from models.user import User


class LedgerKind(StrEnum):
    WELCOME = "welcome"
    TRAINING = "training"
    REFUND = "refund"


class LedgerEntry(Model):
    id = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="ledger", on_delete=fields.RESTRICT
    )
    kind = fields.CharEnumField(LedgerKind, max_length=16)
    amount = fields.IntField()  # stars; negative when taken
    balance_after = fields.IntField()
    training: fields.ForeignKeyNullableRelation["Training"] = fields.ForeignKeyField(
        "models.Training", related_name="ledger", on_delete=fields.RESTRICT, null=True
    )
    created_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "ledger"
        indexes = (("user_id", "id"),)
        constraints = (
            check_enum("ledger", "kind", LedgerKind),
            CheckConstraint(check="balance_after >= 0", name="ledger_balance_not_negative"),
            UniqueConstraint(fields=("training_id", "kind"), name="ledger_once_per_training_and_kind"),
        )


async def welcome(using: BaseDBAsyncClient, user_id: int, stars: int) -> None:
    """Gives a new person their first stars within the caller's transaction."""
    if stars:
        await _move(using, user_id, LedgerKind.WELCOME, stars, None)


async def charge(using: BaseDBAsyncClient, user_id: int, training_id: uuid.UUID, stars: int) -> int | None:
    """Takes a training's price within the caller's transaction.

    Answers the new balance, or None when there are not enough stars, with nothing changed. The conditional
    UPDATE locks the person's row, so concurrent starts can't overspend.
    """
    return await _move(using, user_id, LedgerKind.TRAINING, -stars, training_id)


async def refund(using: BaseDBAsyncClient, user_id: int, training_id: uuid.UUID, stars: int) -> None:
    """Gives a training's price back within the caller's transaction.

    Raises:
        tortoise.exceptions.IntegrityError: it came back before.
    """
    if stars:
        await _move(using, user_id, LedgerKind.REFUND, stars, training_id)


async def history(user_id: int, limit: int, before: int | None = None) -> list[LedgerEntry]:
    """Up to `limit` of the person's rows, newest first, with the trainings behind them and their models.

    `before` is the id of the last row of the page before.
    """
    query = LedgerEntry.filter(user_id=user_id)
    if before is not None:
        query = query.filter(id__lt=before)
    return await query.order_by("-id").limit(limit).select_related("training__lora")


async def _move(
    using: BaseDBAsyncClient, user_id: int, kind: LedgerKind, amount: int, training_id: uuid.UUID | None
) -> int | None:
    rows = await using.execute_query_dict(
        """
        WITH person AS (
            UPDATE users SET balance = balance + $2 WHERE id = $1 AND balance + $2 >= 0 RETURNING balance
        )
        INSERT INTO ledger (user_id, kind, amount, balance_after, training_id, created_at)
        SELECT $1, $3, $2, balance, $4, now() FROM person
        RETURNING balance_after
        """,
        [user_id, amount, kind.value, training_id],
    )
    return int(rows[0]["balance_after"]) if rows else None
