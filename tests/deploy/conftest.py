"""The real application behind the real nginx, with the emulated Telegram and fal beside them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from tortoise.backends.base.client import BaseDBAsyncClient

from bot.app import create_bot, create_dispatcher
from bot.invoices import InvoiceLinks
from bot.webhook import set_webhook, webhook
from config import Settings
from fal import Fal, WebhookVerifier
from media.images import ImageLimits
from media.pool import ImagePool
from media.storage import Storage
from models.payment import Till
from models.photo import Drafts
from models.styles import Styles
from sandbox.fal import FalEmulator
from sandbox.telegram import TelegramEmulator
from tests.bot.chats import hang_up
from tests.conftest import required
from tests.deploy.nginx import Nginx, free_port, installed
from tests.people import ANA, init_data, settle_in
from web.app import create_app, serving
from web.events import RunEvents


@pytest.fixture(scope="session")
def nginx_program() -> str:
    return required("nginx")


@dataclass
class Selfi:
    """`http` speaks to nginx."""

    nginx: Nginx
    http: aiohttp.ClientSession
    telegram: TelegramEmulator
    fal: FalEmulator
    settings: Settings

    @property
    def ana(self) -> dict[str, str]:
        """Ana's proof of identity."""
        return {"Authorization": f"tma {init_data(ANA, self.settings.telegram_bot_token.get_secret_value())}"}


@pytest.fixture(scope="session")
async def image_pool() -> AsyncIterator[ImagePool]:
    async with ImagePool(workers=2) as pool:
        yield pool


@asynccontextmanager
async def served(emulator: TelegramEmulator | FalEmulator) -> AsyncIterator[str]:
    async with TestServer(emulator.app()) as server:
        yield str(server.make_url("")).rstrip("/")


@asynccontextmanager
async def application(settings: Settings, pool: ImagePool, dsn: str) -> AsyncIterator[int]:
    """What main.py joins for the HTTP side, Telegram's webhook included, on a port of its own."""
    fal = Fal(
        key=settings.fal_key.get_secret_value(),
        queue_url=settings.fal_queue_url,
        rest_url=settings.fal_rest_url,
        cdn_url=settings.fal_cdn_url,
        api_url=settings.fal_api_url,
    )
    verifier = WebhookVerifier(settings.fal_rest_url)
    limits = ImageLimits(
        max_bytes=settings.photo_max_bytes,
        max_pixels=settings.photo_max_pixels,
        min_side=settings.photo_min_side,
    )
    storage = Storage.from_url(settings.storage)
    drafts = Drafts(pool, storage, limits, maximum=settings.photos_max, ttl=settings.draft_ttl)
    dispatcher = create_dispatcher(settings, drafts, settings.temporary_dir, Styles(settings.styles))
    async with create_bot(settings).context(auto_close=False) as bot, RunEvents(dsn) as events:
        app = create_app(
            settings,
            drafts=drafts,
            fal=fal,
            verifier=verifier,
            events=events,
            bot_username=lambda: "selfi_test_bot",
            invoice_link=InvoiceLinks(bot, Till(**settings.till)),
            styles=Styles(settings.styles),
            telegram_webhook=webhook(bot, dispatcher, settings),
        )
        async with serving(app, "127.0.0.1", 0) as port:
            await set_webhook(bot, dispatcher, settings)
            yield port
        await hang_up(bot)
    await fal.close()
    await verifier.close()


@pytest.fixture
async def selfi(
    *,
    settings: Settings,
    nginx_program: str,
    image_pool: ImagePool,
    db: BaseDBAsyncClient,
    _migrated: str,
    tmp_path: Path,
) -> AsyncIterator[Selfi]:
    await settle_in()
    telegram = TelegramEmulator(settings.telegram_bot_token.get_secret_value(), limits=None)
    fal = FalEmulator(training_seconds=1.0, webhook_seconds=0.0)
    port = free_port()
    async with served(telegram) as telegram_url, served(fal) as fal_url:
        settings = settings.model_copy(
            update={
                "public_url": f"http://127.0.0.1:{port}",
                "telegram_api_url": telegram_url,
                "fal_queue_url": f"{fal_url}/queue",
                "fal_rest_url": f"{fal_url}/rest",
                "fal_cdn_url": f"{fal_url}/cdn",
                "fal_api_url": f"{fal_url}/api/v1",
            }
        )
        async with application(settings, image_pool, _migrated) as upstream:
            nginx = installed(
                nginx_program, tmp_path / "nginx", "nginx-plain.conf", port=port, upstream=upstream
            )
            async with nginx.running(), aiohttp.ClientSession(nginx.url) as http:
                yield Selfi(nginx, http, telegram, fal, settings)
                await telegram.core.webhook.close()
