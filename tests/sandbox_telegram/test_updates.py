"""Updates on their way to the bot: by long polling, and by webhook as Telegram delivers it."""

import asyncio
from typing import Any

import aiohttp
import pytest
from aiogram import Bot, Dispatcher, F
from aiogram.exceptions import TelegramBadRequest, TelegramConflictError
from aiogram.methods import AnswerPreCheckoutQuery, SendMessage, SendPhoto, TelegramMethod
from aiogram.types import (
    BufferedInputFile,
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LabeledPrice,
    Message,
    PreCheckoutQuery,
)
from aiogram.webhook.aiohttp_server import SimpleRequestHandler
from aiohttp import web
from aiohttp.test_utils import TestServer
from PIL import Image

from sandbox.telegram import TelegramEmulator
from tests.photos import portrait, with_exif

from .conftest import SCALE, Hook, quick, settled

FAILED = 500
PRICES = [LabeledPrice(label="Pack", amount=9)]


def failure(status: int = FAILED, **headers: str) -> web.Response:
    return web.Response(status=status, headers=headers)


async def test_long_polling(telegram: TelegramEmulator, bot: Bot) -> None:
    waiting = asyncio.create_task(bot.get_updates(timeout=5))
    await asyncio.sleep(0.02)
    await telegram.send_text("Ana", "/start now")
    [update] = await waiting
    assert update.message
    assert update.message.text == "/start now"
    assert update.message.entities
    assert (update.message.entities[0].type, update.message.entities[0].length) == ("bot_command", 6)
    assert [again.update_id for again in await bot.get_updates()] == [update.update_id]
    await telegram.send_text("Ana", "second")
    [second] = await bot.get_updates(offset=update.update_id + 1)
    assert second.update_id > update.update_id
    assert await bot.get_updates(offset=second.update_id + 1) == []


async def test_polling_with_limit_and_from_the_end(telegram: TelegramEmulator, bot: Bot) -> None:
    for text in ("1", "2", "3"):
        await telegram.send_text("Ana", text)
    first = await bot.get_updates(limit=1)
    assert [update.message and update.message.text for update in first] == ["1"]
    final = await bot.get_updates(offset=-1)
    assert [update.message and update.message.text for update in final] == ["3"]
    assert len(await bot.get_updates()) == 1


async def test_one_poll_ends_another(bot: Bot) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=5))
    await asyncio.sleep(0.02)
    second = asyncio.create_task(bot.get_updates(timeout=0))
    with pytest.raises(TelegramConflictError, match="terminated by other getUpdates request"):
        await first
    assert await second == []


async def test_no_polling_beside_a_webhook(bot: Bot, hook: Hook) -> None:
    await bot.set_webhook(hook.url)
    with pytest.raises(TelegramConflictError, match="can't use getUpdates method while webhook is active"):
        await bot.get_updates()
    await bot.delete_webhook()
    assert await bot.get_updates() == []


async def test_only_what_the_bot_asked_for(telegram: TelegramEmulator, bot: Bot, ana: int) -> None:
    await bot.get_updates(offset=-1, allowed_updates=["my_chat_member"])
    await telegram.send_text("Ana", "unheard")
    await telegram.block("Ana")
    await telegram.block("Ana", blocked=False)
    updates = [update for update in await bot.get_updates() if update.my_chat_member]
    changes = [
        (update.my_chat_member.old_chat_member.status, update.my_chat_member.new_chat_member.status)
        for update in updates
        if update.my_chat_member
    ]
    assert changes == [("member", "kicked"), ("kicked", "member")]
    assert all(update.message is None or update.message.text == "/start" for update in updates)
    await bot.get_updates(offset=updates[-1].update_id + 1, allowed_updates=[])
    await telegram.send_text("Ana", "heard again")
    assert [update.message and update.message.text for update in await bot.get_updates()] == ["heard again"]


async def test_an_album_from_a_person(telegram: TelegramEmulator, bot: Bot) -> None:
    await telegram.send_photos("Ana", [portrait(seed, (2000, 1500)) for seed in range(3)], "Me")
    messages = [update.message for update in await bot.get_updates()]
    assert len({message.media_group_id for message in messages if message}) == 1
    first = messages[0]
    assert first
    assert first.photo
    assert first.caption == "Me"
    assert (first.photo[-1].width, first.photo[-1].height) == (1280, 960)
    assert [size.width for size in first.photo] == [90, 320, 800, 1280]


async def test_a_photo_loses_its_exif_and_stands_upright(telegram: TelegramEmulator, bot: Bot) -> None:
    [sent] = await telegram.send_photos("Ana", [with_exif(orientation=6, size=(1024, 768))])
    assert (sent["photo"][-1]["width"], sent["photo"][-1]["height"]) == (768, 1024)
    downloaded = await bot.download(sent["photo"][-1]["file_id"])
    assert downloaded
    with Image.open(downloaded) as image:
        assert not image.getexif()


async def test_a_document_from_a_person(telegram: TelegramEmulator, bot: Bot) -> None:
    original = portrait(5)
    await telegram.send_documents("Ana", [("IMG_5.jpg", original)])
    [update] = await bot.get_updates()
    assert update.message
    assert update.message.document
    assert (update.message.document.file_name, update.message.document.mime_type) == (
        "IMG_5.jpg",
        "image/jpeg",
    )
    downloaded = await bot.download(update.message.document)
    assert downloaded
    assert downloaded.read() == original


async def test_webhook_with_its_secret(telegram: TelegramEmulator, bot: Bot, hook: Hook) -> None:
    await bot.set_webhook(hook.url, secret_token="A-secret_1", max_connections=7, allowed_updates=["message"])
    await telegram.send_text("Ana", "hi")
    await hook.received(1)
    assert hook.headers[0]["X-Telegram-Bot-Api-Secret-Token"] == "A-secret_1"
    info = await bot.get_webhook_info()
    assert (info.url, info.max_connections, info.allowed_updates) == (hook.url, 7, ["message"])
    await settled(lambda: telegram.core.updates.count == 0)
    assert info.last_error_message is None


async def test_webhook_gets_what_waited(telegram: TelegramEmulator, bot: Bot, hook: Hook) -> None:
    for name in ("Ana", "Beto"):
        await telegram.send_text(name, "dropped")
    await bot.delete_webhook(drop_pending_updates=True)
    await telegram.send_text("Ana", "kept")
    assert (await bot.get_webhook_info()).pending_update_count == 1
    await bot.set_webhook(hook.url)
    await hook.received(1)
    assert hook.texts == ["kept"]


@pytest.mark.parametrize(
    ("url", "secret", "complaint"),
    [
        ("http://example.com/hook", None, "bad webhook: An HTTPS URL must be provided for webhook"),
        ("https://example.com:3000/hook", None, "bad webhook: Webhook can be set up only on ports"),
        ("ftp://example.com", None, "invalid webhook URL specified"),
        ("https://example.com/hook", "não", "secret token contains unallowed characters"),
        ("https://example.com/hook", "x" * 257, "secret token is too long"),
    ],
)
async def test_webhooks_that_are_refused(bot: Bot, url: str, secret: str | None, complaint: str) -> None:
    with pytest.raises(TelegramBadRequest, match=f"Bad Request: {complaint}"):
        await bot.set_webhook(url, secret_token=secret)


@quick
async def test_retries_back_off(telegram: TelegramEmulator, bot: Bot, hook: Hook) -> None:
    hook.answers = [failure(), failure(), failure(), failure(302, Location="/elsewhere")]
    await bot.set_webhook(hook.url)
    await telegram.send_text("Ana", "persistent")
    await hook.received(5)
    assert hook.texts == ["persistent"] * 5
    assert len({update["update_id"] for update in hook.updates}) == 1
    pauses = [(b - a) / SCALE for a, b in zip(hook.times, hook.times[1:], strict=False)]
    assert pauses[0] < 4 <= pauses[2] < 8 <= pauses[3]  # at once, then after 2, 4 and 8
    assert pauses[1] >= 2
    info = await bot.get_webhook_info()
    assert info.last_error_message == "Wrong response from the webhook: 302 Found"
    assert info.last_error_date


@quick
async def test_retry_after_is_honoured(telegram: TelegramEmulator, bot: Bot, hook: Hook) -> None:
    hook.answers = [failure(503, **{"Retry-After": "6"})]
    await bot.set_webhook(hook.url)
    await telegram.send_text("Ana", "later")
    await hook.received(2)
    assert (hook.times[1] - hook.times[0]) / SCALE >= 6


async def test_a_chat_is_serial_and_chats_are_not(telegram: TelegramEmulator, bot: Bot, hook: Hook) -> None:
    gate = asyncio.Event()

    async def slow(update: Any) -> web.Response:
        await gate.wait()
        return failure()

    hook.answers = [slow]
    await bot.set_webhook(hook.url)
    await telegram.send_text("Ana", "a1")
    await hook.received(1)
    await telegram.send_text("Ana", "a2")
    await telegram.send_text("Beto", "b1")
    await hook.received(2)
    assert hook.texts == ["a1", "b1"]
    gate.set()
    await hook.received(4)
    assert hook.texts == ["a1", "b1", "a1", "a2"]


async def test_max_connections(telegram: TelegramEmulator, bot: Bot, hook: Hook) -> None:
    gate = asyncio.Event()

    async def slow(update: Any) -> web.Response:
        await gate.wait()
        return web.Response()

    hook.answers = [slow, slow, slow]
    await bot.set_webhook(hook.url, max_connections=2)
    for name in ("Ana", "Beto", "Carla"):
        await telegram.send_text(name, name)
    await hook.received(2)
    await asyncio.sleep(0.05)
    assert len(hook.updates) == 2
    gate.set()
    await hook.received(3)


@quick
async def test_an_answer_is_awaited_60_seconds(telegram: TelegramEmulator, bot: Bot, hook: Hook) -> None:
    never = asyncio.Event()

    async def silent(update: Any) -> web.Response:
        await never.wait()
        return web.Response()

    hook.answers = [silent]
    await bot.set_webhook(hook.url)
    await telegram.send_text("Ana", "anybody?")
    await hook.received(2)
    assert (hook.times[1] - hook.times[0]) / SCALE >= 60
    never.set()
    assert (await bot.get_webhook_info()).last_error_message == "Read timeout expired"


async def test_nobody_at_the_webhook(telegram: TelegramEmulator, bot: Bot, unused_tcp_port: int) -> None:
    await bot.set_webhook(f"http://127.0.0.1:{unused_tcp_port}/hook")
    await telegram.send_text("Ana", "hello?")
    await settled(lambda: "last_error_message" in telegram.core.webhook.info)
    info = await bot.get_webhook_info()
    assert (info.last_error_message, info.pending_update_count) == ("Connection refused", 1)


@quick
@pytest.mark.parametrize(("kind", "lifetime"), [("message", 86_400), ("pre_checkout_query", 150)])
async def test_updates_expire(
    telegram: TelegramEmulator, bot: Bot, hook: Hook, kind: str, lifetime: int
) -> None:
    async def too_late(update: Any) -> web.Response:
        telegram.advance(lifetime)
        return failure()

    hook.answers = [failure(), failure(), too_late]
    await bot.set_webhook(hook.url)
    if kind == "message":
        await telegram.send_text("Ana", "old")
    else:
        link = await bot.create_invoice_link("Stars", "A pack", "pack", "XTR", PRICES)
        await telegram.pay("Ana", slug=link.rpartition("$")[2])
    await hook.received(3)
    await settled(lambda: telegram.core.updates.count == 0)
    assert [next(iter(update.keys() - {"update_id"})) for update in hook.updates] == [kind] * 3


async def test_gone_for_23_hours_drops_the_webhook(telegram: TelegramEmulator, bot: Bot, hook: Hook) -> None:
    async def a_day_later(update: Any) -> web.Response:
        telegram.advance(23.5 * 3600)
        return failure(410)

    hook.answers = [failure(410), a_day_later]
    await bot.set_webhook(hook.url)
    await telegram.send_text("Ana", "gone?")
    await hook.received(2)
    await settled(lambda: not telegram.core.webhook.url)
    assert (await bot.get_webhook_info()).url == ""


async def test_the_same_webhook_again_disturbs_nothing(
    telegram: TelegramEmulator, bot: Bot, hook: Hook
) -> None:
    gate = asyncio.Event()

    async def slow(update: Any) -> web.Response:
        await gate.wait()
        return web.Response()

    hook.answers = [slow]
    await bot.set_webhook(hook.url, secret_token="one")
    await telegram.send_text("Ana", "once")
    await hook.received(1)
    await bot.set_webhook(hook.url, secret_token="one")
    gate.set()
    await settled(lambda: telegram.core.updates.count == 0)
    assert hook.texts == ["once"]
    await bot.set_webhook(hook.url, secret_token="two")
    await telegram.send_text("Ana", "twice")
    await hook.received(2)
    assert hook.headers[1]["X-Telegram-Bot-Api-Secret-Token"] == "two"


async def test_a_method_in_the_answer_is_executed(telegram: TelegramEmulator, bot: Bot, hook: Hook) -> None:
    ana = telegram.person("Ana").id
    hook.answers = [
        web.json_response({"method": "sendMessage", "chat_id": ana, "text": "by JSON"}),
        web.Response(
            body=f"method=sendMessage&chat_id={ana}&text=by+form",
            content_type="application/x-www-form-urlencoded",
        ),
        web.json_response({"method": "deleteWebhook"}),
        web.json_response({"method": "getMe"}),
        web.json_response({"method": "sendMessage", "chat_id": 1, "text": "to nobody"}),
        web.Response(text="{", content_type="application/json"),
    ]
    await bot.set_webhook(hook.url)
    for number in range(7):
        await telegram.send_text("Ana", str(number))
    await hook.received(7)
    await settled(lambda: telegram.core.updates.count == 0)
    by_bot = [message["text"] for message in telegram.messages("Ana") if message["from"]["is_bot"]]
    assert by_bot == ["by JSON", "by form"]
    assert not {"deleteWebhook", "getMe"} & {call.method for call in telegram.calls}
    assert (await bot.get_webhook_info()).url == hook.url


async def test_aiograms_own_webhook_handler(telegram: TelegramEmulator, bot: Bot) -> None:
    """The dispatcher answers with methods: aiogram sends them as multipart, with files too."""
    dispatcher = Dispatcher()
    taps: list[str | None] = []
    keyboard = InlineKeyboardMarkup(
        inline_keyboard=[[InlineKeyboardButton(text="Tap", callback_data="tap:1")]]
    )

    @dispatcher.message(F.text == "/start")
    async def start(message: Message) -> TelegramMethod[Message]:
        return SendMessage(chat_id=message.chat.id, text="Hello", reply_markup=keyboard)

    @dispatcher.message(F.text == "photo")
    async def photo(message: Message) -> TelegramMethod[Message]:
        return SendPhoto(
            chat_id=message.chat.id, photo=BufferedInputFile(portrait(1, (600, 600)), "a.jpg"), caption="You"
        )

    @dispatcher.callback_query()
    async def tapped(query: CallbackQuery) -> None:
        taps.append(query.data)
        await query.answer("Tapped!", show_alert=True)

    @dispatcher.pre_checkout_query()
    async def checkout(query: PreCheckoutQuery) -> TelegramMethod[bool]:
        return AnswerPreCheckoutQuery(pre_checkout_query_id=query.id, ok=True)

    app = web.Application()
    handler = SimpleRequestHandler(dispatcher, bot, handle_in_background=False, secret_token="secret")
    app.router.add_post("/telegram", handler.handle)
    async with TestServer(app) as server:
        await bot.set_webhook(
            str(server.make_url("/telegram")),
            secret_token="secret",
            allowed_updates=dispatcher.resolve_used_update_types(),
        )
        await telegram.send_text("Ana", "/start")
        hello = await telegram.next_message("Ana")
        query_id = await telegram.press("Ana", hello["message_id"], "tap:1")
        answer = await telegram.event("Ana", "callback_answer")
        assert answer == {"callbackQueryId": query_id, "text": "Tapped!", "showAlert": True, "url": ""}
        assert taps == ["tap:1"]
        await telegram.send_text("Ana", "photo")
        sent = await telegram.next_message("Ana", after=hello["message_id"])
        assert (sent["caption"], len(sent["photo"])) == ("You", 3)
        link = await bot.create_invoice_link("Stars", "A pack", "pack", "XTR", PRICES)
        assert await telegram.pay("Ana", slug=link) == {"status": "paid"}


async def test_callback_queries_grow_old(telegram: TelegramEmulator, bot: Bot, ana: int) -> None:
    keyboard = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Tap", callback_data="tap")]])
    sent = await bot.send_message(ana, "Tap this", reply_markup=keyboard)
    query_id = await telegram.press("Ana", sent.message_id, "tap")
    updates = await bot.get_updates()
    query = updates[-1].callback_query
    assert query
    assert (query.id, query.data, query.message and query.message.message_id) == (
        query_id,
        "tap",
        sent.message_id,
    )
    telegram.advance(14)
    assert await bot.answer_callback_query(query_id)
    telegram.advance(2)
    for old in (query_id, "unknown"):
        with pytest.raises(
            TelegramBadRequest,
            match="query is too old and response timeout expired or query ID is invalid",
        ):
            await bot.answer_callback_query(old)


async def test_hand_made_updates(
    telegram: TelegramEmulator, address: str, bot: Bot, hook: Hook, http: aiohttp.ClientSession
) -> None:
    await bot.set_webhook(hook.url)
    await telegram.send_text("Ana", "original")
    await hook.received(1)
    for update in (hook.updates[0], {"garbage": True}, ["not", "an", "object"], None):
        async with http.post(f"{address}/client/updates", json={"update": update}) as response:
            assert response.status == 200
    await hook.received(5)
    received = sorted(map(repr, hook.updates[1:]))
    assert received == sorted(map(repr, [hook.updates[0], {"garbage": True}, ["not", "an", "object"], None]))
