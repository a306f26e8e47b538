"""People, by their Telegram id, and what we know of them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model
from tortoise.transactions import in_transaction

from models import ledger

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


def _text(text: str, most: int) -> str:
    """What Postgres takes of a name: neither NUL nor halves of surrogate pairs."""
    return text.replace("\0", "").encode(errors="replace").decode()[:most]


async def remember(person: Person, welcome_stars: int) -> tuple[User, bool]:
    """Makes or refreshes the person's row; answers it, and whether it is new. A new one gets its welcome.

    The language is set at first sight only: from then on it is the person's own choice.
    """
    first_name = _text(person.first_name, 128)
    username = person.username and _text(person.username, 64)
    known = await User.get_or_none(id=person.id)
    if known is None:
        return await _welcome(replace(person, first_name=first_name, username=username), welcome_stars)
    if (known.first_name, known.username) != (first_name, username):
        known.first_name, known.username = first_name, username
        await known.save(update_fields=["first_name", "username"])
    return known, False


async def _welcome(person: Person, stars: int) -> tuple[User, bool]:
    async with in_transaction() as tx:
        is_new = await tx.execute_query_dict(
            """
            INSERT INTO users (id, first_name, username, language, balance, created_at)
            VALUES ($1, $2, $3, $4, 0, now()) ON CONFLICT (id) DO NOTHING RETURNING id
            """,
            [person.id, person.first_name, person.username, person.language],
        )
        if is_new:
            await ledger.welcome(tx, person.id, stars)
        return await User.get(id=person.id, using_db=tx), bool(is_new)


async def set_language(user_id: int, language: str) -> None:
    """From now on we speak `language`, one of LANGUAGES, with the person."""
    await User.filter(id=user_id).update(language=language)


async def set_blocked(user_id: int, *, blocked: bool) -> None:
    """Remembers whether the person has blocked the bot; messages to them stop until they unblock it."""
    if blocked:
        await User.filter(id=user_id, blocked_at=None).update(blocked_at=datetime.now(UTC))
    else:
        await User.filter(id=user_id).exclude(blocked_at=None).update(blocked_at=None)
