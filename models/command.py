"""The /gen command that makes pictures again: the form of it that `bot/wishes.py` reads.

    /gen <prompt> --ar 16:9 --s 28 --c 3.5 --seed 42 --n 4 --l trigger:0.8 --l "two words":1

The prompt ends where a word begins with dashes and a letter: `--l`, `—l` (as phones write it) or `–l`. A word
of the prompt that begins so has a backslash before it. A trigger word with anything but letters, digits and
`_.-` is in double quotes, with a backslash before a quote or a backslash of its own.
"""

import re
from collections.abc import Sequence
from decimal import Decimal

from models.generation import Generation

# Before a word that would be read as a parameter, or as one that has its backslash already.
_READ_OTHERWISE = re.compile(r"(?<!\S)(?=\\*(?:--|[—–])[-—–]*[^\W\d_])")
_PLAIN = re.compile(r"\w[\w.-]{0,30}")  # longer ones may look like an id


def gen_command(generation: Generation, models: Sequence[tuple[str, float]]) -> str:
    """`models` are the trigger words with their scales."""
    options = [
        f"--ar {generation.aspect}",
        f"--s {generation.steps}",
        f"--c {_decimal(generation.guidance)}",
        f"--seed {generation.seed}",
        f"--n {generation.count}",
        *(f"--l {_quoted(trigger)}:{_decimal(scale)}" for trigger, scale in models),
    ]
    return " ".join(["/gen", _READ_OTHERWISE.sub(r"\\", generation.prompt), *options])


def _decimal(number: float) -> str:
    """All of its digits, never with an exponent."""
    exact = f"{Decimal(str(number)):f}"
    return exact.rstrip("0").rstrip(".") if "." in exact else exact


def _quoted(trigger: str) -> str:
    if _PLAIN.fullmatch(trigger):
        return trigger
    return '"{}"'.format(trigger.replace("\\", "\\\\").replace('"', '\\"'))
