"""The process that touches people's files: `python -m media.worker`, started and ended by media.pool.

A line of JSON in, a line of JSON out, until the input ends. It is a process, because decoders of hostile
bytes may crash, hang or take all memory; one started by name, because multiprocessing would import the
service's main module into it; and it speaks JSON, because whoever reads a pickle does what its writer wants.
"""

import base64
import json
import os
import resource
import signal
import sys
import traceback
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from pillow_heif import options as heif_options

from media.archives import ArchiveLimits, ArchiveRefused, unpack_archive
from media.images import ImageLimits, Refused, inspect

_NICENESS = 10
"""The event loop comes first where the cores are few."""

_ADDRESS_SPACE = 2 * 1024**3
"""Bytes. The largest photo within the limits takes a third of it, a bomb gets a MemoryError."""

_ORPHAN_SECONDS = 10
"""So long after the pool should have ended us we end ourselves: the pool must be dead."""


def main() -> None:
    _confine()
    answers = _private_stdout()
    _say(answers, {"ready": os.getpid()})
    for line in sys.stdin.buffer:
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, request["seconds"] + _ORPHAN_SECONDS)
        answer = _answer(request)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _say(answers, answer | {"rss": _resident_bytes()})


def _confine() -> None:
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no dumps of people's photos
    with suppress(ValueError, OSError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it goes to the whole group; the service still drains
    heif_options.DECODE_THREADS = 1  # a worker is one core's worth


def _private_stdout() -> BinaryIO:
    """Where the answers go; whatever a library prints goes to stderr instead."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _say(answers: BinaryIO, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message).encode() + b"\n")
    answers.flush()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        if request["task"] == "unpack":
            return _unpack(request)
        return _inspect(request)
    except OSError as error:
        return {"trouble": str(error)}
    except Exception:  # noqa: BLE001  # decoders raise anything; the pool logs it and refuses the file
        return {"failure": traceback.format_exc()}


def _inspect(request: dict[str, Any]) -> dict[str, Any]:
    result = inspect(Path(request["source"]), Path(request["target"]), ImageLimits(**request["limits"]))
    if isinstance(result, Refused):
        return {"refused": asdict(result)}
    return {"accepted": asdict(result) | {"thumbnail": base64.b64encode(result.thumbnail).decode()}}


def _unpack(request: dict[str, Any]) -> dict[str, Any]:
    try:
        images = unpack_archive(
            Path(request["source"]), Path(request["target"]), ArchiveLimits(**request["limits"])
        )
    except ArchiveRefused as refused:
        return {"refused": {"code": refused.code, "params": refused.params}}
    return {"images": [asdict(image) | {"path": str(image.path)} for image in images]}


def _resident_bytes() -> int:
    """What the process holds now; 0 where the system doesn't say, and the pool goes by the files alone."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()


if __name__ == "__main__":
    main()
