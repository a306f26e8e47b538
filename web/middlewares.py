"""What surrounds every request: its id, its log line, and the headers of every answer."""

import re
import time
import uuid
from typing import Any

import structlog
from aiohttp import web

from web.errors import ProblemResponse
from web.keys import IDENTITY, REQUEST_ID, Handler

log = structlog.get_logger(__name__)

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@web.middleware
async def request_log(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Names the request, by the proxy's own id for it where it has one, and writes one line when it is over.

    The line has the route's template: a path may hold ids, and a query what nobody should read.
    """
    given = request.headers.get("X-Request-ID", "")
    request[REQUEST_ID] = given if _SANE_ID.fullmatch(given) else uuid.uuid4().hex
    began = time.perf_counter()
    # For this request only: aiohttp runs each in a task, and so a context, of its own.
    structlog.contextvars.bind_contextvars(request_id=request[REQUEST_ID])
    response = await handler(request)
    _write(request, response, time.perf_counter() - began)
    return response


@web.middleware
async def plain_bodies(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses compressed bodies (RFC 9110, 8.4): photos don't shrink, and a bomb needs no second look."""
    if request.headers.get("Content-Encoding", "identity").lower() not in {"identity", ""}:
        raise web.HTTPUnsupportedMediaType(headers={"Accept-Encoding": "identity"})
    return await handler(request)


def _write(request: web.Request, response: web.StreamResponse, seconds: float) -> None:
    resource = request.match_info.route.resource
    write = log.warning if response.status >= 500 else log.info
    write(
        "request",
        method=request.method,
        route=resource.canonical if resource else None,
        status=response.status,
        ms=round(seconds * 1000, 1),
        **(_refusal(request, response) if isinstance(response, ProblemResponse) else {}),
    )


def _refusal(request: web.Request, response: ProblemResponse) -> dict[str, Any]:
    identity = request.get(IDENTITY)
    return {"code": response.code} | ({"user_id": identity.user_id} if identity else {})


async def common_headers(request: web.Request, response: web.StreamResponse) -> None:
    """For every answer: a stream's headers leave before its handler is over, too early for a middleware."""
    response.headers["X-Request-ID"] = request.get(REQUEST_ID, "")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("Cache-Control", "no-store")
