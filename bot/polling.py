"""Updates that we ask Telegram for, where it can't reach us: a developer's machine without PUBLIC_URL."""

import asyncio
from collections import defaultdict
from typing import Any

import structlog
from aiogram import Bot, Dispatcher
from aiogram.exceptions import (
    AiogramError,
    TelegramAPIError,
    TelegramForbiddenError,
    TelegramUnauthorizedError,
)
from aiogram.methods import TelegramMethod
from aiogram.types import Update

from bot.answers import send
from bot.webhook import read_update
from models.user import set_blocked

log = structlog.get_logger(__name__)

POLL_SECONDS = 30
PAUSE_SECONDS = 2.0
# Telegram waits 10 seconds for the answer to its question before a payment.
PEEK_SECONDS = 1.0


class GetRawUpdates(TelegramMethod[list[dict[str, Any]]]):
    """getUpdates without reading them: one that can't be read must not hide the others."""

    __returning__ = list[dict[str, Any]]
    __api_method__ = "getUpdates"

    offset: int
    timeout: int
    allowed_updates: list[str]


async def poll(bot: Bot, dispatcher: Dispatcher, *, pause: float = PAUSE_SECONDS) -> None:
    """Handles updates until cancelled; those in hand are finished first.

    As with the webhook, Telegram keeps what we haven't done: the offset moves only past what is. What fails
    comes again after `pause` seconds, with everything of its chat behind it.

    Raises:
        TelegramUnauthorizedError: Telegram doesn't know the token.
        TelegramAPIError: the webhook can't be removed.
    """
    await bot.delete_webhook(drop_pending_updates=False)
    ask = GetRawUpdates(
        offset=0, timeout=POLL_SECONDS, allowed_updates=dispatcher.resolve_used_update_types()
    )
    while True:
        try:
            batch = await bot(ask, request_timeout=POLL_SECONDS + 10)
        except TelegramUnauthorizedError:
            raise
        except AiogramError as e:  # a proxy's HTML is none of TelegramAPIError's
            log.warning("polling_failed", error=type(e).__name__)
            await asyncio.sleep(pause)
            continue
        handling = asyncio.create_task(_handle_and_peek(bot, dispatcher, batch, ask))
        try:
            failed = await asyncio.shield(handling)
        except asyncio.CancelledError:
            await handling
            raise
        ask = ask.model_copy(update={"offset": _next_offset(ask.offset, batch, failed)})
        if failed:
            await asyncio.sleep(pause)


def _next_offset(offset: int, batch: list[dict[str, Any]], failed: set[int]) -> int:
    return min(failed) if failed else max((raw["update_id"] + 1 for raw in batch), default=offset)


async def _handle_and_peek(
    bot: Bot, dispatcher: Dispatcher, batch: list[dict[str, Any]], ask: GetRawUpdates
) -> set[int]:
    """Handles a batch, and beside it the questions before payments that come meanwhile, which can't wait."""
    peeking = asyncio.create_task(_peek(bot, dispatcher, {raw["update_id"] for raw in batch}, ask))
    try:
        return await _handle(bot, dispatcher, batch)
    finally:
        peeking.cancel()
        await asyncio.wait({peeking})


async def _peek(bot: Bot, dispatcher: Dispatcher, seen: set[int], ask: GetRawUpdates) -> None:
    """Answers questions that Telegram, which shows a hundred updates, has beyond the batch.

    It keeps them, so that they come again with the next batch.
    """
    again = ask.model_copy(update={"timeout": 0})
    while True:
        await asyncio.sleep(PEEK_SECONDS)
        try:
            found = await bot(again)
        except AiogramError:
            continue  # whoever polls on says so
        questions = [raw for raw in found if "pre_checkout_query" in raw and raw["update_id"] not in seen]
        seen.update(raw["update_id"] for raw in questions)
        await _handle(bot, dispatcher, questions)


async def _handle(bot: Bot, dispatcher: Dispatcher, batch: list[dict[str, Any]]) -> set[int]:
    """Handles a batch, one after the other within a chat, and answers the ids of those that failed."""
    lanes: dict[tuple[str, int], list[Update]] = defaultdict(list)
    for raw in batch:
        if update := read_update(bot, raw):
            lanes[_lane(update)].append(update)
    results = await asyncio.gather(*(_handle_chat(bot, dispatcher, updates) for updates in lanes.values()))
    return {update_id for update_id in results if update_id is not None}


def _lane(update: Update) -> tuple[str, int]:
    """What waits for each other; a question before a payment waits for nothing."""
    if update.pre_checkout_query:
        return "question", update.update_id
    return "chat", _chat_id(update)


def _chat_id(update: Update) -> int:
    event = update.event
    chat = getattr(event, "chat", None) or getattr(event, "from_user", None)
    return chat.id if chat else 0


async def _handle_chat(bot: Bot, dispatcher: Dispatcher, updates: list[Update]) -> int | None:
    """Stops at the first that fails, and answers its id."""
    for update in updates:
        with structlog.contextvars.bound_contextvars(update_id=update.update_id):
            try:
                answer = await dispatcher.feed_update(bot, update)
            except Exception:
                log.exception("update_failed", kind=update.event_type)
                return update.update_id
            if isinstance(answer, TelegramMethod):
                await _answer(bot, answer, _chat_id(update))
    return None


async def _answer(bot: Bot, method: TelegramMethod[Any], chat_id: int) -> None:
    """What travels in a webhook's answer otherwise: whether it arrives, nobody asks."""
    try:
        await send(bot, method)
    except TelegramForbiddenError:
        await set_blocked(chat_id, blocked=True)
    except TelegramAPIError as e:
        log.warning("answer_failed", method=method.__api_method__, error=type(e).__name__)
