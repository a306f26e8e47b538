"""Answering at once: what travels from a handler to the person who has just done something.

Messages that must arrive whatever happens are the notify job's business instead.
"""

import asyncio
from html import unescape
from typing import Any, TypeVar

import structlog
from aiogram import Bot
from aiogram.enums import ChatType
from aiogram.exceptions import TelegramBadRequest, TelegramNetworkError, TelegramRetryAfter
from aiogram.methods import EditMessageText, TelegramMethod
from aiogram.types import CallbackQuery, Update

from bot.views import View

T = TypeVar("T")

log = structlog.get_logger(__name__)

# Seconds of a 429 that an answer waits for; a longer one fails the update, and Telegram brings it again.
PATIENCE = 5
ALERT_LENGTH = 200  # https://core.telegram.org/bots/api#answercallbackquery


async def send(bot: Bot, method: TelegramMethod[T]) -> T:
    """Calls Telegram, once more where the line failed or it asked for a moment.

    Raises:
        TelegramAPIError: it went wrong twice, or for another reason.
    """
    try:
        return await bot(method)
    except TelegramRetryAfter as e:
        if e.retry_after > PATIENCE:
            raise
        await asyncio.sleep(e.retry_after)
    except TelegramNetworkError:
        log.info("answer_repeated", method=method.__api_method__)
    return await bot(method)


async def rewrite(bot: Bot, query: CallbackQuery, view: View) -> None:
    """Puts `view` in the place of the message whose button was tapped."""
    if query.message is None:
        return
    edit = EditMessageText(
        chat_id=query.message.chat.id,
        message_id=query.message.message_id,
        text=view.text,
        reply_markup=view.keyboard,
    )
    try:
        await send(bot, edit)
    except TelegramBadRequest as e:  # deleted, too old, or a redelivered update has done it before
        log.info("message_not_rewritten", reason=e.message)


def reply_to(update: Update, text: str) -> TelegramMethod[Any] | None:
    """A sentence to whoever caused the update; None where nobody waits for one."""
    message, query = update.message, update.callback_query
    if update.pre_checkout_query:
        return update.pre_checkout_query.answer(ok=False, error_message=unescape(text))
    if message and message.chat.type == ChatType.PRIVATE:
        return message.reply(text)
    if query:
        return query.answer(unescape(text)[:ALERT_LENGTH], show_alert=True)
    return None
