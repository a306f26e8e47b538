"""How everything is doing, and stopping it; pictures' own buttons are in `pictures.py`."""

from aiogram import Bot
from aiogram.methods import AnswerCallbackQuery, SendMessage
from aiogram.types import CallbackQuery, Message

from bot.answers import rewrite, send
from bot.i18n import _
from bot.keyboards import CancelTraining
from bot.middlewares import Sender
from bot.pictures import cancel_button, status_lines
from bot.pictures import confirm_message as confirm_pictures
from bot.views import View, confirm_message, overview, pick_message
from config import Settings
from models import dialogue
from models import generation as generations
from models import training as trainings
from models.errors import Conflict
from models.generation import Generation
from models.training import Training
from models.turns import positions

ENDED_SHOWN = 3
SHOWN = 20  # so that a message stays within Telegram's 4,096 characters


async def tell_status(message: Message, sender: Sender, settings: Settings) -> SendMessage:
    running = await trainings.active(sender.id)
    latest = await trainings.page(sender.id, len(running) + ENDED_SHOWN)
    ended = [training for training in latest if not training.is_active][:ENDED_SHOWN]
    pictures = await generations.active(sender.id)
    places = await positions([generation.id for generation in pictures])
    lines = status_lines([(generation, places.get(generation.id)) for generation in pictures[:SHOWN]])
    view = overview(running[:SHOWN], lines, ended, settings.app_url)
    return message.answer(view.text, reply_markup=view.keyboard)


async def offer_cancel(message: Message, sender: Sender) -> SendMessage:
    asked = await dialogue.asked(sender.id)
    await dialogue.close(sender.id)
    running, pictures = await trainings.active(sender.id), await generations.active(sender.id)
    match [*running, *pictures]:
        case []:
            return message.answer(_("Another time, then.") if asked else _("Nothing of yours is running."))
        case [Training() as only]:
            view = confirm_message(only)
        case [Generation() as only]:
            view = confirm_pictures(only)
        case _several:
            view = pick_message(
                running[:SHOWN], [cancel_button(generation) for generation in pictures[:SHOWN]]
            )
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
