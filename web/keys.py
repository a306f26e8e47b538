"""What handlers find in the application and in the request, typed."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from config import Settings
from fal.webhooks import WebhookVerifier
from media.storage import Storage
from models.asking import Rates
from models.photo import Drafts
from models.styles import Styles
from models.user import Person, User
from web.answers import Answers
from web.events import RunEvents
from web.identity import Claim, InitData, Sessions
from web.provider import Provider
from web.slots import UploadSlots

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Check = Callable[[], Awaitable[Any]]
InvoiceLink = Callable[[User, int], Awaitable[str]]
"""Makes a link to an invoice for a pack, by its price."""


@dataclass(frozen=True)
class Identity:
    """Whose request it is. `person` is there with init data only: a session says no more than its claim."""

    claim: Claim
    person: Person | None

    @property
    def user_id(self) -> int:
        return self.claim.user_id


SETTINGS = web.AppKey("settings", Settings)
ANSWERS = web.AppKey("answers", Answers)
BOT_USERNAME: web.AppKey[Callable[[], str]] = web.AppKey("bot_username")
CHECKS: web.AppKey[Mapping[str, Check]] = web.AppKey("checks")
DRAFTS = web.AppKey("drafts", Drafts)
EVENTS = web.AppKey("events", RunEvents)
INIT_DATA = web.AppKey("init_data", InitData)
INVOICE_LINK: web.AppKey[InvoiceLink] = web.AppKey("invoice_link")
MINIAPP = web.AppKey("miniapp", Path)
OPENAPI = web.AppKey("openapi", str)
PROVIDER = web.AppKey("provider", Provider)
RATES = web.AppKey("rates", Rates)
SESSIONS = web.AppKey("sessions", Sessions)
STORAGE = web.AppKey("storage", Storage)
SPOOL = web.AppKey("spool", Path)
STYLES = web.AppKey("styles", Styles)
TELEGRAM_WEBHOOK: web.AppKey[Handler | None] = web.AppKey("telegram_webhook")
UPLOAD_SLOTS = web.AppKey("upload_slots", UploadSlots)
VERIFIER = web.AppKey("verifier", WebhookVerifier)

IDENTITY = web.RequestKey("identity", Identity)
REQUEST_ID = web.RequestKey("request_id", str)
