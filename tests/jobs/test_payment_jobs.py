"""Giving payments back, and comparing ours with Telegram's own list, which the twin keeps."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from aiogram import Bot
from aiogram.types import LabeledPrice
from aiohttp.test_utils import TestServer
from tortoise.backends.base.client import BaseDBAsyncClient

from bot.app import create_bot
from config import Settings
from jobs import payments
from jobs.payments import BOOKMARK, PATIENT_ATTEMPTS, Reconciliation, RefundJobs
from jobs.worker import Again
from models import LedgerEntry, Notification, NotificationKind, Payment, TrainStatus, User
from models.books import bookmark, discrepancies
from models.errors import Conflict, NotFound
from models.payment import Bill, Promise, Till
from models.training import move
from models.user import Person, remember
from sandbox.telegram import TelegramEmulator
from tests.bot.chats import hang_up
from tests.conftest import BOT_TOKEN
from tests.people import (
    ANA,
    ANAS_STARS,
    BETO,
    CARLA,
    OLGA,
    order,
    settle_in,
    start,
    started,
    telegram_people,
)


@dataclass
class Shop:
    telegram: TelegramEmulator
    bot: Bot
    till: Till
    offset: int = 0  # of the updates that were read

    async def sell(self, person: Person = BETO, price: int = 100, payload: str | None = None) -> str:
        """Somebody pays, and the update of it is lost; answers the charge."""
        link = await self.bot.create_invoice_link(
            title="Stars",
            description="Stars",
            payload=payload or self.till.payload(Promise(person.id, price, price)),
            currency="XTR",
            prices=[LabeledPrice(label="Stars", amount=price)],
        )
        paying = asyncio.create_task(self.telegram.pay(person.id, slug=link))
        while not paying.done():
            for update in await self.bot.get_updates(offset=self.offset, timeout=0):
                self.offset = update.update_id + 1
                if update.pre_checkout_query:
                    await self.bot.answer_pre_checkout_query(update.pre_checkout_query.id, ok=True)
            await asyncio.sleep(0.005)
        assert (await paying)["status"] == "paid"
        return (await self.bot.get_star_transactions()).transactions[-1].id

    async def receive(self, charge: str, person: Person = BETO, price: int = 100) -> Payment:
        """The update of a payment that did come."""
        bill = Bill(person.id, "XTR", price, self.till.payload(Promise(person.id, price, price)))
        assert await self.till.receive(bill, charge)
        return await Payment.get(charge_id=charge)

    def reconciliation(self, minutes: float = 0) -> Reconciliation:
        return Reconciliation(self.bot, self.till, 0, grace=timedelta(minutes=minutes))

    async def reconcile(self) -> None:
        await self.reconciliation()()

    async def refund(self, payment: Payment, attempt: int = 0) -> None:
        await RefundJobs(self.bot, self.till).refund(str(payment.id), attempt)


@pytest.fixture
async def shop(db: BaseDBAsyncClient, settings: Settings) -> AsyncIterator[Shop]:
    await settle_in()
    telegram = TelegramEmulator(BOT_TOKEN, people=telegram_people(ANA, BETO, CARLA, OLGA), limits=None)
    async with TestServer(telegram.app()) as server:
        url = str(server.make_url("")).rstrip("/")
        settings = settings.model_copy(update={"telegram_api_url": url, "admin_ids": frozenset({OLGA.id})})
        bot = create_bot(settings)
        yield Shop(telegram, bot, Till(**settings.till))
        await hang_up(bot)


async def stars(person: Person = BETO) -> int:
    user = await User.get(id=person.id)
    assert user.balance == sum(row.amount for row in await LedgerEntry.filter(user_id=user.id))
    return user.balance


async def free(person: Person = BETO) -> int:
    return (await User.get(id=person.id)).free


async def told() -> list[str]:
    """What operators are told."""
    notes = await Notification.filter(kind=NotificationKind.OPERATOR).order_by("id")
    return [note.text or "" for note in notes]


# --- refunds ---


async def test_a_refund_gives_the_payment_back_and_takes_the_stars(shop: Shop) -> None:
    payment = await shop.receive(await shop.sell())
    assert (await shop.till.refund(payment.charge_id)).id == payment.id
    await shop.refund(payment)
    assert shop.telegram.person(BETO.id).stars == 10_000
    assert await stars() == 0
    assert await told() == [f"Charge {payment.charge_id} was refunded: 100 XTR to {BETO.id}."]
    with pytest.raises(Conflict) as again:
        await shop.till.refund(payment.charge_id)
    assert again.value.code == "payment_refunded"
    with pytest.raises(NotFound):
        await shop.till.refund("unheard of")


async def test_a_refund_whose_end_was_not_seen_is_finished(shop: Shop) -> None:
    payment = await shop.receive(await shop.sell())
    await shop.bot.refund_star_payment(BETO.id, payment.charge_id)  # and then the process died
    await shop.refund(payment)
    await shop.refund(payment)
    assert shop.telegram.person(BETO.id).stars == 10_000
    assert await stars() == 0
    assert len(await told()) == 1


async def test_a_refund_that_telegram_refuses_changes_nothing_and_is_told_each_time(shop: Shop) -> None:
    payment = await shop.receive("a charge that Telegram does not know")
    for times in (1, 2):
        await shop.till.refund(payment.charge_id)
        await shop.refund(payment)
        assert await stars() == (await free()) == 100
        texts = await told()
        assert len(texts) == times
        assert "refuses" in texts[-1]
        assert "CHARGE_ID_INVALID" in texts[-1]


@pytest.mark.parametrize("code", [401, 403, 404, 409])
async def test_a_refund_that_goes_on_failing_is_told_once_and_tried_on(shop: Shop, code: int) -> None:
    payment = await shop.receive(await shop.sell())
    for attempt in range(10):
        shop.telegram.fail("refundStarPayment", error_code=code)
        with pytest.raises(Again) as again:
            await shop.refund(payment, attempt)
        assert len(await told()) == (attempt >= PATIENT_ATTEMPTS)
    assert again.value.delay == timedelta(minutes=1)
    assert f"Charge {payment.charge_id} can't be refunded yet" in (await told())[0]
    await shop.refund(payment, 10)
    assert await stars() == 0


@pytest.mark.parametrize(
    "fault", [{"error_code": 429, "retry_after": 7}, {"error_code": 502}, {"drop": True}]
)
async def test_a_refund_waits_for_telegram(shop: Shop, fault: dict[str, int]) -> None:
    payment = await shop.receive(await shop.sell())
    shop.telegram.fail("refundStarPayment", **fault)
    with pytest.raises(Again) as again:
        await shop.refund(payment)
    assert again.value.delay == timedelta(seconds=7 if "retry_after" in fault else 1)
    assert await stars() == 100
    assert await free() == 0
    await shop.refund(payment, 1)
    assert await stars() == await free() == 0


async def test_stars_that_are_held_are_neither_spent_nor_refunded_twice(shop: Shop) -> None:
    payment = await shop.receive(await shop.sell())
    await shop.till.hold(payment.id)
    await shop.till.hold(payment.id)
    assert await start(order(BETO, price=1)) is None
    await shop.till.take_back(payment.charge_id)
    await shop.till.release(payment.id, "too late")
    assert await stars() == await free() == 0
    assert await shop.till.hold(payment.id) is None
    assert await discrepancies() == []


async def test_stars_that_are_released_settle_a_debt_of_meanwhile(shop: Shop) -> None:
    first = await shop.receive(await shop.sell())
    second = await shop.receive(await shop.sell())
    await started(BETO, price=100)
    await shop.till.hold(first.id)
    await shop.till.take_back(second.charge_id)
    assert (await User.get(id=BETO.id)).debt == 100
    await shop.till.release(first.id, "no")
    assert (await stars(), (await User.get(id=BETO.id)).debt) == (0, 0)
    assert await discrepancies() == []


async def test_without_debts_stars_that_are_spent_before_the_job_forbid_the_refund(shop: Shop) -> None:
    shop.till = strict(shop)
    payment = await shop.receive(await shop.sell())
    for _ in range(2):
        await shop.till.refund(payment.charge_id)
    training = await started(BETO, price=60)
    for times in (1, 2):
        await shop.refund(payment)
        assert len(await told()) == times
    assert f"Charge {payment.charge_id} was not refunded: 60 of its stars are spent" in (await told())[0]
    assert (await stars(), await free(), shop.telegram.person(BETO.id).stars) == (40, 40, 9_900)
    await move(training.id, TrainStatus.FAILED, error_code="x", error="x")
    await shop.refund(payment)
    assert (await stars(), shop.telegram.person(BETO.id).stars) == (0, 10_000)


async def test_without_debts_two_refunds_are_not_given_of_the_same_stars(shop: Shop) -> None:
    shop.till = strict(shop)
    payments = [await shop.receive(await shop.sell()) for _ in range(2)]
    for payment in payments:
        await shop.till.refund(payment.charge_id)
    await started(BETO, price=100)
    await asyncio.gather(*(shop.refund(payment) for payment in payments))
    user = await User.get(id=BETO.id)
    assert (user.balance, user.debt, shop.telegram.person(BETO.id).stars) == (0, 0, 9_900)


def strict(shop: Shop) -> Till:
    return replace(shop.till, refund_spent=False)


async def test_spent_stars_become_a_debt_or_forbid_the_refund(shop: Shop) -> None:
    payment = await shop.receive(await shop.sell())
    await started(BETO, price=60)
    with pytest.raises(Conflict) as refused:
        await strict(shop).refund(payment.charge_id)
    assert (refused.value.code, refused.value.extra) == ("stars_spent", {"spent": 60})
    await shop.till.refund(payment.charge_id)
    await shop.refund(payment)
    assert (await stars(), (await User.get(id=BETO.id)).debt) == (0, 60)


async def test_a_payment_that_was_not_credited_can_be_given_back(shop: Shop) -> None:
    charge = await shop.sell(payload="not ours")
    await shop.reconcile()
    payment = await shop.till.refund(charge)
    assert payment.problem == "invoice_unknown"
    await shop.refund(payment)
    assert shop.telegram.person(BETO.id).stars == 10_000
    assert await stars() == 0


# --- the comparison with Telegram's list ---


async def test_a_payment_whose_update_was_lost_is_credited_with_its_receipt(shop: Shop) -> None:
    charge = await shop.sell()
    for _ in range(3):
        await shop.reconcile()
    assert await stars() == 100
    (receipt,) = await Notification.filter(kind=NotificationKind.STARS)
    assert receipt.chat_id == BETO.id
    assert await told() == [
        f"A payment was credited whose update never came: {charge}, 100 XTR by {BETO.id}."
    ]
    bill = Bill(BETO.id, "XTR", 100, shop.till.payload(Promise(BETO.id, 100, 100)))
    assert not await shop.till.receive(bill, charge)  # the update, after all


async def test_a_payment_that_came_is_matched_without_a_word(shop: Shop) -> None:
    await shop.receive(await shop.sell())
    await shop.reconcile()
    assert (await Payment.get()).matched_at
    assert await told() == []


async def test_an_update_has_time_to_come(shop: Shop) -> None:
    await shop.sell()
    await shop.reconciliation(minutes=5)()
    assert await stars() == 0
    assert await bookmark(BOOKMARK) == 0
    await shop.reconcile()
    assert await stars() == 100
    assert await bookmark(BOOKMARK) == 1


async def test_the_payment_of_somebody_whom_we_forgot_is_credited(shop: Shop) -> None:
    await shop.sell(CARLA)
    await shop.reconcile()
    assert await stars(CARLA) == 100


async def test_a_refund_that_we_did_not_hear_of_takes_the_stars_back(shop: Shop) -> None:
    charge = await shop.sell()
    await shop.receive(charge)
    await shop.bot.refund_star_payment(BETO.id, charge)
    lost = await shop.sell()
    await shop.bot.refund_star_payment(BETO.id, lost)
    await shop.reconcile()
    await shop.reconcile()
    assert await stars() == 0
    assert await LedgerEntry.filter(user_id=BETO.id).count() == 4
    assert len(await told()) == 3  # two refunds, and a payment that was found


async def test_what_does_not_match_is_told_once(shop: Shop) -> None:
    other_amount = await shop.sell(price=70)
    await shop.receive(other_amount, price=100)
    foreign = await shop.sell(payload="a former owner's")
    for _ in range(3):
        await shop.reconcile()
    assert await stars() == 100
    texts = await told()
    assert len(texts) == 2
    assert foreign in texts[0] + texts[1]
    assert f"Charge {other_amount} in Telegram's list is 70 XTR by {BETO.id}, and we have 100" in "".join(
        texts
    )


async def test_what_telegram_does_not_know_is_told_once_it_is_old(shop: Shop) -> None:
    await shop.receive("invented")
    await shop.reconcile()
    assert await told() == []
    await Payment.all().update(created_at=datetime.now(UTC) - timedelta(hours=2))
    for _ in range(2):
        await shop.reconcile()
    assert await told() == [f"Telegram's list has no charge invented, 100 XTR by {BETO.id}."]


async def test_what_was_before_us_is_none_of_ours(shop: Shop) -> None:
    charge = await shop.sell(payload="a former owner's")
    await shop.bot.refund_star_payment(BETO.id, charge)
    await User.all().update(created_at=datetime.now(UTC) + timedelta(seconds=5))
    await shop.reconcile()
    assert await told() == []
    assert not await Payment.exists()


async def test_a_long_list_is_read_page_by_page_and_not_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payments, "PAGE", 3)
    monkeypatch.setattr(payments, "OVERLAP", 1)
    for _ in range(7):
        await shop.sell()
    await shop.reconcile()
    assert await stars() == 700
    before = len(shop.telegram.calls)
    await shop.reconcile()
    (call,) = shop.telegram.calls[before:]
    assert (call.parameters["offset"], await bookmark(BOOKMARK)) == ("6", 7)


async def test_what_cannot_be_handled_is_told_once_and_hides_nothing_else(shop: Shop) -> None:
    poisoned = await shop.sell()
    await User.filter(id=BETO.id).update(balance=2**31 - 50)
    await shop.sell(ANA)
    future = {"type": "brand_new_partner"}
    now = int(datetime.now(UTC).timestamp())
    shop.telegram.core.payments._transactions.insert(
        0, {"id": "new", "amount": 1, "date": now, "source": future}
    )
    for _ in range(2):
        await shop.reconcile()
    assert await stars(ANA) == ANAS_STARS + 100
    assert await bookmark(BOOKMARK) == 3
    unread, unhandled, found = await told()
    assert "Charge new in Telegram's list could not be handled (ValidationError)" in unread
    assert f"Charge {poisoned} in Telegram's list could not be handled" in unhandled
    assert "was credited" in found


async def test_what_was_credited_is_told_in_the_same_transaction(shop: Shop, db: BaseDBAsyncClient) -> None:
    await shop.sell()
    await shop.reconcile()
    rows = await db.execute_query_dict(
        "SELECT xmin::text FROM notifications UNION SELECT xmin::text FROM ledger WHERE kind = 'purchase'"
    )
    assert len(rows) == 1
    assert len(await told()) == 1


async def test_a_telegram_that_is_away_is_told_and_nothing_is_called_missing(shop: Shop) -> None:
    await shop.receive("charge")
    await Payment.all().update(created_at=datetime.now(UTC) - timedelta(hours=2))
    shop.telegram.fail("getStarTransactions", error_code=502)
    await shop.reconcile()
    (text,) = await told()
    assert "can't be compared" in text


async def test_two_replicas_that_compare_at_once_credit_once(shop: Shop) -> None:
    for _ in range(3):
        await shop.sell()
    await asyncio.gather(*(shop.reconcile() for _ in range(4)))
    assert await stars() == 300


async def test_an_unknown_payer_gets_their_welcome(shop: Shop) -> None:
    await remember(ANA, 0)
    await shop.sell(CARLA)
    await Reconciliation(shop.bot, shop.till, 5, grace=timedelta(0))()
    assert await stars(CARLA) == 105
