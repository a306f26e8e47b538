"""Webhooks, signed as https://fal.ai/docs/model-apis/webhooks says, and retried until they are taken."""

import asyncio
import base64
import hashlib
import json
import secrets
import time
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, InvalidURL
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sandbox.fal.background import Background
from sandbox.fal.errors import Outcome
from sandbox.fal.faults import Fault, Faults
from sandbox.fal.queue import Request, iso, now

RETRIES = 10
RETRY_SECONDS = 7.0
"""Before the first retry, doubled before each one after it: ten retries take two hours."""

_TIMEOUT = ClientTimeout(total=15)
_STALE_SECONDS = 3600
_PAYLOAD_ERROR = (
    "Response payload is not JSON serializable. Either return a JSON serializable object or use the queue."
)


class Signer:
    """fal's own keys and the account's user id.

    Two keys are published, as while keys are rotated, and the second one signs: a check has to try each.
    """

    def __init__(self) -> None:
        self._published = [Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()]
        self._stranger = Ed25519PrivateKey.generate()
        self._user_id = f"sandbox-{secrets.token_hex(6)}"

    def jwks(self) -> dict[str, Any]:
        return {"keys": [_jwk(key, str(number)) for number, key in enumerate(self._published)]}

    def headers(self, request_id: str, body: bytes, *, age: int = 0, forged: bool = False) -> dict[str, str]:
        """The four headers for a body sent `age` seconds ago."""
        timestamp = str(int(time.time()) - age)
        digest = hashlib.sha256(body).hexdigest()
        message = f"{request_id}\n{self._user_id}\n{timestamp}\n{digest}".encode()
        key = self._stranger if forged else self._published[-1]
        return {
            "X-Fal-Webhook-Request-Id": request_id,
            "X-Fal-Webhook-User-Id": self._user_id,
            "X-Fal-Webhook-Timestamp": timestamp,
            "X-Fal-Webhook-Signature": key.sign(message).hex(),
        }


class Webhooks:
    """Delivers what requests ended with, `first_seconds` after the end; `retry_factor` is on the pauses."""

    def __init__(
        self,
        signer: Signer,
        *,
        faults: Faults,
        background: Background,
        first_seconds: float,
        retry_factor: float,
    ) -> None:
        self._signer = signer
        self._faults = faults
        self._background = background
        self._first_seconds = first_seconds
        self._retry_factor = retry_factor

    def send(self, session: ClientSession, request: Request) -> None:
        """Starts to deliver what the request ended with, if it asked for a webhook."""
        if request.webhook_url is None or request.outcome is None:
            return
        fault = self._faults.take("webhook", request.endpoint)
        if fault is not None and fault.do == "lost":
            return
        self._background.spawn(self._deliver(session, request, request.webhook_url, request.outcome, fault))

    async def _deliver(
        self, session: ClientSession, request: Request, url: str, outcome: Outcome, fault: Fault | None
    ) -> None:
        does = fault and fault.do
        body = json.dumps(payload(request, outcome, broken=does == "payload_error")).encode()
        await asyncio.sleep(self._first_seconds + (fault.seconds if fault and does == "late" else 0))
        if does in ("forged", "stale"):
            age = _STALE_SECONDS if does == "stale" else 0
            headers = self._signer.headers(request.request_id, body, age=age, forged=does == "forged")
            await _attempt(session, request, url, body, headers)
            return
        for _ in range(2 if does == "doubled" else 1):
            await self._until_taken(session, request, url, body)

    async def _until_taken(self, session: ClientSession, request: Request, url: str, body: bytes) -> None:
        for retry in range(RETRIES + 1):
            if retry:
                await asyncio.sleep(RETRY_SECONDS * 2 ** (retry - 1) * self._retry_factor)
            headers = self._signer.headers(request.request_id, body)
            status = await _attempt(session, request, url, body, headers)
            if status is not None and 200 <= status < 400:  # taken; a redirection has failed for good
                return


async def _attempt(
    session: ClientSession, request: Request, url: str, body: bytes, headers: dict[str, str]
) -> int | None:
    """One POST; answers and notes its status, None where there was no answer."""
    delivery: dict[str, Any] = {"at": iso(now()), "status": None, "error": None}
    request.deliveries.append(delivery)
    try:
        async with session.post(
            url,
            data=body,
            headers={"Content-Type": "application/json", **headers},
            allow_redirects=False,
            timeout=_TIMEOUT,
        ) as response:
            delivery["status"] = response.status
            return response.status
    except (ClientError, InvalidURL, TimeoutError, ValueError) as error:
        delivery["error"] = type(error).__name__
        return None


def payload(request: Request, outcome: Outcome, *, broken: bool = False) -> dict[str, Any]:
    """The webhook's body; `broken` is how fal says that the output could not be put into it."""
    ids = {"request_id": request.request_id, "gateway_request_id": request.gateway_request_id}
    if broken:
        return {**ids, "status": "OK", "payload": None, "payload_error": _PAYLOAD_ERROR}
    if outcome.status == 200:
        return {**ids, "status": "OK", "payload": outcome.body}
    error = f"Invalid status code: {outcome.status}"
    return {**ids, "status": "ERROR", "error": error, "payload": outcome.body}


def _jwk(key: Ed25519PrivateKey, key_id: str) -> dict[str, str]:
    x = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key_id, "x": x}
