"""Stars: the only module that changes a balance, and always with a row that says why.

The sum of a person's rows is their balance, because each statement here changes both or neither. The database
itself refuses a negative balance, a job charged or refunded twice, a payment credited or taken back twice,
and a bonus given twice for the same cause.

Stars taken back from somebody who had spent them are a debt. The next stars that come settle it, wherever
they come from: a price that comes back does, too, or a refund and then a cancelled training would pay twice.

While Telegram is asked to give a payment back, its stars are held: on the balance still, but not to be spent.
"""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from models.db import check_enum

if TYPE_CHECKING:
    from models.generation import Generation
    from models.payment import Payment
    from models.training import Training
    from models.user import User


class LedgerKind(StrEnum):
    WELCOME = "welcome"
    PURCHASE = "purchase"
    BONUS = "bonus"  # for a promo code, or for somebody who was brought along
    GRANT = "grant"  # by an operator
    TRAINING = "training"
    GENERATION = "generation"
    REFUND = "refund"  # a job's price back, or that of the pictures it could not make
    CHARGEBACK = "chargeback"  # a payment's stars, because it was given back
    DEBT = "debt"  # what an earlier chargeback found spent


class LedgerEntry(Model):
    id: int = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="ledger", on_delete=fields.RESTRICT
    )
    user_id: int
    kind = fields.CharEnumField(LedgerKind, max_length=16)
    amount = fields.IntField()  # stars; negative when taken
    balance_after = fields.IntField()
    # Why: one of these four. A debt's row has that of the stars it was settled of.
    training: fields.ForeignKeyNullableRelation["Training"] = fields.ForeignKeyField(
        "models.Training", related_name="ledger", on_delete=fields.RESTRICT, null=True
    )
    training_id: uuid.UUID | None
    generation: fields.ForeignKeyNullableRelation["Generation"] = fields.ForeignKeyField(
        "models.Generation", related_name="ledger", on_delete=fields.RESTRICT, null=True
    )
    generation_id: uuid.UUID | None
    payment: fields.ForeignKeyNullableRelation["Payment"] = fields.ForeignKeyField(
        "models.Payment", related_name="ledger", on_delete=fields.RESTRICT, null=True
    )
    payment_id: int | None
    # `promo:<code>`, `referral:<who came>` or `referred:<who invited>` of a bonus; of a grant
    # `operator:<whose>/<their message> <their words>`; `held:<payment>` of stars that were held before.
    cause = fields.CharField(max_length=255, null=True)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "ledger"
        indexes = (("user_id", "id"), ("created_at",))
        constraints = (
            check_enum("ledger", "kind", LedgerKind),
            CheckConstraint(check="balance_after >= 0", name="ledger_balance_not_negative"),
            CheckConstraint(
                check="num_nonnulls(training_id, generation_id, payment_id, cause)"
                " = (kind <> 'welcome')::int",
                name="ledger_one_cause",
            ),
            CheckConstraint(
                check="training_id IS NULL OR kind IN ('training', 'refund', 'debt')",
                name="ledger_trainings_cause",
            ),
            CheckConstraint(
                check="generation_id IS NULL OR kind IN ('generation', 'refund', 'debt')",
                name="ledger_generations_cause",
            ),
            CheckConstraint(
                check="payment_id IS NULL OR kind IN ('purchase', 'chargeback', 'debt')",
                name="ledger_payments_cause",
            ),
            CheckConstraint(
                check="cause IS NULL OR kind IN ('bonus', 'grant', 'debt')", name="ledger_others_cause"
            ),
            UniqueConstraint(fields=("training_id", "kind"), name="ledger_once_per_training_and_kind"),
            UniqueConstraint(fields=("generation_id", "kind"), name="ledger_once_per_generation_and_kind"),
            UniqueConstraint(fields=("payment_id", "kind"), name="ledger_once_per_payment_and_kind"),
        )


class Cause(NamedTuple):
    """Why stars move; one of them, or none for a welcome."""

    training_id: uuid.UUID | None = None
    generation_id: uuid.UUID | None = None
    payment_id: int | None = None
    other: str | None = None


class Row(NamedTuple):
    """A row that was written."""

    id: int
    balance: int


async def welcome(using: BaseDBAsyncClient, user_id: int, stars: int) -> None:
    """Gives a new person their first stars within the caller's transaction."""
    if stars:
        await _give(using, user_id, LedgerKind.WELCOME, stars, Cause())


async def purchase(using: BaseDBAsyncClient, user_id: int, payment_id: int, stars: int) -> int:
    """Credits a payment within the caller's transaction, and answers the row's id.

    Raises:
        tortoise.exceptions.IntegrityError: it was credited before.
    """
    return await _give(using, user_id, LedgerKind.PURCHASE, stars, Cause(payment_id=payment_id))


async def bonus(using: BaseDBAsyncClient, user_id: int, cause: str, stars: int) -> int:
    """Gives the person a bonus within the caller's transaction, and answers the row's id.

    Raises:
        tortoise.exceptions.IntegrityError: the person was given one for this cause before.
    """
    return await _give(using, user_id, LedgerKind.BONUS, stars, Cause(other=cause))


async def grant(using: BaseDBAsyncClient, user_id: int, cause: str, stars: int) -> int:
    """Gives what an operator grants, within the caller's transaction, and answers the row's id."""
    return await _give(using, user_id, LedgerKind.GRANT, stars, Cause(other=cause))


async def charge(using: BaseDBAsyncClient, user_id: int, job: Cause, stars: int) -> int | None:
    """Takes the price of a training or a generation within the caller's transaction.

    Answers the new balance, or None when there are not enough stars, with nothing changed. The conditional
    UPDATE locks the person's row, so concurrent starts can't overspend.
    """
    kind = LedgerKind.TRAINING if job.training_id else LedgerKind.GENERATION
    row = await _move(using, user_id, kind, -stars, job)
    return row.balance if row else None


async def refund(using: BaseDBAsyncClient, user_id: int, job: Cause, stars: int) -> None:
    """Gives back the price of a training or a generation, or a part of it, within the caller's transaction.

    Raises:
        tortoise.exceptions.IntegrityError: it came back before.
    """
    if stars:
        await _give(using, user_id, LedgerKind.REFUND, stars, job)


async def hold(using: BaseDBAsyncClient, user_id: int, stars: int) -> int:
    """Keeps `stars` from being spent within the caller's transaction; answers how many of them are there."""
    rows = await using.execute_query_dict(
        "SELECT balance - held AS free FROM users WHERE id = $1 FOR NO KEY UPDATE", [user_id]
    )
    held: int = min(rows[0]["free"], stars)
    await using.execute_query("UPDATE users SET held = held + $2 WHERE id = $1", [user_id, held])
    return held


async def release(using: BaseDBAsyncClient, user_id: int, payment_id: int, held: int) -> None:
    """Lets stars of a payment be spent again within the caller's transaction, after a debt is settled."""
    if held:
        await _let_go(using, user_id, held)
        await _settle_debt(using, user_id, held, Cause(other=f"held:{payment_id}"))


async def chargeback(
    using: BaseDBAsyncClient, user_id: int, payment_id: int, stars: int, held: int = 0
) -> int:
    """Takes a payment's stars back within the caller's transaction, and answers the row's id.

    `held` of them were held until now. What is spent becomes a debt; where all of it is, the row takes
    nothing and is there to say why.

    Raises:
        tortoise.exceptions.IntegrityError: they were taken back before.
    """
    taken = min(await _let_go(using, user_id, held), stars)
    row = await _move(using, user_id, LedgerKind.CHARGEBACK, -taken, Cause(payment_id=payment_id))
    if row is None:
        raise ValueError("a locked balance has changed")
    await using.execute_query("UPDATE users SET debt = debt + $2 WHERE id = $1", [user_id, stars - taken])
    return row.id


async def history(user_id: int, limit: int, before: int | None = None) -> list[LedgerEntry]:
    """Up to `limit` of the person's rows, newest first, with what is behind them.

    `before` is the id of the last row of the page before.
    """
    query = LedgerEntry.filter(user_id=user_id)
    if before is not None:
        query = query.filter(id__lt=before)
    return await query.order_by("-id").limit(limit).select_related("training__lora", "generation", "payment")


async def refund_of(job: Cause) -> LedgerEntry | None:
    """The row by which the price of a training or a generation came back, or a part of it did."""
    return await LedgerEntry.get_or_none(
        training_id=job.training_id, generation_id=job.generation_id, kind=LedgerKind.REFUND
    )


async def settled_of(entry: LedgerEntry) -> LedgerEntry | None:
    """The row by which a debt was settled of the stars that `entry` gave, if there was one: the next."""
    after = LedgerEntry.filter(user_id=entry.user_id, id__gt=entry.id)
    row = await after.order_by("id").first()
    return row if row and row.kind is LedgerKind.DEBT else None


async def _give(using: BaseDBAsyncClient, user_id: int, kind: LedgerKind, stars: int, cause: Cause) -> int:
    row = await _move(using, user_id, kind, stars, cause)
    if row is None:
        raise ValueError("there is nobody to give stars to")
    await _settle_debt(using, user_id, stars, cause)
    return row.id


async def _let_go(using: BaseDBAsyncClient, user_id: int, held: int) -> int:
    """Locks the person's row, and answers how many stars can be taken from it now."""
    rows = await using.execute_query_dict(
        "UPDATE users SET held = held - $2 WHERE id = $1 RETURNING balance - held AS free", [user_id, held]
    )
    free: int = rows[0]["free"]
    return free


async def _settle_debt(using: BaseDBAsyncClient, user_id: int, stars: int, cause: Cause) -> None:
    """Takes of `stars` that have just come what is owed. Their coming has locked the person's row."""
    owed = await using.execute_query_dict(
        """
        WITH owed AS (SELECT least(debt, $2) AS stars FROM users WHERE id = $1 AND debt > 0)
        UPDATE users SET debt = debt - owed.stars FROM owed WHERE id = $1 RETURNING owed.stars
        """,
        [user_id, stars],
    )
    if owed:
        await _move(using, user_id, LedgerKind.DEBT, -owed[0]["stars"], cause)


async def _move(
    using: BaseDBAsyncClient, user_id: int, kind: LedgerKind, amount: int, cause: Cause
) -> Row | None:
    rows: list[dict[str, Any]] = await using.execute_query_dict(
        """
        WITH person AS (
            UPDATE users SET balance = balance + $2 WHERE id = $1 AND balance + $2 >= held RETURNING balance
        )
        INSERT INTO ledger
            (user_id, kind, amount, balance_after, training_id, generation_id, payment_id, cause, created_at)
        SELECT $1, $3, $2, balance, $4, $5, $6, $7, now() FROM person
        RETURNING id, balance_after
        """,
        [user_id, amount, kind.value, *cause],
    )
    return Row(rows[0]["id"], rows[0]["balance_after"]) if rows else None
