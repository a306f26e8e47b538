"""What Telegram and fal call."""

import io
import json
import uuid
from typing import Any

import pytest
from aiohttp import web
from tortoise.backends.base.client import BaseDBAsyncClient

from models.ledger import LedgerEntry, LedgerKind
from models.notification import Notification
from models.training import Training, TrainStatus, move
from sandbox.fal import FalEmulator
from tests.people import started as begin
from tests.web.conftest import Client, Serve
from web.keys import SETTINGS

pytestmark = pytest.mark.usefixtures("cast")

FILE = {"url": "https://v3.fal.media/w.safetensors", "content_type": "x", "file_name": "w", "file_size": 1}


def done(request_id: str = "request-1") -> dict[str, Any]:
    payload = {"diffusers_lora_file": FILE, "config_file": {**FILE, "url": "https://v3.fal.media/c.json"}}
    return {"request_id": request_id, "gateway_request_id": request_id, "status": "OK", "payload": payload}


def failed() -> dict[str, Any]:
    detail = [{"loc": ["body"], "msg": "Bad archive", "type": "invalid_archive"}]
    return {
        "request_id": "request-1",
        "gateway_request_id": "request-1",
        "status": "ERROR",
        "error": "Invalid status code: 422",
        "payload": {"detail": detail},
    }


def webhook(client: Client, training_id: uuid.UUID | str) -> str:
    """The path that fal was given."""
    assert client.app
    if isinstance(training_id, str):
        return f"/webhooks/fal/training/{training_id}"
    return client.app[SETTINGS].fal_webhook("training", training_id)


async def call(
    client: Client, emulator: FalEmulator, path: str, body: Any, **signing: Any
) -> tuple[int, dict[str, Any]]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await client.post(path, data=raw, headers=emulator._signer.headers("request-1", raw, **signing))
    return answer.status, await answer.json() if answer.content_type.endswith("json") else {}


async def test_a_good_end(client: Client, emulator: FalEmulator) -> None:
    training = await begin()
    for _ in range(2):  # fal may call twice
        assert (await call(client, emulator, webhook(client, training.id), done()))[0] == 200
    row = await Training.get(id=training.id).select_related("lora")
    assert (row.status, row.request_id) == (TrainStatus.COMPLETED, "request-1")
    assert (row.lora.weights_url, row.lora.config_url) == (FILE["url"], "https://v3.fal.media/c.json")
    assert await Notification.all().count() == 1


async def test_a_bad_end_gives_the_stars_back(client: Client, emulator: FalEmulator) -> None:
    training = await begin()
    for body in (failed(), failed(), done()):
        assert (await call(client, emulator, webhook(client, training.id), body))[0] == 200
    row = await Training.get(id=training.id)
    assert (row.status, row.error_code) == (TrainStatus.FAILED, "invalid_archive")
    assert await LedgerEntry.filter(kind=LedgerKind.REFUND).count() == 1
    assert await Notification.all().count() == 1


async def test_what_fal_did_not_sign_changes_nothing(client: Client, emulator: FalEmulator) -> None:
    training = await begin()
    path = webhook(client, training.id)
    raw = json.dumps(done()).encode()
    good = emulator._signer.headers("request-1", raw)
    attempts = [
        (raw, {}),
        (raw, emulator._signer.headers("request-1", raw, forged=True)),
        (raw, emulator._signer.headers("request-1", raw, age=330)),
        (raw, emulator._signer.headers("request-1", raw, age=-330)),
        (raw + b" ", good),
        (raw, {**good, "X-Fal-Webhook-Request-Id": "other"}),
        (raw, {**good, "X-Fal-Webhook-Timestamp": "1" * 5000}),
        (raw, {**good, "X-Fal-Webhook-Signature": "zz"}),
        (raw, {**good, "X-Fal-Webhook-User-Id": "\xff"}),
    ]
    for body, headers in attempts:
        answer = await client.post(path, data=body, headers=headers)
        assert (answer.status, (await answer.json())["code"]) == (401, "signature_invalid")
    row = await Training.get(id=training.id)
    assert (row.status, row.version) == (TrainStatus.PENDING, 0)


async def test_signed_garbage(client: Client, emulator: FalEmulator) -> None:
    training = await begin()
    path = webhook(client, training.id)
    for body in (b"", b"x", b"null", b"[" * 90_000, b"\xff", b'{"request_id": 7}', b'{"status": "OK"}'):
        status, problem = await call(client, emulator, path, body)
        assert (status, problem["code"]) == (400, "malformed_webhook")
    answer = await client.post(path, data=io.BytesIO(bytes(10 * 1024**2 + 1)))
    assert (answer.status, (await answer.json())["limit"]) == (413, 10 * 1024**2)


async def test_a_training_that_is_not_there(client: Client, emulator: FalEmulator) -> None:
    for training_id in (uuid.uuid4(), "x", "%00"):
        status, problem = await call(client, emulator, webhook(client, training_id), done())
        assert (status, problem["code"]) == (404, "training_not_found")


async def test_without_keys_fal_is_asked_to_call_again(client: Client, emulator: FalEmulator) -> None:
    training = await begin()
    path = webhook(client, training.id)
    emulator.fault("jwks", "answer", status=503)
    status, problem = await call(client, emulator, path, done())
    assert (status, problem["code"]) == (503, "provider_keys_unavailable")
    assert (await call(client, emulator, path, done()))[0] == 200


async def test_telegrams_webhook_goes_to_its_handler(serve: Serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"update": await request.json()})

    client = await serve(telegram_webhook=handler)
    answer = await client.post("/telegram/webhook", json={"update_id": 1})
    assert await answer.json() == {"update": {"update_id": 1}}
    answer = await client.post("/telegram/webhook", data=io.BytesIO(bytes(1_100_000)))
    assert (answer.status, (await answer.json())["limit"]) == (413, 1024 * 1024)


async def test_where_updates_are_polled_there_is_no_webhook(client: Client) -> None:
    assert (await client.post("/telegram/webhook", json={})).status == 404


@pytest.mark.parametrize("proof", ["", "?proof=", "?proof=%FF", f"?proof={'0' * 64}"])
async def test_what_another_customer_of_fals_had_signed_changes_nothing(
    client: Client, emulator: FalEmulator, proof: str
) -> None:
    training = await begin()
    path = f"/webhooks/fal/training/{training.id}{proof}"
    status, problem = await call(client, emulator, path, done())
    assert (status, problem["code"]) == (401, "proof_invalid")
    assert (await Training.get(id=training.id)).status is TrainStatus.PENDING


async def test_an_output_that_postgres_would_refuse(client: Client, emulator: FalEmulator) -> None:
    training = await begin()
    body = done()
    body["payload"]["note"] = "a\0b"
    assert (await call(client, emulator, webhook(client, training.id), body))[0] == 200
    row = await Training.get(id=training.id)
    assert row.metadata is not None
    assert (row.status, row.metadata["note"]) == (TrainStatus.COMPLETED, "ab")


async def queued(db: BaseDBAsyncClient) -> dict[str, str]:
    rows = await db.execute_query_dict("SELECT entrypoint, payload FROM pgqueuer")
    return {row["entrypoint"]: row["payload"].decode() for row in rows}


async def test_an_output_that_did_not_fit_is_fetched(
    client: Client, emulator: FalEmulator, db: BaseDBAsyncClient
) -> None:
    training = await begin()
    body = done() | {"payload": None, "payload_error": "too large"}
    assert (await call(client, emulator, webhook(client, training.id), body))[0] == 200
    assert (await Training.get(id=training.id)).request_id == "request-1"
    assert (await queued(db))["settle"] == str(training.id)


async def test_of_two_requests_the_first_good_one_wins_and_the_other_is_stopped(
    client: Client, emulator: FalEmulator, db: BaseDBAsyncClient
) -> None:
    training = await begin()
    await move(training.id, TrainStatus.PENDING, request_id="request-2")
    path = webhook(client, training.id)
    assert (await call(client, emulator, path, failed()))[0] == 200
    assert (await Training.get(id=training.id)).status is TrainStatus.PENDING
    assert (await call(client, emulator, path, done()))[0] == 200
    assert (await Training.get(id=training.id)).status is TrainStatus.COMPLETED
    assert (await queued(db))["cancel"] == f"{training.id}/request-2"
