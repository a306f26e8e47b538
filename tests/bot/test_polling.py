"""The same bot without a public address: it asks Telegram for its updates."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiogram import Bot, Dispatcher
from aiogram.exceptions import TelegramUnauthorizedError
from pydantic import SecretStr
from tortoise.backends.base.client import BaseDBAsyncClient

from bot.app import create_bot
from bot.polling import poll
from config import Settings
from models import LedgerEntry, SeenUpdate, User
from sandbox.telegram import TelegramEmulator
from tests.bot.chats import Chat, hang_up
from tests.waiting import until


@asynccontextmanager
async def polling(bot: Bot, dispatcher: Dispatcher) -> AsyncIterator[None]:
    task = asyncio.create_task(poll(bot, dispatcher, pause=0.02))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def ana(telegram: TelegramEmulator) -> Chat:
    return Chat(telegram, "Ana")


async def test_what_was_said_before_and_while_it_polls_is_answered(
    db: BaseDBAsyncClient, bot: Bot, dispatcher: Dispatcher, telegram: TelegramEmulator, ana: Chat
) -> None:
    await bot.set_webhook("https://old.example.org/hook")
    sent = await telegram.send_text("Ana", "/start")

    async with polling(bot, dispatcher):
        greeting = await telegram.next_message("Ana", after=sent["message_id"])
        assert "Hi, Ana" in greeting["text"]
        assert "40 stars" in (await ana.say("/balance"))["text"]
        assert "¡Hola" in (await Chat(telegram, "Beto").say("/start"))["text"]
        await until(lambda: telegram.core.updates.count == 0)


async def test_a_failed_update_comes_again_in_order_and_holds_up_nobody_else(
    db: BaseDBAsyncClient, bot: Bot, dispatcher: Dispatcher, telegram: TelegramEmulator, ana: Chat
) -> None:
    release = asyncio.Event()

    async def fail_for_ana(handler: Any, event: Any, data: Any) -> Any:
        if event.from_user.first_name == "Ana" and not release.is_set():
            raise RuntimeError("not yet")
        return await handler(event, data)

    dispatcher.message.outer_middleware(fail_for_ana)
    await telegram.send_text("Ana", "/start")
    await telegram.send_text("Ana", "/balance")

    async with polling(bot, dispatcher):
        assert "¡Hola" in (await Chat(telegram, "Beto").say("/start"))["text"]
        assert ana.heard == []
        release.set()
        await until(lambda: len(ana.heard) == 2)
    assert "Hi, Ana" in ana.heard[0]["text"]
    assert "You have" in ana.heard[1]["text"]
    assert await LedgerEntry.filter(user_id=ana.person.id).count() == 1


async def test_a_question_before_a_payment_does_not_wait_for_what_others_do(
    db: BaseDBAsyncClient, bot: Bot, dispatcher: Dispatcher, telegram: TelegramEmulator, ana: Chat
) -> None:
    release = asyncio.Event()

    async def hold_up_ana(handler: Any, event: Any, data: Any) -> Any:
        if event.from_user.first_name == "Ana":
            await release.wait()
        return await handler(event, data)

    dispatcher.message.outer_middleware(hold_up_ana)
    beto = Chat(telegram, "Beto")
    async with polling(bot, dispatcher):
        invoice = await beto.invoice("50")
        await telegram.send_text("Ana", "something slow")
        await asyncio.sleep(0.1)
        try:
            assert await beto.pay(invoice) == "paid"
        finally:
            release.set()
        await until(lambda: telegram.core.updates.count == 0)
    assert (await User.get(id=beto.person.id)).balance == 90


async def test_what_cannot_be_read_hides_nothing_else(
    db: BaseDBAsyncClient, bot: Bot, dispatcher: Dispatcher, telegram: TelegramEmulator, ana: Chat
) -> None:
    telegram.deliver({"update_id": 1, "message": {"text": "?"}})
    telegram.deliver({"update_id": 2, "from_the_future": {}})
    async with polling(bot, dispatcher):
        assert "Hi, Ana" in (await ana.say("/start"))["text"]


async def test_a_telegram_that_is_away_is_asked_again(
    db: BaseDBAsyncClient, bot: Bot, dispatcher: Dispatcher, telegram: TelegramEmulator, ana: Chat
) -> None:
    telegram.fail("getUpdates", error_code=502)
    telegram.fail("getUpdates", drop=True)
    telegram.fail("getUpdates", error_code=409)
    async with polling(bot, dispatcher):
        assert "Hi, Ana" in (await ana.say("/start"))["text"]


async def test_stopping_finishes_what_is_in_hand(
    db: BaseDBAsyncClient, bot: Bot, dispatcher: Dispatcher, telegram: TelegramEmulator, ana: Chat
) -> None:
    begun = asyncio.Event()

    async def slowly(handler: Any, event: Any, data: Any) -> Any:
        begun.set()
        await asyncio.sleep(0.1)
        return await handler(event, data)

    dispatcher.message.outer_middleware(slowly)
    await telegram.send_text("Ana", "/start")
    async with polling(bot, dispatcher):
        await begun.wait()

    assert "Hi, Ana" in ana.heard[0]["text"]
    assert (await SeenUpdate.get()).done


async def test_a_block_found_while_answering_is_remembered(
    db: BaseDBAsyncClient, bot: Bot, dispatcher: Dispatcher, telegram: TelegramEmulator, ana: Chat
) -> None:
    telegram.fail("sendMessage", error_code=403)
    await telegram.send_text("Ana", "/start")
    async with polling(bot, dispatcher):
        await until(lambda: telegram.core.updates.count == 0)
    assert (await User.get(id=ana.person.id)).blocked_at


async def test_a_token_that_telegram_does_not_know_ends_it(
    db: BaseDBAsyncClient, dispatcher: Dispatcher, bot_settings: Settings
) -> None:
    stranger = create_bot(bot_settings.model_copy(update={"telegram_bot_token": SecretStr("999:wrong")}))
    try:
        with pytest.raises(TelegramUnauthorizedError):
            await poll(stranger, dispatcher, pause=0.02)
    finally:
        await hang_up(stranger)
