"""The HTTP side as one application; `main.py` gives it what it needs and runs it."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import structlog
from aiohttp import web

from config import Settings
from fal.client import Fal
from fal.webhooks import WebhookVerifier
from models.asking import Rates
from models.photo import Drafts
from models.styles import Styles
from models.turns import Turns
from web import keys, openapi
from web.answers import Answers
from web.auth import identified
from web.errors import problems
from web.events import RunEvents
from web.identity import InitData, Sessions
from web.keys import Check, Handler, InvoiceLink
from web.middlewares import common_headers, plain_bodies, request_log
from web.provider import Provider
from web.routes import ROUTES
from web.slots import UploadSlots

log = structlog.get_logger(__name__)

DRAIN_SECONDS = 30.0
"""At shutdown, requests under way have so long to end."""

LARGEST_BODY = 1024 * 1024
"""Bytes, for handlers that read a body at once, such as Telegram's; ours name their own limits."""

UPLOADS_AT_ONCE = 16
"""Uploads whose photos are checked, packed and sent on at the same time; more wait."""

UPLOADS_PER_PERSON = 4
"""Uploads of one person at the same time; the Mini App makes three. More get 429."""

MINIAPP_BUILD = Path(__file__).resolve().parent.parent / "miniapp" / "dist"


@cache
def _description() -> str:
    """The same for every application; making it takes a while."""
    return json.dumps(openapi.document(ROUTES))


def create_app(
    settings: Settings,
    *,
    drafts: Drafts,
    fal: Fal,
    verifier: WebhookVerifier,
    events: RunEvents,
    bot_username: Callable[[], str],
    invoice_link: InvoiceLink,
    styles: Styles,
    telegram_webhook: Handler | None = None,
    checks: Mapping[str, Check] | None = None,
    miniapp: Path = MINIAPP_BUILD,
) -> web.Application:
    """Everything that speaks HTTP. The caller opens and closes what it passes in.

    `bot_username` answers an empty one until Telegram has told it. `telegram_webhook` handles
    `POST /telegram/webhook`, and is None where updates are polled. `checks` are what `/readyz` asks, by name:
    one is failing that raises or answers False. `miniapp` is the built app's folder.
    """
    app = web.Application(middlewares=[request_log, problems, plain_bodies], client_max_size=LARGEST_BODY)
    app[keys.SETTINGS] = settings
    app[keys.ANSWERS] = Answers(settings)
    app[keys.BOT_USERNAME] = bot_username
    app[keys.CHECKS] = checks or {}
    app[keys.DRAFTS] = drafts
    app[keys.EVENTS] = events
    app[keys.INIT_DATA] = InitData(settings.telegram_bot_token.get_secret_value(), settings.init_data_max_age)
    app[keys.INVOICE_LINK] = invoice_link
    app[keys.MINIAPP] = miniapp
    app[keys.OPENAPI] = _description()
    app[keys.RATES] = Rates(settings.stars_per_picture, Turns(**settings.turns))
    app[keys.PROVIDER] = Provider(fal, settings.admin_ids)
    app[keys.SESSIONS] = Sessions(settings.derived_secret("session"), settings.session_seconds)
    app[keys.STORAGE] = drafts.storage
    app[keys.SPOOL] = settings.temporary_dir
    app[keys.STYLES] = styles
    app[keys.TELEGRAM_WEBHOOK] = telegram_webhook
    app[keys.UPLOAD_SLOTS] = UploadSlots(at_work=UPLOADS_AT_ONCE, per_person=UPLOADS_PER_PERSON)
    app[keys.VERIFIER] = verifier
    for route in ROUTES:
        handler = identified(route.handler, renewing=route.renewing) if route.proofs else route.handler
        app.router.add_route(route.method, route.path, handler)
        if route.method == "GET" and not route.proofs:  # for probes and proxies
            app.router.add_route("HEAD", route.path, handler)
    app.on_response_prepare.append(common_headers)
    app.on_shutdown.append(_end_streams)
    return app


def create_runner(app: web.Application) -> web.AppRunner:
    """Runs the application as it is meant to be: with our own log lines, and bodies as they came.

    Left to itself, aiohttp would unpack a compressed body, and drop the line when it can't.
    """
    return web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=DRAIN_SECONDS)


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Serves while the context lasts; at its end takes no new request and lets those under way finish.

    Yields the port, which for 0 is one that was free.
    """
    runner = create_runner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound: int = runner.addresses[0][1]
        log.info("listening", host=host, port=bound)
        yield bound
    finally:
        await runner.cleanup()


async def _end_streams(app: web.Application) -> None:
    """Streams would last for minutes, and aiohttp waits for the requests that are under way."""
    app[keys.EVENTS].stop()
