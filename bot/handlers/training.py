"""Trainings: how they are doing, and stopping one."""

from aiogram import Bot
from aiogram.methods import AnswerCallbackQuery, SendMessage
from aiogram.types import CallbackQuery, Message

from bot.answers import rewrite, send
from bot.i18n import _
from bot.keyboards import CancelTraining
from bot.middlewares import Sender
from bot.views import View, confirm_message, overview, pick_message
from config import Settings
from models import training as trainings
from models.errors import Conflict

ENDED_SHOWN = 3
SHOWN = 20  # so that a message stays within Telegram's 4,096 characters


async def tell_status(message: Message, sender: Sender, settings: Settings) -> SendMessage:
    running = await trainings.active(sender.id)
    latest = await trainings.page(sender.id, len(running) + ENDED_SHOWN)
    ended = [training for training in latest if not training.is_active][:ENDED_SHOWN]
    view = overview(running[:SHOWN], ended, settings.app_url)
    return message.answer(view.text, reply_markup=view.keyboard)


async def offer_cancel(message: Message, sender: Sender) -> SendMessage:
    running = await trainings.active(sender.id)
    match running:
        case []:
            return message.answer(_("No training of yours is running."))
        case [only]:
            view = confirm_message(only)
        case _several:
            view = pick_message(running[:SHOWN])
    return message.answer(view.text, reply_markup=view.keyboard)


async def confirm_cancel(
    query: CallbackQuery, callback_data: CancelTraining, sender: Sender, bot: Bot
) -> AnswerCallbackQuery:
    training = await trainings.find(sender.id, callback_data.id)
    if not training.is_active:
        raise Conflict("This training has ended already.", code="training_ended")
    view = confirm_message(training)
    await send(bot, SendMessage(chat_id=sender.id, text=view.text, reply_markup=view.keyboard))
    return query.answer()


async def cancel(
    query: CallbackQuery, callback_data: CancelTraining, sender: Sender, bot: Bot
) -> AnswerCallbackQuery:
    """The final message, with the stars that came back, is on its way by the notify job."""
    training = await trainings.cancel(sender.id, callback_data.id)
    await rewrite(bot, query, View(_("✋ <b>{name}</b> is being stopped.", name=training.lora.name)))
    return query.answer(_("Cancelled"))


async def keep(query: CallbackQuery, bot: Bot) -> AnswerCallbackQuery:
    await rewrite(bot, query, View(_("It goes on.")))
    return query.answer()
