"""Selling stars: who may pay what, and every payment credited once."""

import asyncio
from dataclasses import replace

import pytest
from tortoise.backends.base.client import BaseDBAsyncClient

from models import LedgerEntry, Notification, NotificationKind, Payment, User
from models.errors import Conflict, TooOften
from models.payment import Bill, Promise, Till, payload, read_payload
from models.switch import SwitchName, turn
from tests.people import ANA, BETO, OLGA, settle_in

TILL = Till(packs={50: 50, 500: 550}, secret="a secret", operators=frozenset({OLGA.id}))
BILL = Bill(BETO.id, "XTR", 500, TILL.payload(Promise(BETO.id, 500, 550)))


@pytest.fixture(autouse=True)
async def _people(db: BaseDBAsyncClient) -> None:
    await settle_in()


async def balance() -> int:
    stars = (await User.get(id=BETO.id)).balance
    assert stars == sum(row.amount for row in await LedgerEntry.filter(user_id=BETO.id))
    return stars


async def messages(kind: NotificationKind) -> list[Notification]:
    return await Notification.filter(kind=kind).order_by("id")


def test_a_payload_says_what_it_promises_to_us_only() -> None:
    promise = Promise(2**63 - 1, 100_000, 999_999_999)
    text = payload(promise, "a secret")
    assert len(text.encode()) <= 128
    assert read_payload(text, "a secret") == promise
    assert read_payload(text, "another") is None


@pytest.mark.parametrize(
    ("edited", "code"),
    [
        (BILL._replace(payload=BILL.payload.replace(":550:", ":999:")), "invoice_unknown"),
        (BILL._replace(payload=BILL.payload.replace("1:", "2:", 1)), "invoice_unknown"),
        (BILL._replace(payload=BILL.payload[:-1]), "invoice_unknown"),
        (BILL._replace(payload=BILL.payload + "\n"), "invoice_unknown"),
        (BILL._replace(payload="ñ" * 64), "invoice_unknown"),
        (BILL._replace(payload=""), "invoice_unknown"),
        (BILL._replace(user_id=ANA.id), "invoice_of_another"),
        (BILL._replace(amount=499), "wrong_amount"),
        (BILL._replace(currency="USD"), "wrong_currency"),
    ],
)
async def test_what_fits_no_promise_is_refused_and_never_credited(edited: Bill, code: str) -> None:
    with pytest.raises(Conflict) as refused:
        await TILL.check(edited)
    assert refused.value.code == code
    for _ in range(2):
        await TILL.receive(edited, "charge")
    payment = await Payment.get()
    assert (payment.stars, payment.problem) == (None, code)
    assert await balance() == 0
    (told,) = await messages(NotificationKind.OPERATOR)
    assert "/refund charge" in (told.text or "")
    assert not await messages(NotificationKind.STARS)


async def test_a_pack_is_sold_as_long_as_it_is_on_sale() -> None:
    await TILL.check(BILL)
    for packs in ({50: 50}, {500: 500}, {}):
        with pytest.raises(Conflict) as refused:
            await replace(TILL, packs=packs).check(BILL)
        assert refused.value.code == "pack_gone"
    with pytest.raises(Conflict):
        await TILL.offer(BETO.id, 51)


async def test_nothing_is_sold_while_purchases_are_paused() -> None:
    assert await turn(SwitchName.PURCHASES_PAUSED, on=True)
    assert not await turn(SwitchName.PURCHASES_PAUSED, on=True)
    for sale in (TILL.check(BILL), TILL.offer(BETO.id, 50)):
        with pytest.raises(Conflict) as refused:
            await sale
        assert refused.value.code == "purchases_paused"
    assert await turn(SwitchName.PURCHASES_PAUSED, on=False)
    await TILL.check(BILL)


async def test_what_is_paid_is_credited_whatever_is_on_sale_by_then() -> None:
    await turn(SwitchName.PURCHASES_PAUSED, on=True)
    assert await replace(TILL, packs={}).receive(BILL, "charge")
    assert await balance() == 550


async def test_a_charge_is_credited_once_however_often_it_comes() -> None:
    done = await asyncio.gather(*(TILL.receive(BILL, "charge") for _ in range(8)))
    assert sum(done) == 1
    assert await balance() == 550
    assert len(await messages(NotificationKind.STARS)) == 1
    assert await TILL.receive(BILL, "another charge")
    assert await balance() == 1100


async def test_a_charge_is_taken_back_once_and_everybody_told() -> None:
    await TILL.receive(BILL, "charge")
    done = await asyncio.gather(*(TILL.take_back("charge") for _ in range(8)))
    assert sum(done) == 1
    assert await balance() == 0
    assert len(await messages(NotificationKind.STARS)) == 2
    assert len(await messages(NotificationKind.OPERATOR)) == 1
    assert not await TILL.receive(BILL, "charge")
    assert not await TILL.take_back("unheard of")


async def test_what_was_never_credited_is_not_taken_back() -> None:
    await TILL.receive(BILL._replace(amount=1), "charge")
    assert await TILL.take_back("charge")
    assert await balance() == 0
    assert not await LedgerEntry.filter(user_id=BETO.id).exists()


async def test_invoices_are_not_made_without_end() -> None:
    asked = await asyncio.gather(*(TILL.offer(BETO.id, 500) for _ in range(20)), return_exceptions=True)
    assert asked.count(Promise(BETO.id, 500, 550)) == 10
    with pytest.raises(TooOften) as refused:
        await TILL.offer(BETO.id, 500)
    assert 1 <= refused.value.retry_after <= 10
    assert (await TILL.offer(ANA.id, 50)).stars == 50
