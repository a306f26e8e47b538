"""Messages that must arrive."""

import uuid
from datetime import UTC, datetime, timedelta
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
    from models.training import Training


class NotificationKind(StrEnum):
    TRAINING_COMPLETED = "training_completed"
    TRAINING_FAILED = "training_failed"
    OPERATOR = "operator"


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
    text = fields.TextField(null=True)  # for operators; people's are made from the catalogue when sent
    status = fields.CharEnumField(NotificationStatus, max_length=16, default=NotificationStatus.QUEUED)
    message_id = fields.BigIntField(null=True)
    error = fields.TextField(null=True)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    sent_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "notifications"
        indexes = (("kind", "created_at"),)
        constraints = (
            check_enum("notifications", "kind", NotificationKind),
            check_enum("notifications", "status", NotificationStatus),
            UniqueConstraint(fields=("training_id",), name="notifications_one_end_per_training"),
        )


async def notify(
    tx: BaseDBAsyncClient,
    chat_id: int,
    kind: NotificationKind,
    training_id: uuid.UUID | None = None,
    text: str | None = None,
) -> None:
    """Writes a message that must arrive, and enqueues its sending, within the caller's transaction."""
    row = await Notification.create(
        chat_id=chat_id, kind=kind, training_id=training_id, text=text, using_db=tx
    )
    await enqueue(tx, Job("notify", str(row.id)))


async def tell_operators(operators: frozenset[int], text: str) -> None:
    """A message to every operator, such as that fal's balance is exhausted; the same is said once an hour."""
    lately = datetime.now(UTC) - timedelta(hours=1)
    if await Notification.exists(kind=NotificationKind.OPERATOR, text=text, created_at__gt=lately):
        return
    async with in_transaction() as tx:
        for chat_id in operators:
            await notify(tx, chat_id, NotificationKind.OPERATOR, text=text)
