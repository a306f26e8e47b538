"""What operators write after a command. What is wrong with it is said with the right `form`."""

from datetime import UTC, date, datetime, time, timedelta

from models.errors import Invalid


def words(text: str | None, least: int, most: int, form: str) -> list[str]:
    """The words of the text, the last with all that is left.

    Raises:
        Invalid: they are fewer than `least`: `words_missing`.
    """
    found = (text or "").strip().split(maxsplit=most - 1)
    if len(found) < least:
        raise Invalid("Something is missing.", field="text", code="words_missing", form=form)
    return found


def whole_number(word: str, form: str) -> int:
    """Raises Invalid: `no_number`."""
    if not (word.isascii() and word.isdigit() and len(word) <= 9):
        raise Invalid("This is no whole number.", field="text", code="no_number", word=word, form=form)
    return int(word)


def end_of_day(word: str, form: str) -> datetime:
    """The moment (UTC) at which the day is over.

    Raises:
        Invalid: `no_day`.
    """
    try:
        return datetime.combine(date.fromisoformat(word), time(), UTC) + timedelta(days=1)
    except (ValueError, OverflowError) as e:
        raise Invalid("This is no day.", field="text", code="no_day", word=word, form=form) from e
