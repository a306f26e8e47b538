"""The queue's HTTP side (`/queue`); the list of ended requests, and how to have one forgotten (`/api/v1`)."""

import base64
import binascii
import json
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientError, web

from sandbox.fal.errors import Outcome, request_error
from sandbox.fal.queue import Queue, Request, State, iso, now
from sandbox.fal.storage import Storage, key_of, lifetime_of

_YES = ("1", "true", "yes")
_START_TIMEOUTS = ("X-Fal-Request-Start-Timeout", "X-Fal-Request-Timeout")
_MOST_ITEMS, _MOST_ENDPOINTS = 100, 50
_STATUSES: dict[str, Callable[[int], bool]] = {
    "success": lambda code: code < 400,
    "user_error": lambda code: 400 <= code < 500,
    "error": lambda code: code >= 500,
}


class QueueApi:
    """Submit, status, stream, result, cancel, for the model endpoints in `endpoints`; and afterwards."""

    def __init__(self, queue: Queue, endpoints: Collection[str], storage: Storage) -> None:
        self._queue = queue
        self._endpoints = endpoints
        self._storage = storage

    async def submit(self, request: web.Request) -> web.Response:
        endpoint = request.match_info["endpoint"].strip("/")
        if endpoint not in self._endpoints:
            return web.json_response({"detail": f"Application {endpoint!r} not found"}, status=404)
        try:
            body = await request.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            error = {"loc": ["body"], "msg": "Input should be a JSON object", "type": "json_invalid"}
            return web.json_response({"detail": [error]}, status=422)
        try:
            start_timeout = _start_timeout(request)
        except ValueError:
            return _answer(request_error("bad_request", message="Invalid timeout header").outcome)
        submitted = Request(
            endpoint,
            body,
            origin=str(request.url.origin()),
            webhook_url=request.query.get("fal_webhook"),
            lifetime=lifetime_of(request.headers),
            start_timeout=start_timeout,
            stores_io=request.headers.get("X-Fal-Store-IO") != "0",
        )
        self._queue.accept(submitted)
        answer = self._status(submitted, logs=False)
        return _of_request(submitted, answer)

    async def status(self, request: web.Request) -> web.Response:
        found = self._found(request)
        answer = self._status(found, logs=_wants_logs(request))
        return _of_request(found, answer, status=200 if found.state is State.COMPLETED else 202)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: the status at once and whenever it changed, until COMPLETED."""
        found, logs = self._found(request), _wants_logs(request)
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
        response = web.StreamResponse(headers=headers | {"X-Fal-Request-Id": found.request_id})
        await response.prepare(request)
        sent: bytes | None = None
        try:
            while True:
                completed = found.state is State.COMPLETED
                event = b"data: " + json.dumps(self._status(found, logs=logs)).encode() + b"\n\n"
                if event != sent:
                    await response.write(event)
                    sent = event
                    continue  # it may have moved on meanwhile
                if completed or self._queue.stopping:
                    break
                await self._queue.change()
        except (ClientError, ConnectionError):  # the reader went away
            return response
        await response.write_eof()
        return response

    async def result(self, request: web.Request) -> web.Response:
        """The model's own status, headers and body."""
        found = self._found(request)
        if found.forgotten:
            raise _unknown()
        if found.outcome is None:
            return _of_request(found, {"detail": "Request is still in progress"}, status=400)
        return _answer(found.outcome, found)

    async def cancel(self, request: web.Request) -> web.Response:
        known = self._known(request)
        if known is None:
            return web.json_response({"status": "NOT_FOUND"}, status=404)
        if self._queue.cancel(known):
            return _of_request(known, {"status": "CANCELLATION_REQUESTED"}, status=202)
        return _of_request(known, {"status": "ALREADY_COMPLETED"}, status=400)

    async def list_ended(self, request: web.Request) -> web.Response:
        """`GET /models/requests/by-endpoint`, the latest first. Requests under way aren't in it."""
        try:
            chosen, page, limit = self._chosen(request)
        except ValueError as error:
            message = {"type": "validation_error", "message": str(error)}
            return web.json_response({"error": message}, status=400)
        here = chosen[page * limit : (page + 1) * limit]
        has_more = len(chosen) > (page + 1) * limit
        payloads = "payloads" in _values(request, "expand")
        return web.json_response(
            {
                "items": [_item(found, payloads=payloads) for found in here],
                "next_cursor": _cursor(page + 1) if has_more else None,
                "has_more": has_more,
            }
        )

    async def forget(self, request: web.Request) -> web.Response:
        """`DELETE /models/requests/{id}/payloads`: what it was given and made, and the files of its output.

        Files that it was given stay: other requests may use them.
        """
        found = self._queue.requests.get(request.match_info["request_id"])
        if found is None or found.outcome is None:
            message = {"type": "not_found", "message": "Request not found"}
            return web.json_response({"error": message}, status=404)
        made = found.outcome.body if found.outcome.status < 400 else None
        links = [link for link in _texts(made) if key_of(link)]
        for link in links:
            await self._storage.delete(key_of(link))
        found.forgotten, found.input, found.outcome = True, {}, Outcome(found.outcome.status, None)
        results = [{"link": link, "exception": None} for link in links]
        return web.json_response({"cdn_delete_results": results})

    def _chosen(self, request: web.Request) -> tuple[list[Request], int, int]:
        """The requests that the filters leave, the page's number and its length. Raises ValueError."""
        endpoints, request_id = _values(request, "endpoint_id"), request.query.get("request_id")
        if not 1 <= len(endpoints) <= _MOST_ENDPOINTS:
            raise ValueError(f"endpoint_id is required, at most {_MOST_ENDPOINTS} of them")
        start = _moment(request, "start", now() - timedelta(days=90 if request_id else 1))
        end = _moment(request, "end", now() + timedelta(seconds=1))
        statuses = _values(request, "status")
        if unknown := set(statuses) - set(_STATUSES):
            raise ValueError(f"status should be one of {', '.join(_STATUSES)}, not {', '.join(unknown)}")
        limit = int(request.query.get("limit", "50"))
        if not 1 <= limit <= _MOST_ITEMS:
            raise ValueError(f"limit should be 1 to {_MOST_ITEMS}")
        chosen = [
            found
            for found in self._queue.requests.values()
            if found.outcome is not None
            and found.ended_at is not None
            and start <= found.ended_at < end
            and found.endpoint in endpoints
            and request_id in (None, found.request_id)
            and (not statuses or any(_STATUSES[name](found.outcome.status) for name in statuses))
        ]
        chosen.sort(key=lambda found: found.ended_at or start, reverse=True)
        return chosen, _page(request.query.get("cursor")), limit

    def _status(self, request: Request, *, logs: bool) -> dict[str, Any]:
        base = f"{request.origin}/queue/{request.app}/requests/{request.request_id}"
        status: dict[str, Any] = {
            "status": request.state,
            "request_id": request.request_id,
            "gateway_request_id": request.gateway_request_id,
            "response_url": base,
            "status_url": f"{base}/status",
            "cancel_url": f"{base}/cancel",
            "logs": list(request.logs) if logs else None,
        }
        if request.state is State.IN_QUEUE:
            status["queue_position"] = self._queue.position(request)
        if request.outcome is not None:
            status["metrics"] = {"inference_time": request.run_seconds}
            if request.outcome.error_type:
                status |= {"error": request.outcome.error, "error_type": request.outcome.error_type}
        return status

    def _known(self, request: web.Request) -> Request | None:
        found = self._queue.requests.get(request.match_info["request_id"])
        return found if found and found.app == request.match_info["app"] else None

    def _found(self, request: web.Request) -> Request:
        known = self._known(request)
        if known is None:
            raise _unknown()
        return known


def _unknown() -> web.HTTPNotFound:
    return web.HTTPNotFound(text='{"detail": "Request not found"}', content_type="application/json")


def _texts(value: Any) -> Iterator[str]:
    """Every string in some JSON, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _of_request(request: Request, body: Any, *, status: int = 200) -> web.Response:
    return web.json_response(body, status=status, headers={"X-Fal-Request-Id": request.request_id})


def _answer(outcome: Outcome, request: Request | None = None) -> web.Response:
    headers = dict(outcome.headers)
    if request is not None:
        headers["X-Fal-Request-Id"] = request.request_id
    return web.json_response(outcome.body, status=outcome.status, headers=headers)


def _start_timeout(request: web.Request) -> float | None:
    """Raises ValueError where it isn't a number of seconds above 0.1."""
    for header in _START_TIMEOUTS:
        if header in request.headers:
            seconds = float(request.headers[header])
            if not seconds > 0.1:
                raise ValueError(header)
            return seconds
    return None


def _wants_logs(request: web.Request) -> bool:
    return request.query.get("logs", "").lower() in _YES


def _values(request: web.Request, name: str) -> list[str]:
    """A parameter that may be repeated or separated by commas."""
    return [value for given in request.query.getall(name, []) for value in given.split(",") if value]


def _moment(request: web.Request, name: str, default: datetime) -> datetime:
    given = request.query.get(name)
    if given is None:
        return default
    moment = datetime.fromisoformat(given)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _cursor(page: int) -> str:
    return base64.urlsafe_b64encode(str(page).encode()).decode()


def _page(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        return abs(int(base64.urlsafe_b64decode(cursor)))
    except (binascii.Error, ValueError):
        raise ValueError("cursor isn't one of ours") from None


def _item(request: Request, *, payloads: bool) -> dict[str, Any]:
    ended, outcome = request.ended_at, request.outcome
    item: dict[str, Any] = {
        "request_id": request.request_id,
        "endpoint_id": request.endpoint,
        "sent_at": iso(request.sent_at),
        "started_at": iso(request.started_at),
        "ended_at": iso(ended),
        "status_code": outcome and outcome.status,
        "duration": (ended - request.sent_at).total_seconds() if ended else None,
    }
    if payloads and request.stores_io and not request.forgotten:
        item |= {"json_input": request.input, "json_output": outcome and outcome.body}
    return item
