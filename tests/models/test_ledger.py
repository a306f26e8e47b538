"""The ledger: every change of a balance has its row, and the database refuses what must not be."""

import uuid

import pytest
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from models import LedgerEntry, LedgerKind, Payment, TrainStatus, User, ledger
from models.training import cancel, move
from tests.people import ANA, ANAS_STARS, BETO, order, settle_in, start, started


@pytest.fixture(autouse=True)
async def _people(db: BaseDBAsyncClient) -> None:
    await settle_in()


async def paid(stars: int, user_id: int = BETO.id) -> Payment:
    """A payment that has been credited."""
    async with in_transaction() as tx:
        payment = await Payment.create(
            user_id=user_id, charge_id=str(uuid.uuid4()), amount=stars, stars=stars, using_db=tx
        )
        await ledger.purchase(tx, user_id, payment.id, stars)
    return payment


async def take_back(payment: Payment) -> None:
    async with in_transaction() as tx:
        await ledger.chargeback(tx, payment.user_id, payment.id, payment.stars or 0)


async def rows(user_id: int = BETO.id) -> list[tuple[str, int, int]]:
    return [
        (row.kind.value, row.amount, row.balance_after)
        for row in await LedgerEntry.filter(user_id=user_id).order_by("id")
    ]


async def balance(user_id: int = BETO.id) -> tuple[int, int]:
    user = await User.get(id=user_id)
    return user.balance, user.debt


async def test_a_payment_is_credited_and_taken_back_once() -> None:
    payment = await paid(100)
    with pytest.raises(IntegrityError):
        async with in_transaction() as tx:
            await ledger.purchase(tx, BETO.id, payment.id, 100)
    await take_back(payment)
    with pytest.raises(IntegrityError):
        await take_back(payment)
    assert await rows() == [("purchase", 100, 100), ("chargeback", -100, 0)]
    assert await balance() == (0, 0)


async def test_what_was_spent_is_a_debt_that_the_next_purchases_settle() -> None:
    payment = await paid(100)
    assert await start(order(BETO, price=80))
    await take_back(payment)
    assert await balance() == (0, 80)
    await paid(50)
    assert await balance() == (0, 30)
    await paid(50)
    assert await balance() == (20, 0)
    assert await rows() == [
        ("purchase", 100, 100),
        ("training", -80, 20),
        ("chargeback", -20, 0),
        ("purchase", 50, 50),
        ("debt", -50, 0),
        ("purchase", 50, 50),
        ("debt", -30, 20),
    ]


async def test_a_refund_and_then_a_cancelled_training_do_not_pay_twice() -> None:
    payment = await paid(100)
    training = await started(BETO, price=100)
    await take_back(payment)
    await cancel(BETO.id, training.id)
    assert await balance() == (0, 0)
    assert (await rows())[2:] == [("chargeback", 0, 0), ("refund", 100, 100), ("debt", -100, 0)]


async def test_the_row_that_settles_a_debt_is_found_beside_what_it_was_settled_of() -> None:
    payment = await paid(100)
    training = await started(BETO, price=100)
    await take_back(payment)
    await move(training.id, TrainStatus.FAILED, error_code="x", error="x")
    later = await paid(10)
    by_kind = {row.kind: row for row in await LedgerEntry.filter(user_id=BETO.id).order_by("id")}
    debt = await ledger.settled_of(by_kind[LedgerKind.REFUND])
    assert debt is not None
    assert (debt.amount, debt.training_id) == (-100, training.id)
    assert await ledger.settled_of(await LedgerEntry.get(payment_id=later.id)) is None


async def test_a_bonus_comes_once_for_a_cause_and_a_grant_as_often_as_it_is_given() -> None:
    for _ in range(2):
        async with in_transaction() as tx:
            await ledger.grant(tx, BETO.id, "operator:1", 5)
    async with in_transaction() as tx:
        await ledger.bonus(tx, BETO.id, "promo:HELLO", 7)
        await ledger.bonus(tx, ANA.id, "promo:HELLO", 7)
    with pytest.raises(IntegrityError):
        async with in_transaction() as tx:
            await ledger.bonus(tx, BETO.id, "promo:HELLO", 7)
    assert await balance() == (17, 0)
    assert (await balance(ANA.id))[0] == ANAS_STARS + 7


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("grant", None),
        ("purchase", "x"),
        ("welcome", "x"),
        ("training", None),
        ("refund", "x"),
        ("gift", "x"),
    ],
)
async def test_a_row_without_its_own_cause_is_refused(
    db: BaseDBAsyncClient, kind: str, cause: str | None
) -> None:
    with pytest.raises(IntegrityError):
        await db.execute_query(
            "INSERT INTO ledger (user_id, kind, amount, balance_after, cause, created_at)"
            " VALUES ($1, $2, 1, 1, $3, now())",
            [BETO.id, kind, cause],
        )


async def test_nobody_can_be_given_stars_who_is_not_there() -> None:
    with pytest.raises(ValueError, match="nobody"):
        async with in_transaction() as tx:
            await ledger.grant(tx, 1, "operator:1", 5)
