"""The bot as it runs: its webhook on a socket, the offline twin of Telegram before it, Postgres behind it."""

import io
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from aiogram import Bot, Dispatcher
from aiohttp import web
from aiohttp.test_utils import TestServer
from tortoise.backends.base.client import BaseDBAsyncClient

from bot.app import create_bot, create_dispatcher
from bot.webhook import PATH, set_webhook, webhook
from config import Settings
from media.images import ImageLimits
from media.pool import ImagePool
from media.storage import Storage
from models.photo import Drafts
from models.styles import Styles
from sandbox.telegram import TelegramEmulator
from tests.bot.chats import Chat, Selfi, hang_up
from web.errors import problems

OPERATOR = 7_100_000_004  # Diego


@pytest.fixture(autouse=True)
def log() -> Iterator[io.StringIO]:
    """What is logged: one JSON object a line, with the tracebacks that production would show."""
    lines = io.StringIO()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(lines),
    )
    yield lines
    structlog.reset_defaults()


@pytest.fixture(scope="session")
async def pool() -> AsyncIterator[ImagePool]:
    async with ImagePool() as pool:
        yield pool


@pytest.fixture
def drafts(pool: ImagePool, tmp_path: Path) -> Drafts:
    storage = Storage.from_url(str(tmp_path / "storage"))
    return Drafts(pool, storage, ImageLimits(), maximum=12, ttl=timedelta(days=7))


@pytest.fixture
def time_scale() -> float:
    """Real seconds in one of Telegram's: a callback query then lives for 3 s, which is long enough here."""
    return 0.2


@pytest.fixture
def telegram(settings: Settings, time_scale: float) -> TelegramEmulator:
    token = settings.telegram_bot_token.get_secret_value()
    return TelegramEmulator(token, limits=None, time_scale=time_scale)


@pytest.fixture
async def telegram_url(telegram: TelegramEmulator) -> AsyncIterator[str]:
    async with TestServer(telegram.app()) as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.fixture
def door() -> Iterator[socket.socket]:
    """Where the bot will listen: its address is a setting before it does."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        yield listening


@pytest.fixture
def bot_settings(settings: Settings, telegram_url: str, door: socket.socket) -> Settings:
    return settings.model_copy(
        update={
            "telegram_api_url": telegram_url,
            "public_url": f"http://127.0.0.1:{door.getsockname()[1]}",
            "welcome_stars": 40,
            "photos_max": 12,
            "admin_ids": frozenset({OPERATOR}),
        }
    )


@pytest.fixture
async def bot(bot_settings: Settings) -> AsyncIterator[Bot]:
    bot = create_bot(bot_settings)
    yield bot
    await hang_up(bot)


@pytest.fixture
def dispatcher(bot_settings: Settings, drafts: Drafts) -> Dispatcher:
    return create_dispatcher(bot_settings, drafts, bot_settings.temporary_dir, Styles(bot_settings.styles))


@pytest.fixture
async def selfi(
    *,
    db: BaseDBAsyncClient,
    telegram: TelegramEmulator,
    bot: Bot,
    dispatcher: Dispatcher,
    bot_settings: Settings,
    door: socket.socket,
) -> AsyncIterator[Selfi]:
    app = web.Application(middlewares=[problems])
    app.router.add_post(PATH, webhook(bot, dispatcher, bot_settings))
    server = TestServer(app, socket_factory=lambda *_: door)
    async with server:
        await set_webhook(bot, dispatcher, bot_settings)
        yield Selfi(telegram, bot, dispatcher, bot_settings, str(server.make_url(PATH)))
        await telegram.core.webhook.close()


@pytest.fixture
def ana(selfi: Selfi) -> Chat:
    """Speaks English."""
    return Chat(selfi.telegram, "Ana")


@pytest.fixture
def beto(selfi: Selfi) -> Chat:
    """Habla español."""
    return Chat(selfi.telegram, "Beto")


@pytest.fixture
def diego(selfi: Selfi) -> Chat:
    """Operates, in English here."""
    selfi.telegram.person("Diego").language = "en"
    return Chat(selfi.telegram, "Diego")
