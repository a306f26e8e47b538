"""What the chat page relies on: people, chats, events, files, init data, and the emulator as a program."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiogram import Bot
from aiogram.types import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    LabeledPrice,
    ReplyKeyboardMarkup,
)
from aiogram.utils.web_app import check_webapp_signature, safe_parse_webapp_init_data
from aiogram.utils.web_app_signature import check_webapp_signature as check_third_party_signature

from sandbox.telegram import TelegramEmulator
from tests.photos import portrait

from .conftest import served

Http = aiohttp.ClientSession


class Page:
    """The chat page's side of `/client`."""

    def __init__(self, http: Http, address: str) -> None:
        self._http = http
        self._client = f"{address}/client"

    async def get(self, path: str, **query: str) -> Any:
        async with self._http.get(self._client + path, params=query) as response:
            return await response.json()

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        async with self._http.post(self._client + path, json=body) as response:
            return response.status, await response.json()

    async def upload(self, path: str, form: aiohttp.FormData) -> tuple[int, Any]:
        async with self._http.post(self._client + path, data=form) as response:
            return response.status, await response.json()


@pytest.fixture
def page(http: Http, address: str) -> Page:
    return Page(http, address)


async def test_the_cast_and_somebody_new(page: Page) -> None:
    people = await page.get("/people")
    assert [(person["firstName"], person["language"]) for person in people] == [
        ("Ana", "en"),
        ("Beto", "es"),
        ("Carla", "en"),
        ("Diego", "es"),
    ]
    assert people[0].keys() == {
        *("id", "firstName", "lastName", "username", "language", "color", "blocked", "stars", "started")
    }
    status, eva = await page.post("/people", {"firstName": "Eva", "language": "es", "stars": 3})
    assert (status, eva["firstName"], eva["stars"], eva["started"]) == (201, "Eva", 3, False)
    assert eva["id"] not in {person["id"] for person in people}
    assert len(await page.get("/people")) == 5
    assert await page.post("/people", {"language": "es"}) == (400, {"error": "firstName must be text."})


async def test_the_bot_as_the_page_shows_it(page: Page, bot: Bot) -> None:
    await bot.set_my_description("Hace modelos", language_code="es")
    shown = await page.get("/bot", language="es")
    assert (shown["id"], shown["username"], shown["description"], shown["menuButton"]) == (
        bot.id,
        "selfi_sandbox_bot",
        "Hace modelos",
        {"type": "commands"},
    )


async def test_a_chat_by_hand(telegram: TelegramEmulator, page: Page, bot: Bot) -> None:
    ana = telegram.person("Ana")
    status, sent = await page.post(f"/people/{ana.id}/messages", {"text": "/start"})
    assert (status, sent["messages"][0]["text"]) == (200, "/start")
    keyboard = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Tap", callback_data="tap")]])
    message = await bot.send_message(ana.id, "Tap this", reply_markup=keyboard)
    chat = await page.get(f"/people/{ana.id}/chat")
    assert [each["text"] for each in chat["messages"]] == ["/start", "Tap this"]
    assert chat["messages"][1]["reply_markup"]["inline_keyboard"][0][0]["callback_data"] == "tap"
    assert chat["commands"] == []
    status, pressed = await page.post(
        f"/people/{ana.id}/callback", {"messageId": message.message_id, "data": "tap"}
    )
    assert status == 200
    query = (await bot.get_updates())[-1].callback_query
    assert query
    assert query.id == pressed["callbackQueryId"]
    status, refusal = await page.post(
        f"/people/{ana.id}/callback", {"messageId": message.message_id, "data": "other"}
    )
    assert (status, refusal) == (404, {"error": "That message has no such button."})


async def test_reply_keyboards_are_shown_to_the_person(
    telegram: TelegramEmulator, bot: Bot, ana: int
) -> None:
    keyboard = ReplyKeyboardMarkup(keyboard=[[KeyboardButton(text="Yes")]])
    sent = await bot.send_message(ana, "Sure?", reply_markup=keyboard)
    assert sent.reply_markup is None
    assert telegram.messages("Ana")[-1]["reply_markup"]["keyboard"][0][0]["text"] == "Yes"


async def test_photos_and_files_from_the_page(telegram: TelegramEmulator, page: Page, http: Http) -> None:
    ana = telegram.person("Ana").id
    album = aiohttp.FormData({"caption": "Two of me"})
    for seed in range(2):
        album.add_field("photo", portrait(seed, (800, 800)), filename=f"{seed}.jpg")
    status, sent = await page.upload(f"/people/{ana}/messages", album)
    assert (status, len(sent["messages"])) == (200, 2)
    assert sent["messages"][0]["media_group_id"] == sent["messages"][1]["media_group_id"]
    assert sent["messages"][0]["caption"] == "Two of me"

    document = aiohttp.FormData()
    document.add_field("document", b"<script>", filename="page.html")
    _, sent = await page.upload(f"/people/{ana}/messages", document)
    file_id = sent["messages"][0]["document"]["file_id"]
    async with http.get(f"{page._client}/files/{file_id}") as response:
        assert await response.read() == b"<script>"
        assert response.headers["Content-Security-Policy"] == "sandbox"

    broken = aiohttp.FormData()
    broken.add_field("photo", b"no photo", filename="a.jpg")
    status, refusal = await page.upload(f"/people/{ana}/messages", broken)
    assert status == 400
    assert "send it as a file" in refusal["error"]


async def test_events_stream(telegram: TelegramEmulator, page: Page, http: Http, bot: Bot, ana: int) -> None:
    async with http.get(f"{page._client}/people/{ana}/events") as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        assert await stream.content.readuntil(b"\n\n") == b": connected\n\n"
        sent = await bot.send_message(ana, "One")
        await bot.edit_message_text("Two", chat_id=ana, message_id=sent.message_id)
        await bot.delete_message(ana, sent.message_id)
        seen = [(await stream.content.readuntil(b"\n\n")).decode().splitlines() for _ in range(3)]
    assert [lines[0] for lines in seen] == ["event: message", "event: edit", "event: delete"]
    data = [json.loads(lines[1].removeprefix("data: ")) for lines in seen]
    assert (data[0]["text"], data[1]["text"], data[2]) == ("One", "Two", {"message_ids": [sent.message_id]})


async def test_blocking_and_restarting(telegram: TelegramEmulator, page: Page) -> None:
    ana = telegram.person("Ana").id
    _, shown = await page.post(f"/people/{ana}/block", {"blocked": True})
    assert shown["blocked"]
    status, refusal = await page.post(f"/people/{ana}/messages", {"text": "hi"})
    assert (status, refusal) == (409, {"error": "You blocked the bot; unblock it to write to it."})
    _, shown = await page.post(f"/people/{ana}/restart", {})
    assert not shown["blocked"]
    assert telegram.messages("Ana")[-1]["text"] == "/start"


async def test_paying_from_the_page(telegram: TelegramEmulator, page: Page, bot: Bot) -> None:
    ana = telegram.person("Ana").id
    prices = [LabeledPrice(label="a", amount=9)]
    link = await bot.create_invoice_link("Stars", "A pack", "pack", "XTR", prices)
    slug = link.rpartition("$")[2]
    form = await page.get(f"/people/{ana}/invoice", slug=slug)
    assert (form["title"], form["total"]) == ("Stars", 9)
    paying = asyncio.create_task(page.post(f"/people/{ana}/pay", {"slug": slug}))
    [update] = await bot.get_updates(timeout=5)
    assert update.pre_checkout_query
    await bot.answer_pre_checkout_query(update.pre_checkout_query.id, ok=True)
    assert await paying == (200, {"status": "paid"})
    assert await page.post(f"/people/{ana}/pay", {"slug": "no"}) == (
        404,
        {"error": "There is no such invoice."},
    )


async def test_a_mini_app_opens_with_init_data(telegram: TelegramEmulator, page: Page) -> None:
    ana = telegram.person("Ana")
    opened = await page.get(
        f"/people/{ana.id}/webapp", url="http://127.0.0.1:3001/app/#/train", startParam="ref-1", theme="dark"
    )
    address = urlsplit(opened["url"])
    route, _, fragment = address.fragment.partition("?")
    launch = {name: values[0] for name, values in parse_qs(fragment).items()}
    assert (address.path, route) == ("/app/", "/train")
    assert (launch["tgWebAppVersion"], launch["tgWebAppPlatform"]) == ("9.1", "web")
    assert json.loads(launch["tgWebAppThemeParams"])["bg_color"] == "#17212b"
    assert launch["tgWebAppData"] == opened["initData"]
    data = safe_parse_webapp_init_data(telegram.token, opened["initData"])
    assert data.user
    assert (data.user.id, data.user.first_name, data.start_param) == (ana.id, "Ana", "ref-1")
    for refused in ("http://example.com", "nowhere", ""):
        assert "https" in (await page.get(f"/people/{ana.id}/webapp", url=refused))["error"]


async def test_init_data_passes_telegrams_checks(telegram: TelegramEmulator, page: Page) -> None:
    raw = telegram.init_data("Diego", start_param="x", auth_date=1_700_000_000, query_id="AAq")
    assert check_webapp_signature(telegram.token, raw)
    key = bytes.fromhex((await page.get("/public-key"))["publicKey"])
    bot_id = telegram.core.state.bot.id
    assert check_third_party_signature(bot_id, raw, key)
    fields = {name: values[0] for name, values in parse_qs(raw).items()}
    assert (fields["auth_date"], fields["query_id"], fields["start_param"]) == ("1700000000", "AAq", "x")
    forged = raw.replace("Diego", "Diega")
    assert not check_webapp_signature(telegram.token, forged)
    assert not check_third_party_signature(bot_id, forged, key)
    assert not check_third_party_signature(bot_id, raw, TelegramEmulator().signer.public_key)


async def test_faults_and_calls_from_outside(
    telegram: TelegramEmulator, page: Page, http: Http, bot: Bot, ana: int
) -> None:
    assert await page.post("/faults", {"method": "sendMessage", "error_code": 403, "times": 2}) == (200, {})
    for _ in range(2):
        with pytest.raises(Exception, match="bot was blocked by the user"):
            await bot.send_message(ana, "x")
    await bot.send_message(ana, "y")
    [call] = await page.get("/calls")
    assert (call["method"], call["chatId"], call["ok"], call["errorCode"]) == ("sendMessage", ana, True, None)
    async with http.delete(f"{page._client}/calls") as response:
        assert response.status == 200
    assert await page.get("/calls") == []
    for wrong in ({"metod": "x"}, {"times": "2"}):
        assert (await page.post("/faults", wrong))[0] == 400
    await page.post("/faults", {"drop": True})
    async with http.delete(f"{page._client}/faults"):
        await bot.get_me()


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/people/1/messages", {"text": "x"}, 404),
        ("/people/Ana/messages", {"text": ""}, 400),
        ("/people/Ana/messages", {"text": "x" * 4097}, 400),
        ("/people/Ana/messages", [], 400),
        ("/people/Ana/callback", {"messageId": "x", "data": "y"}, 400),
        ("/people/Ana/block", {"blocked": "yes"}, 400),
        ("/people/Ana/pay", {}, 404),
        ("/updates", {}, 400),
        ("/nothing", {}, 404),
    ],
)
async def test_refusals_are_sentences(page: Page, path: str, body: Any, status: int) -> None:
    answered, refusal = await page.post(path, body)
    assert answered == status
    assert refusal["error"].endswith(".")


async def test_the_page_itself_is_served(tmp_path: Path, http: Http) -> None:
    (tmp_path / "index.html").write_text("<title>Chat</title>")
    (tmp_path / "page.js").write_text("export {};")
    emulator = TelegramEmulator(chat_page=tmp_path, info={"appUrl": "http://127.0.0.1:3001"})
    async with served(emulator) as url:
        for path, body in (("/", "<title>Chat</title>"), ("/chat/page.js", "export {};")):
            async with http.get(url + path) as response:
                assert (response.status, await response.text()) == (200, body)
                assert response.headers["Cache-Control"] == "no-cache"
        assert await Page(http, url).get("/info") == {"appUrl": "http://127.0.0.1:3001"}


async def test_closing_waits_for_nobody(telegram: TelegramEmulator, http: Http, connect: Any) -> None:
    async with served(telegram) as url:
        ana = telegram.person("Ana").id
        polling = asyncio.create_task(connect(telegram, url).get_updates(timeout=50))
        stream = await http.get(f"{url}/client/people/{ana}/events")
        await stream.content.readuntil(b"\n\n")
        started = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - started < 2
    assert await polling == []
    assert await stream.content.read() == b""


async def test_the_program_says_when_it_is_ready(http: Http) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox.telegram", "--port", "0", "--token", "42:abc"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout
    try:
        async with asyncio.timeout(20):
            line = (await process.stdout.readline()).decode()
            url = line.strip().rpartition(" ")[2]
            async with http.get(f"{url}/bot42:abc/getMe") as response:
                assert (await response.json())["result"]["id"] == 42
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
