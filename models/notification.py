"""Messages that must arrive."""

import hashlib
import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.migrations.constraints import UniqueConstraint
from tortoise.models import Model
from tortoise.transactions import in_transaction

from models.db import check_enum
from models.queue import Job, enqueue

if TYPE_CHECKING:
    from models.generation import Generation
    from models.ledger import LedgerEntry
    from models.picture import Picture
    from models.support import SupportRequest
    from models.training import Training


class NotificationKind(StrEnum):
    TRAINING_COMPLETED = "training_completed"
    TRAINING_FAILED = "training_failed"
    PICTURES = "pictures"  # a generation's album, or one picture of it
    PICTURES_BUTTONS = "pictures_buttons"  # which an album can't have
    GENERATION_FAILED = "generation_failed"
    STARS = "stars"  # that came or went: the ledger's row says which
    OPERATOR = "operator"
    SUPPORT_REQUEST = "support_request"  # to operators
    SUPPORT_ANSWER = "support_answer"  # to who asked


class NotificationStatus(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DROPPED = "dropped"  # the person blocked the bot, or Telegram will never take it


class Notification(Model):
    id = fields.BigIntField(primary_key=True)
    chat_id = fields.BigIntField()
    kind = fields.CharEnumField(NotificationKind, max_length=32)
    training: fields.ForeignKeyNullableRelation["Training"] = fields.ForeignKeyField(
        "models.Training", related_name="notifications", on_delete=fields.CASCADE, null=True
    )
    ledger: fields.ForeignKeyNullableRelation["LedgerEntry"] = fields.ForeignKeyField(
        "models.LedgerEntry", related_name="notifications", on_delete=fields.RESTRICT, null=True
    )
    support: fields.ForeignKeyNullableRelation["SupportRequest"] = fields.ForeignKeyField(
        "models.SupportRequest", related_name="notifications", on_delete=fields.RESTRICT, null=True
    )
    support_id: int | None
    generation: fields.ForeignKeyNullableRelation["Generation"] = fields.ForeignKeyField(
        "models.Generation", related_name="notifications", on_delete=fields.CASCADE, null=True
    )
    generation_id: uuid.UUID | None
    picture: fields.ForeignKeyNullableRelation["Picture"] = fields.ForeignKeyField(
        "models.Picture", related_name="notifications", on_delete=fields.CASCADE, null=True
    )
    picture_id: uuid.UUID | None
    text = fields.TextField(null=True)  # for operators; people's are made from the catalogue when sent
    dedupe_key = fields.CharField(max_length=64)  # a chat gets one message under it
    status = fields.CharEnumField(NotificationStatus, max_length=16, default=NotificationStatus.QUEUED)
    message_id = fields.BigIntField(null=True)
    error = fields.TextField(null=True)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    sent_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "notifications"
        constraints = (
            check_enum("notifications", "kind", NotificationKind),
            check_enum("notifications", "status", NotificationStatus),
            UniqueConstraint(fields=("chat_id", "dedupe_key"), name="notifications_once_per_chat_and_key"),
        )


async def notify(
    tx: BaseDBAsyncClient,
    chat_id: int,
    kind: NotificationKind,
    dedupe_key: str,
    *,
    training_id: uuid.UUID | None = None,
    ledger_id: int | None = None,
    support_id: int | None = None,
    generation_id: uuid.UUID | None = None,
    picture_id: uuid.UUID | None = None,
    text: str | None = None,
) -> None:
    """Writes a message that must arrive, and enqueues its sending, within the caller's transaction.

    Under the same key a chat gets no second one.
    """
    rows = await tx.execute_query_dict(
        """
        INSERT INTO notifications
            (chat_id, kind, dedupe_key, training_id, ledger_id, support_id, generation_id, picture_id, text,
             status, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'queued', now())
        ON CONFLICT (chat_id, dedupe_key) DO NOTHING
        RETURNING id
        """,
        [
            chat_id,
            kind.value,
            dedupe_key,
            training_id,
            ledger_id,
            support_id,
            generation_id,
            picture_id,
            text,
        ],
    )
    if rows:
        await enqueue(tx, Job("notify", str(rows[0]["id"])))


async def waiting(chat_id: int, kind: NotificationKind) -> int:
    """How many of a kind are on their way to somebody."""
    unsent = (NotificationStatus.QUEUED, NotificationStatus.SENDING)
    return await Notification.filter(chat_id=chat_id, kind=kind, status__in=unsent).count()


async def tell_of_stars(tx: BaseDBAsyncClient, user_id: int, ledger_id: int) -> None:
    """A message about a row of the person's ledger, within the caller's transaction."""
    await notify(tx, user_id, NotificationKind.STARS, f"ledger:{ledger_id}", ledger_id=ledger_id)


async def tell_operators(operators: frozenset[int], text: str, once: str | None = None) -> None:
    """A message to every operator. The same is said once an hour; under a name for it, once and for all."""
    async with in_transaction() as tx:
        await tell_operators_within(tx, operators, text, once)


async def tell_operators_within(
    tx: BaseDBAsyncClient, operators: frozenset[int], text: str, once: str | None = None
) -> None:
    """The same within the caller's transaction."""
    hour = datetime.now(UTC).strftime("%Y-%m-%dT%H")
    dedupe_key = hashlib.sha256((once or f"{hour} {text}").encode()).hexdigest()
    for chat_id in operators:
        await notify(tx, chat_id, NotificationKind.OPERATOR, dedupe_key, text=text)
