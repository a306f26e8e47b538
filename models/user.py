"""People, by their Telegram id, and what we know of them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model
from tortoise.transactions import in_transaction

from models import ledger
from models.db import storable
from models.errors import Conflict, NotFound

LANGUAGES = ("en", "es")


class User(Model):
    id = fields.BigIntField(primary_key=True, generated=False)  # Telegram's, over 32 bits
    first_name = fields.CharField(max_length=128)
    username = fields.CharField(max_length=64, null=True)
    language = fields.CharField(max_length=8)
    balance = fields.IntField(default=0)  # stars; only models/ledger.py writes it
    held = fields.IntField(default=0, db_default=0)  # of those, not to be spent; the same module's
    debt = fields.IntField(default=0, db_default=0)  # stars taken back that they had spent; the same module's
    referred_by: fields.ForeignKeyNullableRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="referred", on_delete=fields.SET_NULL, null=True
    )
    referred_by_id: int | None
    blocked_at: datetime | None = fields.DatetimeField(null=True)  # they blocked the bot: no messages
    created_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "users"
        constraints = (
            CheckConstraint(check="balance >= 0", name="users_balance_not_negative"),
            CheckConstraint(check="held BETWEEN 0 AND balance", name="users_held_is_there"),
            CheckConstraint(check="debt >= 0", name="users_debt_not_negative"),
            CheckConstraint(check="referred_by_id <> id", name="users_not_brought_by_themselves"),
        )

    @property
    def free(self) -> int:
        """Stars that can be spent."""
        return self.balance - self.held


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


async def remember(person: Person, welcome_stars: int, invited_by: int | None = None) -> tuple[User, bool]:
    """Makes or refreshes the person's row; answers it, and whether it is new. A new one gets its welcome.

    At first sight only, the language is set, which from then on is the person's own choice, and whose link
    they came by.
    """
    first_name = storable(person.first_name)[:128]
    username = person.username and storable(person.username)[:64]
    known = await User.get_or_none(id=person.id)
    if known is None:
        person = replace(person, first_name=first_name, username=username)
        return await _welcome(person, welcome_stars, invited_by)
    if (known.first_name, known.username) != (first_name, username):
        known.first_name, known.username = first_name, username
        await known.save(update_fields=["first_name", "username"])
    return known, False


async def _welcome(person: Person, stars: int, invited_by: int | None) -> tuple[User, bool]:
    async with in_transaction() as tx:
        is_new = await tx.execute_query_dict(
            """
            INSERT INTO users (id, first_name, username, language, balance, referred_by_id, created_at)
            VALUES ($1, $2, $3, $4, 0, (SELECT id FROM users WHERE id = $5 AND id <> $1), now())
            ON CONFLICT (id) DO NOTHING RETURNING id
            """,
            [person.id, person.first_name, person.username, person.language, invited_by],
        )
        if is_new:
            await ledger.welcome(tx, person.id, stars)
        return await User.get(id=person.id, using_db=tx), bool(is_new)


async def find(reference: str) -> User:
    """The person of an id, or of an @name as we have last seen it.

    Raises:
        NotFound: nobody whom we know.
        Conflict: several have had this name, and only an id tells them apart: `person_ambiguous`.
    """
    name = reference.removeprefix("@")
    if reference.isascii() and reference.isdigit() and int(reference) < 2**63:
        found = await User.filter(id=int(reference))
    else:
        found = await User.filter(username__iexact=storable(name)) if name else []
    if not found:
        raise NotFound("We know nobody of this id or name.", code="person_not_found")
    if len(found) > 1:
        ids = ", ".join(str(user.id) for user in found)
        raise Conflict("Several people have had this name.", code="person_ambiguous", ids=ids)
    return found[0]


async def set_language(user_id: int, language: str) -> None:
    """From now on we speak `language`, one of LANGUAGES, with the person."""
    await User.filter(id=user_id).update(language=language)


async def set_blocked(user_id: int, *, blocked: bool) -> None:
    """Remembers whether the person has blocked the bot; messages to them stop until they unblock it."""
    if blocked:
        await User.filter(id=user_id, blocked_at=None).update(blocked_at=datetime.now(UTC))
    else:
        await User.filter(id=user_id).exclude(blocked_at=None).update(blocked_at=None)
