"""The /gen command that makes pictures again: the form of it that `bot` reads.

    /gen <prompt> --ar 16:9 --s 28 --c 3.5 --seed 42 --n 4 --l trigger:0.8 --l "two words":1

The prompt ends where a word begins with dashes and a letter: `--l`, `—l` (as phones write it) or `–l`. A
trigger word with anything but letters, digits and `_.-` is in double quotes, with a backslash before a quote
or a backslash of its own.
"""

import re
from collections.abc import Sequence

from models.generation import Generation

# A word that would be read as an option.
_OPTION = re.compile(r"(?<!\S)([-—–]+)(?=[^\W\d_])")
_PLAIN = re.compile(r"\w[\w.-]*")


def gen_command(generation: Generation, models: Sequence[tuple[str, float]]) -> str:
    """`models` are the trigger words with their scales."""
    options = [
        f"--ar {generation.aspect}",
        f"--s {generation.steps}",
        f"--c {generation.guidance:g}",
        f"--seed {generation.seed}",
        f"--n {generation.count}",
        *(f"--l {_quoted(trigger)}:{scale:g}" for trigger, scale in models),
    ]
    # A space after the dash is all the difference.
    prompt = _OPTION.sub(r"\1 ", generation.prompt)
    return " ".join(["/gen", prompt, *options])


def _quoted(trigger: str) -> str:
    if _PLAIN.fullmatch(trigger):
        return trigger
    return '"{}"'.format(trigger.replace("\\", "\\\\").replace('"', '\\"'))
