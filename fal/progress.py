"""How far a training is, from its log lines.

fal promises no form for them. Trainers print tqdm bars (` 45%|████▌     | 450/1000 [01:23<…`), so that is
looked for first, and a bare percentage last.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

# 100 is for the result alone: a full bar says that the steps are done, not that the files are there.
MAX_PERCENT = 99

_BAR = re.compile(r"(?<![\d.])(\d{1,3})(?:\.\d+)?%\|", re.ASCII)
_COUNT = re.compile(r"(?<![\d.])(\d{1,9})/(\d{1,9}) \[", re.ASCII)
_PERCENT = re.compile(r"(?<![\d.])(\d{1,3})(?:\.\d+)?%", re.ASCII)


@dataclass(frozen=True, slots=True)
class Progress:
    """`percent` is 0–99; `step` of `total` are the bar's own count, both None where it shows none."""

    percent: int
    step: int | None = None
    total: int | None = None


def progress(logs: Iterable[str]) -> Progress | None:
    """The last progress that the lines show, or None.

    It may go back, where a trainer draws one bar after another: what people see is the caller's to keep
    from falling.
    """
    for line in reversed(list(logs)):
        if found := _in_line(line):
            return found
    return None


def _in_line(line: str) -> Progress | None:
    count = _last(_COUNT, line)
    step, total = (int(count[1]), int(count[2])) if count else (None, None)
    if step is None or total is None or not 0 < total >= step:
        step = total = None
    shown = _last(_BAR, line)
    if shown is None and step is not None and total is not None:
        return Progress(min(step * 100 // total, MAX_PERCENT), step, total)
    shown = shown or _last(_PERCENT, line)
    if shown is None or int(shown[1]) > 100:
        return None
    return Progress(min(int(shown[1]), MAX_PERCENT), step, total)


def _last(pattern: re.Pattern[str], line: str) -> re.Match[str] | None:
    matches = list(pattern.finditer(line))
    return matches[-1] if matches else None
