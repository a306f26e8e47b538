"""Updates that Telegram delivers: `POST /telegram/webhook`.

An update is handled before it is acknowledged, so Telegram keeps what we haven't done; it delivers again
whatever isn't answered with 2xx, and nothing else of that chat before.
"""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiogram import Bot, Dispatcher
from aiogram.methods import TelegramMethod
from aiogram.types import InputFile, Update
from aiogram.types.update import UpdateTypeLookupError
from aiohttp import web
from pydantic import ValidationError

from config import Settings
from models.errors import Invalid, TooLarge, Unauthenticated

log = structlog.get_logger(__name__)

PATH = "/telegram/webhook"
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 — the header's name
MAX_BODY = 1024**2  # bytes; Telegram's own updates stay far below


async def set_webhook(bot: Bot, dispatcher: Dispatcher, settings: Settings) -> None:
    """Tells Telegram to deliver here whatever we have handlers for; what waits there is kept.

    Raises:
        TelegramAPIError: it can't be reached, or refuses the address.
    """
    await bot.set_webhook(
        f"{settings.public_url}{PATH}",
        secret_token=settings.webhook_secret,
        allowed_updates=dispatcher.resolve_used_update_types(),
        max_connections=100,
    )


def webhook(
    bot: Bot, dispatcher: Dispatcher, settings: Settings
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The route's handler. A method that one of ours returns travels in its answer.

    It raises a DomainError for what isn't Telegram's, and whatever an update's handling raises: the answer is
    no 2xx then, and Telegram delivers again.
    """
    secret = settings.webhook_secret.encode()

    async def handle(request: web.Request) -> web.Response:
        given = request.headers.get(SECRET_HEADER, "").encode(errors="surrogateescape")
        if not hmac.compare_digest(given, secret):
            log.warning("webhook_secret_wrong", remote=request.remote)
            raise Unauthenticated(f"{SECRET_HEADER} is missing or wrong.", code="webhook_secret_wrong")
        body = await _body(request)
        if body is None:
            raise TooLarge(f"An update may have {MAX_BODY} bytes.", limit=MAX_BODY)
        try:
            raw = json.loads(body)
        except (ValueError, RecursionError) as e:
            raise Invalid("The body is no JSON.", field="body", code="not_json") from e
        update = read_update(bot, raw)
        return await _handled(bot, dispatcher, update) if update else web.json_response({})

    return handle


async def _handled(bot: Bot, dispatcher: Dispatcher, update: Update) -> web.Response:
    with structlog.contextvars.bound_contextvars(update_id=update.update_id):
        try:
            answer = await dispatcher.feed_update(bot, update)
        except Exception as e:
            log.error("update_failed", kind=update.event_type, error=type(e).__name__)
            raise
    return web.json_response(_call(bot, answer) if isinstance(answer, TelegramMethod) else {})


async def _body(request: web.Request) -> bytes | None:
    """The whole body, or None where it is larger than MAX_BODY."""
    try:
        await request.content.readexactly(MAX_BODY + 1)
    except asyncio.IncompleteReadError as whole:
        return whole.partial
    return None


def read_update(bot: Bot, raw: object) -> Update | None:
    """The update, or None for one that can't be understood: logged, and then done with for ever.

    Delivered again it would be no better, and would hold up its chat.
    """
    try:
        update = Update.model_validate(raw, context={"bot": bot})
        log.debug("update_received", kind=update.event_type)
    except ValidationError as e:
        # The fields' names only: their values are a person's.
        fields = [".".join(str(part) for part in error["loc"]) for error in e.errors(include_input=False)]
        log.error("update_unreadable", fields=fields[:5])
        return None
    except UpdateTypeLookupError:
        log.warning("update_of_unknown_kind")
        return None
    if not 0 <= update.update_id < 2**63:
        log.error("update_unreadable", fields=["update_id"])
        return None
    return update


def _call(bot: Bot, method: TelegramMethod[Any]) -> dict[str, Any]:
    """A call as the webhook's answer carries it: https://core.telegram.org/bots/api#making-requests-when-getting-updates."""
    files: dict[str, InputFile] = {}
    fields = {
        name: bot.session.prepare_value(value, bot=bot, files=files)
        for name, value in method.model_dump(warnings=False).items()
    }
    return {"method": method.__api_method__} | {name: value for name, value in fields.items() if value}
