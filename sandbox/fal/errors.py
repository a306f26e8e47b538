"""How fal says that something failed.

Source: https://fal.ai/docs/documentation/model-apis/errors and …/request-errors.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

MIN_PHOTOS = 4
MAX_PHOTOS = 1000
PHOTO_EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp")
ARCHIVE_EXTENSIONS = (".zip",)

Location = Sequence[str | int]


@dataclass(frozen=True)
class Outcome:
    """What a request ended with: fetching its result replays the status, the body and the headers.

    `error` and `error_type` are what its status says beside COMPLETED where fal itself, and not the
    model, gave up.
    """

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None
    error_type: str | None = None


class Failure(Exception):
    """A run ended without a result."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(f"{outcome.status}: {outcome.body}")
        self.outcome = outcome


@dataclass(frozen=True)
class _Kind:
    status: int
    message: str
    context: Mapping[str, Any] | None = None


MODEL_ERRORS: Mapping[str, _Kind] = {
    "internal_server_error": _Kind(500, "Internal server error"),
    "generation_timeout": _Kind(504, "Generation timeout"),
    "downstream_service_error": _Kind(400, "Downstream service error"),
    "downstream_service_unavailable": _Kind(500, "Downstream service unavailable"),
    "content_policy_violation": _Kind(
        422, "The content could not be processed because it contained material flagged by a content checker."
    ),
    "no_media_generated": _Kind(422, "The model did not generate the expected output for this prompt."),
    "image_too_small": _Kind(422, "Image too small", {"min_height": 512, "min_width": 512}),
    "image_too_large": _Kind(422, "Image too large", {"max_height": 8192, "max_width": 8192}),
    "image_load_error": _Kind(422, "Image load error"),
    "face_detection_error": _Kind(422, "Could not detect face in the image"),
    "file_download_error": _Kind(422, "File download error"),
    "file_too_large": _Kind(422, "File too large", {"max_size": 2 * 1024**3}),
    "feature_not_supported": _Kind(422, "Feature not supported"),
    "invalid_archive": _Kind(
        422,
        "Could not read or process the provided archive. Ensure it's a valid, non-corrupted archive.",
        {"supported_extensions": list(ARCHIVE_EXTENSIONS)},
    ),
    "archive_file_count_below_minimum": _Kind(
        422,
        "Too few files in the archive.",
        {"min_count": MIN_PHOTOS, "provided_count": 0, "supported_extensions": list(PHOTO_EXTENSIONS)},
    ),
    "archive_file_count_exceeds_maximum": _Kind(
        422,
        "Too many files in the archive.",
        {
            "max_count": MAX_PHOTOS,
            "provided_count": MAX_PHOTOS + 1,
            "supported_extensions": list(PHOTO_EXTENSIONS),
        },
    ),
}

REQUEST_ERRORS: Mapping[str, _Kind] = {
    "request_timeout": _Kind(504, "Request timed out"),
    "startup_timeout": _Kind(504, "The runner did not start within the allowed time"),
    "runner_scheduling_failure": _Kind(503, "No runner could be allocated to handle the request"),
    "runner_connection_timeout": _Kind(503, "The connection to the runner timed out"),
    "runner_disconnected": _Kind(503, "The runner disconnected unexpectedly"),
    "runner_connection_refused": _Kind(503, "The runner refused the connection"),
    "runner_connection_error": _Kind(503, "Could not connect to the runner"),
    "runner_incomplete_response": _Kind(502, "The runner sent an incomplete response"),
    "runner_server_error": _Kind(500, "The runner encountered a server error"),
    "client_disconnected": _Kind(499, "The client closed the connection"),
    "client_cancelled": _Kind(499, "The request was cancelled by the client"),
    "bad_request": _Kind(400, "Bad request"),
    "internal_error": _Kind(500, "Internal error"),
}


def model_error(
    kind: str,
    *,
    loc: Location = ("body",),
    message: str | None = None,
    context: Mapping[str, Any] | None = None,
    value: Any = None,
) -> Failure:
    """The model refused: `{"detail": [{loc, msg, type, url, ctx, input}]}`. An unknown `kind` is a 422."""
    known = MODEL_ERRORS.get(kind, _Kind(422, kind.replace("_", " ").capitalize()))
    error: dict[str, Any] = {
        "loc": list(loc),
        "msg": message or known.message,
        "type": kind,
        "url": f"https://docs.fal.ai/errors/#{kind}",
        "input": value,
    }
    ctx = {**(known.context or {}), **(context or {})}
    if ctx:
        error["ctx"] = ctx
    retryable = "false" if known.status == 422 else "true"
    return Failure(Outcome(known.status, {"detail": [error]}, {"X-Fal-Retryable": retryable}))


def invalid_input(error: ValidationError) -> Failure:
    """The input isn't the model's: the detail is pydantic's own, below `body`."""
    detail = json.loads(error.json())
    for item in detail:
        item["loc"] = ["body", *item["loc"]]
    return Failure(Outcome(422, {"detail": detail}, {"X-Fal-Retryable": "false"}))


def request_error(
    kind: str, *, message: str | None = None, headers: Mapping[str, str] | None = None
) -> Failure:
    """fal itself gave up: `{"detail": "…", "error_type": "…"}`. An unknown `kind` is a 500."""
    known = REQUEST_ERRORS.get(kind, _Kind(500, kind.replace("_", " ").capitalize()))
    text = message or known.message
    return Failure(
        Outcome(
            known.status,
            {"detail": text, "error_type": kind},
            {"X-Fal-Error-Type": kind, **(headers or {})},
            error=text,
            error_type=kind,
        )
    )
