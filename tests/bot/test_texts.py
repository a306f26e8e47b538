"""The catalogues: complete, in step with the code, and with the same holes to fill in each language."""

import re
from collections import Counter
from html.parser import HTMLParser
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from bot.i18n import TEXTS, _, catalogues, duration, ngettext, percentage, speaking
from models.user import LANGUAGES

KEYWORDS = {"_": None, "marked": None, "ngettext": (1, 2)}


def catalogue(language: str) -> Catalog:
    with (TEXTS / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def messages(language: str) -> list[Message]:
    return [message for message in catalogue(language) if message.id]


def test_nothing_is_said_where_the_extraction_does_not_look() -> None:
    # Before Python 3.12 an f-string is one token.
    hidden = re.compile(r"\{\s*(_|marked|ngettext)\(")
    assert [path.name for path in TEXTS.parent.rglob("*.py") if hidden.search(path.read_text())] == []


def said_in_the_code() -> set[object]:
    found = extract_from_dir(TEXTS.parent, method_map=[("**.py", "python")], keywords=KEYWORDS)
    return {each[2] for each in found}


def holes(text: str) -> set[str | None]:
    return {name for _literal, name, _spec, _conversion in Formatter().parse(text) if name is not None}


def tags(text: str) -> Counter[str]:
    found: Counter[str] = Counter()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.update([tag])  # type: ignore[method-assign]
    parser.handle_endtag = lambda tag: found.update([f"/{tag}"])  # type: ignore[method-assign]
    parser.feed(text)
    return found


def forms(message: Message) -> list[tuple[str, str]]:
    """Each form's English beside its translation."""
    ids = [message.id] if isinstance(message.id, str) else message.id
    said = [message.string] if isinstance(message.string, str) else message.string or ()
    return list(zip(ids, said, strict=True))


def test_there_is_one_catalogue_a_language() -> None:
    assert set(catalogues().available_locales) == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_has_every_sentence_of_the_code_and_no_other(language: str) -> None:
    known = {
        message.id if isinstance(message.id, str) else tuple(message.id) for message in messages(language)
    }
    assert known == said_in_the_code()
    assert not catalogue(language).obsolete


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated_with_the_same_holes_and_tags(language: str) -> None:
    for message in messages(language):
        assert not message.fuzzy
        for english, translated in forms(message):
            assert translated.strip(), english
            assert holes(translated) == holes(english), english
            assert tags(translated) == tags(english), english


def test_the_english_catalogue_says_what_the_code_says() -> None:
    assert all(english == translated for message in messages("en") for english, translated in forms(message))


def test_the_spanish_is_spanish() -> None:
    same = [
        english for message in messages("es") for english, spanish in forms(message) if english == spanish
    ]
    assert same == []


@pytest.mark.parametrize(
    ("language", "n", "said"),
    [
        ("en", 0, "You have 0 stars."),
        ("en", 1, "You have 1 star."),
        ("en", 12_500, "You have 12,500 stars."),
        ("es", 0, "Tienes 0 estrellas."),
        ("es", 1, "Tienes 1 estrella."),
        ("es", 12_500, "Tienes 12.500 estrellas."),
    ],
)
def test_plurals_and_numbers_are_as_each_language_writes_them(language: str, n: int, said: str) -> None:
    with speaking(language):
        assert ngettext("You have {n} star.", "You have {n} stars.", n) == said


def test_whatever_is_filled_in_is_quoted() -> None:
    with speaking("en"):
        assert _("👋 <b>Hi, {name}!</b>", name="<b>&{n}") == "👋 <b>Hi, &lt;b&gt;&amp;{n}!</b>"


@pytest.mark.parametrize(
    ("seconds", "english", "spanish"),
    [
        (0, "1 second", "1 segundo"),
        (50, "50 seconds", "50 segundos"),
        (240, "4 minutes", "4 minutos"),
        (100 * 60, "100 minutes", "100 minutos"),
        (3 * 3600, "3 hours", "3 horas"),
    ],
)
def test_durations_are_said_as_people_do(seconds: float, english: str, spanish: str) -> None:
    with speaking("en"):
        assert (duration(seconds), percentage(40)) == (english, "40%")
    with speaking("es"):
        assert (duration(seconds), percentage(40)) == (spanish, "40\N{NO-BREAK SPACE}%")


def test_no_sentence_for_people_is_outside_the_catalogues() -> None:
    """A word between quotes in a call that answers somebody is a sentence that nobody translated."""
    answering = re.compile(r"\.(?:answer|reply)\(\s*[rf]?[\"'][A-Za-z]")
    for path in sorted(TEXTS.parent.rglob("*.py")):
        assert not answering.search(path.read_text(encoding="utf-8")), path
