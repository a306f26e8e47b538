"""Telegram's MarkdownV2 (https://core.telegram.org/bots/api#markdownv2-style)."""

import re
from dataclasses import dataclass

from .errors import ApiError, bad_request
from .spans import Span, TextBuilder, byte_offset

# The longer marks first: `__` before `_`, "```" before "`".
_MARKS = {
    "```": ("pre", "PreCode"),
    "||": ("spoiler", "Spoiler"),
    "__": ("underline", "Underline"),
    "`": ("code", "Code"),
    "*": ("bold", "Bold"),
    "_": ("italic", "Italic"),
    "~": ("strikethrough", "Strikethrough"),
    "[": ("text_link", "TextUrl"),
}
_RESERVED = "_*[]()~`>#+-=|{}.!"
_LANGUAGE = re.compile(r"([\w+#-]*)\n")
_URL = re.compile(r"\]\(((?:\\.|[^)\\])*)\)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass
class _Open:
    mark: str
    offset: int
    at: int
    language: str = ""


class _Parser:
    def __init__(self, source: str) -> None:
        self._source = source
        self._position = 0
        self._built = TextBuilder()
        self._opened: list[_Open] = []
        self._quote: int | None = None

    def parse(self) -> tuple[str, list[Span]]:
        while self._position < len(self._source):
            self._step()
        if self._opened:
            unfinished = self._opened[-1]
            raise self._error(
                f"Can't find end of {_MARKS[unfinished.mark][1]} entity at byte offset "
                f"{byte_offset(self._source, unfinished.at)}"
            )
        self._end_quote()
        return self._built.text, self._built.spans

    def _step(self) -> None:
        here = self._source[self._position]
        verbatim = bool(self._opened) and self._opened[-1].mark in ("```", "`")
        following = self._source[self._position + 1 : self._position + 2]
        if here == "\\" and following and ord(following) < 127:
            self._add(following, 2)
        elif verbatim and not self._source.startswith(self._opened[-1].mark, self._position):
            self._add(here, 1)
        elif here == ">" and self._at_line_start():
            self._quote = self._built.length if self._quote is None else self._quote
            self._position += 1
        elif here == "]" and self._opened and self._opened[-1].mark == "[":
            self._end_link()
        elif mark := next((mark for mark in _MARKS if self._source.startswith(mark, self._position)), None):
            self._toggle(mark)
        elif here in _RESERVED:
            raise self._error(f"Character '{here}' is reserved and must be escaped with the preceding '\\'")
        else:
            if here == "\n" and following != ">":
                self._end_quote()
            self._add(here, 1)

    def _add(self, text: str, consumed: int) -> None:
        self._built.add(text)
        self._position += consumed

    def _at_line_start(self) -> bool:
        return self._position == 0 or self._source[self._position - 1] == "\n"

    def _toggle(self, mark: str) -> None:
        at = self._position
        self._position += len(mark)
        if mark != "[" and self._opened and self._opened[-1].mark == mark:
            closed = self._opened.pop()
            extra = {"language": closed.language} if closed.language else {}
            self._built.mark(_MARKS[mark][0], closed.offset, extra)
            return
        opened = _Open(mark, self._built.length, at)
        if mark == "```" and (language := _LANGUAGE.match(self._source, self._position)):
            opened.language = language[1]
            self._position = language.end()
        self._opened.append(opened)

    def _end_link(self) -> None:
        opened = self._opened.pop()
        url = _URL.match(self._source, self._position)
        if url is None:
            raise self._error(
                f"Can't find end of a URL at byte offset {byte_offset(self._source, self._position)}"
            )
        self._position = url.end()
        self._built.mark("text_link", opened.offset, {"url": _ESCAPED.sub(r"\1", url[1])})

    def _end_quote(self) -> None:
        if self._quote is not None:
            self._built.mark("blockquote", self._quote)
            self._quote = None

    @staticmethod
    def _error(reason: str) -> ApiError:
        return bad_request(f"can't parse entities: {reason}")


def parse_markdown(source: str) -> tuple[str, list[Span]]:
    """The text without its marks, and what they marked.

    Raises:
        ApiError: a mark that nothing ends, or a reserved character that isn't escaped.
    """
    return _Parser(source).parse()
