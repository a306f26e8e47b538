"""Stars: how many somebody has, what they buy, and buying more."""

from aiogram import Bot
from aiogram.methods import AnswerCallbackQuery, AnswerPreCheckoutQuery, SendMessage
from aiogram.types import CallbackQuery, Message, PreCheckoutQuery, RefundedPayment, SuccessfulPayment

from bot.answers import send
from bot.i18n import _, ngettext
from bot.invoices import invoice
from bot.keyboards import BuyPack
from bot.middlewares import Sender
from bot.views import pack_offer, stars_owned
from config import Settings
from models.payment import Bill, Till


async def tell_balance(message: Message, sender: Sender, settings: Settings) -> SendMessage:
    price = ngettext(
        "A training of 1,000 steps costs {n} star.",
        "A training of 1,000 steps costs {n} stars.",
        settings.stars_per_1000_steps,
    )
    more = _("/stars gets you more.")
    return message.answer(f"⭐ {stars_owned(sender.balance)}\n{price}\n{more}")


async def offer(message: Message, sender: Sender, till: Till) -> SendMessage:
    await till.check_open()
    view = pack_offer(till.packs, sender.balance)
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
