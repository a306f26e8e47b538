import asyncio
import base64
import hashlib
import itertools
import time
from datetime import datetime
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.sandbox_fal.twin import Receiver, Twin, running
from tests.waiting import until


async def _keys(twin: Twin) -> list[Ed25519PublicKey]:
    async with twin.http.get(
        f"{twin.url}/rest/.well-known/jwks.json", headers={"Authorization": ""}
    ) as response:
        keys = (await response.json())["keys"]
    encoded = [key["x"] for key in keys]
    return [
        Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(x + "=" * (-len(x) % 4))) for x in encoded
    ]


async def _is_signed(twin: Twin, headers: dict[str, str], body: bytes) -> bool:
    """The check that fal's documentation describes, without the age."""
    names = ("Request-Id", "User-Id", "Timestamp")
    parts = [headers[f"X-Fal-Webhook-{name}"] for name in names] + [hashlib.sha256(body).hexdigest()]
    signature = bytes.fromhex(headers["X-Fal-Webhook-Signature"])
    for key in await _keys(twin):
        try:
            key.verify(signature, "\n".join(parts).encode())
        except InvalidSignature:
            continue
        return True
    return False


async def test_a_success_is_delivered_and_signed(twin: Twin, receiver: Receiver) -> None:
    handle = await twin.train(webhook_url=receiver.url)
    await receiver.wait()
    [(headers, body)] = receiver.taken
    assert await _is_signed(twin, headers, body)
    assert not await _is_signed(twin, headers, body + b" ")
    assert abs(int(headers["X-Fal-Webhook-Timestamp"]) - time.time()) < 5
    assert headers["X-Fal-Webhook-Request-Id"] == handle.request_id
    assert receiver.bodies == [
        {
            "request_id": handle.request_id,
            "gateway_request_id": handle.request_id,
            "status": "OK",
            "payload": await handle.get(),
        }
    ]


async def test_a_failure_is_delivered(twin: Twin, receiver: Receiver) -> None:
    handle = await twin.train(images_data_url="http://127.0.0.1:1/a.zip", webhook_url=receiver.url)
    await receiver.wait()
    [body] = receiver.bodies
    assert body["status"] == "ERROR"
    assert body["error"] == "Invalid status code: 422"
    assert body["payload"]["detail"] == (await twin.failure(handle)).message


async def test_a_request_error_is_delivered(twin: Twin, receiver: Receiver) -> None:
    twin.emulator.fault("run", "request_error", error="runner_disconnected")
    await twin.train(webhook_url=receiver.url)
    await receiver.wait()
    [body] = receiver.bodies
    assert body["error"] == "Invalid status code: 503"
    assert body["payload"]["error_type"] == "runner_disconnected"


async def test_it_is_retried_until_it_is_taken(twin: Twin, receiver: Receiver) -> None:
    receiver.script = [500, 404, 503]
    await twin.train(webhook_url=receiver.url)
    await receiver.wait(4)
    assert len({body for _, body in receiver.taken}) == 1
    assert [await _is_signed(twin, headers, body) for headers, body in receiver.taken] == [True] * 4
    await until(lambda: _statuses(twin) == [500, 404, 503, 200])


async def test_the_pauses_double() -> None:
    async with running(retry_factor=0.003) as twin:
        await twin.train(webhook_url="http://127.0.0.1:1/nobody")
        deliveries = twin.emulator.requests[0].deliveries
        await until(lambda: len(deliveries) == 5 and bool(deliveries[-1]["error"]))
        assert {(item["status"], item["error"]) for item in deliveries} == {(None, "ClientConnectorError")}
        moments = [datetime.fromisoformat(item["at"]).timestamp() for item in deliveries]
        pauses = [after - before for before, after in itertools.pairwise(moments)]
        assert all(pause > 0.02 * 2**number for number, pause in enumerate(pauses))


async def test_it_is_given_up_after_ten_retries() -> None:
    async with running(retry_factor=0) as twin:
        await twin.train(webhook_url="http://127.0.0.1:1/nobody")
        deliveries = twin.emulator.requests[0].deliveries
        await until(lambda: len(deliveries) == 11)
        await _settled(twin)
        assert len(deliveries) == 11


async def test_a_redirection_is_for_good(twin: Twin, receiver: Receiver) -> None:
    receiver.script = [302]
    await twin.train(webhook_url=receiver.url)
    await receiver.wait()
    await _settled(twin)
    assert len(receiver.taken) == 1


async def test_a_bad_url_harms_nobody(twin: Twin) -> None:
    handle = await twin.train(webhook_url="nowhere")
    assert await handle.get(interval=0.01)


@pytest.mark.parametrize(("does", "options"), [("lost", {}), ("late", {"seconds": 60})])
async def test_a_webhook_that_doesnt_come(
    twin: Twin, receiver: Receiver, does: str, options: dict[str, Any]
) -> None:
    twin.emulator.fault("webhook", does, **options)
    await (await twin.train(webhook_url=receiver.url)).get(interval=0.01)
    await (await twin.train(webhook_url=receiver.url)).get(interval=0.01)
    await receiver.wait()
    await _settled(twin)
    assert [body["request_id"] for body in receiver.bodies] == [twin.emulator.requests[1].request_id]


async def test_a_late_webhook_comes_late(twin: Twin, receiver: Receiver) -> None:
    twin.emulator.fault("webhook", "late", seconds=0.2)
    await (await twin.train(webhook_url=receiver.url)).get(interval=0.01)
    [request] = twin.emulator.requests
    await receiver.wait()
    sent = datetime.fromisoformat(request.deliveries[0]["at"])
    assert request.ended_at
    assert (sent - request.ended_at).total_seconds() > 0.19


async def test_a_doubled_webhook(twin: Twin, receiver: Receiver) -> None:
    twin.emulator.fault("webhook", "doubled")
    await twin.train(webhook_url=receiver.url)
    await receiver.wait(2)
    assert receiver.bodies[0] == receiver.bodies[1]
    assert [await _is_signed(twin, headers, body) for headers, body in receiver.taken] == [True, True]


async def test_a_forged_webhook_is_sent_once(twin: Twin, receiver: Receiver) -> None:
    receiver.script = [401]
    twin.emulator.fault("webhook", "forged")
    await twin.train(webhook_url=receiver.url)
    await receiver.wait()
    await _settled(twin)
    [(headers, body)] = receiver.taken
    assert not await _is_signed(twin, headers, body)


async def test_a_stale_webhook_is_well_signed(twin: Twin, receiver: Receiver) -> None:
    twin.emulator.fault("webhook", "stale")
    await twin.train(webhook_url=receiver.url)
    await receiver.wait()
    [(headers, body)] = receiver.taken
    assert await _is_signed(twin, headers, body)
    assert time.time() - int(headers["X-Fal-Webhook-Timestamp"]) > 300


async def test_a_webhook_whose_payload_couldnt_be_put_in(twin: Twin, receiver: Receiver) -> None:
    twin.emulator.fault("webhook", "payload_error")
    handle = await twin.train(webhook_url=receiver.url)
    await receiver.wait()
    [body] = receiver.bodies
    assert (body["status"], body["payload"]) == ("OK", None)
    assert body["payload_error"]
    assert (await handle.get())["diffusers_lora_file"]


async def test_a_webhook_can_come_before_the_submits_answer(twin: Twin, receiver: Receiver) -> None:
    twin.emulator.fault("submit", "late", seconds=60)
    submit = asyncio.create_task(twin.train(webhook_url=receiver.url))
    await receiver.wait()
    assert not submit.done()
    submit.cancel()
    await asyncio.gather(submit, return_exceptions=True)


def _statuses(twin: Twin) -> list[int | None]:
    return [delivery["status"] for delivery in twin.emulator.requests[0].deliveries]


async def _settled(twin: Twin) -> None:
    """A whole training later."""
    await (await twin.train()).get(interval=0.01)
