"""What can be seen of a text, and what of it is compared."""

import unicodedata
from functools import cache

# Letters and signs by their category, and blank all the same.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# Marks that nobody sees: joiners, vowels that are only implied, and selectors of a variant.
_SELECTORS = (
    range(0x034F, 0x0350),
    range(0x17B4, 0x17B6),
    range(0x180B, 0x1810),
    range(0xFE00, 0xFE10),
    range(0xE0100, 0xE01F0),
)


@cache
def is_seen(c: str) -> bool:
    """Whether anything of the character can be seen. A space can't."""
    unseen = unicodedata.category(c) in {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp", "Zs"} or c in _BLANK
    return not unseen and not any(ord(c) in selectors for selectors in _SELECTORS)


def is_visible(text: str) -> bool:
    """Whether anything of the text can be seen."""
    return any(map(is_seen, text))


def folded(text: str, *, apart: bool = True) -> str:
    """What is compared: case, accents, width and what can't be seen make no difference.

    Punctuation sets words `apart`, or else is left out.
    """
    plain = unicodedata.normalize("NFKD", text).casefold()
    return " ".join("".join(_folded(c, apart=apart) for c in plain).split())


def _folded(c: str, *, apart: bool) -> str:
    if c.isspace():
        return " "
    if unicodedata.combining(c) or not is_seen(c):
        return ""
    # Marks without a class of their own are the vowels of some scripts.
    return c if c.isalnum() or unicodedata.category(c).startswith("M") else " " * apart
