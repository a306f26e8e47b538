"""A run after its submit: status, result, cancel, and fal's list of those that ended."""

from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from fal import Fal, FalError, OperatorProblem, Rejected, Status, Unavailable
from tests.fal.fake_fal import ENDPOINT, KEY, FakeFal, answer, drop, text

RUN = f"/queue/{ENDPOINT}/requests/r-1"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"status": "IN_QUEUE", "queue_position": 3}, Status("queued", 3)),
        ({"status": "IN_QUEUE"}, Status("queued")),
        ({"status": "IN_PROGRESS", "logs": None}, Status("running")),
        ({"status": "IN_PROGRESS"}, Status("running")),
        ({"status": "PAUSED"}, Status("running")),
        (
            {"status": "IN_PROGRESS", "logs": [{"message": "a", "level": "INFO"}, "b", {"message": None}, 7]},
            Status("running", logs=("a", "b")),
        ),
        ({"status": "COMPLETED", "logs": [], "metrics": {}}, Status("completed")),
    ],
)
async def test_status(fal: Fal, fake_fal: FakeFal, body: dict[str, Any], status: Status) -> None:
    fake_fal.on("GET", f"{RUN}/status", answer(body, 200 if body["status"] == "COMPLETED" else 202))

    assert await fal.status(ENDPOINT, "r-1") == status

    assert fake_fal.received[0].query == {"logs": "true"}
    assert fake_fal.received[0].headers["authorization"] == f"Key {KEY}"


async def test_status_of_a_run_that_failed(fal: Fal, fake_fal: FakeFal) -> None:
    body = {"status": "COMPLETED", "logs": [], "error": "Runner gone", "error_type": "runner_disconnected"}
    fake_fal.on("GET", f"{RUN}/status", answer(body))

    status = await fal.status(ENDPOINT, "r-1")

    assert status.state == "completed"
    assert isinstance(status.error, Unavailable)
    assert status.error.code == "runner_disconnected"
    assert status.error.detail == "Runner gone"


async def test_status_is_asked_once(fal: Fal, fake_fal: FakeFal) -> None:
    for reply in (drop, text("nginx", 503), text("no json", 200)):
        fake_fal.received.clear()
        fake_fal.on("GET", f"{RUN}/status", reply)
        with pytest.raises(Unavailable):
            await fal.status(ENDPOINT, "r-1")
        assert fake_fal.count("GET") == 1


async def test_status_of_an_unknown_run(fal: Fal) -> None:
    with pytest.raises(Rejected) as raised:
        await fal.status(ENDPOINT, "r-1")

    assert raised.value.code == "not_found"


async def test_an_endpoint_with_a_path_has_its_runs_without_it(fal: Fal, fake_fal: FakeFal) -> None:
    fake_fal.on("GET", "/queue/fal-ai/flux-2/requests/r-1", answer({"images": []}))

    assert await fal.result("fal-ai/flux-2/lora", "r-1") == {"images": []}


async def test_result(fal: Fal, fake_fal: FakeFal) -> None:
    fake_fal.on("GET", RUN, answer({"diffusers_lora_file": {"url": "https://x/y"}}))

    assert await fal.result(ENDPOINT, "r-1") == {"diffusers_lora_file": {"url": "https://x/y"}}
    assert fake_fal.count("GET") == 1


def model_error(kind: str, words: str = "No.") -> dict[str, Any]:
    return {"detail": [{"loc": ["body", "images_data_url"], "msg": words, "type": kind}]}


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (422, model_error("invalid_archive"), (Rejected, "invalid_archive")),
        (422, model_error("missing"), (Rejected, "validation_error")),
        (500, model_error("content_policy_violation"), (Rejected, "content_policy_violation")),
        (500, {"detail": "boom", "error_type": "runner_server_error"}, (Unavailable, "runner_server_error")),
        (499, {"detail": "cancelled", "error_type": "client_cancelled"}, (Rejected, "client_cancelled")),
        (404, {"detail": "Request not found"}, (Rejected, "result_expired")),
        (410, {"detail": "Gone"}, (Rejected, "result_expired")),
        (400, {"detail": "Request is still in progress"}, (Unavailable, "not_ready")),
        (202, {"status": "IN_PROGRESS"}, (Unavailable, "not_ready")),
        (200, ["not", "an", "object"], (Unavailable, "unreadable_answer")),
        (401, {"detail": "No user"}, (OperatorProblem, "bad_key")),
        (307, {}, (OperatorProblem, "redirected")),
    ],
)
async def test_result_of_a_run_that_went_wrong(
    fal: Fal, fake_fal: FakeFal, status: int, body: Any, error: tuple[type[FalError], str]
) -> None:
    fake_fal.on("GET", RUN, answer(body, status))

    with pytest.raises(FalError) as raised:
        await fal.result(ENDPOINT, "r-1")

    assert (type(raised.value), raised.value.code) == error
    assert fake_fal.count("GET") == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (202, {"status": "CANCELLATION_REQUESTED"}),
        (400, {"status": "ALREADY_COMPLETED"}),
        (404, {"status": "NOT_FOUND"}),
    ],
)
async def test_cancelling_twice_is_fine(fal: Fal, fake_fal: FakeFal, status: int, body: Any) -> None:
    fake_fal.on("PUT", f"{RUN}/cancel", answer(body, status))

    await fal.cancel(ENDPOINT, "r-1")
    await fal.cancel(ENDPOINT, "r-1")

    assert fake_fal.count("PUT") == 2


async def test_a_cancel_that_fal_refuses_for_another_reason(fal: Fal, fake_fal: FakeFal) -> None:
    fake_fal.on("PUT", f"{RUN}/cancel", answer({"detail": "What?"}, 400))

    with pytest.raises(Rejected):
        await fal.cancel(ENDPOINT, "r-1")


def ended(request_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "endpoint_id": ENDPOINT,
        "sent_at": "2025-01-01T00:00:01Z",
        "ended_at": "2025-01-01T00:00:08Z",
        "status_code": 200,
        "json_input": {"images_data_url": "https://x/y.zip"},
        "json_output": {"ok": True},
        **fields,
    }


async def test_ended_requests_are_read_page_by_page(fal: Fal, fake_fal: FakeFal) -> None:
    pages = {
        None: {"items": [ended("a"), ended("b")], "next_cursor": "Mg==", "has_more": True},
        "Mg==": {
            "items": [
                ended(
                    "c", status_code=None, sent_at="yesterday", ended_at=None, json_input=None, json_output=[]
                ),
                {"no": "id"},
                "garbage",
            ],
            "next_cursor": "Mg==",
            "has_more": True,
        },
    }

    async def page(request: web.Request) -> web.Response:
        return web.json_response(pages[request.query.get("cursor")])

    fake_fal.on("GET", "/api/v1/models/requests/by-endpoint", page)
    since = datetime(2025, 1, 1, tzinfo=UTC)

    found = [request async for request in fal.ended_requests(ENDPOINT, since=since)]

    assert [request.request_id for request in found] == ["a", "b", "c"]
    assert found[0].sent_at == datetime(2025, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert found[0].ended_at == datetime(2025, 1, 1, 0, 0, 8, tzinfo=UTC)
    assert found[0].input == {"images_data_url": "https://x/y.zip"}
    assert found[0].output == {"ok": True}
    assert (found[2].sent_at, found[2].status_code, found[2].input, found[2].output) == (
        None,
        None,
        None,
        None,
    )
    first, second = fake_fal.received
    assert first.query == {
        "endpoint_id": ENDPOINT,
        "start": "2025-01-01T00:00:00+00:00",
        "expand": "payloads",
        "limit": "100",
    }
    assert second.query["cursor"] == "Mg=="


async def test_nothing_has_ended(fal: Fal, fake_fal: FakeFal) -> None:
    fake_fal.on("GET", "/api/v1/models/requests/by-endpoint", answer({"items": None, "has_more": False}))

    assert [request async for request in fal.ended_requests(ENDPOINT, since=datetime.now(UTC))] == []
