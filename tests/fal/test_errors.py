from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal import FalError, OperatorProblem, Rejected, Unavailable, error_from, error_of_run
from fal.errors import MAX_DETAIL, PERMANENT_TYPES, TRANSIENT_TYPES

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(max_size=3), scalars, max_size=2)


def objects(*names: str, of: st.SearchStrategy[Any] = values) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, of))


items = st.fixed_dictionaries({"type": values, "msg": values, "loc": values})
bodies = values | objects("error_type", "error", "status") | objects("detail", of=st.lists(items, max_size=2))


def details(*items: tuple[str, str]) -> dict[str, Any]:
    return {"detail": [{"loc": ["body", "steps"], "msg": words, "type": kind} for kind, words in items]}


@pytest.mark.parametrize("kind", sorted(PERMANENT_TYPES))
def test_permanent_types_are_permanent_whatever_the_status(kind: str) -> None:
    for status in (None, 400, 422, 500, 503):
        error = error_from(status, {"x-fal-retryable": "true"}, details((kind, "No.")))
        assert type(error) is Rejected
        assert error.code == kind


@pytest.mark.parametrize("kind", sorted(TRANSIENT_TYPES))
def test_transient_types_are_transient(kind: str) -> None:
    by_body = error_from(503, {}, {"detail": "Gone", "error_type": kind})
    by_header = error_from(503, httpx.Headers({"X-Fal-Error-Type": kind}), None)
    for error in (by_body, by_header):
        assert type(error) is Unavailable
        assert error.code == kind


def test_the_known_detail_is_the_one_that_counts() -> None:
    error = error_from(422, {}, details(("missing", "Field required"), ("image_too_small", "Too small")))

    assert error.code == "image_too_small"
    assert error.detail == "steps: Too small"


def test_an_unknown_type_is_a_validation_error() -> None:
    error = error_from(422, {}, details(("greater_than", "Input should be greater than 0")))

    assert (type(error), error.code) == (Rejected, "validation_error")
    assert error.detail == "steps: Input should be greater than 0"


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"x-fal-retryable": "true"}, Unavailable),
        ({"x-fal-retryable": "false"}, Rejected),
        ({"x-fal-needs-retry": "1"}, Unavailable),
        ({}, Unavailable),
    ],
)
def test_fal_says_whether_to_retry(headers: dict[str, str], error: type[FalError]) -> None:
    assert type(error_from(500, headers, details(("odd", "Odd")))) is error


def test_a_models_own_403_is_no_matter_of_the_account() -> None:
    assert type(error_from(403, {}, details(("content_policy_violation", "No.")))) is Rejected
    assert type(error_from(403, {}, {"detail": "User is locked."})) is OperatorProblem


def test_the_platform_apis_words_are_found() -> None:
    error = error_from(403, {}, {"error": {"type": "authorization_error", "message": "Admin key required"}})

    assert isinstance(error, OperatorProblem)
    assert (error.code, error.detail) == ("forbidden", "Admin key required")


def test_addresses_never_get_into_the_words() -> None:
    error = error_from(
        422, {}, details(("file_download_error", "Can't read https://v3.fal.media/f/me.zip now"))
    )

    assert error.detail == "steps: Can't read [URL] now"
    assert str(error) == error.detail


@pytest.mark.parametrize("value", ["", "soon", "-3", "1" * 5000, "Wed, 99 Oct 2099 07:28:00 GMT"])
def test_an_unreadable_retry_after_is_none(value: str) -> None:
    error = error_from(429, {"retry-after": value}, None)

    assert isinstance(error, Unavailable)
    assert error.retry_after is None


def test_a_retry_after_in_the_past_is_now() -> None:
    error = error_from(429, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None)

    assert isinstance(error, Unavailable)
    assert error.retry_after == 0


@pytest.mark.parametrize(
    ("sentence", "error_type", "payload", "error"),
    [
        (
            "Invalid status code: 422",
            None,
            details(("invalid_archive", "No.")),
            (Rejected, "invalid_archive"),
        ),
        ("Invalid status code: 422", None, None, (Rejected, "validation_error")),
        ("Invalid status code: 503", None, "<html>", (Unavailable, "http_503")),
        ("Timed out", "request_timeout", None, (Unavailable, "request_timeout")),
        ("Request was cancelled", "client_cancelled", {}, (Rejected, "client_cancelled")),
        ("Something", None, None, (Rejected, "failed")),
        (None, None, None, (Rejected, "failed")),
    ],
)
def test_error_of_a_run(
    sentence: str | None, error_type: str | None, payload: object, error: tuple[type[FalError], str]
) -> None:
    found = error_of_run(sentence, error_type, payload)

    assert (type(found), found.code) == error


@given(status=st.none() | st.integers(100, 599), body=bodies, header=st.text(max_size=30))
def test_any_answer_can_be_sorted(status: int | None, body: object, header: str) -> None:
    headers = {"retry-after": header, "x-fal-error-type": header, "x-fal-retryable": header}

    error = error_from(status, headers, body)

    assert error.code
    assert 0 < len(error.detail) <= MAX_DETAIL + 200
