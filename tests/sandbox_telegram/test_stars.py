"""Telegram Stars: invoices, the pre-checkout question and its ten seconds, charges, refunds, the list."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LabeledPrice,
    SuccessfulPayment,
    TransactionPartnerUser,
    Update,
)

from sandbox.telegram import Refused, TelegramEmulator

from .conftest import quick

PACK: dict[str, Any] = {
    "title": "100 stars",
    "description": "A pack",
    "payload": "pack:100",
    "currency": "XTR",
}


def price(amount: int = 100) -> list[LabeledPrice]:
    return [LabeledPrice(label="Pack", amount=amount)]


class Cashier:
    """The bot's side: answers pre-checkout queries as told and keeps every update it gets."""

    def __init__(self, bot: Bot) -> None:
        self.bot = bot
        self.refusal = ""
        self.silent = False
        self.updates: list[Update] = []

    async def run(self) -> None:
        offset = 0
        while True:
            for update in await self.bot.get_updates(offset=offset, timeout=10):
                offset = update.update_id + 1
                self.updates.append(update)
                if update.pre_checkout_query and not self.silent:
                    await self.bot.answer_pre_checkout_query(
                        update.pre_checkout_query.id,
                        ok=not self.refusal,
                        error_message=self.refusal or None,
                    )

    async def payments(self, count: int) -> list[SuccessfulPayment]:
        async with asyncio.timeout(5):
            while len(found := list(filter(None, map(_payment, self.updates)))) < count:
                await asyncio.sleep(0.005)
        return found


def _payment(update: Update) -> SuccessfulPayment | None:
    return update.message.successful_payment if update.message else None


@pytest.fixture
async def cashier(bot: Bot) -> AsyncIterator[Cashier]:
    worker = Cashier(bot)
    task = asyncio.create_task(worker.run())
    yield worker
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_invoice_in_the_chat_is_paid(
    telegram: TelegramEmulator, bot: Bot, ana: int, cashier: Cashier
) -> None:
    sent = await bot.send_invoice(ana, **PACK, prices=price(), provider_token="")
    assert sent.invoice
    assert (sent.invoice.currency, sent.invoice.total_amount) == ("XTR", 100)
    form = telegram.invoice("Ana", sent.message_id)
    assert (form["title"], form["total"], form["prices"]) == (
        "100 stars",
        100,
        [{"label": "Pack", "amount": 100}],
    )
    assert await telegram.pay("Ana", sent.message_id) == {"status": "paid"}
    [payment] = await cashier.payments(1)
    assert (payment.currency, payment.total_amount, payment.invoice_payload) == ("XTR", 100, "pack:100")
    assert telegram.person("Ana").stars == 9_900
    assert await telegram.event("Ana", "stars") == {"stars": 9_900}
    assert (await telegram.event("Ana", "invoice_closed"))["status"] == "paid"
    assert telegram.messages("Ana")[-1]["successful_payment"]["telegram_payment_charge_id"]
    again = await telegram.pay("Ana", sent.message_id)
    assert again == {"status": "failed", "reason": "This invoice was paid already."}


async def test_a_link_is_paid_by_anybody_again_and_again(
    telegram: TelegramEmulator, bot: Bot, cashier: Cashier
) -> None:
    link = await bot.create_invoice_link(**PACK, prices=price(7), provider_token="")
    assert link.startswith("https://t.me/$")
    for name in ("Ana", "Beto", "Ana"):
        assert await telegram.pay(name, slug=link.removeprefix("https://t.me/$")) == {"status": "paid"}
    payments = await cashier.payments(3)
    assert len({payment.telegram_payment_charge_id for payment in payments}) == 3
    assert (telegram.person("Ana").stars, telegram.person("Beto").stars) == (9_986, 9_993)


async def test_the_bot_refuses(telegram: TelegramEmulator, bot: Bot, ana: int, cashier: Cashier) -> None:
    cashier.refusal = "Sold out."
    sent = await bot.send_invoice(ana, **PACK, prices=price())
    assert await telegram.pay("Ana", sent.message_id) == {"status": "failed", "reason": "Sold out."}
    assert telegram.person("Ana").stars == 10_000


@quick
async def test_the_bot_has_ten_seconds(
    telegram: TelegramEmulator, bot: Bot, ana: int, cashier: Cashier
) -> None:
    cashier.silent = True
    sent = await bot.send_invoice(ana, **PACK, prices=price())
    async with asyncio.timeout(5):
        outcome = await telegram.pay("Ana", sent.message_id)
    assert outcome == {
        "status": "failed",
        "reason": "The bot did not answer within 10 seconds. Nothing was paid.",
    }
    assert await telegram.event("Ana", "invoice_closed", lambda data: data["status"] == "failed")
    query = cashier.updates[-1].pre_checkout_query
    assert query
    assert (query.from_user.id, query.total_amount, query.invoice_payload) == (ana, 100, "pack:100")
    with pytest.raises(TelegramBadRequest, match="query is too old"):
        await bot.answer_pre_checkout_query(query.id, ok=True)
    assert telegram.person("Ana").stars == 10_000
    assert (await bot.get_star_transactions()).transactions == []
    assert (await bot.get_my_star_balance()).amount == 0


async def test_a_poor_wallet(telegram: TelegramEmulator, bot: Bot, ana: int, cashier: Cashier) -> None:
    sent = await bot.send_invoice(ana, **PACK, prices=price(10_001))
    outcome = await telegram.pay("Ana", sent.message_id)
    assert outcome["reason"] == "Not enough Stars: this costs 10001, the wallet holds 10000."


async def test_two_payments_at_once_from_one_wallet(
    telegram: TelegramEmulator, bot: Bot, cashier: Cashier
) -> None:
    link = await bot.create_invoice_link(**PACK, prices=price(6_000))
    outcomes = await asyncio.gather(telegram.pay("Ana", slug=link), telegram.pay("Ana", slug=link))
    assert sorted(outcome["status"] for outcome in outcomes) == ["failed", "paid"]
    assert telegram.person("Ana").stars == 4_000


async def test_refunds_and_the_list(telegram: TelegramEmulator, bot: Bot, ana: int, cashier: Cashier) -> None:
    link = await bot.create_invoice_link(**PACK, prices=price())
    for _ in range(2):
        await telegram.pay("Ana", slug=link)
    first, second = await cashier.payments(2)
    assert await bot.refund_star_payment(ana, first.telegram_payment_charge_id)
    assert telegram.person("Ana").stars == 9_900
    assert telegram.messages("Ana")[-1]["refunded_payment"]["total_amount"] == 100

    with pytest.raises(TelegramBadRequest, match="Bad Request: CHARGE_ALREADY_REFUNDED"):
        await bot.refund_star_payment(ana, first.telegram_payment_charge_id)
    for user, charge in ((ana, "unknown"), (telegram.person("Beto").id, second.telegram_payment_charge_id)):
        with pytest.raises(TelegramBadRequest, match="Bad Request: CHARGE_ID_INVALID"):
            await bot.refund_star_payment(user, charge)

    transactions = (await bot.get_star_transactions()).transactions
    assert [(each.id, each.amount, each.source is None) for each in transactions] == [
        (first.telegram_payment_charge_id, 100, False),
        (second.telegram_payment_charge_id, 100, False),
        (first.telegram_payment_charge_id, 100, True),
    ]
    source = transactions[0].source
    assert isinstance(source, TransactionPartnerUser)
    assert (source.user.id, source.transaction_type, source.invoice_payload) == (
        ana,
        "invoice_payment",
        "pack:100",
    )
    page = (await bot.get_star_transactions(offset=1, limit=1)).transactions
    assert [each.id for each in page] == [second.telegram_payment_charge_id]
    assert (await bot.get_my_star_balance()).amount == 100

    async with asyncio.timeout(5):
        while not any(u.message and u.message.refunded_payment for u in cashier.updates):
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"prices": [*price(1), *price(2)]}, "STARS_INVOICE_INVALID"),
        ({"prices": price(0)}, "CURRENCY_TOTAL_AMOUNT_INVALID"),
        ({"provider_token": "284685063:TEST"}, "STARS_INVOICE_INVALID"),
        ({"need_email": True}, "STARS_INVOICE_INVALID"),
        ({"payload": ""}, "INVOICE_PAYLOAD_INVALID"),
        ({"payload": "é" * 65}, "INVOICE_PAYLOAD_INVALID"),
        ({"title": "x" * 33}, "INVOICE_TITLE_INVALID"),
        ({"description": ""}, "INVOICE_DESCRIPTION_INVALID"),
        ({"currency": "EUR"}, "PAYMENT_PROVIDER_INVALID"),
    ],
)
async def test_invoices_that_are_refused(bot: Bot, change: dict[str, Any], complaint: str) -> None:
    invoice: dict[str, Any] = {**PACK, "prices": price(), **change}
    with pytest.raises(TelegramBadRequest, match=f"Bad Request: {complaint}"):
        await bot.create_invoice_link(**invoice)


async def test_the_first_button_pays(bot: Bot, ana: int) -> None:
    wrong = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Back", callback_data="back")]])
    with pytest.raises(TelegramBadRequest, match="REPLY_MARKUP_BUY_EMPTY"):
        await bot.send_invoice(ana, **PACK, prices=price(), reply_markup=wrong)
    right = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Buy", pay=True)]])
    sent = await bot.send_invoice(ana, **PACK, prices=price(), reply_markup=right)
    assert sent.reply_markup
    assert sent.reply_markup.inline_keyboard[0][0].text == "Buy"


async def test_nobody_pays_what_is_not_theirs(telegram: TelegramEmulator, bot: Bot, ana: int) -> None:
    sent = await bot.send_invoice(ana, **PACK, prices=price())
    with pytest.raises(Refused, match="no such invoice"):
        await telegram.pay("Beto", sent.message_id)
    with pytest.raises(Refused, match="no such invoice"):
        await telegram.pay("Beto", slug="unknown")
