"""What Telegram and fal call: each proves itself by its own secret or signature."""

import hmac

import structlog
from aiohttp import web

from fal.errors import Unavailable as FalUnavailable
from fal.webhooks import InvalidSignature, parse
from models.errors import NotFound, Unauthenticated, Unavailable
from models.generation import Generation
from models.run import Run
from models.settlement import hear
from models.training import Training
from web.bodies import name_in_logs, path_id, read_body
from web.errors import Malformed
from web.keys import SETTINGS, TELEGRAM_WEBHOOK, VERIFIER

log = structlog.get_logger(__name__)

_LARGEST_WEBHOOK = 10 * 1024 * 1024


async def telegram(request: web.Request) -> web.StreamResponse:
    handler = request.app[TELEGRAM_WEBHOOK]
    if handler is None:
        raise NotFound("Updates are polled here: there is no webhook.", code="no_webhook")
    return await handler(request)


async def fal_training(request: web.Request) -> web.Response:
    return await _fal(request, Training)


async def fal_generation(request: web.Request) -> web.Response:
    return await _fal(request, Generation)


async def _fal(request: web.Request, kind: type[Run]) -> web.Response:
    """fal calls again after every answer but a 2xx, so that one that we can't take now isn't lost."""
    run_id = path_id(request, NotFound(f"There is no such {kind.kind}.", code=f"{kind.kind}_not_found"))
    settings = request.app[SETTINGS]
    given = request.query.get("proof", "").encode(errors="surrogateescape")
    if not hmac.compare_digest(given, settings.fal_webhook_proof(run_id).encode()):
        log.warning("webhook_refused", reason="the proof in its address is missing or wrong")
        raise Unauthenticated("This address was not given to fal.ai by us.", code="proof_invalid")
    name_in_logs(kind, run_id)
    body = await read_body(request, _LARGEST_WEBHOOK)
    await _verify(request, body)
    try:
        event = parse(body)
    except ValueError as e:
        raise Malformed(str(e), code="malformed_webhook") from e
    await hear(kind, run_id, event, settings.sample_pictures)
    return web.Response(status=200)


async def _verify(request: web.Request, body: bytes) -> None:
    try:
        await request.app[VERIFIER].verify(request.headers, body)
    except InvalidSignature as e:
        log.warning("webhook_refused", reason=e.reason)
        raise Unauthenticated("This is not signed by fal.ai.", code="signature_invalid") from e
    except FalUnavailable as e:
        log.warning("webhook_unverified", detail=e.detail)
        raise Unavailable("fal.ai's keys can't be had just now.", code="provider_keys_unavailable") from e
