"""Text with its entities, as Telegram's parse modes make them (https://core.telegram.org/bots/api#formatting-options).

Offsets and lengths are in UTF-16 code units; the positions in errors are in bytes of UTF-8.
"""

import html
import re
from dataclasses import dataclass, field

from .errors import ApiError, bad_request
from .markdown import parse_markdown
from .params import Params
from .spans import Span, TextBuilder, byte_offset, utf16_length
from .state import Json

_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}
_TAG = re.compile(r"<(?P<closing>/?)(?P<name>[^\s<>/]*)(?P<attributes>[^<>]*)>?")
_ATTRIBUTE = re.compile(r"([\w-]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?")
_REFERENCE = re.compile(r"&(?:lt|gt|amp|quot|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
_FOUND_IN_TEXT = re.compile(
    r"(?P<url>https?://[^\s<>\"]+[^\s<>\".,;:!?)\]'])"
    r"|(?<![\w/@.])(?P<bot_command>/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?)(?![\w/])"
    r"|(?<![\w/@.])(?P<mention>@[A-Za-z][A-Za-z0-9_]{3,31})"
)
_OPAQUE = ("code", "pre", "text_link", "url")


@dataclass(frozen=True)
class FormattedText:
    text: str
    entities: list[Json] = field(default_factory=list)

    def fields(self, name: str) -> Json:
        """The message's fields where `name` is text or caption; nothing where there is none."""
        if not self.text:
            return {}
        key = "entities" if name == "text" else f"{name}_entities"
        return {name: self.text} | ({key: self.entities} if self.entities else {})


def from_params(params: Params, name: str, limit: int, too_long: str) -> FormattedText:
    """The call's `text` or `caption` by its parse mode, or by the entities beside it.

    Raises:
        ApiError: it can't be parsed, or is over `limit` characters; `too_long` says so.
    """
    formatted = _parsed(params, name)
    if len(formatted.text) > limit:
        raise bad_request(too_long)
    return formatted


def _parsed(params: Params, name: str) -> FormattedText:
    text = params.text(name)
    mode = params.text("parse_mode").lower()
    if mode == "html":
        return _finished(_parse_html(text))
    if mode == "markdownv2":
        return _finished(parse_markdown(text))
    if mode not in ("", "none"):
        raise bad_request("unsupported parse_mode")
    given = params.json("entities" if name == "text" else "caption_entities") or []
    if not isinstance(given, list) or not all(isinstance(entity, dict) for entity in given):
        raise bad_request("can't parse entities JSON object")
    spans = [Span.from_json(entity) for entity in given]
    return _finished((text, spans))


def plain(text: str) -> FormattedText:
    """What a person types: only links, commands and mentions are marked."""
    return _finished((text, []))


def _finished(parsed: tuple[str, list[Span]]) -> FormattedText:
    """Trims the text as Telegram does and adds what it finds by itself."""
    text, spans = parsed
    cut = utf16_length(text) - utf16_length(text.lstrip())
    text = text.strip()
    kept = [span for span in (span.within(cut, utf16_length(text)) for span in spans) if span.length > 0]
    kept += [span for span in _found(text) if not any(span.overlaps(o) for o in kept if o.kind in _OPAQUE)]
    kept.sort(key=lambda span: (span.offset, -span.length))
    return FormattedText(text, [span.to_json() for span in kept])


def _found(text: str) -> list[Span]:
    return [
        Span(match.lastgroup or "", utf16_length(text[: match.start()]), utf16_length(match[0]))
        for match in _FOUND_IN_TEXT.finditer(text)
    ]


@dataclass
class _Open:
    name: str
    kind: str
    offset: int
    extra: Json


def _parse_html(source: str) -> tuple[str, list[Span]]:
    built = TextBuilder()
    opened: list[_Open] = []
    position = 0
    while position < len(source):
        tag = _TAG.match(source, position)
        if tag is None:
            end = source.find("<", position)
            end = len(source) if end < 0 else end
            built.add(_REFERENCE.sub(lambda found: html.unescape(found[0]), source[position:end]))
            position = end
            continue
        at = byte_offset(source, position)
        if tag["closing"]:
            _close(tag, at, opened, built)
        else:
            opened.append(_start(tag, at, built.length))
        position = tag.end()
    if opened:
        raise _unparsable(f'Can\'t find end tag corresponding to start tag "{opened[-1].name}"')
    return built.text, built.spans


def _start(tag: re.Match[str], at: int, offset: int) -> _Open:
    name = tag["name"].lower()
    attributes = {
        key.lower(): html.unescape(double or single or bare)
        for key, double, single, bare in _ATTRIBUTE.findall(tag["attributes"])
    }
    if name not in _TAGS:
        raise _unparsable(f'Unsupported start tag "{name}" at byte offset {at}')
    if not tag[0].endswith(">"):
        raise _unparsable(f"Unclosed start tag at byte offset {at}")
    if name == "span" and attributes.get("class") != "tg-spoiler":
        raise _unparsable(f'Tag "span" must have class "tg-spoiler" at byte offset {at}')
    kind, extra = _TAGS[name], {}
    if name == "a":
        extra = {"url": attributes.get("href", "")}
    elif name == "code" and attributes.get("class", "").startswith("language-"):
        extra = {"language": attributes["class"].removeprefix("language-")}
    elif name == "blockquote" and "expandable" in attributes:
        kind = "expandable_blockquote"
    elif name == "tg-emoji":
        extra = {"custom_emoji_id": attributes.get("emoji-id", "")}
    return _Open(name, kind, offset, extra)


def _close(tag: re.Match[str], at: int, opened: list[_Open], built: TextBuilder) -> None:
    name = tag["name"].lower()
    if not tag[0].endswith(">"):
        raise _unparsable(f"Unclosed end tag at byte offset {at}")
    if not opened:
        raise _unparsable(f"Unexpected end tag at byte offset {at}")
    start = opened.pop()
    if name not in ("", start.name):
        raise _unparsable(
            f'Unmatched end tag at byte offset {at}, expected "</{start.name}>", found "</{name}>"'
        )
    if start.kind == "code" and opened and opened[-1].kind == "pre" and opened[-1].offset == start.offset:
        opened[-1].extra = start.extra  # <pre><code class="language-…"> is one entity
        return
    if start.kind == "code":
        start.extra = {}  # only within <pre> has it a language
    if start.kind == "text_link":
        start.extra["url"] = _link(start.extra["url"] or built.since(start.offset))
        if not start.extra["url"]:
            return  # Telegram shows a link that leads nowhere as plain text
    built.mark(start.kind, start.offset, start.extra)


def _link(url: str) -> str:
    """The address as Telegram completes it, empty where it isn't one."""
    if re.match(r"(?:https?|tg|ton|tonsite)://\S+$", url) or url.startswith("mailto:"):
        return url
    return f"http://{url}" if re.match(r"[\w-]+(?:\.[\w-]+)+(?:[:/?#]\S*)?$", url) else ""


def _unparsable(reason: str) -> ApiError:
    return bad_request(f"can't parse entities: {reason}")
