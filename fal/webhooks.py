"""fal's webhooks: proves that one is fal's, then reads it.

The rules are fal's: https://fal.ai/docs/documentation/model-apis/inference/webhooks
"""

import asyncio
import base64
import hashlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cryptography.exceptions
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, Field, ValidationError

from fal.errors import FalError, Unavailable, error_of_run
from fal.transport import http_client, json_object

TOLERANCE = 300

_SIGNED_HEADERS = ("request-id", "user-id", "timestamp", "signature")
_SECONDS = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"[0-9a-fA-F]{128}")


class InvalidSignature(Exception):
    """The call isn't fal's, or not fresh. `reason` is safe to log and says nothing of a key."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class WebhookVerifier:
    """Checks signatures against fal's published keys, which it fetches when first needed and keeps.

    Keys serve for `max_key_age` seconds, which fal wants to be 24 hours at most. When none of them fits they
    are fetched again, since fal may have changed them, but no sooner than `refetch_after` seconds after the
    last time (`retry_after`, where that failed): a flood of forged calls costs fal next to nothing. Call
    `close` when done.
    """

    def __init__(
        self,
        rest_url: str,
        *,
        timeout: float = 10.0,
        max_key_age: float = 24 * 3600,
        refetch_after: float = 60.0,
        retry_after: float = 5.0,
    ) -> None:
        self._url = f"{rest_url.rstrip('/')}/.well-known/jwks.json"
        self._http = http_client(timeout=timeout)
        self._max_key_age = max_key_age
        self._refetch_after = refetch_after
        self._retry_after = retry_after
        self._lock = asyncio.Lock()
        self._keys: Sequence[Ed25519PublicKey] = ()
        self._fresh_until = 0.0
        self._next_fetch = 0.0

    async def close(self) -> None:
        await self._http.aclose()

    async def verify(self, headers: Mapping[str, str], body: bytes, now: float | None = None) -> None:
        """Returns if fal signed this body, and no more than 300 seconds from now.

        Args:
            headers: the request's, names in any case.
            body: its bytes exactly as they came.
            now: Unix time, by default the machine's clock.

        Raises:
            InvalidSignature: a header is missing or malformed, the time is off, or no key fits.
            Unavailable: fal's keys can't be had; answer 5xx, and fal calls again.
        """
        signature, message = _signed(headers, body, time.time() if now is None else now)
        keys = await self._current_keys()
        if _fits(keys, signature, message):
            return
        newer = await self._newer_keys(keys)
        if newer is keys or not _fits(newer, signature, message):
            raise InvalidSignature("none of fal's keys made the signature")

    async def _current_keys(self) -> Sequence[Ed25519PublicKey]:
        if time.monotonic() < self._fresh_until:
            return self._keys
        async with self._lock:
            if time.monotonic() >= self._fresh_until:
                if time.monotonic() < self._next_fetch:
                    raise Unavailable(
                        "fal.ai's webhook keys could not be fetched a moment ago.", code="no_keys"
                    )
                await self._fetch()
        return self._keys

    async def _newer_keys(self, tried: Sequence[Ed25519PublicKey]) -> Sequence[Ed25519PublicKey]:
        """The keys after one more fetch, or another call's; the same object where it is too soon for one."""
        async with self._lock:
            if self._keys is tried and time.monotonic() >= self._next_fetch:
                await self._fetch()
        return self._keys

    async def _fetch(self) -> None:
        try:
            keys = tuple(_keys_in(json_object(await self._http.get(self._url))))
            if not keys:
                raise Unavailable("fal.ai's key list holds no Ed25519 key.", code="no_keys")
        except FalError as error:
            self._next_fetch = time.monotonic() + self._retry_after
            raise Unavailable(
                f"fal.ai's webhook keys can't be fetched: {error.detail}", code="no_keys"
            ) from error
        now = time.monotonic()
        self._keys, self._fresh_until, self._next_fetch = (
            keys,
            now + self._max_key_age,
            now + self._refetch_after,
        )


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """What a webhook says of its run.

    `ok` with a `payload` is the run's output; `ok` without one means that fal could not put it into the
    webhook: fetch the result. Not `ok` comes with the `error`.
    """

    request_id: str
    gateway_request_id: str | None
    ok: bool
    payload: dict[str, Any] | None
    error: FalError | None


def parse(body: bytes) -> WebhookEvent:
    """Reads a webhook that has been verified.

    Raises:
        ValueError: it isn't one; the sentence says which field is wrong, and repeats nothing of the body.
    """
    try:
        wire = _Wire.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the body"
        raise ValueError(f"Not a webhook of fal's: {place}: {first['msg']}.") from None
    ok = wire.status == "OK"
    return WebhookEvent(
        request_id=wire.request_id,
        gateway_request_id=wire.gateway_request_id,
        ok=ok,
        payload=wire.payload if ok and isinstance(wire.payload, dict) and not wire.payload_error else None,
        error=None if ok else error_of_run(wire.error, wire.error_type, wire.payload),
    )


class _Wire(BaseModel):
    request_id: str = Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_-]+$")
    gateway_request_id: str | None = None
    status: Literal["OK", "ERROR"]
    payload: Any = None
    payload_error: str | None = None
    error: str | None = None
    error_type: str | None = None


def _signed(headers: Mapping[str, str], body: bytes, now: float) -> tuple[bytes, bytes]:
    """The signature and the message it must be of, once everything that needs no key has been checked."""
    lowered = {name.lower(): value for name, value in headers.items()}
    names = [f"x-fal-webhook-{name}" for name in _SIGNED_HEADERS]
    if missing := [name for name in names if not lowered.get(name)]:
        raise InvalidSignature(f"no {missing[0]} header")
    request_id, user_id, timestamp, signature = (lowered[name] for name in names)
    if not _SECONDS.fullmatch(timestamp):
        raise InvalidSignature("the timestamp is not a number of seconds")
    if abs(int(now) - int(timestamp)) > TOLERANCE:
        raise InvalidSignature(f"the timestamp is more than {TOLERANCE} seconds off")
    if not _SIGNATURE.fullmatch(signature):
        raise InvalidSignature("the signature is not 64 bytes in hex")
    message = "\n".join((request_id, user_id, timestamp, hashlib.sha256(body).hexdigest()))
    # A header's bytes that are no UTF-8 come from aiohttp as surrogates.
    return bytes.fromhex(signature), message.encode("utf-8", "surrogateescape")


def _fits(keys: Sequence[Ed25519PublicKey], signature: bytes, message: bytes) -> bool:
    return any(_made(key, signature, message) for key in keys)


def _made(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except cryptography.exceptions.InvalidSignature:
        return False
    return True


def _keys_in(jwks: Mapping[str, object]) -> Iterator[Ed25519PublicKey]:
    """The Ed25519 keys of a JSON Web Key set (RFC 8037); an entry that isn't one is passed over."""
    entries = jwks.get("keys")
    for entry in entries if isinstance(entries, list) else []:
        x = entry.get("x") if isinstance(entry, dict) else None
        if isinstance(x, str):
            try:
                yield Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(x + "=" * (-len(x) % 4)))
            except ValueError:
                continue
