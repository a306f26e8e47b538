"""The queue: requests, the runners they wait for, and what becomes of them."""

import asyncio
import logging
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sandbox.fal.background import Background
from sandbox.fal.errors import Failure, Outcome, model_error, request_error
from sandbox.fal.faults import Fault, Faults

log = logging.getLogger(__name__)

_NAMESPACES = ("workflows", "comfy")


class State(StrEnum):
    IN_QUEUE = "IN_QUEUE"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    """Ended, well or not: fal has no state for failures."""


def now() -> datetime:
    return datetime.now(UTC)


def iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None


def app_of(endpoint: str) -> str:
    """`fal-ai/flux-2` of `fal-ai/flux-2/lora`: what the URLs of a request start with."""
    parts = endpoint.split("/")
    return "/".join(parts[: 3 if parts[0] in _NAMESPACES else 2])


@dataclass
class Request:
    """One submitted request.

    `origin` is the scheme and host that it came to; its files get URLs there, and live for `lifetime` seconds
    (None: for ever). `start_timeout` is how many seconds it may wait for a runner. `forgotten` is one whose
    payloads were deleted. `deliveries` are the webhook's attempts.
    """

    endpoint: str
    input: dict[str, Any]
    origin: str
    webhook_url: str | None = None
    lifetime: float | None = None
    start_timeout: float | None = None
    stores_io: bool = True
    forgotten: bool = False
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: State = State.IN_QUEUE
    cancelled: bool = False
    outcome: Outcome | None = None
    logs: list[dict[str, str]] = field(default_factory=list)
    sent_at: datetime = field(default_factory=now)
    started_at: datetime | None = None
    ended_at: datetime | None = None
    deliveries: list[dict[str, Any]] = field(default_factory=list)

    @property
    def app(self) -> str:
        return app_of(self.endpoint)

    @property
    def gateway_request_id(self) -> str:
        """The last try's id; nothing is tried twice here, so it is the request's own."""
        return self.request_id

    @property
    def run_seconds(self) -> float:
        if self.started_at is None or self.ended_at is None:
            return 0.0
        return (self.ended_at - self.started_at).total_seconds()

    def describe(self) -> dict[str, Any]:
        """For people and tests; fal has nothing like it."""
        return {
            "request_id": self.request_id,
            "endpoint": self.endpoint,
            "input": self.input,
            "webhook_url": self.webhook_url,
            "state": self.state,
            "cancelled": self.cancelled,
            "forgotten": self.forgotten,
            "status_code": self.outcome and self.outcome.status,
            "output": self.outcome and self.outcome.body,
            "last_log": self.logs[-1]["message"] if self.logs else None,
            "sent_at": iso(self.sent_at),
            "started_at": iso(self.started_at),
            "ended_at": iso(self.ended_at),
            "deliveries": self.deliveries,
        }


Run = Callable[[Request, Callable[..., None]], Awaitable[dict[str, Any]]]
"""Runs a request's model with `log(message, level="INFO")`, answers its output, raises Failure."""


class Queue:
    """Requests in the order they came, each model app with `concurrency` runners of its own.

    A request waits at least `queue_seconds`, as if its runner had to start first. `ended` is called once for
    every request that ended.
    """

    def __init__(
        self,
        run: Run,
        *,
        faults: Faults,
        background: Background,
        ended: Callable[[Request], None],
        concurrency: int,
        queue_seconds: float,
    ) -> None:
        self.requests: dict[str, Request] = {}
        self._run = run
        self._faults = faults
        self._background = background
        self._ended = ended
        self._queue_seconds = queue_seconds
        self._runners: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(concurrency)
        )
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self.stopping = False

    def accept(self, request: Request) -> None:
        self.requests[request.request_id] = request
        self._tasks[request.request_id] = self._background.spawn(self._serve(request))

    def position(self, request: Request) -> int:
        """How many requests are before this one, which waits, in the line for the same app."""
        ahead = 0
        for other in self.requests.values():  # a dict keeps the order they came in
            if other is request:
                break
            ahead += other.app == request.app and other.state is State.IN_QUEUE
        return ahead

    def cancel(self, request: Request) -> bool:
        """False: it had ended already."""
        if request.state is State.COMPLETED:
            return False
        request.cancelled = True
        self._tasks[request.request_id].cancel()
        return True

    async def change(self) -> None:
        """Waits until some request moved or logged something."""
        await self._changed.wait()

    def touch(self) -> None:
        """Wakes everybody who waits for a change."""
        self._changed.set()
        self._changed = asyncio.Event()

    def stop(self) -> None:
        """Lets everybody who waits for a change know that there will be none: the process is stopping."""
        self.stopping = True
        self.touch()

    async def _serve(self, request: Request) -> None:
        try:
            outcome = await self._outcome(request)
        except asyncio.CancelledError:
            if not request.cancelled:  # the process is stopping
                raise
            outcome = request_error("client_cancelled").outcome
        request.outcome, request.ended_at, request.state = outcome, now(), State.COMPLETED
        del self._tasks[request.request_id]
        self.touch()
        self._ended(request)

    async def _outcome(self, request: Request) -> Outcome:
        try:
            return Outcome(200, await self._on_a_runner(request))
        except Failure as failure:
            return failure.outcome
        except Exception:
            log.exception("the model %s broke", request.endpoint)
            return model_error("internal_server_error", value=request.input).outcome

    async def _on_a_runner(self, request: Request) -> dict[str, Any]:
        try:
            async with asyncio.timeout(request.start_timeout) as start, self._runners[request.app]:
                waited = (now() - request.sent_at).total_seconds()
                await asyncio.sleep(max(0, self._queue_seconds - waited))
                start.reschedule(None)
                request.started_at, request.state = now(), State.IN_PROGRESS
                self.touch()
                return await self._with_faults(request)
        except TimeoutError:
            if not start.expired():
                raise
            raise request_error("startup_timeout", headers={"X-Fal-Request-Timeout-Type": "user"}) from None

    async def _with_faults(self, request: Request) -> dict[str, Any]:
        fault = self._faults.take("run", request.endpoint)
        if fault is None:
            return await self._run(request, self._logger(request))
        if fault.do == "no_output":
            return _without_files(await self._run(request, self._logger(request)))
        return await self._failing(request, fault)

    async def _failing(self, request: Request, fault: Fault) -> dict[str, Any]:
        self._logger(request)("Starting")
        if fault.do == "never_ends":
            await asyncio.Event().wait()
        await asyncio.sleep(fault.seconds)
        if fault.do == "request_error":
            raise request_error(fault.error)
        raise model_error(fault.error, value=request.input)

    def _logger(self, request: Request) -> Callable[..., None]:
        def write(message: str, level: str = "INFO") -> None:
            stamp = now().isoformat()
            request.logs.append({"message": message, "level": level, "source": "USER", "timestamp": stamp})
            self.touch()

        return write


def _without_files(output: dict[str, Any]) -> dict[str, Any]:
    return {key: _without_file(value) for key, value in output.items()}


def _without_file(value: Any) -> Any:
    if isinstance(value, dict):
        return None
    return [] if isinstance(value, list) else value
