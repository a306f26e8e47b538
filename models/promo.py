"""Promo codes: stars for as many people as a code is good for, each once."""

import re
from datetime import UTC, datetime, timedelta

from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.exceptions import IntegrityError
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from models import ledger
from models.db import storable
from models.errors import Conflict, DomainError, Invalid, NotFound
from models.ledger import LedgerEntry, LedgerKind
from models.notification import tell_of_stars
from models.send_slot import pace

# Whoever guesses has five tries, and then one a minute.
TRY_INTERVAL, TRY_BURST = timedelta(minutes=1), timedelta(minutes=4)
STARS_MAX, USES_MAX = 100_000, 1_000_000

_CODE = re.compile(r"[A-Z0-9_-]{3,32}")  # what a deep link takes, too


class PromoCode(Model):
    code = fields.CharField(primary_key=True, max_length=32)  # upper case
    stars = fields.IntField()
    uses_max = fields.IntField()  # by as many people; each once
    uses = fields.IntField(default=0)
    expires_at: datetime | None = fields.DatetimeField(null=True)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    created_by = fields.BigIntField()  # the operator

    class Meta:
        table = "promo_codes"
        constraints = (
            CheckConstraint(check="code = upper(code)", name="promo_codes_upper_case"),
            CheckConstraint(check="stars > 0", name="promo_codes_give_something"),
            CheckConstraint(check="uses BETWEEN 0 AND uses_max", name="promo_codes_not_overused"),
        )

    @property
    def is_over(self) -> bool:
        """Whether its time is up."""
        return self.expires_at is not None and self.expires_at <= datetime.now(UTC)


async def make(operator_id: int, text: str, stars: int, uses: int, expires_at: datetime | None) -> PromoCode:
    """A new code.

    Raises:
        Invalid: `promo_code`, `promo_stars`, `promo_uses`, `promo_past`: the field that is wrong.
        Conflict: `promo_exists`.
    """
    code = text.upper()
    if not _CODE.fullmatch(code):
        raise Invalid("This can't be a code.", field="code", code="promo_code")
    if not 1 <= stars <= STARS_MAX:
        raise Invalid("A code can't give this.", field="stars", code="promo_stars", most=STARS_MAX)
    if not 1 <= uses <= USES_MAX:
        raise Invalid("A code can't be used so often.", field="uses", code="promo_uses", most=USES_MAX)
    if expires_at and expires_at <= datetime.now(UTC):
        raise Invalid("This day is over.", field="expires_at", code="promo_past")
    try:
        return await PromoCode.create(
            code=code, stars=stars, uses_max=uses, expires_at=expires_at, created_by=operator_id
        )
    except IntegrityError as e:
        raise Conflict("There is such a code already.", code="promo_exists") from e


async def end(text: str) -> PromoCode:
    """From now on the code gives nothing.

    Raises:
        NotFound: there is no such code.
    """
    code = await PromoCode.get_or_none(code=storable(text).upper())
    if code is None:
        raise _unknown()
    await PromoCode.filter(code=code.code).update(expires_at=datetime.now(UTC))
    return code


async def newest(limit: int) -> list[PromoCode]:
    return await PromoCode.all().order_by("-created_at").limit(limit)


async def redeem(user_id: int, text: str) -> LedgerEntry:
    """Gives the person a code's stars, and answers the row; a message tells of them, too.

    Raises:
        TooOften: they try one code after the other.
        NotFound: there is no such code.
        Conflict: `promo_redeemed`, `promo_over`, `promo_used_up`.
    """
    await pace(f"promo:{user_id}", TRY_INTERVAL, TRY_BURST)
    code = text.strip().upper()
    if not _CODE.fullmatch(code):
        raise _unknown()
    try:
        async with in_transaction() as tx:
            stars = await _use(tx, user_id, code)
            row_id = await ledger.bonus(tx, user_id, _cause(code), stars)
            await tell_of_stars(tx, user_id, row_id)
            return await LedgerEntry.get(id=row_id, using_db=tx)
    except IntegrityError as e:  # twice at once
        raise _redeemed() from e


async def redeemed(user_id: int, text: str) -> LedgerEntry:
    """The row by which the person had the stars of a code."""
    return await _had(user_id, text.strip().upper()).get()


async def _use(tx: BaseDBAsyncClient, user_id: int, code: str) -> int:
    rows = await tx.execute_query_dict(
        """
        UPDATE promo_codes SET uses = uses + 1
        WHERE code = $1 AND uses < uses_max AND (expires_at IS NULL OR expires_at > now())
        RETURNING stars
        """,
        [code],
    )
    if not rows:
        raise await _why_not(tx, user_id, code)
    stars: int = rows[0]["stars"]
    return stars


async def _why_not(tx: BaseDBAsyncClient, user_id: int, code: str) -> DomainError:
    if await _had(user_id, code).using_db(tx).exists():
        return _redeemed()
    found = await PromoCode.get_or_none(code=code, using_db=tx)
    if found is None:
        return _unknown()
    if found.is_over:
        return Conflict("This code is over.", code="promo_over")
    return Conflict("This code is used up.", code="promo_used_up")


def _had(user_id: int, code: str) -> QuerySet[LedgerEntry]:
    return LedgerEntry.filter(user_id=user_id, kind=LedgerKind.BONUS, cause=_cause(code))


def _cause(code: str) -> str:
    return f"promo:{code}"


def _unknown() -> NotFound:
    return NotFound("There is no such code.", code="promo_unknown")


def _redeemed() -> Conflict:
    return Conflict("You have had the stars of this code.", code="promo_redeemed")
