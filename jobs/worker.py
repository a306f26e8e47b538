"""Runs the jobs: PgQueuer with our own rules for failure, stopping and recovery."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import structlog
from pgqueuer import PgQueuer
from pgqueuer.core.executors import EntrypointExecutor
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Context, Job, Schedule

log = structlog.get_logger(__name__)

Handler = Callable[[str, int], Awaitable[None]]
"""Takes the job's subject, and how often it has run before (from 0)."""

SUBJECTS = {
    "notify": "notification_id",
    "draft": "user_id",
    "refund": "payment_id",
    "take_turns": "turns",
    "submit_generation": "generation_id",
    "watch_generation": "generation_id",
    "settle_generation": "generation_id",
    "cancel_generation": "generation_id",
    "collect": "generation_id",
    "generation_status": "generation_id",
    "accompany": "generation_id",
    "keep_weights": "model_id",
    "forget_run": "model_id",
    "delete_file": "key",
}
"""What a job's subject is called in the logs; the others are about a training."""

MAX_BACKOFF_SECONDS = 60
# Jobs share the models' connections with the people who wait for an answer.
AT_ONCE = 20
STOP_SECONDS = 20


class Again(RetryRequested):
    """Raised by a handler: the same job once more, after a delay."""


@dataclass
class DurableExecutor(EntrypointExecutor):
    """Never loses a job: a failure and a stop both put it back, the first with a growing delay."""

    async def execute(self, job: Job, context: Context) -> None:
        subject = {SUBJECTS.get(job.entrypoint, "training_id"): _subject(job)}
        with structlog.contextvars.bound_contextvars(job=job.entrypoint, **subject):
            try:
                await super().execute(job, context)
            except RetryRequested:
                raise
            except asyncio.CancelledError as e:
                # PgQueuer would delete the job.
                raise Again(timedelta(0), reason="stopped") from e
            except Exception as e:
                delay = min(2 ** min(job.attempts, 10), MAX_BACKOFF_SECONDS)
                log.exception("job_failed", attempts=job.attempts + 1, again_in=delay)
                raise Again(timedelta(seconds=delay), reason=type(e).__name__) from e


class Worker:
    """Works off the queue until stopped, starting anew when the database has been away."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        handlers: Mapping[str, Handler],
        schedules: Mapping[str, tuple[str, Callable[[], Awaitable[None]]]],
        heartbeat: timedelta,
        idle: timedelta,
    ) -> None:
        self._pool = pool
        self._handlers = handlers
        self._schedules = schedules
        self._heartbeat = heartbeat
        self._idle = idle
        self._current: PgQueuer | None = None
        self._stopping = False

    async def check(self) -> None:
        """Raises RuntimeError while no jobs are worked off."""
        if self._current is None:
            raise RuntimeError("the job queue is not running")

    def _queue(self) -> PgQueuer:
        queue = PgQueuer.from_asyncpg_pool(self._pool)
        for name, handler in self._handlers.items():
            _register(queue, name, handler)
        for name, (expression, action) in self._schedules.items():
            _schedule(queue, name, expression, action)
        return queue

    async def run(self) -> None:
        while not self._stopping:
            queue = self._current = self._queue()
            try:
                # PgQueuer probes its listener before it listens; on a busy machine the first probe got lost
                # so, and the whole queue was given up. Once this one listens, it can't.
                await queue.connection.add_listener(queue.channel, _heard)
                await queue.run(
                    dequeue_timeout=self._idle,
                    max_concurrent_tasks=AT_ONCE,
                    heartbeat_timeout=self._heartbeat,
                    shutdown_on_listener_failure=True,
                    log_aggregation_interval=timedelta(0),
                )
            except Exception as e:  # noqa: BLE001 — whatever it is, the worker starts anew
                # Mostly the database, gone for a moment: its own words say enough.
                log.error("queue_failed", error=type(e).__name__, reason=str(e))
            finally:
                self._current = None
            if not self._stopping:
                await asyncio.sleep(1)

    def stop(self) -> None:
        """Takes no new job; those in flight go on to their end."""
        self._stopping = True
        if self._current:
            self._current.shutdown.set()


@asynccontextmanager
async def working(
    dsn: str,
    handlers: Mapping[str, Handler],
    schedules: Mapping[str, tuple[str, Callable[[], Awaitable[None]]]],
    heartbeat_seconds: float,
    idle_seconds: float = 1,
) -> AsyncIterator[Worker]:
    """Works off jobs while the context lasts; at its end gives those in flight time, then puts them back.

    New jobs wake the worker at once. One that asked to be run again doesn't: an idle worker looks for those
    every `idle_seconds`.
    """
    # LISTEN pins one connection.
    pool = await asyncpg.create_pool(dsn, min_size=2, max_size=5)
    try:
        worker = Worker(
            pool, handlers, schedules, timedelta(seconds=heartbeat_seconds), timedelta(seconds=idle_seconds)
        )
        task = asyncio.create_task(worker.run(), name="jobs")
        try:
            yield worker
        finally:
            worker.stop()
            done, _ = await asyncio.wait({task}, timeout=STOP_SECONDS)
            if not done:
                log.warning("jobs_put_back")
                task.cancel()
                await asyncio.wait({task}, timeout=STOP_SECONDS)
    finally:
        # Not close(): it would wait for a connection that a failed queue has kept.
        pool.terminate()


def _register(queue: PgQueuer, name: str, handler: Handler) -> None:
    async def run(job: Job) -> None:
        await handler(_subject(job), job.attempts)

    queue.entrypoint(name, executor_factory=DurableExecutor, on_failure="hold")(run)


def _schedule(queue: PgQueuer, name: str, expression: str, action: Callable[[], Awaitable[None]]) -> None:
    async def run(schedule: Schedule) -> None:
        try:
            await action()
        except Exception:
            log.exception("schedule_failed", schedule=schedule.entrypoint)

    queue.schedule(name, expression)(run)


def _heard(_payload: str | bytes | bytearray) -> None:
    """PgQueuer's own listener does what is to be done."""


def _subject(job: Job) -> str:
    return (job.payload or b"").decode()
