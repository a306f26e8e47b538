"""What can go wrong with fal.ai, sorted by what to do about it.

FalError            anything fal.ai or the line to it did to us; `code` is a stable machine word
├── Rejected        permanent: the request itself is wrong, or the model refused it
├── Unavailable     transient: surely not accepted; the same call may do later
├── Ambiguous       only from a submit: it may or may not have been accepted, so don't just repeat it
└── OperatorProblem the key or the account: keep the job, tell the operator
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

# Never worth a retry, whatever the status code says.
# https://fal.ai/docs/documentation/model-apis/errors and …/request-errors
PERMANENT_TYPES = frozenset(
    {
        "content_policy_violation",
        "file_download_error",
        "file_too_large",
        "image_load_error",
        "image_too_small",
        "image_too_large",
        "no_media_generated",
        "invalid_archive",
        "archive_file_count_below_minimum",
        "archive_file_count_exceeds_maximum",
        "client_cancelled",
        "bad_request",
        "already_completed",  # what a cancel that came too late is told, in `status`
    }
)

# Failures of fal's own machines. https://fal.ai/docs/documentation/model-apis/request-errors
TRANSIENT_TYPES = frozenset(
    {
        "request_timeout",
        "startup_timeout",
        "runner_scheduling_failure",
        "runner_connection_timeout",
        "runner_disconnected",
        "runner_connection_refused",
        "runner_connection_error",
        "runner_incomplete_response",
        "runner_server_error",
        "internal_error",
    }
)

# Transient besides 5xx: timed out before it was read, conflict, too early, too many at once.
TRANSIENT_STATUSES = frozenset({408, 409, 425, 429})

MAX_DETAIL = 300
_URL = re.compile(r"\w+://\S+")
_SECONDS = re.compile(r"[0-9]{1,9}")
_STATUS_IN_SENTENCE = re.compile(r"status code:? (\d{3})", re.IGNORECASE)


class FalError(Exception):
    """`detail` is a sentence for a log or an operator; it never holds a URL."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.detail = message
        self.code = code


class Rejected(FalError):
    pass


class Unavailable(FalError):
    """`retry_after` is in seconds, where fal named a time."""

    def __init__(self, message: str, *, code: str, retry_after: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class Ambiguous(FalError):
    pass


class OperatorProblem(FalError):
    pass


def error_from(status_code: int | None, headers: Mapping[str, str], body: object) -> FalError:
    """The error that an answer of fal's amounts to.

    Args:
        status_code: None where only a failed run's own words are known.
        headers: by lower-case name, or looked up without regard to case.
        body: the decoded JSON: a model's `{"detail": [{"type", "msg", "loc"}]}`, a request's
            `{"detail": "…", "error_type": "…"}`, the platform API's `{"error": {"message": "…"}}`, or
            anything else.
    """
    kind, detail = _described(body)
    kind = kind or headers.get("x-fal-error-type")
    message = detail or f"fal.ai answered {status_code or 'with an error'} without a reason."
    if problem := _operator_problem(status_code, message, body):
        return problem
    if _is_transient(status_code, kind, headers):
        code = kind if kind in TRANSIENT_TYPES else f"http_{status_code}"
        return Unavailable(message, code=code, retry_after=_retry_after(headers))
    return Rejected(message, code=kind if kind in PERMANENT_TYPES else _rejection_code(status_code))


def error_of_run(sentence: str | None, error_type: str | None, payload: object) -> FalError:
    """The error of a run that ended badly, from the words of a webhook or of a COMPLETED status.

    The status code, if any, is inside the sentence: "Invalid status code: 422".
    """
    found = _STATUS_IN_SENTENCE.search(sentence or "")
    body = payload if _described(payload) != (None, None) else {"detail": sentence, "error_type": error_type}
    return error_from(int(found[1]) if found else None, {"x-fal-error-type": error_type or ""}, body)


def _described(body: object) -> tuple[str | None, str | None]:
    """The type and the sentence in an error's body, each None where there is none."""
    if not isinstance(body, dict):
        return None, None
    detail = body.get("detail")
    if isinstance(detail, list):
        items = [item for item in detail if isinstance(item, dict)]
        known = [item for item in items if _text(item.get("type")) in PERMANENT_TYPES | TRANSIENT_TYPES]
        return _described_item((known or items or [{}])[0])
    words = detail if isinstance(detail, str) else body.get("error")
    if isinstance(words, dict):  # the platform API's `{"error": {"type", "message"}}`
        words = words.get("message")
    kind = _text(body.get("error_type")) or _text(body.get("status"))
    return kind and kind.lower(), _sentence(words)


def _described_item(item: Mapping[str, Any]) -> tuple[str | None, str | None]:
    place = item.get("loc")
    field = ".".join(str(part) for part in place if part != "body") if isinstance(place, list) else ""
    words = _sentence(item.get("msg"))
    return _text(item.get("type")), f"{field}: {words}" if field and words else words


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _sentence(value: object) -> str | None:
    text = _text(value)
    return _URL.sub("[URL]", text)[:MAX_DETAIL] if text else None


def _operator_problem(status_code: int | None, message: str, body: object) -> OperatorProblem | None:
    """Only the gateway speaks of keys and balances; a model's own 403 has a list of details."""
    if isinstance(body, dict) and isinstance(body.get("detail"), list):
        return None
    match status_code:
        case 401:
            return OperatorProblem(f"fal.ai does not know the key: {message}", code="bad_key")
        case 402 | 403:
            locked = status_code == 402 or "locked" in message.lower() or "balance" in message.lower()
            return OperatorProblem(message, code="account_locked" if locked else "forbidden")
        case 301 | 302 | 303 | 307 | 308:
            return OperatorProblem(
                "fal.ai's address redirects: the FAL_*_URL settings must name the final address.",
                code="redirected",
            )
        case _:
            return None


def _is_transient(status_code: int | None, kind: str | None, headers: Mapping[str, str]) -> bool:
    if kind in PERMANENT_TYPES:
        return False
    if kind in TRANSIENT_TYPES or status_code == 429:
        return True
    told = headers.get("x-fal-retryable") or headers.get("x-fal-needs-retry")
    if told:
        return told.lower() in {"1", "true", "yes"}
    return status_code is not None and (status_code >= 500 or status_code in TRANSIENT_STATUSES)


def _rejection_code(status_code: int | None) -> str:
    match status_code:
        case None:
            return "failed"
        case 400:
            return "bad_request"
        case 404:
            return "not_found"
        case 422:
            return "validation_error"
        case _:
            return f"http_{status_code}"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from either form of Retry-After (RFC 9110, 10.2.3)."""
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
