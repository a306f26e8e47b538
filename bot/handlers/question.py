"""The question for a prompt, when /gen says nothing: what is chosen is in Postgres, and outlives us."""

import uuid
from dataclasses import asdict, fields
from typing import Any

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError
from aiogram.methods import AnswerCallbackQuery, EditMessageReplyMarkup, SendMessage
from aiogram.types import CallbackQuery, Message

from bot.answers import rewrite, send
from bot.handlers.pictures import check_models, of_message, order, settings_of
from bot.i18n import _
from bot.keyboards import Choose, MakeWith, Menu, SameSeed, ShowMenu
from bot.middlewares import Sender
from bot.question import Question, no_models, question
from bot.views import View
from bot.wishes import Reading, read
from config import Settings
from fal.trainers import DEFAULT_TRAINER, TRAINERS
from models import dialogue, wish
from models import generation as generations
from models import lora as loras
from models.asking import Asking, Rates
from models.dialogue import Dialogue
from models.errors import Conflict
from models.generation import Generation, Origin
from models.lora import LoraModel, Scope
from models.params import Params, saved
from models.payment import Till
from models.styles import Style, Styles
from models.wish import Named, Wish

log = structlog.get_logger(__name__)

Chosen = dict[str, Any]

MODELS_SHOWN = 10


# --- asking ---


async def ask(
    message: Message, sender: Sender, settings: Settings, rates: Rates, *, styles: Styles, bot: Bot
) -> SendMessage | None:
    if not await loras.page(sender.id, Scope.ALL, 1):
        view = no_models(settings.app_url)
        return message.answer(view.text, reply_markup=view.keyboard)
    await _ask(bot, sender, {}, rates, styles)
    return None


async def ask_with_seed(
    query: CallbackQuery, callback_data: SameSeed, sender: Sender, rates: Rates, *, styles: Styles, bot: Bot
) -> AnswerCallbackQuery:
    """For the seed and the settings of earlier pictures."""
    earlier = await generations.find(sender.id, callback_data.id)
    await check_models(earlier)
    known = asdict(settings_of(earlier, earlier.count, earlier.seed))
    chosen = {name: value for name, value in known.items() if value is not None}
    await _ask(bot, sender, {**chosen, "models": earlier.loras}, rates, styles)
    return query.answer()


async def ask_with_model(
    query: CallbackQuery, callback_data: MakeWith, sender: Sender, rates: Rates, *, styles: Styles, bot: Bot
) -> AnswerCallbackQuery:
    lora = await loras.find(sender.id, callback_data.id)
    await _ask(bot, sender, {"models": [{"id": str(lora.id), "scale": None}]}, rates, styles)
    return query.answer()


async def _ask(bot: Bot, sender: Sender, chosen: Chosen, rates: Rates, styles: Styles) -> None:
    view = question(await _question(sender, chosen, Menu.MAIN, rates, styles))
    asked = await send(bot, SendMessage(chat_id=sender.id, text=view.text, reply_markup=view.keyboard))
    await dialogue.ask(sender.id, asked.message_id, chosen)


async def _question(sender: Sender, chosen: Chosen, menu: Menu, rates: Rates, styles: Styles) -> Question:
    models = await _models(sender.id, chosen)
    params = _params(chosen).over(await saved(sender.id))
    used = TRAINERS[models[0].base_model_id] if models else DEFAULT_TRAINER
    there = await styles.all(sender.language)
    ids = {lora.id for lora in models}
    everybodys = await loras.page(sender.id, Scope.ALL, MODELS_SHOWN) if menu is Menu.MODELS else []
    return Question(
        menu=menu,
        params=params,
        kept_seed="seed" in chosen,
        models=models,
        others=[lora for lora in everybodys if lora.id not in ids],
        style=_style(there, chosen),
        styles=there,
        painter=used.painter,
        price=wish.price(used.painter, params.count or 1, rates.per_picture) if models else None,
    )


async def _models(user_id: int, chosen: Chosen) -> list[LoraModel]:
    """Those chosen that can still be used; where none were, what a bare prompt is made with."""
    if "models" not in chosen:
        return await loras.for_bare_prompts(user_id)
    found = [await loras.named(user_id, uuid.UUID(one["id"]), None) for one in chosen["models"]]
    return [lora for lora in found if lora]


def _params(chosen: Chosen) -> Params:
    return Params(**{field.name: chosen.get(field.name) for field in fields(Params)})


def _style(there: list[Style], chosen: Chosen) -> Style | None:
    return next((style for style in there if style.id == chosen.get("style")), None)


# --- choosing ---


async def show_menu(
    query: CallbackQuery, callback_data: ShowMenu, sender: Sender, rates: Rates, *, styles: Styles, bot: Bot
) -> AnswerCallbackQuery:
    asked = await _asked(query, sender)
    await _redraw(query, sender, asked.chosen, callback_data.menu, rates=rates, styles=styles, bot=bot)
    return query.answer()


async def choose(
    query: CallbackQuery, callback_data: Choose, sender: Sender, rates: Rates, *, styles: Styles, bot: Bot
) -> AnswerCallbackQuery:
    asked = await _asked(query, sender)
    chosen = {**asked.chosen, **await _choice(sender.id, asked.chosen, callback_data)}
    await dialogue.ask(sender.id, asked.message_id, chosen)
    # Of models there may be several.
    menu = Menu.MODELS if callback_data.menu is Menu.MODELS else Menu.MAIN
    await _redraw(query, sender, chosen, menu, rates=rates, styles=styles, bot=bot)
    return query.answer()


async def _choice(user_id: int, chosen: Chosen, tapped: Choose) -> Chosen:
    """Raises Conflict (`question_over`): no button of ours says this."""
    try:
        match tapped.menu:
            case Menu.ASPECT | Menu.STYLE:
                return {tapped.menu.value: tapped.value}
            case Menu.COUNT:
                return {"count": int(tapped.value)}
            case Menu.MODELS:
                return {"models": await _toggled(user_id, chosen, uuid.UUID(tapped.value))}
    except ValueError:
        pass
    raise Conflict("This question is over.", code="question_over")


async def _toggled(user_id: int, chosen: Chosen, lora_id: uuid.UUID) -> list[dict[str, Any]]:
    scales = {one["id"]: one["scale"] for one in chosen.get("models", [])}
    before = [str(lora.id) for lora in await _models(user_id, chosen)]
    tapped = str(lora_id)
    after = [one for one in before if one != tapped] if tapped in before else [*before, tapped]
    return [{"id": one, "scale": scales.get(one)} for one in after]


async def _redraw(
    query: CallbackQuery,
    sender: Sender,
    chosen: Chosen,
    menu: Menu,
    *,
    rates: Rates,
    styles: Styles,
    bot: Bot,
) -> None:
    await rewrite(bot, query, question(await _question(sender, chosen, menu, rates, styles)))


async def _asked(query: CallbackQuery, sender: Sender) -> Dialogue:
    """Raises Conflict (`question_over`): the button is of a question that waits for no answer any more."""
    asked = await dialogue.asked(sender.id)
    if asked is None or query.message is None or asked.message_id != query.message.message_id:
        raise Conflict("This question is over.", code="question_over")
    return asked


async def withdraw(query: CallbackQuery, sender: Sender, bot: Bot) -> AnswerCallbackQuery:
    asked = await dialogue.asked(sender.id)
    if asked and query.message and asked.message_id == query.message.message_id:
        await dialogue.close(sender.id)
    await rewrite(bot, query, View(_("Another time, then.")))
    return query.answer()


# --- being answered ---


async def is_answer(message: Message, sender: Sender) -> dict[str, Dialogue | None] | bool:
    """Whether the text answers the question; or did, and comes once more."""
    if asked := await dialogue.asked(sender.id):
        return {"asked": asked}
    key = f"key:{of_message(message).key}"
    return {"asked": None} if await Generation.exists(user_id=sender.id, idempotency_key=key) else False


async def take_answer(
    message: Message,
    sender: Sender,
    rates: Rates,
    till: Till,
    *,
    styles: Styles,
    bot: Bot,
    asked: Dialogue | None,
) -> SendMessage | None:
    if asked is None:
        return None
    reading = await _completed(sender, read(message.text or ""), asked.chosen, styles)
    if refusal := await order(sender, reading, of_message(message), rates, till):
        return message.reply(refusal.text, reply_markup=refusal.keyboard)
    await _close(bot, sender, asked)
    return None


async def make_now(
    query: CallbackQuery, sender: Sender, rates: Rates, till: Till, *, styles: Styles, bot: Bot
) -> AnswerCallbackQuery:
    """With the style alone."""
    asked = await _asked(query, sender)
    reading = await _completed(sender, Reading(Wish(""), []), asked.chosen, styles)
    asking = Asking(Origin.CHAT, f"question:{asked.message_id}", asked.message_id)
    if refusal := await order(sender, reading, asking, rates, till):
        await send(bot, SendMessage(chat_id=sender.id, text=refusal.text, reply_markup=refusal.keyboard))
    else:
        await _close(bot, sender, asked)
    return query.answer()


async def _completed(sender: Sender, reading: Reading, chosen: Chosen, styles: Styles) -> Reading:
    """What was written, over what was chosen."""
    written = reading.wish
    style = _style(await styles.all(sender.language), chosen)
    prompt = ", ".join(filter(None, [written.prompt, style.prompt if style else None]))
    models = written.models
    if models is None and "models" in chosen:
        models = [Named(uuid.UUID(one["id"]), scale=one["scale"]) for one in chosen["models"]]
    return Reading(Wish(prompt, models, written.params.over(_params(chosen))), reading.problems)


async def _close(bot: Bot, sender: Sender, asked: Dialogue) -> None:
    """Its buttons do nothing any more, so they go; where that fails, they say so themselves."""
    await dialogue.close(sender.id)
    try:
        await bot(EditMessageReplyMarkup(chat_id=sender.id, message_id=asked.message_id))
    except AiogramError as e:
        log.info("buttons_left", error=type(e).__name__)
