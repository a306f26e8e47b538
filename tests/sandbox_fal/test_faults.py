import asyncio
import signal
import sys
from typing import Any

import fal_client.client as fal
import httpx
import pytest
from pydantic import ValidationError

from sandbox.fal.errors import MODEL_ERRORS, REQUEST_ERRORS
from tests.sandbox_fal.twin import TRAINER, Twin, running
from tests.waiting import until


async def test_an_answer_lost_after_the_submit_was_accepted(twin: Twin) -> None:
    url = await twin.archive()
    twin.emulator.fault("submit", "drop_after")
    with pytest.raises(httpx.TransportError):
        await twin.train(images_data_url=url)
    [request] = twin.emulator.requests
    await until(lambda: request.outcome is not None)
    assert request.outcome
    assert request.outcome.status == 200


async def test_a_connection_lost_before_the_submit_was_accepted(twin: Twin) -> None:
    url = await twin.archive()
    twin.emulator.fault("submit", "drop")
    with pytest.raises(httpx.TransportError):
        await twin.train(images_data_url=url)
    assert twin.emulator.requests == []
    assert twin.calls("submit") == 1


async def test_an_answer_that_comes_late(twin: Twin) -> None:
    url = await twin.archive()
    twin.emulator.fault("submit", "late", seconds=60)
    twin.client.default_timeout = 0.2
    with pytest.raises(httpx.ReadTimeout):
        await twin.train(images_data_url=url)
    assert len(twin.emulator.requests) == 1


async def test_fals_client_buys_twice_what_it_may_retry(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Why Selfi doesn't let it: an answer that is lost, and a second POST."""
    monkeypatch.setattr(fal, "MAX_ATTEMPTS", 10)
    url = await twin.archive()
    twin.emulator.fault("submit", "drop_after", times=2)
    handle = await twin.train(images_data_url=url)
    assert [request.request_id for request in twin.emulator.requests].index(handle.request_id) == 2


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "No user found"),
        (403, "User is locked. Reason: Exhausted balance"),
        (422, "dict_type"),
        (429, "Too many"),
        (500, "Internal Server Error"),
        (503, "Service Unavailable"),
    ],
)
async def test_a_submit_that_is_refused(twin: Twin, status: int, words: str) -> None:
    twin.emulator.fault("submit", "answer", status=status)
    with pytest.raises(fal.FalClientHTTPError) as caught:
        await twin.client.submit(TRAINER, {})
    assert caught.value.status_code == status
    assert words in str(caught.value.message)
    assert twin.emulator.requests == []


async def test_a_refusal_in_words_of_ones_own(twin: Twin) -> None:
    twin.emulator.fault("submit", "answer", status=418, detail="I am a teapot")
    with pytest.raises(fal.FalClientHTTPError, match="I am a teapot"):
        await twin.client.submit(TRAINER, {})


async def test_a_503_from_the_ingress_is_retried_by_fals_client(
    twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fal, "MAX_ATTEMPTS", 2)
    twin.emulator.fault("submit", "nginx")
    twin.emulator.fault("submit", "answer", status=503)  # not retried, for it doesn't say nginx
    with pytest.raises(fal.FalClientHTTPError, match="Service Unavailable"):
        await twin.client.submit(TRAINER, {})
    assert twin.calls("submit") == 2


async def test_a_status_that_fails(twin: Twin) -> None:
    handle = await twin.train()
    twin.emulator.fault("status", "answer", status=500, times=2)
    twin.emulator.fault("status", "drop")
    for expected in (fal.FalClientHTTPError, fal.FalClientHTTPError, httpx.TransportError):
        with pytest.raises(expected):
            await handle.status()
    twin.emulator.fault("status", "late", seconds=60)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(handle.status(), 0.2)
    assert isinstance(await handle.status(), (fal.InProgress, fal.Completed))


@pytest.mark.parametrize("kind", [*MODEL_ERRORS, "something_new"])
async def test_a_run_that_ends_with_a_model_error(twin: Twin, kind: str) -> None:
    twin.emulator.fault("run", "model_error", error=kind)
    error = await twin.failure(await twin.client.submit(TRAINER, {}))
    [detail] = error.response.json()["detail"]
    assert detail["type"] == kind
    assert error.status_code == (MODEL_ERRORS[kind].status if kind in MODEL_ERRORS else 422)
    assert error.response_headers["x-fal-retryable"] == ("false" if error.status_code == 422 else "true")


@pytest.mark.parametrize("kind", REQUEST_ERRORS)
async def test_a_run_that_ends_with_a_request_error(twin: Twin, kind: str) -> None:
    twin.emulator.fault("run", "request_error", error=kind)
    handle = await twin.client.submit(TRAINER, {})
    error = await twin.failure(handle)
    assert (error.status_code, error.error_type) == (REQUEST_ERRORS[kind].status, kind)
    assert error.response_headers["x-fal-error-type"] == kind
    status = await handle.status()
    assert isinstance(status, fal.Completed)
    assert status.error_type == kind
    assert status.error


async def test_a_run_fails_when_it_is_told_to(twin: Twin) -> None:
    twin.emulator.fault("run", "model_error", error="invalid_archive", seconds=0.2)
    handle = await twin.client.submit(TRAINER, {})
    await until(lambda: twin.emulator.requests[0].state == "IN_PROGRESS")
    assert isinstance(await handle.status(), fal.InProgress)
    await twin.failure(handle)
    assert twin.emulator.requests[0].run_seconds >= 0.2


async def test_a_run_that_never_ends_can_be_cancelled(twin: Twin) -> None:
    twin.emulator.fault("run", "never_ends")
    handle = await twin.train()
    await until(lambda: twin.emulator.requests[0].state == "IN_PROGRESS")
    await handle.cancel()
    assert (await twin.failure(handle)).status_code == 499


async def test_a_run_that_ends_without_files(twin: Twin) -> None:
    twin.emulator.fault("run", "no_output", times=2)
    output = await (await twin.train()).get(interval=0.01)
    assert output == {"diffusers_lora_file": None, "config_file": None, "debug_preprocessed_output": None}
    output = await twin.client.subscribe("fal-ai/flux-lora", {"prompt": "a cat"}, interval=0.01)
    assert output["images"] == []
    assert output["prompt"] == "a cat"


async def test_a_fault_hits_as_often_as_it_is_told_and_only_its_endpoint(twin: Twin) -> None:
    twin.emulator.fault("run", "no_output", endpoint="fal-ai/flux-lora", times=2)
    assert (await (await twin.train()).get(interval=0.01))["diffusers_lora_file"]
    counts = [
        len((await twin.client.subscribe("fal-ai/flux-lora", {"prompt": "a cat"}, interval=0.01))["images"])
        for _ in range(3)
    ]
    assert counts == [0, 0, 1]
    assert twin.emulator.faults == []


@pytest.mark.parametrize(
    "fault",
    [
        {"on": "submit", "do": "lost"},
        {"on": "webhook", "do": "drop"},
        {"on": "run", "do": "answer"},
        {"on": "nothing", "do": "drop"},
        {"on": "submit", "do": "drop", "times": 0},
        {"on": "submit", "do": "drop", "colour": "red"},
    ],
)
async def test_faults_that_make_no_sense(twin: Twin, fault: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        twin.emulator.fault(**fault)
    async with twin.http.post(f"{twin.url}/faults", json=fault) as response:
        assert response.status == 422
        assert (await response.json())["detail"]


async def test_the_controls_over_http(twin: Twin) -> None:
    async with twin.http.post(
        f"{twin.url}/faults", json={"on": "submit", "do": "drop", "times": 3}
    ) as response:
        assert response.status == 201
    async with twin.http.get(f"{twin.url}/faults") as response:
        controls = await response.json()
    assert [(fault["do"], fault["times"]) for fault in controls["planned"]] == [("drop", 3)]
    for preset in controls["presets"]:
        async with twin.http.post(f"{twin.url}/faults", json=preset["fault"]) as response:
            assert response.status == 201
    async with twin.http.delete(f"{twin.url}/faults") as response:
        assert response.status == 204
    assert twin.emulator.faults == []
    async with twin.http.get(f"{twin.url}/") as response:
        assert response.content_type == "text/html"
        assert "</html>" in await response.text()


async def test_what_was_submitted_and_called_is_listed(twin: Twin) -> None:
    handle = await twin.train(webhook_url="http://127.0.0.1:1/hook")
    await handle.get(interval=0.01)
    async with twin.http.get(f"{twin.url}/requests") as response:
        [request] = await response.json()
    assert request["request_id"] == handle.request_id
    assert request["endpoint"] == TRAINER
    assert request["input"]["trigger_word"] == "TOK"
    assert request["webhook_url"] == "http://127.0.0.1:1/hook"
    assert (request["state"], request["cancelled"], request["status_code"]) == ("COMPLETED", False, 200)
    twin.emulator.fault("submit", "drop")
    with pytest.raises(httpx.TransportError):
        await twin.client.submit(TRAINER, {})
    async with twin.http.get(f"{twin.url}/calls") as response:
        calls = await response.json()
    assert [call["operation"] for call in calls[:3]] == ["initiate", "put", "submit"]
    assert (calls[2]["method"], calls[2]["status"], calls[2]["endpoint"]) == ("POST", 200, TRAINER)
    assert calls[-1]["status"] is None
    assert {call["endpoint"] for call in calls if call["operation"] == "status"} == {TRAINER}


async def test_stopping_in_the_middle_of_everything() -> None:
    before = asyncio.all_tasks()
    async with running(training_seconds=60) as twin:
        await twin.train(webhook_url="http://127.0.0.1:1/hook")
        twin.emulator.fault("submit", "late", seconds=60)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(twin.client.submit("fal-ai/flux-lora", {}), 0.2)
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 5  # the runner would have waited for 10
    assert asyncio.all_tasks() <= before


async def test_the_process_says_when_it_is_ready_and_stops_when_told() -> None:
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "sandbox.fal",
            "--port",
            "0",
            "--key",
            "ana:secret",
            "--training-seconds",
            "1",
        ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        assert line.startswith("fal.ai's twin is ready: http://127.0.0.1:")
        async with httpx.AsyncClient(base_url=line.split()[-1]) as http:
            assert (await http.get("/requests")).json() == []
            path = "/rest/storage/auth/token?storage_type=fal-cdn-v3"
            for key, status in (("ana:secret", 200), ("luis:other", 401)):
                answer = await http.post(path, headers={"Authorization": f"Key {key}"}, json={})
                assert answer.status_code == status
        process.send_signal(signal.SIGTERM)
        out, err = await asyncio.wait_for(process.communicate(), 20)
        assert (process.returncode, out, err) == (0, b"", b"")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_port_that_is_taken_is_named(twin: Twin) -> None:
    port = twin.url.rsplit(":", 1)[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox.fal", "--port", port), stderr=asyncio.subprocess.PIPE
    )
    _, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert err.decode().startswith(f"Can't listen on 127.0.0.1:{port}, choose another --port: ")
