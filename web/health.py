"""/healthz: the process lives. /readyz: it can do its work."""

import asyncio
from typing import Literal

import structlog
from aiohttp import web

from web import schemas
from web.bodies import json_answer
from web.keys import CHECKS, Check

log = structlog.get_logger(__name__)

_CHECK_SECONDS = 3.0


async def live(_: web.Request) -> web.Response:
    return json_answer(schemas.Health(status="ok"))


async def ready(request: web.Request) -> web.Response:
    """Runs every check at once; one is failing that raises, answers False, or takes too long."""
    checks = request.app[CHECKS]
    results = await asyncio.gather(*(_result(name, check) for name, check in checks.items()))
    good = all(result == "ok" for result in results)
    answer = schemas.Readiness(
        status="ready" if good else "not ready", checks=dict(zip(checks, results, strict=True))
    )
    return json_answer(answer, status=200 if good else 503)


async def _result(name: str, check: Check) -> Literal["ok", "failing"]:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            if await check() is not False:
                return "ok"
            log.warning("check_failed", check=name)
    except Exception as e:  # noqa: BLE001 — whatever is wrong, the answer is that it fails
        log.warning("check_failed", check=name, error=type(e).__name__)
    return "failing"
