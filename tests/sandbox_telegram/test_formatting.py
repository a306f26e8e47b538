"""Text, its entities and keyboards, without a socket."""

import json
from typing import Any

import pytest

from sandbox.telegram.entities import FormattedText, from_params, plain
from sandbox.telegram.errors import ApiError
from sandbox.telegram.keyboards import reply_markup
from sandbox.telegram.params import Params


def parsed(text: str, mode: str) -> FormattedText:
    return from_params(Params({"text": text, "parse_mode": mode}), "text", 4096, "message is too long")


def marked(formatted: FormattedText) -> list[tuple[str, str]]:
    """Each entity's type with the piece of text under it."""
    units = formatted.text.encode("utf-16-le")
    return [
        (each["type"], units[2 * each["offset"] : 2 * (each["offset"] + each["length"])].decode("utf-16-le"))
        for each in formatted.entities
    ]


@pytest.mark.parametrize(
    ("html", "entities"),
    [
        ("<b>bold</b> and <i>italic</i>", [("bold", "bold"), ("italic", "italic")]),
        ("<strong>a</strong><em>b</em><ins>c</ins>", [("bold", "a"), ("italic", "b"), ("underline", "c")]),
        (
            "<u>a</u> <s>b</s> <del>c</del>",
            [("underline", "a"), ("strikethrough", "b"), ("strikethrough", "c")],
        ),
        ("<code>x &lt; y</code>", [("code", "x < y")]),
        ("<pre>a\nb</pre>", [("pre", "a\nb")]),
        ("<tg-spoiler>who</tg-spoiler>", [("spoiler", "who")]),
        ('<span class="tg-spoiler">who</span>', [("spoiler", "who")]),
        ("<blockquote>said</blockquote>", [("blockquote", "said")]),
        ("<blockquote expandable>said</blockquote>", [("expandable_blockquote", "said")]),
        ("<b>a<i>b</i></b>", [("bold", "ab"), ("italic", "b")]),
        ("😀 <b>after</b> 😀", [("bold", "after")]),
        ("  <b>trimmed</b>  ", [("bold", "trimmed")]),
        ("<b></b>nothing", []),
    ],
)
def test_html(html: str, entities: list[tuple[str, str]]) -> None:
    assert marked(parsed(html, "HTML")) == entities


def test_html_entities_with_details() -> None:
    link = parsed('<a href="https://example.com/?a=1&amp;b=2">here</a>', "html")
    assert link.entities == [
        {"type": "text_link", "offset": 0, "length": 4, "url": "https://example.com/?a=1&b=2"}
    ]
    code = parsed('<pre><code class="language-python">pass</code></pre>', "html")
    assert code.entities == [{"type": "pre", "offset": 0, "length": 4, "language": "python"}]
    assert parsed('<a href="no link">text</a>', "html").entities == []


@pytest.mark.parametrize(
    ("html", "complaint"),
    [
        ("<b>open", 'Can\'t find end tag corresponding to start tag "b"'),
        ("é<marquee>x</marquee>", 'Unsupported start tag "marquee" at byte offset 2'),
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("end</b>", "Unexpected end tag at byte offset 3"),
        ("<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("<b", "Unclosed start tag at byte offset 0"),
    ],
)
def test_html_that_is_refused(html: str, complaint: str) -> None:
    with pytest.raises(ApiError) as refusal:
        parsed(html, "HTML")
    assert refusal.value.description == f"Bad Request: can't parse entities: {complaint}"


@pytest.mark.parametrize(
    ("markdown", "entities"),
    [
        ("*bold* _italic_ __under__", [("bold", "bold"), ("italic", "italic"), ("underline", "under")]),
        ("~gone~ ||who||", [("strikethrough", "gone"), ("spoiler", "who")]),
        ("`a*b` [here](https://example.com)", [("code", "a*b"), ("text_link", "here")]),
        ("```python\npass```", [("pre", "pass")]),
        (">quoted\n>twice\nnot", [("blockquote", "quoted\ntwice")]),
        ("*bold _both_*", [("bold", "bold both"), ("italic", "both")]),
        (r"1\.5 \* 2", []),
    ],
)
def test_markdown(markdown: str, entities: list[tuple[str, str]]) -> None:
    assert marked(parsed(markdown, "MarkdownV2")) == entities


@pytest.mark.parametrize(
    ("markdown", "complaint"),
    [
        ("1.5", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("*bold", "Can't find end of Bold entity at byte offset 0"),
        ("é *bold", "Can't find end of Bold entity at byte offset 3"),
    ],
)
def test_markdown_that_is_refused(markdown: str, complaint: str) -> None:
    with pytest.raises(ApiError) as refusal:
        parsed(markdown, "MarkdownV2")
    assert refusal.value.description == f"Bad Request: can't parse entities: {complaint}"


def test_what_people_type_is_marked() -> None:
    typed = plain("/start ref42 see https://example.com/a?b=1. or ask @ana_sandbox, mail a@b.co, and/or")
    assert marked(typed) == [
        ("bot_command", "/start"),
        ("url", "https://example.com/a?b=1"),
        ("mention", "@ana_sandbox"),
    ]


def test_nothing_is_found_inside_code() -> None:
    assert marked(parsed("<code>/start</code> /help", "HTML")) == [
        ("code", "/start"),
        ("bot_command", "/help"),
    ]


def keyboard(*buttons: Any) -> Params:
    return Params({"reply_markup": json.dumps({"inline_keyboard": [list(buttons)]})})


@pytest.mark.parametrize(
    "button",
    [
        {"text": "a", "callback_data": "x" * 64, "style": "danger"},
        {"text": "a", "url": "https://example.com"},
        {"text": "a", "url": "tg://user?id=1"},
        {"text": "a", "web_app": {"url": "https://example.com/app/"}},
        {"text": "a", "web_app": {"url": "http://127.0.0.1:3001/app/"}},
        {"text": "a", "copy_text": {"text": "b"}},
    ],
)
def test_buttons_that_telegram_takes(button: dict[str, Any]) -> None:
    inline, other = reply_markup(keyboard(button))
    assert (inline, other) == ({"inline_keyboard": [[button]]}, None)


@pytest.mark.parametrize(
    ("button", "complaint"),
    [
        ({"text": "a", "callback_data": "x" * 65}, "BUTTON_DATA_INVALID"),
        ({"text": "a", "callback_data": "é" * 33}, "BUTTON_DATA_INVALID"),
        ({"text": "a", "callback_data": ""}, "BUTTON_DATA_INVALID"),
        (
            {"text": "a"},
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        ({"callback_data": "a"}, "can't parse inline keyboard button: Can't find field \"text\""),
        ("a", "can't parse inline keyboard button: InlineKeyboardButton must be an Object"),
        (
            {"text": "a", "web_app": {"url": "http://a.example"}},
            "inline keyboard button Web App URL 'http://a.example' is invalid: Only HTTPS links are allowed",
        ),
        ({"text": "a", "url": "nowhere"}, "inline keyboard button URL 'nowhere' is invalid: Wrong HTTP URL"),
        (
            {"text": "a", "callback_data": "b", "style": "pink"},
            "can't parse inline keyboard button: Invalid button style specified",
        ),
    ],
)
def test_buttons_that_telegram_refuses(button: Any, complaint: str) -> None:
    with pytest.raises(ApiError) as refusal:
        reply_markup(keyboard(button))
    assert refusal.value.description == f"Bad Request: {complaint}"


@pytest.mark.parametrize("markup", ["{", "[]", '{"inline_keyboard": 1}', '{"something": 1}', '"text"'])
def test_markup_that_is_none(markup: str) -> None:
    with pytest.raises(ApiError, match="Bad Request"):
        reply_markup(Params({"reply_markup": markup}))
