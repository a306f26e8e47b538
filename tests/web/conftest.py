from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from tortoise.backends.base.client import BaseDBAsyncClient

from bot.app import create_bot
from bot.invoices import InvoiceLinks
from config import Settings
from fal.client import Fal
from fal.webhooks import WebhookVerifier
from media.images import ImageLimits
from media.pool import ImagePool
from media.storage import Storage
from models.payment import Till
from models.photo import Drafts
from models.styles import Styles
from sandbox.fal import FalEmulator
from tests.bot.chats import hang_up
from tests.people import settle_in
from web.app import create_app, create_runner
from web.events import RunEvents


class Server(TestServer):
    """Runs the application as `main.py` does."""

    async def _make_runner(self, **_: Any) -> web.BaseRunner:
        return create_runner(self.app)


Client = TestClient[web.Request, web.Application]
Serve = Callable[..., Awaitable[Client]]


@pytest.fixture
def emulator() -> FalEmulator:
    return FalEmulator(training_seconds=1.0, webhook_seconds=0.0)


@pytest.fixture
async def fal_settings(settings: Settings, emulator: FalEmulator) -> AsyncIterator[Settings]:
    """The settings, pointing at a fal of our own."""
    server = TestServer(emulator.app())
    await server.start_server(access_log=None)
    base = str(server.make_url("")).rstrip("/")
    yield settings.model_copy(
        update={
            "fal_queue_url": f"{base}/queue",
            "fal_rest_url": f"{base}/rest",
            "fal_cdn_url": f"{base}/cdn",
            "fal_api_url": f"{base}/api/v1",
        }
    )
    await server.close()


@pytest.fixture(scope="session")
async def image_pool() -> AsyncIterator[ImagePool]:
    async with ImagePool(workers=2) as pool:
        yield pool


@pytest.fixture
async def serve(
    fal_settings: Settings,
    db: BaseDBAsyncClient,
    image_pool: ImagePool,
    tmp_path: Path,
    dsn: str,
) -> AsyncIterator[Serve]:
    """Serves the application on a real socket; settings and parts can be replaced."""
    started: list[Callable[[], Awaitable[None]]] = []

    async def start(*, events: RunEvents | None = None, fal: Fal | None = None, **changes: object) -> Client:
        changes.setdefault("bot_username", lambda: "selfi_test_bot")
        parts = {name: changes.pop(name) for name in PARTS if name in changes}
        settings = fal_settings.model_copy(update=changes)
        fal = fal or Fal(
            key="test-key",
            queue_url=settings.fal_queue_url,
            rest_url=settings.fal_rest_url,
            cdn_url=settings.fal_cdn_url,
            api_url=settings.fal_api_url,
        )
        verifier = WebhookVerifier(settings.fal_rest_url, retry_after=0)
        bot = create_bot(settings)
        started.append(lambda: hang_up(bot))
        drafts = Drafts(
            pool=image_pool,
            storage=Storage.from_url(str(tmp_path / "objects")),
            limits=ImageLimits(
                max_bytes=settings.photo_max_bytes,
                max_pixels=settings.photo_max_pixels,
                min_side=settings.photo_min_side,
            ),
            maximum=settings.photos_max,
            ttl=settings.draft_ttl,
        )
        own_events = events or RunEvents(dsn, retry_seconds=0.02)
        if events is None:
            await own_events.__aenter__()
            started.append(lambda: own_events.__aexit__(None, None, None))
        app = create_app(
            settings,
            drafts=drafts,
            fal=fal,
            verifier=verifier,
            events=own_events,
            invoice_link=InvoiceLinks(bot, Till(**settings.till)),
            styles=Styles(settings.styles),
            **parts,  # type: ignore[arg-type]  # one of PARTS each, as the test gave it
        )
        server = Server(app)
        await server.start_server()
        client: Client = TestClient(server)
        started.extend([fal.close, verifier.close, client.close])
        return client

    yield start
    for close in reversed(started):
        await close()


PARTS = ("bot_username", "telegram_webhook", "checks", "miniapp")


@pytest.fixture
async def client(serve: Serve) -> Client:
    return await serve()


@pytest.fixture
async def cast(db: BaseDBAsyncClient) -> None:
    await settle_in()
