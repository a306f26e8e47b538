import asyncio
import json
from typing import Any

import fal_client.client as fal
import pytest
from aiohttp import ClientSession

from tests.sandbox_fal.twin import TRAINER, Twin, archive, running
from tests.waiting import until

PORTRAITS = "fal-ai/flux-lora-portrait-trainer"


async def test_a_submit_answers_as_fal_does(twin: Twin) -> None:
    async with twin.http.post(f"{twin.url}/queue/fal-ai/flux-2/lora", json={"prompt": "a cat"}) as response:
        assert response.status == 200
        answer = await response.json()
        assert response.headers["X-Fal-Request-Id"] == answer["request_id"]
    base = f"{twin.url}/queue/fal-ai/flux-2/requests/{answer['request_id']}"
    assert answer["status"] == "IN_QUEUE"
    assert answer["queue_position"] == 0
    assert answer["gateway_request_id"]
    assert answer["response_url"] == base
    assert answer["status_url"] == f"{base}/status"
    assert answer["cancel_url"] == f"{base}/cancel"


async def test_a_training_goes_from_queued_to_completed() -> None:
    async with running(queue_seconds=0.1, training_seconds=0.3) as twin:
        handle = await twin.train()
        seen: list[fal.Status] = [
            status async for status in handle.iter_events(with_logs=True, interval=0.01)
        ]
        kinds = [type(status) for status in seen]
        assert list(dict.fromkeys(kinds)) == [fal.Queued, fal.InProgress, fal.Completed]
        assert isinstance(seen[-1], fal.Completed)
        assert seen[-1].logs
        assert seen[-1].logs[0].keys() == {"message", "level", "source", "timestamp"}
        assert seen[-1].metrics["inference_time"] > 0.2


async def test_status_codes_and_logs_on_demand() -> None:
    async with running(training_seconds=5) as twin:
        handle = await twin.train()
        await until(lambda: bool(twin.emulator.requests[0].logs))
        async with twin.http.get(handle.status_url) as response:
            assert response.status == 202
            running_status = await response.json()
        assert running_status["status"] == "IN_PROGRESS"
        assert running_status["logs"] is None
        async with twin.http.get(handle.response_url) as response:
            assert (response.status, await response.json()) == (
                400,
                {"detail": "Request is still in progress"},
            )
        await handle.cancel()
        await twin.failure(handle)
        async with twin.http.get(handle.status_url, params={"logs": "1"}) as response:
            assert response.status == 200
            assert (await response.json())["logs"]


async def test_positions_are_real() -> None:
    async with running(training_seconds=5) as twin:
        url = await twin.archive()
        handles = [await twin.train(images_data_url=url) for _ in range(4)]
        await twin.client.submit("fal-ai/flux-lora", {"prompt": "a cat"})
        others = [await twin.client.submit(PORTRAITS, {"images_data_url": url}) for _ in range(3)]
        await until(lambda: twin.emulator.requests[5].state == "IN_PROGRESS")  # it has a runner of its own
        assert [await _position(handle) for handle in handles] == [None, 0, 1, 2]
        assert [await _position(handle) for handle in others] == [None, 0, 1]
        await handles[1].cancel()
        assert [await _position(handle) for handle in handles[2:]] == [0, 1]
        await handles[0].cancel()
        await until(lambda: twin.emulator.requests[2].state == "IN_PROGRESS")
        assert await _position(handles[3]) == 0


async def _position(handle: fal.AsyncRequestHandle) -> int | None:
    status = await handle.status()
    return status.position if isinstance(status, fal.Queued) else None


async def test_more_runners_run_more_at_once() -> None:
    async with running(training_seconds=5, concurrency=2) as twin:
        url = await twin.archive()
        handles = [await twin.train(images_data_url=url) for _ in range(3)]
        await until(lambda: twin.emulator.requests[1].state == "IN_PROGRESS")
        assert await _position(handles[2]) == 0


async def test_cancelling() -> None:
    async with running(training_seconds=5) as twin:
        handle = await twin.train()
        async with twin.http.put(handle.cancel_url) as response:
            assert (response.status, await response.json()) == (202, {"status": "CANCELLATION_REQUESTED"})
        error = await twin.failure(handle)
        assert (error.status_code, error.error_type) == (499, "client_cancelled")
        assert error.response_headers["x-fal-error-type"] == "client_cancelled"
        status = await handle.status()
        assert isinstance(status, fal.Completed)
        assert status.error_type == "client_cancelled"
        async with twin.http.put(handle.cancel_url) as response:
            assert (response.status, await response.json()) == (400, {"status": "ALREADY_COMPLETED"})
        unknown = handle.cancel_url.replace(handle.request_id, "nobody")
        async with twin.http.put(unknown) as response:
            assert (response.status, await response.json()) == (404, {"status": "NOT_FOUND"})
        assert twin.emulator.requests[0].cancelled


async def test_the_status_can_be_streamed(twin: Twin) -> None:
    handle = await twin.train()
    async with twin.http.get(f"{handle.status_url}/stream", params={"logs": "1"}) as response:
        assert response.content_type == "text/event-stream"
        events = [json.loads(line[6:]) async for line in response.content if line.startswith(b"data: ")]
    assert [event["status"] for event in events][-1] == "COMPLETED"
    counts = [len(event["logs"]) for event in events]
    assert counts == sorted(counts)
    assert len(events) > 3


async def test_stopping_doesnt_wait_for_readers_of_a_stream() -> None:
    async with running(training_seconds=60) as twin:
        handle = await twin.train()
        response = await twin.http.get(f"{handle.status_url}/stream")
        await response.content.readline()
        response.close()  # which the emulator doesn't see while it waits
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 5  # the runner would have waited for 10


async def test_a_request_that_waits_too_long_for_a_runner() -> None:
    async with running(training_seconds=5) as twin:
        url = await twin.archive()
        await twin.train(images_data_url=url)
        handle = await twin.client.submit(
            TRAINER, {"images_data_url": url}, headers={"X-Fal-Request-Timeout": "0.15"}
        )
        error = await twin.failure(handle)
        assert (error.status_code, error.error_type) == (504, "startup_timeout")
        assert error.response_headers["x-fal-request-timeout-type"] == "user"


async def test_a_start_timeout_doesnt_stop_what_has_started() -> None:
    async with running(training_seconds=0.4) as twin:
        url = await twin.archive()
        handle = await twin.client.submit(
            TRAINER, {"images_data_url": url}, headers={"X-Fal-Request-Timeout": "0.2"}
        )
        assert (await handle.get(interval=0.01))["diffusers_lora_file"]


async def test_an_impossible_start_timeout_is_a_bad_request(twin: Twin) -> None:
    for timeout in ("soon", "0", "nan"):
        with pytest.raises(fal.FalClientHTTPError) as caught:
            await twin.client.submit(TRAINER, {}, headers={"X-Fal-Request-Timeout": timeout})
        assert (caught.value.status_code, caught.value.error_type) == (400, "bad_request")
    assert twin.emulator.requests == []


@pytest.mark.parametrize(
    ("authorization", "status"), [(None, 401), ("Key", 401), ("Key ", 401), ("Bearer x", 401), ("Key x", 404)]
)
async def test_any_key_is_taken_but_there_must_be_one(
    twin: Twin, authorization: str | None, status: int
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    async with (
        ClientSession(headers=headers) as http,
        http.get(f"{twin.url}/queue/a/b/requests/c") as response,
    ):
        assert response.status == status
        assert "detail" in await response.json()


async def test_the_given_key_alone_is_taken() -> None:
    async with running(key="luis:other") as twin:
        with pytest.raises(fal.FalClientHTTPError, match="No user found for Key ID and Secret") as caught:
            await twin.client.submit(TRAINER, {})
        assert caught.value.status_code == 401


async def test_what_a_submit_refuses_itself(twin: Twin) -> None:
    with pytest.raises(fal.FalClientHTTPError, match="not found") as caught:
        await twin.client.submit("fal-ai/no-such-model", {})
    assert caught.value.status_code == 404
    for body in (b"{", b"[]", b"\xff"):
        async with twin.http.post(f"{twin.url}/queue/{TRAINER}", data=body) as response:
            assert response.status == 422
    headers = {"X-Fal-Object-Lifecycle-Preference": "tomorrow"}
    with pytest.raises(fal.FalClientHTTPError, match="expiration_duration_seconds"):
        await twin.client.submit(TRAINER, {}, headers=headers)
    assert twin.emulator.requests == []


async def test_a_request_is_found_under_its_own_app_only(twin: Twin) -> None:
    handle = await twin.train()
    with pytest.raises(fal.FalClientHTTPError, match="Request not found"):
        await twin.client.status("fal-ai/flux-lora", handle.request_id)


async def test_files_live_as_long_as_the_requests_lifecycle_says(twin: Twin) -> None:
    url = await twin.archive()
    headers = {"X-Fal-Object-Lifecycle-Preference": '{"expiration_duration_seconds": 0.3}'}
    handle = await twin.client.submit(TRAINER, {"images_data_url": url}, headers=headers)
    weights = (await handle.get(interval=0.01))["diffusers_lora_file"]["url"]
    assert await _download(twin, weights) == 200
    await asyncio.sleep(0.3)
    assert await _download(twin, weights) == 404
    assert await _download(twin, url) == 200


async def test_a_forgotten_request_has_neither_files_nor_payloads(twin: Twin) -> None:
    url = await twin.archive()
    handle = await twin.client.submit(TRAINER, {"images_data_url": url})
    output = await handle.get(interval=0.01)
    files = {output[name]["url"] for name in ("diffusers_lora_file", "config_file")}
    answer = await _forget(twin, handle.request_id)
    assert {result["link"] for result in answer["cdn_delete_results"]} == files
    assert [await _download(twin, file) for file in files] == [404, 404]
    assert await _download(twin, url) == 200
    with pytest.raises(fal.FalClientHTTPError, match="Request not found"):
        await handle.get(interval=0.01)
    [item] = (await _list(twin, endpoint_id=TRAINER, expand="payloads"))["items"]
    assert "json_input" not in item
    assert await _forget(twin, handle.request_id) == {"cdn_delete_results": []}


async def test_only_a_request_that_ended_can_be_forgotten(twin: Twin) -> None:
    twin.emulator.fault("run", "never_ends")
    for request_id in ((await twin.train()).request_id, "00000000-0000-0000-0000-000000000000"):
        assert (await _forget(twin, request_id, status=404))["error"]["type"] == "not_found"


async def _forget(twin: Twin, request_id: str, *, status: int = 200) -> Any:
    async with twin.http.delete(f"{twin.url}/api/v1/models/requests/{request_id}/payloads") as response:
        assert response.status == status
        return await response.json()


async def _download(twin: Twin, url: str) -> int:
    async with twin.http.get(url) as response:
        return response.status


class TestEndedRequests:
    async def test_only_ended_ones_are_listed_the_latest_first(self) -> None:
        async with running(training_seconds=5) as twin:
            first = await _draw(twin, "a cat")
            second = await _draw(twin, "a dog")
            await twin.train()
            answer = await _list(twin, endpoint_id=f"{TRAINER},fal-ai/flux-lora")
            assert [item["request_id"] for item in answer["items"]] == [second, first]
            assert answer["has_more"] is False
            assert answer["next_cursor"] is None
            assert answer["items"][0].keys() == {
                *("request_id", "endpoint_id", "sent_at", "started_at", "ended_at", "status_code", "duration")
            }

    async def test_payloads_recognise_an_orphan(self, twin: Twin) -> None:
        await (await twin.train()).get(interval=0.01)
        [item] = (await _list(twin, endpoint_id=TRAINER, expand="payloads"))["items"]
        assert item["json_input"] == twin.emulator.requests[0].input
        assert item["json_output"]["diffusers_lora_file"]["url"]

    async def test_payloads_that_werent_to_be_stored_arent(self, twin: Twin) -> None:
        handle = await twin.client.submit(
            "fal-ai/flux-lora", {"prompt": "a cat"}, headers={"X-Fal-Store-IO": "0"}
        )
        await handle.get(interval=0.01)
        [item] = (await _list(twin, endpoint_id="fal-ai/flux-lora", expand="payloads"))["items"]
        assert "json_input" not in item

    async def test_filters(self, twin: Twin) -> None:
        good = await _draw(twin, "a cat")
        bad = await twin.client.submit("fal-ai/flux-lora", {})
        await twin.failure(bad)
        twin.emulator.fault("run", "request_error", error="runner_disconnected")
        lost = await twin.client.submit("fal-ai/flux-lora", {"prompt": "a cat"})
        await twin.failure(lost)

        async def found(**filters: str) -> set[str]:
            items = (await _list(twin, endpoint_id="fal-ai/flux-lora", **filters))["items"]
            return {item["request_id"] for item in items}

        assert await found(status="success") == {good}
        assert await found(status="user_error") == {bad.request_id}
        assert await found(status="error") == {lost.request_id}
        assert await found(request_id=good) == {good}
        assert await found(start="2020-01-01T00:00:00Z", end="2020-01-02") == set()
        assert len(await found(start="2020-01-01")) == 3

    async def test_pages(self, twin: Twin) -> None:
        sent = [await _draw(twin, "a cat") for _ in range(5)]
        listed: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            answer = await _list(twin, endpoint_id="fal-ai/flux-lora", limit="2", **cursor)
            listed += [item["request_id"] for item in answer["items"]]
            if not answer["has_more"]:
                break
            cursor = {"cursor": answer["next_cursor"]}
        assert listed == sent[::-1]

    @pytest.mark.parametrize(
        "query",
        [
            {},
            {"endpoint_id": "a", "limit": "101"},
            {"endpoint_id": "a", "limit": "x"},
            {"endpoint_id": "a", "status": "failed"},
            {"endpoint_id": "a", "start": "yesterday"},
            {"endpoint_id": "a", "cursor": "%%"},
        ],
    )
    async def test_bad_queries(self, twin: Twin, query: dict[str, str]) -> None:
        async with twin.http.get(f"{twin.url}/api/v1/models/requests/by-endpoint", params=query) as response:
            assert response.status == 400
            assert (await response.json())["error"]["message"]


async def _draw(twin: Twin, prompt: str) -> str:
    handle = await twin.client.submit("fal-ai/flux-lora", {"prompt": prompt, "image_size": "square"})
    await handle.get(interval=0.01)
    return handle.request_id


async def _list(twin: Twin, **query: str) -> dict[str, Any]:
    async with twin.http.get(f"{twin.url}/api/v1/models/requests/by-endpoint", params=query) as response:
        assert response.status == 200
        answer: dict[str, Any] = await response.json()
        return answer


async def test_two_emulators_know_nothing_of_each_other() -> None:
    async with running() as one:
        url = await one.archive()
        async with running() as two:
            assert await _download(one, url) == 200
            assert await _download(two, url.replace(one.url, two.url)) == 404
            assert await _download(two, await two.client.upload(archive(), "application/zip")) == 200
