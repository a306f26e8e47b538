"""Promo codes, referrals and grants: each once, within their limits, and all of it in the ledger."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.exceptions import IntegrityError

from models import LedgerEntry, Notification, NotificationKind, PromoCode, SendSlot, User, promo
from models.errors import Conflict, DomainError, Invalid, NotFound, TooOften
from models.grant import grant
from models.payment import Bill, Promise, Till
from models.user import Person, _welcome, find, remember
from tests.conftest import empty
from tests.people import ANA, BETO, CARLA, DANA, OLGA, settle_in

TILL = Till(
    packs={},
    secret="a secret",
    operators=frozenset(),
    referral_stars=30,
    referred_stars=10,
    referral_max=2,
)


@pytest.fixture(autouse=True)
async def _people(db: BaseDBAsyncClient) -> None:
    await settle_in()


async def causes(person: Person) -> list[tuple[str | None, int]]:
    """The person's bonuses and grants; and their balance is the sum of all their rows."""
    rows = await LedgerEntry.filter(user_id=person.id).order_by("id")
    assert (await User.get(id=person.id)).balance == sum(row.amount for row in rows)
    return [(row.cause, row.amount) for row in rows if row.cause]


async def buy(person: Person, charge: str, till: Till = TILL) -> None:
    bill = Bill(person.id, "XTR", 50, till.payload(Promise(person.id, 50, 50)))
    await till.receive(bill, charge)


# --- codes ---


async def test_a_code_gives_its_stars_once_to_each(db: BaseDBAsyncClient) -> None:
    await promo.make(OLGA.id, "hello", 25, 10, None)
    assert (await promo.redeem(BETO.id, " Hello ")).amount == 25
    assert (await promo.redeem(ANA.id, "HELLO")).amount == 25
    with pytest.raises(Conflict) as refused:
        await promo.redeem(BETO.id, "hello")
    assert refused.value.code == "promo_redeemed"
    assert await causes(BETO) == [("promo:HELLO", 25)]
    assert (await PromoCode.get()).uses == 2
    assert await Notification.filter(chat_id=BETO.id, kind=NotificationKind.STARS).count() == 1


async def test_one_that_is_over_used_up_or_unknown_gives_nothing() -> None:
    await promo.make(OLGA.id, "ONCE", 25, 1, None)
    await promo.redeem(ANA.id, "ONCE")
    await promo.make(OLGA.id, "ENDED", 25, 10, None)
    await promo.end("ended")
    await PromoCode.create(code="OLD", stars=1, uses_max=1, expires_at=datetime.now(UTC), created_by=OLGA.id)
    for code, why in {"ONCE": "promo_used_up", "ENDED": "promo_over", "OLD": "promo_over"}.items():
        with pytest.raises(Conflict) as refused:
            await promo.redeem(BETO.id, code)
        assert refused.value.code == why
    with pytest.raises(NotFound):
        await promo.redeem(BETO.id, "NOTHING")
    with pytest.raises(Conflict) as refused:
        await promo.redeem(ANA.id, "ONCE")
    assert refused.value.code == "promo_redeemed"
    assert await causes(BETO) == []


async def test_a_thousand_tries_are_slowed_down_and_credit_nothing() -> None:
    await promo.make(OLGA.id, "GOOD", 25, 10, None)
    outcomes: Counter[type[DomainError]] = Counter()
    for number in range(1000):
        try:
            await promo.redeem(BETO.id, f"GUESS-{number}\0" if number % 2 else f"GUESS{number}")
        except DomainError as e:
            outcomes[type(e)] += 1
    assert outcomes[NotFound] <= 6
    assert outcomes.total() == 1000
    with pytest.raises(TooOften) as refused:
        await promo.redeem(BETO.id, "GOOD")
    assert 0 < refused.value.retry_after <= 60
    assert await causes(BETO) == []


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"text": "no"}, "promo_code"),
        ({"text": "with space"}, "promo_code"),
        ({"text": "ñandú"}, "promo_code"),
        ({"text": "A" * 33}, "promo_code"),
        ({"stars": 0}, "promo_stars"),
        ({"stars": 100_001}, "promo_stars"),
        ({"uses": 0}, "promo_uses"),
        ({"uses": 1_000_001}, "promo_uses"),
        ({"expires_at": datetime.now(UTC) - timedelta(days=1)}, "promo_past"),
    ],
)
async def test_a_code_that_cannot_be_is_not_made(wrong: dict[str, Any], code: str) -> None:
    fields: dict[str, Any] = {"text": "FINE", "stars": 5, "uses": 5, "expires_at": None}
    with pytest.raises(Invalid) as refused:
        await promo.make(OLGA.id, **fields | wrong)
    assert refused.value.code == code
    assert not await PromoCode.exists()


async def test_a_code_is_made_once_and_an_unknown_one_cannot_be_ended() -> None:
    await promo.make(OLGA.id, "FINE", 5, 5, None)
    with pytest.raises(Conflict):
        await promo.make(OLGA.id, "fine", 50, 5, None)
    assert (await PromoCode.get()).stars == 5
    with pytest.raises(NotFound):
        await promo.end("NOTHING")


async def test_of_many_who_want_the_last_use_at_once_one_has_it() -> None:
    crowd = [Person(1000 + number, "Somebody") for number in range(12)]
    for person in crowd:
        await remember(person, 0)
    await promo.make(OLGA.id, "LAST", 25, 1, None)
    outcomes = await asyncio.gather(
        *(promo.redeem(person.id, "LAST") for person in crowd), return_exceptions=True
    )
    assert [each.amount for each in outcomes if isinstance(each, LedgerEntry)] == [25]
    assert {each.code for each in outcomes if isinstance(each, DomainError)} == {"promo_used_up"}
    assert await LedgerEntry.filter(cause="promo:LAST").count() == 1


async def test_the_same_person_at_once_has_it_once_and_uses_it_once() -> None:
    await promo.make(OLGA.id, "MINE", 25, 10, None)
    outcomes = await asyncio.gather(
        *(promo.redeem(BETO.id, "MINE") for _ in range(4)), return_exceptions=True
    )
    assert [each.amount for each in outcomes if isinstance(each, LedgerEntry)] == [25]
    assert {each.code for each in outcomes if isinstance(each, DomainError)} == {"promo_redeemed"}
    assert (await PromoCode.get()).uses == 1
    assert await causes(BETO) == [("promo:MINE", 25)]


# --- referrals ---


async def test_the_first_purchase_of_somebody_invited_rewards_both_once() -> None:
    await remember(DANA, 0, invited_by=ANA.id)
    assert await causes(ANA) == []
    for charge in ("first", "first", "second"):
        await buy(DANA, charge)
    assert await causes(DANA) == [(f"referred:{ANA.id}", 10)]
    assert await causes(ANA) == [(f"referral:{DANA.id}", 30)]
    assert await Notification.filter(chat_id=ANA.id, kind=NotificationKind.STARS).count() == 1
    assert await Notification.filter(chat_id=DANA.id, kind=NotificationKind.STARS).count() == 3


async def test_purchases_at_once_reward_once() -> None:
    await remember(DANA, 0, invited_by=ANA.id)
    await asyncio.gather(*(buy(DANA, f"charge {number}") for number in range(6)))
    assert await causes(ANA) == [(f"referral:{DANA.id}", 30)]
    assert await causes(DANA) == [(f"referred:{ANA.id}", 10)]


async def test_who_is_known_already_was_not_brought_by_anybody() -> None:
    await remember(BETO, 0, invited_by=ANA.id)
    await buy(BETO, "charge")
    assert await causes(ANA) == []


async def test_nobody_brings_themselves(db: BaseDBAsyncClient) -> None:
    row, is_new = await remember(DANA, 0, invited_by=DANA.id)
    assert (is_new, row.referred_by_id) == (True, None)
    # Two first updates at once: one finds the person there when it comes to write them.
    row, is_new = await _welcome(DANA, 0, DANA.id)
    assert (is_new, row.referred_by_id) == (False, None)
    with pytest.raises(IntegrityError):
        await User.filter(id=DANA.id).update(referred_by_id=DANA.id)


async def test_a_link_of_nobody_counts_for_nobody() -> None:
    row, _ = await remember(DANA, 0, invited_by=999)
    assert row.referred_by_id is None


async def test_one_person_is_rewarded_for_so_many_and_no_more_even_at_once() -> None:
    for inviter in (ANA, BETO):
        crowd = [Person(1000 * inviter.id + number, "Somebody") for number in range(6)]
        for person in crowd:
            await remember(person, 0, invited_by=inviter.id)
        await asyncio.gather(*(buy(person, f"charge {person.id}") for person in crowd))
        assert len(await causes(inviter)) == TILL.referral_max
        assert [await causes(person) for person in crowd] == [[(f"referred:{inviter.id}", 10)]] * 6


async def test_a_chain_of_inviters_who_buy_at_once_has_no_deadlock() -> None:
    chain = [ANA, *(Person(1000 + number, "Somebody") for number in range(8))]
    for inviter, person in pairwise(chain):
        await remember(person, 0, invited_by=inviter.id)
    await asyncio.gather(*(buy(person, f"charge {person.id}") for person in reversed(chain)))
    assert await LedgerEntry.filter(kind="bonus").count() == 2 * 8


async def test_by_default_nobody_is_rewarded() -> None:
    await remember(DANA, 0, invited_by=ANA.id)
    await buy(DANA, "charge", Till(packs={}, secret="a secret", operators=frozenset()))
    assert await causes(DANA) == await causes(ANA) == []


# --- grants ---


async def test_a_grant_whose_message_comes_again_is_given_once() -> None:
    await asyncio.gather(*(grant(OLGA.id, 7, BETO.id, 20, "sorry") for _ in range(4)))
    await grant(OLGA.id, 70, BETO.id, 20, "sorry")
    assert await causes(BETO) == [(f"operator:{OLGA.id}/7 sorry", 20), (f"operator:{OLGA.id}/70 sorry", 20)]
    assert await Notification.filter(chat_id=BETO.id).count() == 2


@pytest.mark.parametrize(("stars", "reason"), [(0, "x"), (-5, "x"), (100_001, "x"), (5, ""), (5, "x" * 161)])
async def test_a_grant_that_cannot_be_is_refused(stars: int, reason: str) -> None:
    with pytest.raises(Invalid):
        await grant(OLGA.id, 7, BETO.id, stars, reason)
    assert await causes(BETO) == []


# --- whom ---


async def test_somebody_is_found_by_id_and_by_name_but_not_by_one_that_several_had() -> None:
    for reference in (str(ANA.id), "@ana", "ANA"):
        assert (await find(reference)).id == ANA.id
    for nobody in ("@", "@nobody", "7", "9" * 30, "-1", "\0", "١٢"):
        with pytest.raises(NotFound):
            await find(nobody)
    await remember(Person(77, "Other", username="ANA"), 0)
    with pytest.raises(Conflict) as refused:
        await find("@ana")
    assert str(ANA.id) in refused.value.extra["ids"]


# --- whatever happens ---

PEOPLE = [ANA, BETO, CARLA, DANA, *(Person(1000 + number, "Somebody") for number in range(3))]
CODES = {"ONE": 1, "TWO": 2, "MANY": 100}
someone = st.sampled_from(PEOPLE)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("redeem"), someone, st.sampled_from([*CODES, "NONE"])),
        st.tuples(st.just("come"), someone, someone),
        st.tuples(st.just("buy"), someone, st.integers(0, 3)),
        st.tuples(st.just("grant"), someone, st.integers(0, 3)),
    ),
    max_size=25,
)


async def _step(what: str, person: Person, which: Any) -> None:
    if what == "come":
        await remember(person, 0, invited_by=which.id)
    elif not await User.exists(id=person.id):
        return
    elif what == "redeem":
        await promo.redeem(person.id, which)
    elif what == "buy":
        await buy(person, f"{person.id} {which}")
    else:
        await grant(OLGA.id, which, person.id, 5, "words")


@settings(max_examples=40)
@given(steps=STEPS, at_once=st.booleans())
async def test_no_limit_is_passed_and_every_star_has_its_row(
    db: BaseDBAsyncClient, steps: list[tuple[str, Person, Any]], at_once: bool
) -> None:
    await empty(db)
    for code, uses in CODES.items():
        await promo.make(OLGA.id, code, 7, uses, None)
    if at_once:
        outcomes = await asyncio.gather(*(_step(*step) for step in steps), return_exceptions=True)
        assert not [each for each in outcomes if each and not isinstance(each, DomainError)]
    else:
        for step in steps:
            await SendSlot.all().delete()
            try:
                await _step(*step)
            except DomainError:
                continue
    given = Counter([(row.user_id, row.cause) for row in await LedgerEntry.exclude(cause=None)])
    assert set(given.values()) <= {1}
    for promoted in await PromoCode.all():
        redeemed = sum(cause == f"promo:{promoted.code}" for _, cause in given)
        assert promoted.uses == redeemed <= promoted.uses_max
    for user in await User.all():
        assert user.balance == sum(row.amount for row in await LedgerEntry.filter(user_id=user.id))
        brought = [cause for who, cause in given if who == user.id and cause and "referral:" in cause]
        assert len(brought) <= TILL.referral_max
        has_bought = await LedgerEntry.exists(user_id=user.id, kind="purchase")
        rewarded = (user.id, f"referred:{user.referred_by_id}") in given
        assert rewarded == bool(has_bought and user.referred_by_id)
