"""Messages that must arrive, the slots they are sent in, and the updates that Telegram has delivered."""

import uuid
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.migrations.constraints import UniqueConstraint
from tortoise.models import Model
from tortoise.transactions import in_transaction

from models.db import check_enum, connection
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


class SendSlot(Model):
    """The next free moment for a message: one row a chat, and one for the whole bot."""

    key = fields.CharField(primary_key=True, max_length=64)
    next_at: datetime = fields.DatetimeField()

    class Meta:
        table = "send_slots"


# Telegram's limits: about one message a second in a chat, bursts tolerated, and 30 a second over all
# (https://core.telegram.org/bots/faq#broadcasting-to-users).
CHAT_INTERVAL, CHAT_BURST = timedelta(seconds=1), timedelta(seconds=3)
BOT_INTERVAL, BOT_BURST = timedelta(seconds=1 / 28), timedelta(seconds=0.5)


async def take_slot(chat_id: int) -> timedelta | None:
    """Takes the right to send one message to `chat_id` now, or answers how long to wait before asking again.

    A GCRA limiter: a row's `next_at` runs ahead of the clock by an interval a message, and may do so by a
    burst at most. Being in Postgres, it holds across replicas.
    """
    slots = [(f"chat:{chat_id}", CHAT_INTERVAL, CHAT_BURST), ("bot", BOT_INTERVAL, BOT_BURST)]
    async with in_transaction() as tx:
        for key, interval, burst in slots:
            taken = await tx.execute_query_dict(
                """
                INSERT INTO send_slots AS slot (key, next_at) VALUES ($1, now() + $2::interval)
                ON CONFLICT (key) DO UPDATE SET next_at = greatest(slot.next_at, now()) + $2::interval
                WHERE slot.next_at <= now() + $3::interval
                RETURNING key
                """,
                [key, interval, burst],
            )
            if not taken:
                await tx.rollback()
                return interval
    return None


async def push_slot(chat_id: int, wait: timedelta) -> None:
    """Telegram said 429: nothing goes to this chat before `wait` is over."""
    await connection().execute_query(
        """
        INSERT INTO send_slots AS slot (key, next_at) VALUES ($1, now() + $2::interval)
        ON CONFLICT (key) DO UPDATE SET next_at = greatest(slot.next_at, excluded.next_at)
        """,
        [f"chat:{chat_id}", wait + CHAT_BURST],
    )


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
