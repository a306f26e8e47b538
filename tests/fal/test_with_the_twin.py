"""The whole package against the offline twin: a training from archive to files, and what can go wrong."""

import asyncio
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fal import (
    DEFAULT_TRAINER,
    Ambiguous,
    Fal,
    InvalidSignature,
    OperatorProblem,
    Rejected,
    Status,
    TrainingOrder,
    Unavailable,
    WebhookEvent,
    WebhookVerifier,
    parse_webhook,
    progress,
)
from sandbox.fal import FalEmulator
from tests.fal.fake_fal import ENDPOINT, KEY, fal_at
from tests.photos import portrait


@dataclass
class Twin:
    emulator: FalEmulator
    fal: Fal
    hook: str
    events: "asyncio.Queue[WebhookEvent | InvalidSignature]"

    async def order(self, path: Path) -> dict[str, object]:
        """The arguments of a training of four photos."""
        with zipfile.ZipFile(path, "w") as archive:
            for seed in range(4):
                archive.writestr(f"{seed}.jpg", portrait(seed, (512, 640)))
        url = await self.fal.upload(
            path, content_type="application/zip", file_name="photos.zip", expires_in=timedelta(hours=1)
        )
        order = TrainingOrder(
            images_data_url=url, trigger_word="TOK", steps=500, is_style=False, create_masks=True
        )
        return DEFAULT_TRAINER.arguments(order)

    async def completed(self, request_id: str) -> Status:
        status = await self.fal.status(ENDPOINT, request_id)
        if status.state == "completed":
            return status
        await asyncio.sleep(0.02)
        return await self.completed(request_id)

    async def event(self) -> WebhookEvent | InvalidSignature:
        async with asyncio.timeout(10):
            return await self.events.get()


@pytest.fixture
async def twin() -> AsyncIterator[Twin]:
    emulator = FalEmulator(key=KEY, training_seconds=0.1, webhook_seconds=0)
    server = TestServer(emulator.app())
    await server.start_server(access_log=None)
    url = str(server.make_url("")).rstrip("/")
    verifier = WebhookVerifier(f"{url}/rest")
    events: asyncio.Queue[WebhookEvent | InvalidSignature] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        try:
            await verifier.verify(request.headers, body)
        except InvalidSignature as error:
            events.put_nowait(error)
            return web.Response(status=401)
        events.put_nowait(parse_webhook(body))
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", take)
    receiver = TestServer(app)
    await receiver.start_server(access_log=None)
    fal = fal_at(url, timeout=5.0)
    yield Twin(emulator, fal, str(receiver.make_url("/hook")), events)
    await fal.close()
    await verifier.close()
    await server.close()
    await receiver.close()


async def test_a_training_from_archive_to_files(twin: Twin, tmp_path: Path) -> None:
    request_id = await twin.fal.submit(ENDPOINT, await twin.order(tmp_path / "zip"), webhook_url=twin.hook)

    status = await twin.completed(request_id)
    result = await twin.fal.result(ENDPOINT, request_id)
    event = await twin.event()

    found = progress(status.logs)
    assert found is not None
    assert (found.percent, found.step, found.total) == (99, 500, 500)
    files = DEFAULT_TRAINER.result(result)
    assert files.weights_size
    assert isinstance(event, WebhookEvent)
    assert (event.request_id, event.ok, event.payload) == (request_id, True, result)


async def test_an_archive_that_is_none(twin: Twin, tmp_path: Path) -> None:
    path = tmp_path / "zip"
    path.write_bytes(b"no zip at all")
    url = await twin.fal.upload(
        path, content_type="application/zip", file_name="photos.zip", expires_in=timedelta(hours=1)
    )
    arguments = {"images_data_url": url, "trigger_word": "TOK", "steps": 500}
    request_id = await twin.fal.submit(ENDPOINT, arguments, webhook_url=twin.hook)

    await twin.completed(request_id)
    event = await twin.event()

    assert isinstance(event, WebhookEvent)
    assert isinstance(event.error, Rejected)
    assert event.error.code == "invalid_archive"
    with pytest.raises(Rejected) as raised:
        await twin.fal.result(ENDPOINT, request_id)
    assert raised.value.code == "invalid_archive"


async def test_a_runner_that_is_lost(twin: Twin, tmp_path: Path) -> None:
    twin.emulator.fault("run", "request_error", error="runner_disconnected")
    request_id = await twin.fal.submit(ENDPOINT, await twin.order(tmp_path / "zip"), webhook_url=twin.hook)

    status = await twin.completed(request_id)
    event = await twin.event()

    assert isinstance(status.error, Unavailable)
    assert status.error.code == "runner_disconnected"
    assert isinstance(event, WebhookEvent)
    assert isinstance(event.error, Unavailable)
    with pytest.raises(Unavailable):
        await twin.fal.result(ENDPOINT, request_id)


async def test_a_submit_whose_answer_is_lost_is_found_again(twin: Twin, tmp_path: Path) -> None:
    since = datetime.now(UTC) - timedelta(minutes=1)
    arguments = await twin.order(tmp_path / "zip")
    twin.emulator.fault("submit", "drop_after")

    with pytest.raises(Ambiguous):
        await twin.fal.submit(ENDPOINT, arguments, webhook_url=twin.hook)
    event = await twin.event()
    ended = [request async for request in twin.fal.ended_requests(ENDPOINT, since=since)]

    assert [call.operation for call in twin.emulator.calls].count("submit") == 1
    assert isinstance(event, WebhookEvent)
    assert [request.request_id for request in ended] == [event.request_id]
    assert ended[0].input == arguments
    assert ended[0].output == event.payload
    assert ended[0].status_code == 200
    assert ended[0].sent_at
    assert ended[0].ended_at


async def test_cancelling(twin: Twin, tmp_path: Path) -> None:
    twin.emulator.fault("run", "never_ends")
    request_id = await twin.fal.submit(ENDPOINT, await twin.order(tmp_path / "zip"), webhook_url=twin.hook)

    with pytest.raises(Unavailable) as not_ready:
        await twin.fal.result(ENDPOINT, request_id)
    await twin.fal.cancel(ENDPOINT, request_id)
    await twin.completed(request_id)
    await twin.fal.cancel(ENDPOINT, request_id)
    await twin.fal.cancel(ENDPOINT, "00000000-0000-0000-0000-000000000000")

    assert not_ready.value.code == "not_ready"
    with pytest.raises(Rejected) as cancelled:
        await twin.fal.result(ENDPOINT, request_id)
    assert cancelled.value.code == "client_cancelled"


@pytest.mark.parametrize("fault", ["forged", "stale"])
async def test_a_webhook_that_is_not_fals(twin: Twin, tmp_path: Path, fault: str) -> None:
    twin.emulator.fault("webhook", fault)
    await twin.fal.submit(ENDPOINT, await twin.order(tmp_path / "zip"), webhook_url=twin.hook)

    assert isinstance(await twin.event(), InvalidSignature)


async def test_a_webhook_without_its_payload(twin: Twin, tmp_path: Path) -> None:
    twin.emulator.fault("webhook", "payload_error")
    request_id = await twin.fal.submit(ENDPOINT, await twin.order(tmp_path / "zip"), webhook_url=twin.hook)

    event = await twin.event()

    assert isinstance(event, WebhookEvent)
    assert (event.ok, event.payload) == (True, None)
    assert DEFAULT_TRAINER.result(await twin.fal.result(ENDPOINT, request_id)).weights_url


async def test_forgetting(twin: Twin, tmp_path: Path) -> None:
    request_id = await twin.fal.submit(ENDPOINT, await twin.order(tmp_path / "zip"), webhook_url=None)
    await twin.completed(request_id)
    weights = DEFAULT_TRAINER.result(await twin.fal.result(ENDPOINT, request_id)).weights_url

    await twin.fal.download(weights, tmp_path / "weights", most=10**6)
    await twin.fal.forget(request_id)
    await twin.fal.forget(request_id)
    await twin.fal.forget("00000000-0000-0000-0000-000000000000")

    with pytest.raises(Rejected) as gone:
        await twin.fal.download(weights, tmp_path / "again", most=10**6)
    assert gone.value.code == "file_gone"
    with pytest.raises(Rejected) as expired:
        await twin.fal.result(ENDPOINT, request_id)
    assert expired.value.code == "result_expired"


async def test_only_an_administrators_key_can_have_runs_forgotten(twin: Twin) -> None:
    twin.emulator.fault("forget", "answer", status=403, detail="Admin key required")

    with pytest.raises(OperatorProblem) as raised:
        await twin.fal.forget("00000000-0000-0000-0000-000000000000")

    assert (raised.value.code, raised.value.detail) == ("forbidden", "Admin key required")


@pytest.mark.parametrize(("files_last", "gone"), [(None, False), (timedelta(seconds=0), True)])
async def test_files_last_as_long_as_was_asked_for(
    twin: Twin, tmp_path: Path, files_last: timedelta | None, gone: bool
) -> None:
    arguments = await twin.order(tmp_path / "zip")
    request_id = await twin.fal.submit(ENDPOINT, arguments, webhook_url=None, files_last=files_last)
    await twin.completed(request_id)
    weights = DEFAULT_TRAINER.result(await twin.fal.result(ENDPOINT, request_id)).weights_url

    if gone:
        with pytest.raises(Rejected):
            await twin.fal.download(weights, tmp_path / "weights", most=10**6)
    else:
        await twin.fal.download(weights, tmp_path / "weights", most=10**6)
