"""Limits, Telegram's and ours, held across replicas: the right to do a thing once more is a row's to give."""

import math
from datetime import datetime, timedelta

from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.models import Model
from tortoise.transactions import in_transaction

from models.db import connection
from models.errors import TooOften


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


async def take_slot(chat_id: int, messages: int = 1) -> timedelta | None:
    """Takes the right to send a message to `chat_id` now, or answers how long to wait before asking again.

    An album counts as so many `messages` as it has. A GCRA limiter: a row's `next_at` runs ahead of the clock
    by an interval a message, and whoever asks may find it ahead by a burst at most. Being in Postgres, it
    holds across replicas.
    """
    slots = [(f"chat:{chat_id}", CHAT_INTERVAL, CHAT_BURST), ("bot", BOT_INTERVAL, BOT_BURST)]
    async with in_transaction() as tx:
        for key, interval, burst in slots:
            if not await _take(tx, key, interval * messages, burst):
                await tx.rollback()
                return await _wait(key, burst, interval)
    return None


async def pace(key: str, interval: timedelta, burst: timedelta) -> None:
    """Counts one more of what `key` names, such as `promo:<whose>`.

    Raises:
        TooOften: it is more than one an `interval`, and `burst` of them ahead.
    """
    if not await _take(connection(), key, interval, burst):
        wait = await _wait(key, burst, interval)
        raise TooOften("That was too often: wait a moment.", retry_after=math.ceil(wait.total_seconds()))


async def _take(using: BaseDBAsyncClient, key: str, interval: timedelta, burst: timedelta) -> bool:
    taken = await using.execute_query_dict(
        """
        INSERT INTO send_slots AS slot (key, next_at) VALUES ($1, now() + $2::interval)
        ON CONFLICT (key) DO UPDATE SET next_at = greatest(slot.next_at, now()) + $2::interval
        WHERE slot.next_at <= now() + $3::interval
        RETURNING key
        """,
        [key, interval, burst],
    )
    return bool(taken)


async def _wait(key: str, burst: timedelta, at_least: timedelta) -> timedelta:
    rows = await connection().execute_query_dict(
        "SELECT next_at - now() - $2::interval AS wait FROM send_slots WHERE key = $1", [key, burst]
    )
    waits: list[timedelta] = [row["wait"] for row in rows]
    return max([at_least, *waits])


async def push_slot(chat_id: int, wait: timedelta) -> None:
    """Telegram said 429: nothing goes to this chat before `wait` is over."""
    await connection().execute_query(
        """
        INSERT INTO send_slots AS slot (key, next_at) VALUES ($1, now() + $2::interval)
        ON CONFLICT (key) DO UPDATE SET next_at = greatest(slot.next_at, excluded.next_at)
        """,
        [f"chat:{chat_id}", wait + CHAT_BURST],
    )
