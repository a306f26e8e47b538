"""The emulator: everything of fal.ai on one port, and the controls to break it."""

import json
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout, web
from pydantic import ValidationError

from sandbox.fal.background import Background
from sandbox.fal.faults import CALL_FAULTS, NGINX, PRESETS, Fault, Faults
from sandbox.fal.inference import PAINTERS
from sandbox.fal.models import Job, Model, Pace
from sandbox.fal.queue import Queue, Request, iso, now
from sandbox.fal.queue_api import QueueApi
from sandbox.fal.storage import Storage, StorageApi
from sandbox.fal.trainers import TRAINERS
from sandbox.fal.webhooks import Signer, Webhooks

MODELS: dict[str, Model] = {**TRAINERS, **PAINTERS}

_PAGE = Path(__file__).with_name("page.html")
_MOST_CALLS = 5000
_JSON_LIMIT = 10 * 1024 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Call:
    """One call of fal's API; `status` is None where the connection was dropped or nothing is answered yet."""

    operation: str
    method: str
    path: str
    at: str | None
    endpoint: str | None = None
    status: int | None = None
    seconds: float | None = None


class FalEmulator:
    """fal.ai on loopback. `app()` is served by the caller; one emulator makes one app.

    `key` is the only one accepted (None: any). `training_seconds` is the time of 1,000 steps and
    `picture_seconds` of one picture. Each model app has `concurrency` runners, and a request waits at least
    `queue_seconds` for one. A webhook comes `webhook_seconds` after the end; its retries take fal's two hours
    times `retry_factor`.
    """

    def __init__(
        self,
        *,
        key: str | None = None,
        training_seconds: float = 25.0,
        picture_seconds: float = 1.0,
        queue_seconds: float = 0.0,
        concurrency: int = 1,
        webhook_seconds: float = 0.05,
        retry_factor: float = 1.0,
    ) -> None:
        self._key = key
        self._pace = Pace(training_seconds, picture_seconds)
        self._background = Background()
        self._faults = Faults()
        self._storage = Storage()
        self._signer = Signer()
        self._session: ClientSession | None = None
        self._webhooks = Webhooks(
            self._signer,
            faults=self._faults,
            background=self._background,
            first_seconds=webhook_seconds,
            retry_factor=retry_factor,
        )
        self._queue = Queue(
            self._run_model,
            faults=self._faults,
            background=self._background,
            ended=self._notify,
            concurrency=concurrency,
            queue_seconds=queue_seconds,
        )
        self.calls: deque[Call] = deque(maxlen=_MOST_CALLS)

    @property
    def requests(self) -> list[Request]:
        """All that were accepted, the oldest first."""
        return list(self._queue.requests.values())

    @property
    def faults(self) -> list[Fault]:
        """Those that are still to come."""
        return list(self._faults.planned)

    def fault(self, on: str, do: str, **options: Any) -> Fault:
        """Plans a fault: `fault("submit", "drop_after")`, `fault("webhook", "late", seconds=5)`.

        Options are the fields of `Fault`. Raises pydantic's ValidationError.
        """
        return self._faults.plan(Fault.model_validate({"on": on, "do": do, **options}))

    def clear_faults(self) -> None:
        self._faults.clear()

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._record, self._break], client_max_size=_JSON_LIMIT)
        app.add_routes(self._routes())
        app.cleanup_ctx.append(self._resources)
        app.on_shutdown.append(self._stop_waiting)
        return app

    def _routes(self) -> list[web.RouteDef]:
        queue, storage = QueueApi(self._queue, MODELS, self._storage), StorageApi(self._storage)
        key, token = self._with_key, _with(storage.knows)
        request = r"/queue/{app:(?:(?:workflows|comfy)/)?[^/]+/[^/]+}/requests/{request_id}"
        file = r"/cdn/files/{key:[^/]+/[^/]+}"
        part = file + "/multipart/{upload_id}"
        return [
            web.get(request + "/status/stream", key(queue.stream), name="stream"),
            web.get(request + "/status", key(queue.status), name="status"),
            web.put(request + "/cancel", key(queue.cancel), name="cancel"),
            web.get(request, key(queue.result), name="result"),
            web.post("/queue/{endpoint:.+}", key(queue.submit), name="submit"),
            web.get("/api/v1/models/requests/by-endpoint", key(queue.list_ended), name="list"),
            web.delete("/api/v1/models/requests/{request_id}/payloads", key(queue.forget), name="forget"),
            web.post("/rest/storage/auth/token", key(storage.token), name="token"),
            web.post("/rest/storage/upload/initiate", key(storage.initiate), name="initiate"),
            web.get("/rest/.well-known/jwks.json", self._jwks, name="jwks"),
            web.post("/cdn/files/upload", token(storage.upload), name="upload"),
            web.post("/cdn/files/upload/multipart", token(storage.multipart_start), name="multipart_start"),
            web.put(part + r"/{part:\d+}", token(storage.multipart_part), name="multipart_part"),
            web.post(part + "/complete", token(storage.multipart_complete), name="multipart_complete"),
            web.put("/cdn/signed/{ticket}", storage.put, name="put"),
            web.get(file, storage.download, name="download"),
            web.get("/", _page),
            web.get("/requests", self._list_requests),
            web.get("/calls", self._list_calls),
            web.get("/faults", self._list_faults),
            web.post("/faults", self._plan_fault),
            web.delete("/faults", self._clear_faults),
        ]

    async def _resources(self, _: web.Application) -> AsyncIterator[None]:
        self._storage.open()
        async with ClientSession(timeout=ClientTimeout(total=600, sock_connect=10)) as self._session:
            yield
            await self._background.close()
        self._storage.close()

    async def _stop_waiting(self, _: web.Application) -> None:
        self._faults.stop()
        self._queue.stop()

    async def _run_model(self, request: Request, log: Callable[..., None]) -> dict[str, Any]:
        job = Job(request, self._storage, self._open_session(), self._pace, log)
        return await MODELS[request.endpoint].run(job)

    def _notify(self, request: Request) -> None:
        self._webhooks.send(self._open_session(), request)

    def _open_session(self) -> ClientSession:
        if self._session is None:
            raise RuntimeError("The emulator's app hasn't started")
        return self._session

    @web.middleware
    async def _record(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Keeps the log of calls; the controls have no name and aren't in it."""
        operation = request.match_info.route.name
        if operation is None:
            return await handler(request)
        call = Call(operation, request.method, request.path, iso(now()), self._endpoint(request))
        self.calls.append(call)
        began = time.monotonic()
        try:
            response = await handler(request)
        except web.HTTPException as error:
            call.status = error.status
            raise
        else:
            if request.transport is not None and not request.transport.is_closing():
                call.status = response.status
            return response
        finally:
            call.seconds = time.monotonic() - began

    @web.middleware
    async def _break(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Lets the planned faults of calls happen."""
        operation = request.match_info.route.name
        fault = self._faults.take(operation, self._endpoint(request)) if operation else None
        if fault is None or fault.do not in CALL_FAULTS:
            return await handler(request)
        if fault.do == "answer":
            return web.json_response(fault.body(), status=fault.status)
        if fault.do == "nginx":
            return web.Response(status=503, text=NGINX, content_type="text/html")
        if fault.do == "drop":
            return _drop(request)
        response = await handler(request)
        if fault.do == "drop_after":
            return _drop(request)
        await self._faults.wait(fault.seconds)
        return response

    def _endpoint(self, request: web.Request) -> str | None:
        known = self._queue.requests.get(request.match_info.get("request_id", ""))
        return known.endpoint if known else request.match_info.get("endpoint")

    def _with_key(self, handler: Handler) -> Handler:
        def good(authorization: str) -> bool:
            scheme, _, key = authorization.partition(" ")
            return scheme == "Key" and bool(key) and self._key in (None, key)

        return _with(good)(handler)

    async def _jwks(self, _: web.Request) -> web.Response:
        return web.json_response(self._signer.jwks())

    async def _list_requests(self, _: web.Request) -> web.Response:
        return web.json_response([request.describe() for request in self.requests])

    async def _list_calls(self, _: web.Request) -> web.Response:
        return web.json_response([asdict(call) for call in self.calls])

    async def _list_faults(self, _: web.Request) -> web.Response:
        planned = [fault.model_dump() for fault in self._faults.planned]
        return web.json_response({"planned": planned, "presets": PRESETS})

    async def _plan_fault(self, request: web.Request) -> web.Response:
        try:
            fault = Fault.model_validate_json(await request.read())
        except ValidationError as error:
            return web.json_response({"detail": json.loads(error.json())}, status=422)
        return web.json_response(self._faults.plan(fault).model_dump(), status=201)

    async def _clear_faults(self, _: web.Request) -> web.Response:
        self.clear_faults()
        return web.Response(status=204)


def _with(good: Callable[[str], bool]) -> Callable[[Handler], Handler]:
    """Lets a call through to a handler when its Authorization is good."""

    def guard(handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            authorization = request.headers.get("Authorization", "")
            if good(authorization):
                return await handler(request)
            detail = (
                "No user found for Key ID and Secret"
                if authorization
                else "Authentication is required to access this application."
            )
            return web.json_response({"detail": detail}, status=401)

        return guarded

    return guard


async def _page(_: web.Request) -> web.FileResponse:
    return web.FileResponse(_PAGE)


def _drop(request: web.Request) -> web.Response:
    """Closes the connection; the response never arrives."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()
