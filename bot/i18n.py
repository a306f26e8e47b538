"""Every sentence for people, in their language: aiogram's i18n over `texts/<language>.po`.

The msgids are the English sentences in the code. They are Telegram's HTML: whatever is filled into them is
quoted, so no name that a person chose can become markup.
"""

import gettext
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date as date_type
from datetime import timedelta
from functools import cache
from pathlib import Path

from aiogram import html
from aiogram.utils.i18n import I18n
from babel.dates import format_date, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent

TEXTS = Path(__file__).parent / "texts"


class Catalogues(I18n):
    """Reads `.po` files as they are, one a language, and compiles them in memory."""

    def find_locales(self) -> dict[str, gettext.GNUTranslations]:
        return {path.stem: _compiled(path) for path in sorted(self.path.glob("*.po"))}


def _compiled(path: Path) -> gettext.GNUTranslations:
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.stem, abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@cache
def catalogues() -> Catalogues:
    return Catalogues(path=TEXTS)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """While it lasts, `_` and everything else here speak `language`."""
    with catalogues().use_locale(language):
        yield


def marked(text: str) -> str:
    """Marks a sentence for the catalogues that is translated later, by `_`."""
    return text


def _(text: str, **values: object) -> str:
    """The sentence in the current language, with `values` in their places."""
    return _filled(catalogues().gettext(text), values)


def ngettext(singular: str, plural: str, n: int, **values: object) -> str:
    """The sentence in the form that the current language has for `n`, which fills `{n}`."""
    return _filled(catalogues().gettext(singular, plural, n), {"n": n, **values})


def number(n: int) -> str:
    """Such as "1,200"."""
    return str(format_decimal(n, locale=catalogues().current_locale))


def signed(n: int) -> str:
    """Such as "+1,200" and "−30": how much came or went."""
    return str(format_decimal(n, "+#,##0;−#,##0" if n else "0", locale=catalogues().current_locale))


def day(date: date_type) -> str:
    """Such as "Nov 5, 2025"; a moment's day is UTC's."""
    return str(format_date(date, format="medium", locale=catalogues().current_locale))


def _filled(text: str, values: dict[str, object]) -> str:
    return text.format_map({name: _shown(value) for name, value in values.items()})


def _shown(value: object) -> str:
    if isinstance(value, int):
        return number(value)
    if isinstance(value, float):
        return str(format_decimal(value, "0.#", locale=catalogues().current_locale))
    return html.quote(str(value))


def duration(seconds: float) -> str:
    """Such as "4 minutes", rounded as people do."""
    # Up to two of a unit are told in the smaller one: 90 seconds, 100 minutes.
    span = timedelta(seconds=max(1, round(seconds)))
    return format_timedelta(span, threshold=2, locale=catalogues().current_locale)


def percentage(percent: int) -> str:
    """Such as "50%"."""
    return str(format_percent(percent / 100, locale=catalogues().current_locale))
