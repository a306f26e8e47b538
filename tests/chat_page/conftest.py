"""A real Chromium at the real chat page, the emulated Telegram behind it, and a scripted bot behind that."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp import web
from playwright.async_api import (
    Browser,
    BrowserContext,
    FrameLocator,
    Locator,
    Page,
    expect,
)

from sandbox.telegram import TelegramEmulator

from .scripted_bot import Json, ScriptedBot

PHONE = {"width": 390, "height": 844}


@dataclass
class Twin:
    """The emulator and its bot, each served on a port of its own."""

    telegram: TelegramEmulator
    bot: ScriptedBot
    url: str


async def _serve(app: web.Application, runners: list[web.AppRunner]) -> str:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    runners.append(runner)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


@pytest.fixture
async def twin() -> AsyncIterator[Twin]:
    runners: list[web.AppRunner] = []
    telegram = TelegramEmulator(limits=None, info={"falUrl": "http://127.0.0.1:9/"})
    async with aiohttp.ClientSession() as session:
        url = await _serve(telegram.app(), runners)
        bot = ScriptedBot(f"{url}/bot{telegram.token}", session)
        bot.address = await _serve(bot.app(), runners)
        await bot.introduce()
        yield Twin(telegram, bot, url)
        for runner in reversed(runners):  # the bot first, while Telegram still answers it
            await runner.cleanup()


@pytest.fixture
async def context(chromium: Browser) -> AsyncIterator[BrowserContext]:
    """A browser without a past, in English and light."""
    context = await chromium.new_context(
        viewport={"width": 1280, "height": 800}, color_scheme="light", locale="en"
    )
    yield context
    await context.close()


class ChatPage:
    """What a person sees and does on the page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("console", lambda line: self.problems.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.bubbles = page.locator(".bubble")
        self.last = page.locator(".row:not(.service)").last
        self.dialog = page.locator("dialog[open]")
        self.toasts = page.locator("#toasts")
        self.phone = page.locator("#app-phone")
        self.app: FrameLocator = page.frame_locator("#app iframe")

    async def open(self, url: str) -> None:
        await self.page.goto(url)
        await expect(self.page.locator(".person.current")).to_be_visible()

    async def open_phone(self, url: str) -> None:
        """The same on a phone, where the people are out of sight."""
        await self.page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
        await self.page.goto(url)
        await expect(self.page.locator(".person.current")).to_be_attached()

    async def send(self, text: str) -> None:
        box = self.page.get_by_role("textbox", name="Message")
        await box.fill(text)
        await box.press("Enter")

    async def start(self) -> None:
        """Presses START, and waits for the greeting."""
        await self.page.locator("#big-button").click()
        await expect(self.bubble("Hello!")).to_be_visible()

    def bubble(self, text: str) -> Locator:
        return self.bubbles.filter(has_text=text)

    def button(self, name: str) -> Locator:
        return self.page.locator(".inline-button").filter(has_text=name)

    async def open_app(self) -> None:
        await self.page.locator("#menu-button").click()
        await expect(self.app.get_by_role("heading", name="Test app")).to_be_visible()

    async def call(self, method: str, data: Json | None = None) -> None:
        """Calls a method of the Mini App protocol from inside the app."""
        await self.app.locator("body").evaluate("(_, [method, data]) => call(method, data)", [method, data])

    async def event(self, name: str) -> Json:
        """The data of the latest event of that name that reached the app since the last look for it."""
        script = """(_, name) => new Promise((resolve, reject) => {
            const look = () => {
                const at = events.findLastIndex(({ eventType }) => eventType === name);
                if (at < 0) return setTimeout(look, 10);
                resolve(events[at].eventData ?? {});
                events = events.filter(({ eventType }) => eventType !== name);
            };
            setTimeout(() => reject(new Error(`no ${name} came`)), 15000);
            look();
        })"""
        data: Json = await self.app.locator("body").evaluate(script, name)
        return data


@pytest.fixture
async def chat(context: BrowserContext, twin: Twin) -> AsyncIterator[ChatPage]:
    """The page as Ana sees it first; at the end it must not have complained on the console."""
    chat = ChatPage(await context.new_page())
    await chat.open(twin.url)
    yield chat
    assert chat.problems == []
