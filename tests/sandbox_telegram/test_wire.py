"""The protocol itself: how calls travel, how they are refused, faults on demand, and the log of calls."""

import asyncio

import aiohttp
import pytest
from aiogram import Bot
from aiogram.exceptions import (
    TelegramEntityTooLarge,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import SendMessage
from aiogram.types import BufferedInputFile

from sandbox.telegram import TelegramEmulator


async def test_every_way_to_call(
    telegram: TelegramEmulator, address: str, http: aiohttp.ClientSession, ana: int
) -> None:
    url = f"{address}/bot{telegram.token}/sendMessage"
    form = aiohttp.FormData({"chat_id": str(ana), "text": "multipart"})
    form.add_field("unused", b"file", filename="a.txt")
    ways = [
        http.get(url, params={"chat_id": ana, "text": "query"}),
        http.post(url, params={"chat_id": ana}, data={"text": "form + spaces"}),
        http.post(url, json={"chat_id": ana, "text": "json", "entities": None}),
        http.post(url, data=form),
        http.post(url.replace("sendMessage", "SENDMESSAGE"), json={"chat_id": ana, "text": "any case"}),
    ]
    for way in ways:
        async with way as response:
            body = await response.json()
            assert (response.status, body["ok"]) == (200, True)
            assert body["result"]["chat"]["id"] == ana
    said = [message["text"] for message in telegram.messages("Ana")[1:]]
    assert said == ["query", "form + spaces", "json", "multipart", "any case"]


async def test_refusals_have_their_form(
    telegram: TelegramEmulator, address: str, http: aiohttp.ClientSession
) -> None:
    async with http.post(f"{address}/bot{telegram.token}/sendTeleportation") as response:
        assert response.status == 404
        assert await response.json() == {
            "ok": False,
            "error_code": 404,
            "description": "Not Found: method not found",
        }
    async with http.get(f"{address}/bot123:wrong/getMe") as response:
        assert (response.status, (await response.json())["description"]) == (401, "Unauthorized")
    async with http.get(f"{address}/file/bot123:wrong/photos/file_0.jpg") as response:
        assert response.status == 401
    async with http.get(f"{address}/file/bot{telegram.token}/photos/../secret") as response:
        assert response.status == 404


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"[1]"),
        ("application/json", b"\xff"),
        ("application/json; charset=klingon", b"{}"),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=a", b"not a form"),
    ],
)
async def test_garbage_is_a_bad_request(
    telegram: TelegramEmulator, address: str, http: aiohttp.ClientSession, content_type: str, body: bytes
) -> None:
    headers = {"Content-Type": content_type}
    async with http.post(
        f"{address}/bot{telegram.token}/sendMessage", data=body, headers=headers
    ) as response:
        assert (response.status, (await response.json())["error_code"]) == (400, 400)


async def test_aiogram_sees_who_the_bot_is(telegram: TelegramEmulator, bot: Bot) -> None:
    me = await bot.get_me()
    assert (me.id, me.is_bot, me.username) == (bot.id, True, "selfi_sandbox_bot")
    assert all(person.id > 2**32 for person in telegram.people)


async def test_a_wrong_token(telegram: TelegramEmulator, bot: Bot) -> None:
    stranger = Bot("7000000001:somebody-elses", session=bot.session)
    with pytest.raises(TelegramUnauthorizedError):
        await stranger.get_me()


async def test_an_upload_over_50_mb(bot: Bot, ana: int) -> None:
    with pytest.raises(TelegramEntityTooLarge, match="Request Entity Too Large"):
        await bot.send_document(ana, BufferedInputFile(bytes(50 * 1024 * 1024 + 1), "big.bin"))


async def test_faults_of_each_kind(telegram: TelegramEmulator, bot: Bot, ana: int) -> None:
    telegram.fail("sendMessage", error_code=500)
    telegram.fail("sendMessage", error_code=429, retry_after=7)
    telegram.fail("sendMessage", drop=True)
    telegram.fail("sendMessage", drop_after=True)
    telegram.fail("sendMessage", delay=0.05)
    with pytest.raises(TelegramServerError, match="Internal Server Error"):
        await bot.send_message(ana, "1")
    with pytest.raises(TelegramRetryAfter) as flood:
        await bot.send_message(ana, "2")
    assert flood.value.retry_after == 7
    with pytest.raises(TelegramNetworkError):
        await bot.send_message(ana, "3")
    with pytest.raises(TelegramNetworkError):
        await bot.send_message(ana, "4: sent, though nobody was told")
    started = asyncio.get_running_loop().time()
    await bot.send_message(ana, "5")
    assert asyncio.get_running_loop().time() - started >= 0.05
    await bot.send_message(ana, "6")
    said = [message["text"] for message in telegram.messages(ana)[1:]]
    assert said == ["4: sent, though nobody was told", "5", "6"]


async def test_a_fault_for_other_methods_waits(telegram: TelegramEmulator, bot: Bot, ana: int) -> None:
    telegram.fail("sendPhoto", error_code=502, times=2)
    await bot.send_message(ana, "unharmed")
    for _ in range(2):
        with pytest.raises(TelegramServerError, match="Bad Gateway"):
            await bot.send_photo(ana, "id")


async def test_calls_are_logged_without_secrets(telegram: TelegramEmulator, bot: Bot, ana: int) -> None:
    await bot(SendMessage(chat_id=ana, text="hello"))
    await bot.set_webhook("https://example.com/hook", secret_token="hush-hush")
    sent, hooked = telegram.calls
    assert (sent.method, sent.chat_id, sent.error_code, sent.parameters["text"]) == (
        "sendMessage",
        ana,
        None,
        "hello",
    )
    assert hooked.method == "setWebhook"
    assert "hush-hush" not in repr(telegram.calls)
    assert telegram.token not in repr(telegram.calls)
