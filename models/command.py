"""The /gen command that makes pictures again: the form of it that `bot` reads.

    /gen <prompt> --ar 16:9 --s 28 --c 3.5 --seed 42 --n 4 --l trigger:0.8 --l "two words":1

The prompt ends where a word begins with dashes and a letter: `--l`, `—l` (as phones write it) or `–l`. A
backslash before the dashes makes them a part of it. A trigger word with anything but letters, digits and
`_.-` is in double quotes, with a backslash before a quote or a backslash of its own; so is one that looks
like an id.
"""

import re
import uuid
from collections.abc import Sequence

from models.generation import Generation

# Where a word begins that would be read as an option, or as one that isn't meant to be.
_OPTION = re.compile(r"(?<!\S)(?=\\*(?:--|[—–])[-—–]*[^\W\d_])")
_PLAIN = re.compile(r"\w[\w.-]*")


def gen_command(generation: Generation, models: Sequence[tuple[str, float]]) -> str:
    """`models` are the trigger words with their scales."""
    options = [
        f"--ar {generation.aspect}",
        f"--s {generation.steps}",
        f"--c {_number(generation.guidance)}",
        f"--seed {generation.seed}",
        f"--n {generation.count}",
        *(f"--l {_quoted(trigger)}:{_number(scale)}" for trigger, scale in models),
    ]
    return " ".join(["/gen", _OPTION.sub(r"\\", generation.prompt), *options])


def _number(value: float) -> str:
    """Without an exponent, however small."""
    return f"{value:.10f}".rstrip("0").rstrip(".")


def _quoted(trigger: str) -> str:
    if _PLAIN.fullmatch(trigger) and not _is_id(trigger):
        return trigger
    return '"{}"'.format(trigger.replace("\\", "\\\\").replace('"', '\\"'))


def _is_id(trigger: str) -> bool:
    try:
        uuid.UUID(trigger)
    except ValueError:
        return False
    return True
