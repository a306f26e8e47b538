"""Processes of the service that start at once: forks of one that has imported everything already.

Each is a process of its own, to be killed like any other; what it doesn't go through again is the seconds of
importing. A line of JSON in asks for one (`{"env", "cwd"}`), and what comes out is its pid, and its exit code
when it ends: `{"started": pid}`, `{"ended": pid, "code": code}`.
"""

import asyncio
import gc
import importlib
import json
import os
import random
import select
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parent.parent.parent
# All that main.py imports once its settings are right.
IMPORTED = (
    "main",
    "bot.app",
    "bot.connection",
    "bot.invoices",
    "bot.webhook",
    "jobs.app",
    "media.pool",
    "web.app",
)


# --- for the tests ---


@dataclass
class Child:
    """As asyncio's Process, as far as tests need it."""

    pid: int
    returncode: int | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    async def wait(self) -> int:
        await self.ended.wait()
        assert self.returncode is not None
        return self.returncode


class Nursery:
    def __init__(self, process: Process) -> None:
        self._process = process
        self._children: dict[int, Child] = {}
        self._started: asyncio.Queue[int] = asyncio.Queue()
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def open(cls) -> Self:
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.service.nursery", cwd=ROOT, stdin=PIPE, stdout=PIPE
            )
        )

    async def start(self, env: Mapping[str, str], cwd: str) -> Child:
        """Runs main.py with this environment and nothing else of ours."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"env": dict(env), "cwd": cwd}).encode() + b"\n")
        return self._children[await self._started.get()]

    async def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        await self._process.wait()
        await self._listening

    async def _listen(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            said = json.loads(line)
            if pid := said.get("started"):
                self._children[pid] = Child(pid)
                self._started.put_nowait(pid)
            else:
                child = self._children[said["ended"]]
                child.returncode = said["code"]
                child.ended.set()


# --- the process itself ---


def main() -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()  # or each fork's collector would look through all that is imported, and so copy its memory
    answers = os.dup(1)
    os.dup2(2, 1)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    requests = b""
    while True:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 100)
            _report(answers)
        if 0 in ready:
            if not (more := os.read(0, 65536)):
                return
            *lines, requests = (requests + more).split(b"\n")
            for line in lines:
                _say(answers, {"started": _fork(json.loads(line), (answers, woken, wake))})


def _report(answers: int) -> None:
    """Says which have ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        _say(answers, {"ended": pid, "code": os.waitstatus_to_exitcode(status)})


def _fork(request: dict[str, Any], ours: tuple[int, ...]) -> int:
    if pid := os.fork():
        return pid
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number in ours:
            os.close(number)
        os.environ.clear()
        os.environ.update(request["env"])
        os.chdir(request["cwd"])
        random.seed()
        sys.argv = [str(ROOT / "main.py")]
        code = sys.modules["main"].main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _say(answers: int, message: dict[str, int]) -> None:
    os.write(answers, json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
