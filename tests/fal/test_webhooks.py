import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fal import InvalidSignature, Rejected, Unavailable, WebhookVerifier, parse_webhook
from tests.fal.fake_fal import FakeFal, answer, drop, text

JWKS = "/rest/.well-known/jwks.json"
NOW = 1_700_000_000.0
BODY = b'{"request_id":"r-1","status":"OK","payload":{}}'


class Signer:
    """fal's side: a key, and headers signed with it."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()

    def headers(
        self, body: bytes = BODY, timestamp: str = str(int(NOW)), user: str = "u-1"
    ) -> dict[str, str]:
        message = "\n".join(("r-1", user, timestamp, hashlib.sha256(body).hexdigest()))
        return {
            "X-Fal-Webhook-Request-Id": "r-1",
            "X-Fal-Webhook-User-Id": user,
            "X-Fal-Webhook-Timestamp": timestamp,
            "X-Fal-Webhook-Signature": self._key.sign(message.encode()).hex(),
        }

    def jwk(self) -> dict[str, str]:
        x = base64.urlsafe_b64encode(self._key.public_key().public_bytes_raw()).rstrip(b"=").decode()
        return {"kty": "OKP", "crv": "Ed25519", "x": x}


SIGNER = Signer()
OLD_SIGNER = Signer()


def jwks(*signers: Signer) -> dict[str, Any]:
    odd = [{"kty": "RSA"}, {"x": 7}, {"x": "AAAA"}, {"x": "é"}, "garbage"]
    return {"keys": [*odd, *(signer.jwk() for signer in signers)]}


@pytest.fixture
async def verifier(fake_fal: FakeFal) -> AsyncIterator[WebhookVerifier]:
    fake_fal.on("GET", JWKS, answer(jwks(OLD_SIGNER, SIGNER)))
    verifier = WebhookVerifier(f"{fake_fal.url}/rest", timeout=5.0)
    yield verifier
    await verifier.close()


async def test_fals_own_call_passes(verifier: WebhookVerifier, fake_fal: FakeFal) -> None:
    await verifier.verify(SIGNER.headers(), BODY, NOW)
    await verifier.verify(OLD_SIGNER.headers(), BODY, NOW)
    await verifier.verify({name.lower(): value for name, value in SIGNER.headers().items()}, BODY, NOW)

    assert fake_fal.count("GET") == 1
    assert "authorization" not in fake_fal.received[0].headers


@pytest.mark.parametrize("seconds", [-300, 300])
async def test_five_minutes_are_near_enough(verifier: WebhookVerifier, seconds: int) -> None:
    await verifier.verify(SIGNER.headers(timestamp=str(int(NOW) + seconds)), BODY, NOW)


@pytest.mark.parametrize("seconds", [-301, 301])
async def test_more_than_five_minutes_are_not(verifier: WebhookVerifier, seconds: int) -> None:
    with pytest.raises(InvalidSignature, match="300 seconds"):
        await verifier.verify(SIGNER.headers(timestamp=str(int(NOW) + seconds)), BODY, NOW)


@pytest.mark.parametrize("name", list(SIGNER.headers()))
@pytest.mark.parametrize("value", [None, ""])
async def test_each_header_is_needed(verifier: WebhookVerifier, name: str, value: str | None) -> None:
    headers = SIGNER.headers()
    del headers[name]
    if value is not None:
        headers[name] = value

    with pytest.raises(InvalidSignature, match=name.lower()):
        await verifier.verify(headers, BODY, NOW)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Fal-Webhook-Signature", "zz" * 64),
        ("X-Fal-Webhook-Signature", "ab" * 63),
        ("X-Fal-Webhook-Signature", "ab" * 64 + "\n"),
        ("X-Fal-Webhook-Timestamp", "soon"),
        ("X-Fal-Webhook-Timestamp", "-1"),
        ("X-Fal-Webhook-Timestamp", "1" * 5000),
        ("X-Fal-Webhook-Timestamp", "١٧٠٠٠٠٠٠٠٠"),
    ],
)
async def test_malformed_headers_cost_fal_nothing(
    verifier: WebhookVerifier, fake_fal: FakeFal, name: str, value: str
) -> None:
    with pytest.raises(InvalidSignature):
        await verifier.verify({**SIGNER.headers(), name: value}, BODY, NOW)

    assert fake_fal.received == []


async def test_another_key_is_refused(verifier: WebhookVerifier) -> None:
    with pytest.raises(InvalidSignature, match="none of fal's keys"):
        await verifier.verify(Signer().headers(), BODY, NOW)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(min_size=1, max_size=200), data=st.data())
async def test_any_changed_byte_is_refused(
    verifier: WebhookVerifier, body: bytes, data: st.DataObject
) -> None:
    headers = SIGNER.headers(body)
    await verifier.verify(headers, body, NOW)
    flip = data.draw(st.integers(1, 255))
    target = data.draw(st.sampled_from(["body", "signature", "request-id", "user-id"]))
    if target == "body":
        body = changed(body, data.draw(st.integers(0, len(body) - 1)), flip)
    elif target == "signature":
        signature = bytes.fromhex(headers["X-Fal-Webhook-Signature"])
        headers["X-Fal-Webhook-Signature"] = changed(signature, data.draw(st.integers(0, 63)), flip).hex()
    else:
        name = "X-Fal-Webhook-Request-Id" if target == "request-id" else "X-Fal-Webhook-User-Id"
        value = headers[name].encode()
        tampered = changed(value, data.draw(st.integers(0, len(value) - 1)), flip)
        headers[name] = tampered.decode("utf-8", "surrogateescape")

    with pytest.raises(InvalidSignature):
        await verifier.verify(headers, body, NOW)


def changed(value: bytes, index: int, flip: int) -> bytes:
    return value[:index] + bytes([value[index] ^ flip]) + value[index + 1 :]


async def test_forged_calls_dont_make_us_hammer_fal(verifier: WebhookVerifier, fake_fal: FakeFal) -> None:
    forged = [verifier.verify(Signer().headers(), BODY, NOW) for _ in range(50)]
    errors = await asyncio.gather(*forged, return_exceptions=True)

    assert {type(error) for error in errors} == {InvalidSignature}
    assert fake_fal.count("GET") == 1


async def test_new_keys_are_fetched_when_none_fits(fake_fal: FakeFal) -> None:
    fake_fal.on("GET", JWKS, answer(jwks(OLD_SIGNER)))
    verifier = WebhookVerifier(f"{fake_fal.url}/rest", timeout=5.0, refetch_after=0)
    await verifier.verify(OLD_SIGNER.headers(), BODY, NOW)
    fake_fal.on("GET", JWKS, answer(jwks(SIGNER)))

    calls = [verifier.verify(SIGNER.headers(), BODY, NOW) for _ in range(20)]
    await asyncio.gather(*calls)

    assert fake_fal.count("GET") == 2
    with pytest.raises(InvalidSignature):
        await verifier.verify(OLD_SIGNER.headers(), BODY, NOW)
    await verifier.close()


async def test_keys_are_fetched_once_for_all_who_wait(verifier: WebhookVerifier, fake_fal: FakeFal) -> None:
    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.05)
        return web.json_response(jwks(SIGNER))

    fake_fal.on("GET", JWKS, slow)

    await asyncio.gather(*(verifier.verify(SIGNER.headers(), BODY, NOW) for _ in range(20)))

    assert fake_fal.count("GET") == 1


@pytest.mark.parametrize(
    "reply", [drop, text("nginx", 503), answer({}, 404), answer({"keys": []}), answer([])]
)
async def test_without_keys_nobody_can_tell(fake_fal: FakeFal, reply: Any) -> None:
    fake_fal.on("GET", JWKS, reply)
    verifier = WebhookVerifier(f"{fake_fal.url}/rest", timeout=5.0, retry_after=0.5)

    for _ in range(3):
        with pytest.raises(Unavailable) as raised:
            await verifier.verify(SIGNER.headers(), BODY, NOW)
        assert raised.value.code == "no_keys"
    assert fake_fal.count("GET") == 1

    fake_fal.on("GET", JWKS, answer(jwks(SIGNER)))
    await asyncio.sleep(0.6)
    await verifier.verify(SIGNER.headers(), BODY, NOW)
    await verifier.close()


async def test_keys_serve_no_longer_than_they_may(fake_fal: FakeFal) -> None:
    fake_fal.on("GET", JWKS, answer(jwks(SIGNER)))
    verifier = WebhookVerifier(f"{fake_fal.url}/rest", timeout=5.0, max_key_age=0.05, refetch_after=0)
    await verifier.verify(SIGNER.headers(), BODY, NOW)
    fake_fal.on("GET", JWKS, text("nginx", 503))
    await verifier.verify(SIGNER.headers(), BODY, NOW)
    await asyncio.sleep(0.06)

    with pytest.raises(Unavailable):
        await verifier.verify(SIGNER.headers(), BODY, NOW)
    await verifier.close()


def webhook(**fields: Any) -> bytes:
    return json.dumps({"request_id": "r-1", "gateway_request_id": "g-1", "status": "OK", **fields}).encode()


def test_parse_a_result() -> None:
    event = parse_webhook(webhook(payload={"a": 1}, news="ignored"))

    assert (event.request_id, event.gateway_request_id, event.ok) == ("r-1", "g-1", True)
    assert event.payload == {"a": 1}
    assert event.error is None


@pytest.mark.parametrize(
    "fields", [{"payload": None, "payload_error": "too large"}, {}, {"payload": [1]}, {"payload": None}]
)
def test_parse_a_result_that_has_to_be_fetched(fields: dict[str, Any]) -> None:
    event = parse_webhook(webhook(**fields))

    assert (event.ok, event.payload, event.error) == (True, None, None)


def test_parse_an_error() -> None:
    detail = [{"loc": ["body", "images_data_url"], "msg": "Not a zip", "type": "invalid_archive"}]
    event = parse_webhook(
        webhook(status="ERROR", error="Invalid status code: 422", payload={"detail": detail})
    )

    assert (event.ok, event.payload) == (False, None)
    assert isinstance(event.error, Rejected)
    assert event.error.code == "invalid_archive"


def test_parse_an_error_of_fals_own() -> None:
    event = parse_webhook(webhook(status="ERROR", error="Invalid status code: 504", payload="oops"))

    assert isinstance(event.error, Unavailable)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "the body"),
        (b"secret", "the body"),
        (b"[]", "the body"),
        (b"[" * 100_000, "the body"),
        (b'{"status":"OK"}', "request_id"),
        (webhook(request_id=""), "request_id"),
        (webhook(request_id="../secret"), "request_id"),
        (webhook(status="secret"), "status"),
        (webhook(error={"secret": 1}), "error"),
    ],
)
def test_parse_says_what_is_wrong(body: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"Not a webhook of fal's: {sentence}") as raised:
        parse_webhook(body)

    assert "secret" not in str(raised.value)


fields = st.sampled_from(["request_id", "gateway_request_id", "status", "payload", "payload_error", "error"])
values = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.sampled_from(["OK", "ERROR", "detail"])
    | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.just("detail") | fields, inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.binary(max_size=100) | st.dictionaries(fields, values).map(lambda value: json.dumps(value).encode())
)
def test_garbage_is_a_value_error(body: bytes) -> None:
    with suppress(ValueError):
        event = parse_webhook(body)
        assert event.request_id
        assert event.ok == (event.error is None)
