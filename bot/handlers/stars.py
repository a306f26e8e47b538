"""Stars: how many somebody has, and what they buy."""

from aiogram.methods import SendMessage
from aiogram.types import Message

from bot.i18n import ngettext
from bot.middlewares import Sender
from bot.views import stars_owned
from config import Settings


async def tell_balance(message: Message, sender: Sender, settings: Settings) -> SendMessage:
    price = ngettext(
        "A training of 1,000 steps costs {n} star.",
        "A training of 1,000 steps costs {n} stars.",
        settings.stars_per_1000_steps,
    )
    return message.answer(f"⭐ {stars_owned(sender.balance)}\n{price}")
