"""The daily close: what moved, that it adds up, and who hears when it does not."""

from datetime import UTC, date, datetime, timedelta

import pytest
from tortoise.backends.base.client import BaseDBAsyncClient

from jobs.housekeeping import CloseDays
from models import DailyClose, LedgerEntry, Notification, Payment, TrainStatus, User, books
from models.payment import Bill, Promise, Till
from models.training import move
from tests.people import ANA, ANAS_STARS, BETO, OLGA, settle_in, started

TILL = Till(packs={}, secret="a secret", operators=frozenset())


@pytest.fixture(autouse=True)
async def _people(db: BaseDBAsyncClient) -> None:
    await settle_in()


async def busy_day() -> None:
    await TILL.receive(Bill(BETO.id, "XTR", 100, TILL.payload(Promise(BETO.id, 100, 120))), "charge")
    training = await started(BETO, price=90)
    await TILL.take_back("charge")
    await move(training.id, TrainStatus.FAILED, error_code="x", error="x")
    await started(price=30)


async def date_back(days: int) -> None:
    then = datetime.now(UTC) - timedelta(days=days)
    await LedgerEntry.all().update(created_at=then)
    await Payment.all().update(created_at=then)
    await Payment.exclude(refunded_at=None).update(refunded_at=then)


def today() -> date:
    return datetime.now(UTC).date()


async def test_a_close_has_totals_by_kind_and_both_sums() -> None:
    await busy_day()
    await date_back(1)
    await TILL.receive(Bill(BETO.id, "XTR", 70, "not ours"), "of today")
    await started(price=7)  # today's
    yesterday = today() - timedelta(days=1)
    assert await books.days_to_close(today()) == [yesterday]
    for _ in range(2):
        await books.close(yesterday)
    closed = await DailyClose.get()
    assert closed.totals == {
        "welcome": {"rows": 1, "stars": ANAS_STARS},
        "purchase": {"rows": 1, "stars": 120},
        "training": {"rows": 2, "stars": -120},
        "chargeback": {"rows": 1, "stars": -30},
        "refund": {"rows": 1, "stars": 90},
        "debt": {"rows": 1, "stars": -90},
    }
    assert closed.rows_sum == closed.balances_sum == ANAS_STARS - 37
    assert (closed.taken, closed.given_back) == (100, 100)
    assert await books.days_to_close(today()) == []


async def test_days_that_were_missed_are_closed_too() -> None:
    await date_back(3)
    await CloseDays(frozenset())()
    closed = await DailyClose.all().order_by("day")
    assert [(today() - row.day).days for row in closed] == [3, 2, 1]
    assert [bool(row.totals) for row in closed] == [True, False, False]


async def test_books_without_rows_have_no_days(db: BaseDBAsyncClient) -> None:
    await LedgerEntry.all().delete()
    assert await books.days_to_close(today()) == []


async def test_what_adds_up_is_not_told(db: BaseDBAsyncClient) -> None:
    await busy_day()
    await CloseDays(frozenset({OLGA.id}))()
    assert not await Notification.exists(chat_id=OLGA.id)


async def test_what_does_not_add_up_is_told(db: BaseDBAsyncClient) -> None:
    await busy_day()
    await Notification.all().delete()
    await User.filter(id=ANA.id).update(balance=1)
    await User.filter(id=BETO.id).update(debt=5)
    await User.filter(id=BETO.id).update(balance=3, held=3)
    for _ in range(2):
        await CloseDays(frozenset({OLGA.id}))()
    told = {note.text for note in await Notification.filter(chat_id=OLGA.id)}
    assert told == {
        f"The books don't add up: {ANA.id} has 1 stars, and rows of {ANAS_STARS - 30}.",
        f"The books don't add up: {BETO.id} has 3 stars, and rows of 0.",
        f"The books don't add up: {BETO.id} owes 5 stars, and by the rows 0.",
        f"The books don't add up: {BETO.id} has 3 held, and by the payments 0.",
    }


async def test_what_comes_into_a_closed_day_is_told() -> None:
    await busy_day()
    await date_back(2)
    for day in await books.days_to_close(today()):
        await books.close(day)
    assert await books.discrepancies() == []
    await TILL.receive(Bill(BETO.id, "XTR", 50, TILL.payload(Promise(BETO.id, 50, 60))), "late")
    await started(BETO, price=60)
    assert await books.discrepancies() == []
    await LedgerEntry.filter(kind="purchase").update(created_at=datetime.now(UTC) - timedelta(days=1))
    await Payment.filter(charge_id="late").update(created_at=datetime.now(UTC) - timedelta(days=2))
    before, yesterday = (today() - timedelta(days=days) for days in (2, 1))
    assert await books.discrepancies() == [
        f"{before} was closed with 120 of purchase, and has 0 by now.",
        f"{before} was closed with 100 of taken, and has 150 by now.",
        f"{yesterday} was closed with 0 of purchase, and has 180 by now.",
    ]


async def test_a_day_is_closed_whose_payments_were_not_credited() -> None:
    await TILL.receive(Bill(BETO.id, "XTR", 70, "not ours"), "charge")
    await Payment.all().update(created_at=datetime.now(UTC) - timedelta(days=3))
    await CloseDays(frozenset())()
    assert [row.taken for row in await DailyClose.all().order_by("day")] == [70, 0, 0]


async def test_a_day_that_was_closed_without_payments_is_not_compared_with_them() -> None:
    await busy_day()
    await date_back(1)
    await books.close(today() - timedelta(days=1))
    await DailyClose.all().update(taken=None, given_back=None)
    assert await books.discrepancies() == []
