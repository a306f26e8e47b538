"""A few worker processes for what people send: photos and archives, one file at a time each.

Only paths travel to a worker, and a small answer back: the event loop never waits for a pixel, and this
process's memory stays flat. What goes wrong in a worker stays there: a file that crashes or hangs it is
refused as corrupt, and the next file gets a fresh worker.
"""

import asyncio
import base64
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, cast

import structlog

from media.archives import ArchiveLimits, ArchiveRefused, UnpackedImage
from media.images import Accepted, ImageLimits, Inspected, Refused, Warned

log = structlog.get_logger(__name__)

_START_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 1.0

_LONGEST_ANSWER: Final = 16 * 1024 * 1024
"""Bytes: an archive full of captions, escaped. A photo's answer has at most 15 KB."""

_ROOT: Final = str(Path(__file__).resolve().parent.parent)
_INHERITED: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
"""All that a worker gets of our environment: it must not see the service's secrets."""


class PoolError(Exception):
    """The pool can't do its work, and not because of the file: a full disk, no process to be had, closed."""


class _WorkerLost(Exception):
    """There will be no answer."""


class _WorkerDied(_WorkerLost):
    pass


class _WorkerHung(_WorkerLost):
    pass


class ImagePool:
    """At most `workers` processes: one from `start` on, the others when there is work for them.

    A worker is replaced after `recycle_after` files, or when it holds more than `max_rss` bytes between two.
    `inspect_seconds` and `unpack_seconds` count from when a worker takes a file, not while the file waits.
    """

    def __init__(
        self,
        *,
        workers: int = 2,
        inspect_seconds: float = 20.0,
        unpack_seconds: float = 60.0,
        recycle_after: int = 200,
        max_rss: int = 192 * 1024 * 1024,
    ) -> None:
        self._inspect_seconds = inspect_seconds
        self._unpack_seconds = unpack_seconds
        self._recycle_after = recycle_after
        self._max_rss = max_rss
        self._slots = asyncio.Semaphore(workers)
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Starts the first worker. Raises PoolError when it doesn't come up: better now than at a photo."""
        self._idle.append(await _Worker.start())

    async def close(self) -> None:
        """Ends every worker. A file in work has a second to be done; it and those that wait get PoolError."""
        self._closed = True
        workers = [*self._idle, *self._busy]
        self._idle.clear()
        await asyncio.gather(*(worker.stop() for worker in workers))

    async def inspect(self, source: Path, target: Path, limits: ImageLimits) -> Inspected:
        """`media.images.inspect`, in a worker. Raises PoolError.

        Of a photo that a worker was lost with, a piece may lie in `target`.
        """
        try:
            answer = await self._ask("inspect", source, target, limits, self._inspect_seconds)
        except _WorkerLost:
            return Refused("corrupt", {})
        if "refused" in answer:
            return Refused(**answer["refused"])
        fields = answer["accepted"]
        fields["thumbnail"] = base64.b64decode(fields["thumbnail"])
        fields["warnings"] = tuple(Warned(**warning) for warning in fields["warnings"])
        return Accepted(**fields)

    async def unpack(self, source: Path, into: Path, limits: ArchiveLimits) -> list[UnpackedImage]:
        """`media.archives.unpack_archive`, in a worker. Raises ArchiveRefused and PoolError."""
        try:
            answer = await self._ask("unpack", source, into, limits, self._unpack_seconds)
        except _WorkerLost:
            raise ArchiveRefused("corrupt_archive") from None
        if "refused" in answer:
            raise ArchiveRefused(**answer["refused"])
        return [UnpackedImage(**image | {"path": Path(image["path"])}) for image in answer["images"]]

    async def _ask(
        self, task: str, source: Path, target: Path, limits: ImageLimits | ArchiveLimits, seconds: float
    ) -> dict[str, Any]:
        request = _request(task, source, target, limits, seconds)
        async with self._slots:
            try:
                answer = await self._ask_worker(request, self._idle.pop() if self._idle else None)
            except _WorkerDied:
                # Perhaps not the file's doing (memory ran out, somebody killed it): a second chance.
                answer = await self._ask_worker(request, None)
        if "trouble" in answer:
            raise PoolError(answer["trouble"])
        if "failure" in answer:
            log.error("image_worker_failed", task=task, traceback=answer["failure"])
            raise _WorkerLost
        return answer

    async def _ask_worker(self, request: dict[str, Any], worker: "_Worker | None") -> dict[str, Any]:
        if self._closed:
            raise PoolError("the image pool is closed")
        worker = worker or await _Worker.start()
        self._busy.add(worker)
        try:
            answer = await worker.ask(request)
        except BaseException as error:  # a cancelled caller, too, leaves it in the middle of a file
            await worker.kill()
            if isinstance(error, _WorkerLost):
                log.warning("image_worker_lost", task=request["task"], why=type(error).__name__)
            raise
        finally:
            self._busy.discard(worker)
        if worker.files >= self._recycle_after or answer["rss"] > self._max_rss:
            await worker.stop()
        else:
            self._idle.append(worker)
        return answer


def _request(
    task: str, source: Path, target: Path, limits: ImageLimits | ArchiveLimits, seconds: float
) -> dict[str, Any]:
    return {
        "task": task,
        "source": str(source.absolute()),
        "target": str(target.absolute()),
        "limits": asdict(limits),
        "seconds": seconds,
    }


class _Worker:
    """One process and the two pipes to it. It takes one file at a time."""

    def __init__(self, process: Process) -> None:
        self.files = 0
        self._process = process
        self._requests = cast(asyncio.StreamWriter, process.stdin)
        self._answers = cast(asyncio.StreamReader, process.stdout)

    @classmethod
    async def start(cls) -> Self:
        """Raises PoolError when it doesn't come up."""
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "media.worker"),
                stdin=PIPE,
                stdout=PIPE,
                env=environment | {"PYTHONPATH": _ROOT},
                limit=_LONGEST_ANSWER,
                start_new_session=True,  # Ctrl-C is meant for the service, which ends its workers in order
            )
        except OSError as error:
            raise PoolError(f"a process for images can't be started: {error}") from error
        worker = cls(process)
        try:
            await worker._answer(_START_SECONDS)  # it says that it is ready
        except BaseException as error:
            await worker.kill()
            if isinstance(error, _WorkerLost):
                raise PoolError("a process for images doesn't come up: its stderr says why") from error
            raise
        return worker

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Raises _WorkerDied or _WorkerHung. After any exception it is of no further use: kill it."""
        self.files += 1
        with suppress(ConnectionError):  # it is dead, then, as its answer will show
            self._requests.write(json.dumps(request).encode() + b"\n")
            await self._requests.drain()
        return await self._answer(request["seconds"])

    async def _answer(self, seconds: float) -> dict[str, Any]:
        try:
            async with asyncio.timeout(seconds):
                line = await self._answers.readline()
            return cast(dict[str, Any], json.loads(line))
        except TimeoutError as error:
            raise _WorkerHung from error
        except ValueError as error:  # the end, or half a line before it
            raise _WorkerDied from error

    async def stop(self) -> None:
        """Lets it finish and end by itself, for a moment."""
        self._requests.close()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
