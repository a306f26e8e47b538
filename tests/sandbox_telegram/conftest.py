"""A served emulator, an aiogram bot that talks to it, and a webhook that records what it is sent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.telegram import TelegramEmulator

SCALE = 0.02
"""Real seconds in one of Telegram's where a test asks for `quick`: 2 s of backoff are 40 ms."""

quick = pytest.mark.parametrize("telegram", [SCALE], indirect=True, ids=["quick"])


@asynccontextmanager
async def served(emulator: TelegramEmulator) -> AsyncIterator[str]:
    """The emulator on a socket; its address without a slash at the end."""
    async with TestServer(emulator.app()) as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.fixture(scope="session")
async def bot_session() -> AsyncIterator[AiohttpSession]:
    session = AiohttpSession()
    yield session
    await session.close()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def telegram(request: pytest.FixtureRequest) -> TelegramEmulator:
    return TelegramEmulator(time_scale=getattr(request, "param", 1.0))


@pytest.fixture
async def address(telegram: TelegramEmulator) -> AsyncIterator[str]:
    async with served(telegram) as url:
        yield url


@pytest.fixture
def connect(bot_session: AiohttpSession) -> Callable[[TelegramEmulator, str], Bot]:
    """Makes a bot of an emulator that a test serves itself."""

    def bot_of(emulator: TelegramEmulator, url: str) -> Bot:
        bot_session.api = TelegramAPIServer.from_base(url)
        return Bot(emulator.token, session=bot_session)

    return bot_of


@pytest.fixture
def bot(telegram: TelegramEmulator, address: str, connect: Callable[[TelegramEmulator, str], Bot]) -> Bot:
    return connect(telegram, address)


@pytest.fixture
async def ana(telegram: TelegramEmulator) -> int:
    """Ana's id; she has started the bot, and the bot's updates are not read yet."""
    await telegram.send_text("Ana", "/start")
    return telegram.person("Ana").id


Answer = Callable[[Any], Any]


@dataclass
class Hook:
    """A bot's webhook: what it was sent, and what it answers next (200 where nothing is said)."""

    url: str = ""
    updates: list[Any] = field(default_factory=list)
    headers: list[Any] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    answers: list[web.Response | Answer] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        update = await request.json()
        self.updates.append(update)
        self.headers.append(request.headers)
        self.times.append(asyncio.get_running_loop().time())
        answer = self.answers.pop(0) if self.answers else web.Response()
        if isinstance(answer, web.Response):
            return answer
        reply = await answer(update)
        assert isinstance(reply, web.Response)
        return reply

    @property
    def texts(self) -> list[str]:
        return [update["message"]["text"] for update in self.updates]

    async def received(self, count: int, seconds: float = 5) -> None:
        async with asyncio.timeout(seconds):
            while len(self.updates) < count:
                await asyncio.sleep(0.005)


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    recorder = Hook()
    app = web.Application()
    app.router.add_post("/hook", recorder.handle)
    async with TestServer(app) as server:
        recorder.url = str(server.make_url("/hook"))
        yield recorder


async def settled(ready: Callable[[], bool], seconds: float = 5) -> None:
    """Waits until something that has no event of its own has come true."""
    async with asyncio.timeout(seconds):
        while not ready():
            await asyncio.sleep(0.005)
