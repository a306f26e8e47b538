"""fal.ai as Selfi uses it: store a file, submit a run, follow it, fetch its result, cancel, find again."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import httpx
from asyncstdlib import cached_property
from fal_client import AsyncClient

from fal.downloads import Downloads
from fal.errors import FalError, Rejected, Unavailable, error_of_run
from fal.storage import Storage
from fal.transport import http_client, json_object

State = Literal["queued", "running", "completed"]

_STATES: Mapping[object, State] = {"IN_QUEUE": "queued", "COMPLETED": "completed"}
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Status:
    """Where a run is. "completed" says that it ended, not that it went well: fetch the result to know.

    `queue_position` counts from 0, while queued. `error` is fal's early word on a run that failed, where it
    gives one.
    """

    state: State
    queue_position: int | None = None
    logs: tuple[str, ...] = ()
    error: FalError | None = None


@dataclass(frozen=True, slots=True)
class EndedRequest:
    """fal's own record of a request that ended; `input` and `output` are None where fal didn't keep them."""

    request_id: str
    sent_at: datetime | None
    ended_at: datetime | None
    status_code: int | None
    input: dict[str, Any] | None
    output: dict[str, Any] | None


class Fal:
    """One account at fal.ai. Call `close` when done.

    Every method raises a `FalError`, and sends each of its requests once: trying again is the caller's
    decision. The addresses are fal's real ones unless settings say otherwise; each instance keeps its own.
    `timeout` and `upload_timeout` are in seconds, for each step of a request: connect, write, wait for bytes.
    """

    def __init__(
        self,
        *,
        key: str,
        queue_url: str = "https://queue.fal.run",
        rest_url: str = "https://rest.fal.ai",
        cdn_url: str = "https://v3.fal.media",
        api_url: str = "https://api.fal.ai/v1",
        timeout: float = 30.0,
        upload_timeout: float = 120.0,
    ) -> None:
        self._http = http_client(timeout=timeout, key=key, queue_url=queue_url)
        self._client = _Client(key, self._http, timeout)
        self._storage = Storage(self._http, rest_url.rstrip("/"), cdn_url.rstrip("/"), upload_timeout)
        self._downloads = Downloads(upload_timeout)
        self._api_url = api_url.rstrip("/")

    async def close(self) -> None:
        await self._http.aclose()
        await self._downloads.close()

    async def upload(self, path: Path, *, content_type: str, file_name: str, expires_in: timedelta) -> str:
        """Stores the file and answers its public URL; see `Storage.upload`."""
        return await self._storage.upload(
            path, content_type=content_type, file_name=file_name, expires_in=expires_in
        )

    async def download(self, url: str, target: Path, *, most: int) -> None:
        """Writes a file that a run has made to `target`; see `Downloads.fetch`."""
        await self._downloads.fetch(url, target, most)

    async def submit(
        self,
        endpoint: str,
        arguments: Mapping[str, Any],
        *,
        webhook_url: str | None,
        files_last: timedelta | None = None,
    ) -> str:
        """Starts a run and answers its request id, by exactly one POST whatever happens.

        No `start_timeout` goes along: it would end a run that only waits its turn in fal's queue.

        Args:
            endpoint: the model's, as `fal-ai/flux-lora`.
            arguments: in the endpoint's own words.
            webhook_url: what fal calls when the run has ended.
            files_last: how long fal keeps the files that the run makes; None: until they are deleted.

        Raises:
            Ambiguous: the POST was sent, but what became of it isn't known. Nobody may simply repeat it.
            Unavailable: surely not accepted, try later.
            Rejected: surely not accepted, and never will be.
            OperatorProblem: the key or the account.
        """
        seconds = None if files_last is None else int(files_last.total_seconds())
        lifecycle = json.dumps({"expiration_duration_seconds": seconds})
        handle = await self._client.submit(
            endpoint,
            dict(arguments),
            webhook_url=webhook_url,
            headers={"X-Fal-Object-Lifecycle-Preference": lifecycle},
        )
        return handle.request_id

    async def status(self, endpoint: str, request_id: str) -> Status:
        """Where the run is, with its logs so far; one that fal has forgotten is `Rejected` (not_found)."""
        handle = await self._client.get_handle(endpoint, request_id)
        return _status(json_object(await self._http.get(handle.status_url, params={"logs": "true"})))

    async def result(self, endpoint: str, request_id: str) -> dict[str, Any]:
        """The output of a run that has completed, in one fetch.

        Raises:
            Rejected: the model's own error; `result_expired` where fal has no such result (any more).
            Unavailable: also `not_ready`, while the run hasn't ended.
        """
        handle = await self._client.get_handle(endpoint, request_id)
        try:
            response = await self._http.get(handle.response_url)
        except Rejected as error:
            raise _sorted_result_error(error) from error
        if response.status_code == httpx.codes.ACCEPTED:
            raise Unavailable("The run hasn't ended yet.", code="not_ready")
        return json_object(response)

    async def cancel(self, endpoint: str, request_id: str) -> None:
        """Asks fal to stop the run. One that has ended, or that fal doesn't know, is as good as cancelled."""
        handle = await self._client.get_handle(endpoint, request_id)
        try:
            await self._http.put(handle.cancel_url)
        except Rejected as error:
            if error.code not in {"already_completed", "not_found"}:
                raise

    async def forget(self, request_id: str) -> None:
        """Deletes what fal keeps of a run: what it was given, what it answered, and the files that it made.

        One that fal doesn't know (any more) is as good as forgotten. An OperatorProblem (`forbidden`) is
        what a key is told that isn't an administrator's.
        https://fal.ai/docs/platform-apis/v1/models/requests/payloads
        """
        try:
            await self._http.delete(f"{self._api_url}/models/requests/{request_id}/payloads")
        except Rejected as error:
            if error.code != "not_found":
                raise

    async def ended_requests(self, endpoint: str, *, since: datetime) -> AsyncIterator[EndedRequest]:
        """The account's requests to the endpoint that ended after `since` (aware), last ended first.

        Requests that end while one iterates can make earlier ones come twice, never go missing.
        """
        params = {
            "endpoint_id": endpoint,
            "start": since.isoformat(),
            "expand": "payloads",
            "limit": str(_PAGE),
        }
        while True:
            page = json_object(
                await self._http.get(f"{self._api_url}/models/requests/by-endpoint", params=params)
            )
            items = page.get("items")
            for item in items if isinstance(items, list) else []:
                if ended := _ended_request(item):
                    yield ended
            cursor = page.get("next_cursor")
            if not page.get("has_more") or not isinstance(cursor, str) or cursor == params.get("cursor"):
                return
            params["cursor"] = cursor


class _Client(AsyncClient):
    """fal-client over our own httpx client, in the one place where it makes its own."""

    def __init__(self, key: str, http: httpx.AsyncClient, timeout: float) -> None:
        super().__init__(key=key, default_timeout=timeout)
        self._http = http

    @cached_property(asyncio.Lock)
    async def _client(self) -> httpx.AsyncClient:
        return self._http


def _status(answer: Mapping[str, Any]) -> Status:
    """Tolerant where fal-client's own parser is not; an unknown state is taken for running."""
    state = _STATES.get(answer.get("status"), "running")
    position = answer.get("queue_position")
    logs = answer.get("logs")
    error, error_type = answer.get("error"), answer.get("error_type")
    return Status(
        state=state,
        queue_position=position if state == "queued" and isinstance(position, int) else None,
        logs=tuple(filter(None, map(_log_line, logs if isinstance(logs, list) else []))),
        error=_run_error(error, error_type) if state == "completed" and (error or error_type) else None,
    )


def _run_error(error: object, error_type: object) -> FalError:
    return error_of_run(
        error if isinstance(error, str) else None,
        error_type if isinstance(error_type, str) else None,
        error,
    )


def _log_line(entry: object) -> str | None:
    message = entry.get("message") if isinstance(entry, dict) else entry
    return message if isinstance(message, str) else None


def _sorted_result_error(error: Rejected) -> FalError:
    """Only the queue says 404 or 410 of a result, and 400 of one that is still being made."""
    if error.code in {"not_found", "http_410"}:
        return Rejected("fal.ai has no such result, or no longer.", code="result_expired")
    if error.code == "bad_request" and "in progress" in error.detail.lower():
        return Unavailable("The run hasn't ended yet.", code="not_ready")
    return error


def _ended_request(item: object) -> EndedRequest | None:
    if not isinstance(item, dict) or not isinstance(item.get("request_id"), str):
        return None
    status_code, given, made = item.get("status_code"), item.get("json_input"), item.get("json_output")
    return EndedRequest(
        request_id=item["request_id"],
        sent_at=_time(item.get("sent_at")),
        ended_at=_time(item.get("ended_at")),
        status_code=status_code if isinstance(status_code, int) else None,
        input=given if isinstance(given, dict) else None,
        output=made if isinstance(made, dict) else None,
    )


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
