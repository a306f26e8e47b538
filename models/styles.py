"""Style packs: texts that fill a prompt, from a file that an operator edits while Selfi runs.

How the file is written is said at the head of the one that comes with Selfi, `styles/styles.toml`.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from config import SettingsError
from models.notification import tell_operators
from models.user import LANGUAGES

log = structlog.get_logger(__name__)

NAME_MAX = 40
PROMPT_MAX = 500
PREVIEW_TYPES = frozenset({".svg", ".jpg", ".jpeg", ".png", ".webp"})

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_KEYS = frozenset({"name", "prompt", "preview"})


@dataclass(frozen=True)
class Style:
    """In one language. `preview` is a picture's file, of one of PREVIEW_TYPES."""

    id: str
    name: str
    prompt: str
    preview: Path | None


class Styles:
    """The file's styles as they are now: it is read again when it changes.

    An edit that is broken leaves things as they were; `operators` hear of it. Raises SettingsError where the
    file is broken to begin with.
    """

    def __init__(self, path: Path, operators: frozenset[int] = frozenset()) -> None:
        self._path = path
        self._operators = operators
        self._seen = _stamp(path)
        try:
            self._styles = _read(path)
        except _BrokenFileError as error:
            raise SettingsError([f"STYLES_FILE {error}"]) from None

    async def all(self, language: str) -> list[Style]:
        """In the file's order, in one of LANGUAGES."""
        if (stamp := _stamp(self._path)) != self._seen:
            self._seen = stamp
            try:
                self._styles = _read(self._path)
            except _BrokenFileError as error:
                log.error("styles_broken", reason=str(error))
                await tell_operators(
                    self._operators, f"STYLES_FILE {error}. The styles stay as they were.", f"styles:{stamp}"
                )
            else:
                log.info("styles_read", count=len(self._styles[LANGUAGES[0]]))
        return self._styles[language]

    async def preview(self, style_id: str) -> Path | None:
        """None where there is no such style, or none with a picture."""
        return next((style.preview for style in await self.all(LANGUAGES[0]) if style.id == style_id), None)


class _BrokenFileError(Exception):
    """Its words go on after the file's setting: they say which file, and what is wrong with it."""


def _stamp(path: Path) -> tuple[int, int] | None:
    """Another one when the file has changed; None while it can't be looked at."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def _read(path: Path) -> Mapping[str, list[Style]]:
    """All styles by language. Raises _BrokenFileError, which names everything that is wrong."""
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _BrokenFileError(f"names {str(path)!r}, which can't be read: {error}") from error
    if problems := [
        problem for name, section in sections.items() for problem in _problems(name, section, path)
    ]:
        raise _BrokenFileError(f"names {str(path)!r}, which is wrong: {'; '.join(problems)}")
    return {
        language: [_style(name, section, path, language) for name, section in sections.items()]
        for language in LANGUAGES
    }


def _problems(name: str, section: Any, path: Path) -> list[str]:
    if not isinstance(section, dict):
        return [f"{name} stands outside of a section"]
    problems = []
    if not _ID.fullmatch(name):
        problems.append("its id is up to 40 small letters, digits and dashes")
    if unknown := sorted(section.keys() - _KEYS):
        problems.append(f"it has {', '.join(unknown)}, which nothing reads")
    problems += _word_problems(section, "name", NAME_MAX) + _word_problems(section, "prompt", PROMPT_MAX)
    if "preview" in section and not _is_preview(section["preview"], path):
        problems.append(f"its preview {section['preview']!r} is no picture in that folder")
    return [f"[{name}] {problem}" for problem in problems]


def _word_problems(section: Mapping[str, Any], key: str, most: int) -> list[str]:
    words = _by_language(section.get(key))
    if LANGUAGES[0] not in words:
        return [f"it has no {key}"]
    if unknown := sorted(words.keys() - set(LANGUAGES)):
        return [f"its {key} is in {', '.join(unknown)}, which nobody is spoken to in"]
    if not all(isinstance(text, str) and text.strip() and len(text) <= most for text in words.values()):
        return [f"its {key} is a text of up to {most} characters"]
    return []


def _by_language(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    return value if isinstance(value, dict) else {LANGUAGES[0]: value}


def _is_preview(value: Any, path: Path) -> bool:
    """A file of that folder itself: whatever is named here is given out to everybody."""
    if not isinstance(value, str) or Path(value).name != value:
        return False
    file = path.parent / value
    return file.suffix in PREVIEW_TYPES and file.is_file()


def _style(name: str, section: Mapping[str, Any], path: Path, language: str) -> Style:
    def words(key: str) -> str:
        texts = _by_language(section[key])
        return " ".join(texts.get(language, texts[LANGUAGES[0]]).split())

    preview = section.get("preview")
    return Style(name, words("name"), words("prompt"), path.parent / preview if preview else None)
