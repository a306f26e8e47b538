"""What people write after /gen: a prompt, then parameters. A pure function from text to a wish.

    a portrait on the beach --ar 16:9 --s 28 --c 3.5 --seed 42 --n 4 --l trigger:0.8, other --scale 0.9

A parameter begins with `--`, or with one of the long dashes that phones make of it, at the beginning of a
word and right before a letter. What follows its name, up to the next one, is its value. A backslash before
the dashes makes them a part of the prompt. Where the meaning is clear, the form doesn't matter: `--AR=16x9`,
`--n4` and `--c 3,5` are understood.

In a list of models each is a trigger word or an id, with or without its scale after a colon. A trigger word
that has a comma, a colon or a dash is in double quotes, with backslashes before quotes and backslashes.
"""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from types import MappingProxyType
from typing import Any

from fal.pictures import ASPECTS
from models.db import storable
from models.errors import Invalid
from models.params import Params
from models.wish import Named, Wish

FORM = "/gen prompt --ar 16:9 --s 28 --c 3.5 --seed 42 --n 4 --l trigger:0.8"
SETTINGS_FORM = "/settings --ar 16:9 --s 28 --c 3.5 --seed 42 --n 4 --scale 0.8"

_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "ar": "aspect",
        "aspect": "aspect",
        "s": "steps",
        "steps": "steps",
        "c": "guidance",
        "cfg": "guidance",
        "guidance": "guidance",
        "seed": "seed",
        "n": "count",
        "count": "count",
        "scale": "scale",
        "l": "models",
        "lora": "models",
        "model": "models",
    }
)

_DASHES = r"(?<!\S)(?:--|[—–])[-—–]*(?=[^\W\d_])"
_QUOTED = r"\"(?:\\.|[^\"\\])*+\""
_PARAMETER = re.compile(
    rf"{_DASHES}(?P<name>[^\W\d_]+)\s*[=:]?(?P<value>(?:{_QUOTED}|(?!{_DASHES}).)*)", re.DOTALL
)
_FIRST = re.compile(_DASHES)
_ESCAPED = re.compile(r"(?<!\S)\\(?=\\*(?:--|[—–])[-—–]*[^\W\d_])")

_WHOLE = re.compile(r"-?[0-9]+")
_NUMBER = re.compile(r"-?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)")
_RATIO = re.compile(r"([0-9]{1,6})\s*[:xX×/]\s*([0-9]{1,6})")
# A comma in a number is a decimal one where no model can follow it.
# Nothing of it is tried in more than one way (`++`, `*+`): however long a text is, it is read at once.
_MODEL = re.compile(
    rf"\s*+(?P<word>{_QUOTED}|[^,:\"]++)\s*+(?::\s*+(?P<scale>[^,\s]*+(?:,[0-9]+)?))?\s*+(?:,|$)",
    re.DOTALL,
)
_MOST_MODELS = 20
_ASPECTS = {Fraction(*sides): name for name in ASPECTS for sides in [tuple(map(int, name.split(":")))]}

_LONGEST = 18  # digits of a whole number: more are out of every range
_SHOWN = 40  # characters of a value that is told to be wrong


@dataclass(frozen=True)
class Reading:
    """A wish as far as it could be read, and what could not."""

    wish: Wish
    problems: Sequence[Invalid]


def read(text: str) -> Reading:
    """Reads what somebody wrote after a command; whatever it is, this raises nothing."""
    text = storable(text)
    first = _FIRST.search(text)
    prompt, rest = (text[: first.start()], text[first.start() :]) if first else (text, "")
    found = _Found()
    for match in _PARAMETER.finditer(rest):
        found.take(match["name"], match["value"].strip())
    params = {name: value for name, value in found.values.items() if name != "models"}
    prompt = _ESCAPED.sub("", " ".join(prompt.split()))
    return Reading(Wish(prompt, found.values.get("models"), Params(**params)), found.problems)


@dataclass
class _Found:
    values: dict[str, Any] = field(default_factory=dict)
    problems: list[Invalid] = field(default_factory=list)
    named: set[str] = field(default_factory=set)

    def take(self, name: str, value: str) -> None:
        what = _NAMES.get(name.casefold())
        if what is None:
            self._wrong("param_unknown", name)
        elif what in self.named and what != "models":
            self._wrong("param_twice", name)
        else:
            self.named.add(what)
            self._take(what, name, value)

    def _take(self, what: str, name: str, value: str) -> None:
        if not value:
            self._wrong("param_missing", name)
            return
        if what == "models":
            self._models(name, value)
            return
        read, code = _READERS[what]
        if (read_value := read(value)) is None:
            self._wrong(code, name, value)
        else:
            self.values[what] = read_value

    def _models(self, name: str, value: str) -> None:
        """All that there are, however many times the parameter is given."""
        try:
            models = list(islice(_read_models(value), _MOST_MODELS))
        except ValueError:
            self._wrong("param_no_model", name, value)
        else:
            self.values.setdefault("models", []).extend(models)

    def _wrong(self, code: str, name: str, value: str = "") -> None:
        what = _NAMES.get(name.casefold(), "text")
        shown = value if len(value) <= _SHOWN else f"{value[: _SHOWN - 1]}…"
        detail = f"The parameter --{name[:_SHOWN]} can't be read."
        self.problems.append(
            Invalid(detail, field=what, code=code, name=name[:_SHOWN], value=shown, known=", ".join(ASPECTS))
        )


def _whole(text: str) -> int | None:
    if not _WHOLE.fullmatch(text):
        return None
    return int(text[: _LONGEST + 1])


def _number(text: str) -> float | None:
    return float(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None


def _aspect(text: str) -> str | None:
    """One that we know where it is one, such as 16:9 for 1920x1080; otherwise as it was written."""
    ratio = _RATIO.fullmatch(text)
    if ratio is None:
        return None
    width, height = int(ratio[1]), int(ratio[2])
    return (_ASPECTS.get(Fraction(width, height)) if height else None) or f"{width}:{height}"


_READERS: Mapping[str, tuple[Callable[[str], Any], str]] = MappingProxyType(
    {
        "aspect": (_aspect, "param_no_aspect"),
        "steps": (_whole, "param_no_whole_number"),
        "guidance": (_number, "param_no_number"),
        "seed": (_whole, "param_no_whole_number"),
        "count": (_whole, "param_no_whole_number"),
        "scale": (_number, "param_no_number"),
    }
)


def _read_models(text: str) -> Iterator[Named]:
    """Raises ValueError: this is no list of models."""
    if '"' not in text:
        text = re.sub("[“”„«»]", '"', text)  # phones write quotes so
    at = 0
    while at < len(text):
        found = _MODEL.match(text, at)
        if found is None:
            raise ValueError(text)
        yield _named(found["word"], found["scale"])
        at = found.end()


def _named(word: str, scale: str | None) -> Named:
    word = word.strip()
    if not word:
        raise ValueError(word)
    number = None if scale is None else _number(scale.strip())
    if scale is not None and number is None:
        raise ValueError(scale)
    if word.startswith('"'):
        return Named(trigger=re.sub(r"\\(.)", r"\1", word[1:-1], flags=re.DOTALL), scale=number)
    try:
        return Named(id=uuid.UUID(word), scale=number)
    except ValueError:
        return Named(trigger=word, scale=number)
