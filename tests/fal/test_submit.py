"""One call of `submit` is one POST, and its errors say whether a second one is safe."""

import logging
import socket
from datetime import timedelta

import pytest

from fal import Ambiguous, Fal, FalError, OperatorProblem, Rejected, Unavailable
from tests.fal.fake_fal import (
    ENDPOINT,
    KEY,
    Answer,
    FakeFal,
    answer,
    drop,
    drop_midway,
    fal_at,
    hang,
    submitted,
    text,
)

SUBMIT = f"/queue/{ENDPOINT}"
ARGUMENTS = {"images_data_url": "https://cdn.example/photos.zip", "steps": 1000}
WEBHOOK = "https://selfi.example/webhooks/fal/t-1"


async def test_answers_the_request_id(fal: Fal, fake_fal: FakeFal) -> None:
    fake_fal.on("POST", SUBMIT, answer(submitted("r-7")))

    assert await fal.submit(ENDPOINT, ARGUMENTS, webhook_url=WEBHOOK) == "r-7"

    (post,) = fake_fal.received
    assert post.query == {"fal_webhook": WEBHOOK}
    assert post.headers["authorization"] == f"Key {KEY}"
    assert post.headers["host"] == fake_fal.url.removeprefix("http://")
    assert b'"steps":1000' in post.body
    # It would end a run that only waits for its turn.
    assert "x-fal-request-timeout" not in post.headers


async def test_works_without_a_webhook(fal: Fal, fake_fal: FakeFal) -> None:
    fake_fal.on("POST", SUBMIT, answer(submitted()))

    await fal.submit(ENDPOINT, ARGUMENTS, webhook_url=None)

    assert fake_fal.received[0].query == {}


@pytest.mark.parametrize(
    ("files_last", "seconds"), [(None, "null"), (timedelta(days=1), "86400")], ids=["for ever", "a day"]
)
async def test_says_how_long_files_last(
    fal: Fal, fake_fal: FakeFal, files_last: timedelta | None, seconds: str
) -> None:
    fake_fal.on("POST", SUBMIT, answer(submitted()))

    await fal.submit(ENDPOINT, ARGUMENTS, webhook_url=None, files_last=files_last)

    lifecycle = fake_fal.received[0].headers["x-fal-object-lifecycle-preference"]
    assert lifecycle == f'{{"expiration_duration_seconds": {seconds}}}'


@pytest.mark.parametrize(
    ("reply", "error", "code"),
    [
        pytest.param(drop, Ambiguous, "no_answer", id="dropped"),
        pytest.param(drop_midway, Ambiguous, "no_answer", id="dropped in the answer"),
        pytest.param(answer({"status": "IN_QUEUE"}), Ambiguous, "unreadable_answer", id="no id"),
        pytest.param(answer([]), Ambiguous, "unreadable_answer", id="no object"),
        pytest.param(text("<html>", 200), Ambiguous, "unreadable_answer", id="no json"),
        pytest.param(answer({"detail": "boom"}, 500), Ambiguous, "http_500", id="500"),
        pytest.param(text("<center>nginx</center>", 502), Ambiguous, "http_502", id="502"),
        pytest.param(text("<center>nginx</center>", 504), Ambiguous, "http_504", id="504"),
        pytest.param(answer({}, 408), Unavailable, "http_408", id="408"),
        pytest.param(answer({}, 409), Unavailable, "http_409", id="409"),
        pytest.param(answer({"detail": "Too many"}, 429), Unavailable, "http_429", id="429"),
        pytest.param(answer({}, 503), Unavailable, "http_503", id="503"),
        pytest.param(text("<center>nginx</center>", 503), Unavailable, "http_503", id="503 nginx"),
        pytest.param(answer({"detail": "no"}, 401), OperatorProblem, "bad_key", id="401"),
        pytest.param(
            answer({"detail": "User is locked. Reason: Exhausted balance."}, 403),
            OperatorProblem,
            "account_locked",
            id="403",
        ),
        pytest.param(answer({"detail": "Not Found"}, 404), Rejected, "not_found", id="404"),
        pytest.param(answer({"detail": "Invalid"}, 422), Rejected, "validation_error", id="422"),
    ],
)
async def test_posts_once_and_sorts_the_failure(
    fal: Fal, fake_fal: FakeFal, reply: Answer, error: type[FalError], code: str
) -> None:
    fake_fal.on("POST", SUBMIT, reply)

    with pytest.raises(FalError) as raised:
        await fal.submit(ENDPOINT, ARGUMENTS, webhook_url=WEBHOOK)

    assert type(raised.value) is error
    assert raised.value.code == code
    assert fake_fal.count("POST") == 1


async def test_an_answer_that_does_not_come_is_waited_for_once(fake_fal: FakeFal) -> None:
    fake_fal.on("POST", SUBMIT, hang)
    fal = fal_at(fake_fal.url, timeout=1.0)

    with pytest.raises(Ambiguous) as raised:
        await fal.submit(ENDPOINT, ARGUMENTS, webhook_url=WEBHOOK)

    assert raised.value.code == "no_answer"
    assert fake_fal.count("POST") == 1
    await fal.close()


@pytest.mark.parametrize("value", ["7", "Wed, 21 Oct 2099 07:28:00 GMT"])
async def test_tells_when_to_come_back(fal: Fal, fake_fal: FakeFal, value: str) -> None:
    fake_fal.on("POST", SUBMIT, answer({}, 429, {"Retry-After": value}))

    with pytest.raises(Unavailable) as raised:
        await fal.submit(ENDPOINT, ARGUMENTS, webhook_url=WEBHOOK)

    assert raised.value.retry_after is not None
    assert raised.value.retry_after == 7 or raised.value.retry_after > 10**9


async def test_refused_connection_was_surely_not_accepted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    fal = fal_at(f"http://127.0.0.1:{port}")

    with pytest.raises(Unavailable) as raised:
        await fal.submit(ENDPOINT, ARGUMENTS, webhook_url=WEBHOOK)

    assert raised.value.code == "unreachable"
    await fal.close()


async def test_what_cannot_be_sent_is_a_mistake_of_ours(fal: Fal, fake_fal: FakeFal) -> None:
    with pytest.raises(TypeError):
        await fal.submit(ENDPOINT, {"steps": object()}, webhook_url=WEBHOOK)

    assert fake_fal.received == []


async def test_a_proxy_of_the_environment_never_gets_loopback_calls(
    fake_fal: FakeFal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    fake_fal.on("POST", SUBMIT, answer(submitted()))
    fal = fal_at(fake_fal.url)

    assert await fal.submit(ENDPOINT, ARGUMENTS, webhook_url=WEBHOOK) == "r-1"

    await fal.close()


async def test_two_clients_in_one_process_keep_their_addresses(fal: Fal, fake_fal: FakeFal) -> None:
    fake_fal.on("POST", SUBMIT, answer(submitted("here")))
    fake_fal.on("POST", f"/other{SUBMIT}", answer(submitted("there")))
    other = fal_at(f"{fake_fal.url}/other")

    assert await other.submit(ENDPOINT, ARGUMENTS, webhook_url=None) == "there"
    assert await fal.submit(ENDPOINT, ARGUMENTS, webhook_url=None) == "here"

    await other.close()


async def test_logs_neither_key_nor_addresses(
    fal: Fal, fake_fal: FakeFal, caplog: pytest.LogCaptureFixture
) -> None:
    fake_fal.on("POST", f"{SUBMIT}/good", answer(submitted()))
    fake_fal.on("POST", SUBMIT, answer({"detail": f"cannot read {ARGUMENTS['images_data_url']}"}, 422))

    caplog.set_level(logging.INFO)
    await fal.submit(f"{ENDPOINT}/good", ARGUMENTS, webhook_url=WEBHOOK)
    with pytest.raises(Rejected) as raised:
        await fal.submit(ENDPOINT, ARGUMENTS, webhook_url=WEBHOOK)

    for secret in (KEY, "photos.zip", "selfi.example"):
        assert secret not in caplog.text
        assert secret not in str(raised.value)
