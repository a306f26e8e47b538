"""Pictures: asking for them, once more and otherwise, their settings, and stopping them."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from aiogram import Bot
from aiogram.filters import CommandObject
from aiogram.methods import AnswerCallbackQuery, SendMessage
from aiogram.types import CallbackQuery, Message

from bot.answers import rewrite, send
from bot.errors import words
from bot.i18n import _
from bot.keyboards import Again, CancelPictures, UseSettings
from bot.middlewares import Sender
from bot.pictures import confirm_message, problems_message, settings_message, stars_missing
from bot.views import View
from bot.wishes import FORM, SETTINGS_FORM, Reading, read
from fal.trainers import TRAINERS
from models import dialogue, wish
from models import generation as generations
from models import lora as loras
from models import params as saved_params
from models.asking import Asking, Rates, place
from models.errors import Conflict, Invalid, NotEnoughStars, Problems, TooOften
from models.generation import Generation, Origin
from models.params import Params
from models.payment import Till
from models.send_slot import pace
from models.wish import Named, Wish

TAPS_APART = timedelta(seconds=1)


async def generate(
    message: Message, command: CommandObject, sender: Sender, rates: Rates, till: Till
) -> SendMessage | None:
    """What follows is told by the living message, and then by the pictures."""
    refusal = await order(sender, read(command.args or ""), of_message(message), rates, till)
    if refusal is None:
        await dialogue.close(sender.id)  # what is written next is no answer to an earlier question
        return None
    return message.reply(refusal.text, reply_markup=refusal.keyboard)


def of_message(message: Message) -> Asking:
    """Delivered again, it is the same generation."""
    return Asking(Origin.CHAT, f"chat:{message.message_id}", message.message_id)


async def order(sender: Sender, reading: Reading, asking: Asking, rates: Rates, till: Till) -> View | None:
    """Begins a generation; or answers all that is wrong with the wish, or which stars are missing.

    Raises:
        LimitReached: too many of theirs wait already.
    """
    try:
        if reading.problems:
            others = await _others(sender.id, reading, rates)
            raise Problems([*reading.problems, *others])  # noqa: TRY301 — told as those of `place` are
        await place(reading.wish, sender.id, asking, rates)
    except Problems as e:
        return problems_message([words(problem) for problem in e.problems], FORM)
    except NotEnoughStars as e:
        return stars_missing(e.price, e.balance, sender.debt, till.packs)
    return None


async def _others(user_id: int, reading: Reading, rates: Rates) -> Sequence[Invalid]:
    """What else is wrong with a wish of which something could not be read."""
    unread = {problem.field for problem in reading.problems}
    try:
        await wish.order(user_id, reading.wish, rates.per_picture)
    except Problems as e:
        return [problem for problem in e.problems if problem.field not in unread]
    return []


# --- the buttons under an album ---


async def again(
    query: CallbackQuery, callback_data: Again, sender: Sender, rates: Rates, *, till: Till, bot: Bot
) -> AnswerCallbackQuery:
    """With another seed; as many as the base model makes at once, at most."""
    earlier = await generations.find(sender.id, callback_data.id)
    most = TRAINERS[earlier.base_model_id].painter.max_pictures
    message_id = query.message.message_id if query.message else None
    asking = Asking(Origin.CHAT, f"tap:{query.id}", message_id)
    seed = wish.another_seed(query.id)
    params = settings_of(earlier, min(callback_data.count or earlier.count, most), seed)
    try:
        await pace(f"{sender.id} {callback_data.pack()}", TAPS_APART, timedelta(0))
    except TooOften:  # a double tap
        return query.answer(_("They are on their way."))
    await check_models(earlier)
    reading = Reading(Wish(earlier.prompt, models_of(earlier), params), [])
    if refusal := await order(sender, reading, asking, rates, till):
        await send(bot, SendMessage(chat_id=sender.id, text=refusal.text, reply_markup=refusal.keyboard))
        return query.answer()
    return query.answer(_("They are on their way."))


def models_of(generation: Generation) -> list[Named]:
    return [Named(uuid.UUID(used["id"]), scale=float(used["scale"])) for used in generation.loras]


def settings_of(generation: Generation, count: int, seed: int | None = None) -> Params:
    return Params(generation.aspect, generation.steps, generation.guidance, seed, count)


async def check_models(generation: Generation) -> None:
    """Raises Conflict (`model_gone`): one of its models can't be used any more."""
    if not await loras.are_usable(generation.user_id, generation.lora_ids):
        raise Conflict("A model of these pictures can't be used any more.", code="model_gone")


async def use_settings(
    query: CallbackQuery, callback_data: UseSettings, sender: Sender
) -> AnswerCallbackQuery:
    """All but the seed, which would make the same picture for ever."""
    earlier = await generations.find(sender.id, callback_data.id)
    used = settings_of(earlier, earlier.count)
    await saved_params.save(sender.id, used.over(await saved_params.saved(sender.id)))
    return query.answer(_("Saved: /gen takes them from now on. /settings shows them."), show_alert=True)


# --- saved parameters ---


async def settle_settings(message: Message, command: CommandObject, sender: Sender) -> SendMessage:
    """Shows what is saved, after changing it where something is to be."""
    text = (command.args or "").strip()
    if text.casefold() == "reset":
        await saved_params.save(sender.id, Params())
    elif text and (problems := await _save(sender.id, read(text))):
        view = problems_message([words(problem) for problem in problems], SETTINGS_FORM)
        return message.reply(view.text)
    view = settings_message(await saved_params.saved(sender.id), SETTINGS_FORM)
    return message.answer(view.text)


async def _save(user_id: int, reading: Reading) -> Sequence[Invalid]:
    """Saves the parameters that were read; or nothing, and answers all that is wrong with them."""
    problems = list(reading.problems)
    if reading.wish.prompt:
        text = reading.wish.prompt[:40]
        problems.append(Invalid("This is no setting.", field="prompt", code="settings_prompt", value=text))
    if reading.wish.models is not None:
        problems.append(Invalid("Models are selected.", field="models", code="settings_models"))
    try:
        wish.check_params(reading.wish.params)
    except Problems as e:
        problems.extend(e.problems)
    if not problems:
        await saved_params.save(user_id, reading.wish.params.over(await saved_params.saved(user_id)))
    return problems


# --- stopping them ---


async def confirm_cancel(
    query: CallbackQuery, callback_data: CancelPictures, sender: Sender, bot: Bot
) -> AnswerCallbackQuery:
    generation = await generations.find(sender.id, callback_data.id)
    if not generation.is_active:
        raise Conflict("These pictures have been made already.", code="generation_ended")
    await rewrite(bot, query, confirm_message(generation))
    return query.answer()


async def cancel(
    query: CallbackQuery, callback_data: CancelPictures, sender: Sender, bot: Bot
) -> AnswerCallbackQuery:
    """What came back is told by the notify job, which takes the living message away as well."""
    generation = await generations.cancel(sender.id, callback_data.id)
    if query.message and query.message.message_id != generation.status_message_id:
        await rewrite(bot, query, View(_("✋ These pictures are being stopped.")))
    return query.answer(_("Cancelled"))
