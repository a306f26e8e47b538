"""People, by their Telegram id, and what we know of them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from models.db import connection

LANGUAGES = ("en", "es")


class User(Model):
    id = fields.BigIntField(primary_key=True, generated=False)  # Telegram's, over 32 bits
    first_name = fields.CharField(max_length=128)
    username = fields.CharField(max_length=64, null=True)
    language = fields.CharField(max_length=8)
    balance = fields.IntField(default=0)  # stars; only models/ledger.py writes it
    blocked_at: datetime | None = fields.DatetimeField(null=True)  # they blocked the bot: no messages
    created_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "users"
        constraints = (CheckConstraint(check="balance >= 0", name="users_balance_not_negative"),)


@dataclass(frozen=True)
class Person:
    """Somebody as Telegram describes them: in init data, or as the sender of an update."""

    id: int
    first_name: str
    username: str | None = None
    language_code: str | None = None

    @property
    def language(self) -> str:
        """The language we speak with them: theirs where we have it, else English."""
        code = (self.language_code or "").split("-")[0].lower()
        return code if code in LANGUAGES else "en"


async def remember(
    person: Person, welcome_stars: int, using: BaseDBAsyncClient | None = None
) -> dict[str, Any]:
    """Makes or refreshes the person's row and answers it; a new one gets its welcome stars, once.

    One statement, so that a row without its welcome can't be left behind. The language is set at first sight
    only: from then on it is the person's own choice.
    """
    rows = await (using or connection()).execute_query_dict(
        """
        WITH person AS (
            INSERT INTO users (id, first_name, username, language, balance, created_at)
            VALUES ($1, $2, $3, $4, $5, now())
            ON CONFLICT (id) DO UPDATE SET first_name = excluded.first_name, username = excluded.username
            RETURNING *, xmax = 0 AS is_new
        ), welcome AS (
            INSERT INTO ledger (user_id, kind, amount, balance_after, created_at)
            SELECT id, 'welcome', balance, balance, now() FROM person WHERE is_new AND balance > 0
        )
        SELECT * FROM person
        """,
        [person.id, person.first_name[:128], person.username, person.language, welcome_stars],
    )
    return rows[0]


async def set_blocked(user_id: int, *, blocked: bool) -> None:
    """Remembers whether the person has blocked the bot; messages to them stop until they unblock it."""
    if blocked:
        await User.filter(id=user_id, blocked_at=None).update(blocked_at=datetime.now(UTC))
    else:
        await User.filter(id=user_id).exclude(blocked_at=None).update(blocked_at=None)
