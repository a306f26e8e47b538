"""Wakes whoever waits for a training or a generation to change, in whichever replica it changed."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self
from uuid import UUID

import asyncpg
import structlog

from models.db import connect
from models.run import CHANNEL

log = structlog.get_logger(__name__)


class RunEvents:
    """Listens on one connection of its own, and hands what it hears to any number of waiters.

    A lost connection is replaced by itself; everybody is woken then, because nobody knows what was missed.
    Use it as an async context manager. `retry_seconds` is the first pause after a failure, doubled up to
    ten times as much; `probe_seconds` is how often an idle connection is asked whether it still lives.
    """

    def __init__(self, dsn: str, *, retry_seconds: float = 0.5, probe_seconds: float = 30.0) -> None:
        self._dsn = dsn
        self._retry_seconds = retry_seconds
        self._probe_seconds = probe_seconds
        self._waiters: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._listening = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="run events")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def closing(self) -> bool:
        return self._closing

    @property
    def watched(self) -> int:
        """How many runs somebody waits for."""
        return len(self._waiters)

    async def until_listening(self) -> None:
        await self._listening.wait()

    def stop(self) -> None:
        """Wakes every waiter for the last time: `closing` tells them to go."""
        self._closing = True
        self._wake_all()

    @contextmanager
    def subscribe(self, run_id: UUID) -> Iterator[asyncio.Event]:
        """An event that is set whenever the run has changed, or may have; the waiter clears it."""
        key = str(run_id)
        changed = asyncio.Event()
        self._waiters[key].add(changed)
        if self._closing:
            changed.set()
        try:
            yield changed
        finally:
            self._waiters[key].discard(changed)
            if not self._waiters[key]:
                del self._waiters[key]

    async def _run(self) -> None:
        pause = self._retry_seconds
        while True:
            try:
                await self._listen()
                pause = self._retry_seconds
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as e:
                log.warning("run_events_lost", error=type(e).__name__, retry_seconds=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._retry_seconds * 10)

    async def _listen(self) -> None:
        """Returns when the connection has ended."""
        ended = asyncio.Event()
        connection = await connect(self._dsn)
        try:
            connection.add_termination_listener(lambda _: ended.set())
            await connection.add_listener(CHANNEL, self._heard)
            self._listening.set()
            self._wake_all()
            while not await _within(self._probe_seconds, ended):
                await connection.execute("SELECT", timeout=self._probe_seconds)
        finally:
            self._listening.clear()
            connection.terminate()

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        for changed in self._waiters.get(str(payload), ()):
            changed.set()

    def _wake_all(self) -> None:
        for waiters in self._waiters.values():
            for changed in waiters:
                changed.set()


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Whether the event comes within `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
