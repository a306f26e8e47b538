"""The edge where whatever went wrong becomes an answer, once: application/problem+json (RFC 9457)."""

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import asyncpg
import structlog
from aiohttp import web
from pydantic import ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails
from tortoise.exceptions import DBConnectionError

from media.storage import StorageError
from models.errors import (
    Conflict,
    DomainError,
    Forbidden,
    Invalid,
    LimitReached,
    NotEnoughStars,
    NotFound,
    Problems,
    TooLarge,
    TooOften,
    Unauthenticated,
    Unavailable,
)
from web import schemas
from web.keys import Handler

log = structlog.get_logger(__name__)


class InvalidFields(DomainError):
    """What came doesn't fit its model; `errors` names every field."""

    def __init__(self, errors: Sequence[schemas.FieldProblem]) -> None:
        words = "; ".join(f"{one.field}: {one.message}" for one in errors[:3])
        super().__init__(f"{words}.", code="invalid")
        self.errors = errors


class Malformed(DomainError):
    """What came can't be read at all."""


class Stalled(DomainError):
    """The client stopped sending in the middle of a body, or sends it too slowly."""


def too_large(limit: int) -> TooLarge:
    return TooLarge(f"The request is too large: at most {limit} bytes are taken here.", limit=limit)


STATUSES: Mapping[type[DomainError], int] = {
    Malformed: 400,
    Unauthenticated: 401,
    NotEnoughStars: 402,
    Forbidden: 403,
    NotFound: 404,
    Stalled: 408,
    Conflict: 409,
    TooLarge: 413,
    Invalid: 422,
    InvalidFields: 422,
    Problems: 422,
    LimitReached: 422,
    TooOften: 429,
    Unavailable: 503,
}

_DETAILS = {
    404: "There is nothing at this address.",
    405: "This address doesn't take that method: see the Allow header.",
    415: "Send the body as it is, without a Content-Encoding.",
}

_KEPT_HEADERS = ("Allow", "Accept-Encoding")

# What pydantic says of these is for programmers.
_MESSAGES = {
    "extra_forbidden": "is no field of this request",
    "json_invalid": "is not JSON",
    "missing": "is missing",
    "bool_type": "has to be true or false",
    "int_from_float": "has to be a whole number",
    "int_parsing": "has to be a whole number",
    "int_type": "has to be a whole number",
    "string_type": "has to be text",
    "string_pattern_mismatch": "has characters that can't be used here",
}
_MOST_ERRORS = 20
_LONGEST_FIELD = 100


@contextmanager
def from_client() -> Iterator[None]:
    """Around validating what a client sent: elsewhere a ValidationError is a mistake of ours.

    Raises:
        InvalidFields: instead of pydantic's ValidationError.
    """
    try:
        yield
    except ValidationError as e:
        found = e.errors(include_url=False, include_context=False, include_input=False)[:_MOST_ERRORS]
        raise InvalidFields([_field_problem(one) for one in found]) from e


def _field_problem(error: ErrorDetails) -> schemas.FieldProblem:
    return schemas.FieldProblem(
        field=".".join(str(part) for part in error["loc"])[:_LONGEST_FIELD] or "body",
        message=_MESSAGES.get(error["type"]) or error["msg"].removeprefix("Value error, "),
    )


class ProblemResponse(web.Response):
    """A problem document; `code` is there for the log."""

    def __init__(
        self,
        status: int,
        *,
        code: str,
        detail: str,
        errors: Sequence[schemas.FieldProblem] | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        problem = schemas.Problem(
            title=HTTPStatus(status).phrase,
            status=status,
            code=code,
            detail=detail,
            error=detail,
            message=detail,
            errors=list(errors) if errors else None,
            **{to_camel(name): value for name, value in extra.items()},
        )
        super().__init__(
            status=status,
            text=problem.model_dump_json(exclude_none=True),
            content_type="application/problem+json",
            headers=headers,
        )
        self.code = code


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers every error of the handlers inside with a problem document."""
    try:
        return await handler(request)
    except web.HTTPException as e:
        if e.status < 400:
            raise
        return _domain(too_large(request.client_max_size)) if e.status == 413 else _http(e)
    except Exception as e:
        if domain := e if isinstance(e, DomainError) else _outage(e):
            return _domain(domain)
        log.exception("request_failed")
        detail = "Something went wrong on our side. It has been logged."
        return ProblemResponse(500, code="internal_error", detail=detail)


def _outage(error: Exception) -> Unavailable | None:
    """The error of something that we need, and that isn't there just now."""
    if isinstance(error, StorageError):
        log.warning("storage_unavailable", error=type(error).__name__)
        return Unavailable("The photos can't be reached just now.", code="storage_unavailable")
    if is_database_failure(error):
        log.warning("database_unavailable", error=type(error).__name__)
        return Unavailable("The database doesn't answer just now.", code="database_unavailable")
    if isinstance(error, ConnectionError | TimeoutError):
        log.warning("unavailable", error=type(error).__name__, exc_info=error)
        return Unavailable("Something that is needed here doesn't answer just now.", code="unavailable")
    return None


def is_database_failure(error: BaseException) -> bool:
    """Whether `error` says that Postgres can't be reached, rather than that it was asked something wrong.

    A server that is gone shows as an error of the socket, which asyncpg passes on as it is: the traceback
    tells whether it came from there.
    """
    if isinstance(error, OSError):
        frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
        return any(str(frame.f_globals.get("__name__")).startswith("asyncpg.") for frame in frames)
    return isinstance(
        error,
        DBConnectionError
        | asyncpg.PostgresConnectionError
        | asyncpg.InterfaceError
        | asyncpg.CannotConnectNowError
        | asyncpg.TooManyConnectionsError
        | asyncpg.AdminShutdownError
        | asyncpg.CrashShutdownError
        | asyncpg.TransactionRollbackError,  # a deadlock, whose loser may try again
    )


def _domain(error: DomainError) -> ProblemResponse:
    status = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    errors: Sequence[schemas.FieldProblem] | None = None
    headers: dict[str, str] = {}
    if isinstance(error, InvalidFields):
        errors = error.errors
    elif isinstance(error, Problems):
        errors = [_one_problem(one) for one in error.problems]
    elif isinstance(error, Invalid):
        errors = [schemas.FieldProblem(field=error.field, message=error.detail)]
    elif isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "tma"
    elif isinstance(error, Unavailable | TooOften):
        headers["Retry-After"] = str(error.retry_after)
    return ProblemResponse(
        status, code=error.code, detail=error.detail, errors=errors, headers=headers, **error.extra
    )


def _one_problem(error: Invalid) -> schemas.FieldProblem:
    extra = {to_camel(name): value for name, value in error.extra.items()}
    return schemas.FieldProblem(field=error.field, message=error.detail, code=error.code, **extra)


def _http(error: web.HTTPException) -> ProblemResponse:
    """aiohttp's own, such as that there is no such route or method."""
    status = HTTPStatus(error.status)
    return ProblemResponse(
        error.status,
        code=status.name.lower(),
        detail=_DETAILS.get(error.status, f"{status.description or status.phrase}."),
        headers={name: error.headers[name] for name in _KEPT_HEADERS if name in error.headers},
    )
