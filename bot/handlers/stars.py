"""Stars: how many somebody has, where they went, what they buy, and buying more."""

from aiogram import Bot
from aiogram.methods import AnswerCallbackQuery, AnswerPreCheckoutQuery, SendMessage
from aiogram.types import CallbackQuery, Message, PreCheckoutQuery, RefundedPayment, SuccessfulPayment

from bot.answers import rewrite, send
from bot.i18n import _, ngettext
from bot.invoices import invoice
from bot.keyboards import BuyPack, HistoryPage
from bot.middlewares import Sender
from bot.receipts import history_page
from bot.views import View, pack_offer, stars_had
from config import Settings
from models import ledger
from models.payment import Bill, Till

PAGE = 8  # rows of the history


async def tell_balance(message: Message, sender: Sender, settings: Settings) -> SendMessage:
    price = ngettext(
        "A training of 1,000 steps costs {n} star.",
        "A training of 1,000 steps costs {n} stars.",
        settings.stars_per_1000_steps,
    )
    picture = ngettext("A picture costs {n} star.", "A picture costs {n} stars.", settings.stars_per_picture)
    more = _("/stars gets you more, /history says where they went.")
    return message.answer("\n".join([stars_had(sender.balance, sender.debt), price, picture, more]))


async def tell_history(message: Message, sender: Sender) -> SendMessage:
    view = await _history(sender, 0)
    return message.answer(view.text, reply_markup=view.keyboard)


async def turn_page(
    query: CallbackQuery, callback_data: HistoryPage, sender: Sender, bot: Bot
) -> AnswerCallbackQuery:
    await rewrite(bot, query, await _history(sender, callback_data.before))
    return query.answer()


async def _history(sender: Sender, before: int) -> View:
    rows = await ledger.history(sender.id, PAGE + 1, before or None)
    # The balance was read before the rows: stars that came in between would be in these alone.
    balance = rows[0].balance_after if rows and not before else sender.balance
    return history_page(rows[:PAGE], balance, before, more=len(rows) > PAGE)


async def offer(message: Message, sender: Sender, till: Till) -> SendMessage:
    await till.check_open()
    view = pack_offer(till.packs, sender.balance, sender.debt)
    return message.answer(view.text, reply_markup=view.keyboard)


async def send_invoice(
    query: CallbackQuery, callback_data: BuyPack, sender: Sender, till: Till, bot: Bot
) -> AnswerCallbackQuery:
    promise = await till.offer(sender.id, callback_data.price)
    await send(bot, invoice(promise, till))
    return query.answer()


async def check(query: PreCheckoutQuery, till: Till) -> AnswerPreCheckoutQuery:
    """Yes, or the till's refusal in words: nothing is paid then."""
    await till.check(Bill(query.from_user.id, query.currency, query.total_amount, query.invoice_payload))
    return query.answer(ok=True)


async def receive(_message: Message, paid: SuccessfulPayment, sender: Sender, till: Till) -> None:
    """The receipt is on its way by the notify job."""
    bill = Bill(sender.id, paid.currency, paid.total_amount, paid.invoice_payload)
    await till.receive(bill, paid.telegram_payment_charge_id)


async def take_back(_message: Message, refunded: RefundedPayment, till: Till) -> None:
    await till.take_back(refunded.telegram_payment_charge_id)
