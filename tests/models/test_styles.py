"""Style packs: what comes with Selfi, and what becomes of an operator's edits while it runs."""

import os
from pathlib import Path

import pytest
from tortoise.backends.base.client import BaseDBAsyncClient

from config import Settings, SettingsError
from models import Notification
from models.styles import PREVIEW_TYPES, Styles
from models.user import LANGUAGES
from tests.people import OLGA

TWO = """
[moon]
name.en = "Moon"
name.es = "Luna"
prompt.en = "on the moon"
preview = "moon.svg"

[sea]
name = "Mar"
prompt = '''by the
  sea'''
"""


class File:
    """A styles file; each edit has a time of its own, as a person's has."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "mine.toml"
        self.edits = 0

    def write(self, text: str) -> Path:
        self.path.write_text(text)
        self.edits += 1
        os.utime(self.path, (self.edits, self.edits))
        return self.path


@pytest.fixture
def file(tmp_path: Path) -> File:
    (tmp_path / "moon.svg").write_text("<svg/>")
    return File(tmp_path)


async def test_what_comes_with_selfi(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    styles = Styles(settings.styles)
    english, spanish = [await styles.all(language) for language in LANGUAGES]
    assert len(english) >= 8
    assert [style.id for style in english] == [style.id for style in spanish]
    for one, other in zip(english, spanish, strict=True):
        assert one.prompt != other.prompt
        assert one.preview is not None
        assert one.preview == await styles.preview(one.id)
        assert one.preview.suffix in PREVIEW_TYPES
        assert len(one.preview.read_bytes()) <= 3 * 1024


async def test_each_language_has_its_own_or_the_english_words(file: File) -> None:
    styles = Styles(file.write(TWO))
    moon, sea = await styles.all("es")
    assert (moon.name, moon.prompt, moon.preview) == ("Luna", "on the moon", file.path.parent / "moon.svg")
    assert (sea.name, sea.prompt, sea.preview) == ("Mar", "by the sea", None)
    assert [style.name for style in await styles.all("en")] == ["Moon", "Mar"]
    assert await styles.preview("sea") is None
    assert await styles.preview("../moon") is None


async def test_an_edit_is_taken_up(file: File) -> None:
    styles = Styles(file.write(TWO))
    file.write(TWO.replace("Moon", "Full moon"))
    assert [style.name for style in await styles.all("en")] == ["Full moon", "Mar"]
    file.write("")
    assert await styles.all("en") == []


async def test_a_broken_edit_is_told_once_and_changes_nothing(file: File, db: BaseDBAsyncClient) -> None:
    styles = Styles(file.write(TWO), frozenset({OLGA.id}))
    before = await styles.all("en")
    file.write(TWO.replace('"Moon"', '"Moon'))
    for _ in range(3):
        assert await styles.all("en") == before
    [told] = await Notification.filter(chat_id=OLGA.id)
    assert "STYLES_FILE" in (told.text or "")
    assert "line 3" in (told.text or "")
    file.path.unlink()
    assert await styles.all("en") == before
    file.write(TWO)
    assert await styles.all("en") == before
    file.write(TWO.replace("Moon", "Half moon"))
    assert (await styles.all("en"))[0].name == "Half moon"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[moon", "can't be read"),
        ("moon = 1", "moon stands outside of a section"),
        ('[Moon]\nname = "M"\nprompt = "m"', "[Moon] its id"),
        ('["a b"]\nname = "M"\nprompt = "m"', "[a b] its id"),
        ('[moon]\nprompt = "m"', "[moon] it has no name"),
        ('[moon]\nname.es = "Luna"\nprompt = "m"', "[moon] it has no name"),
        ('[moon]\nname = "M"\nprompt = "  "', "[moon] its prompt is a text"),
        ('[moon]\nname = "M"\nprompt = 7', "[moon] its prompt is a text"),
        (f'[moon]\nname = "{"M" * 41}"\nprompt = "m"', "up to 40 characters"),
        ('[moon]\nname = {en = "M", fr = "L"}\nprompt = "m"', "is in fr"),
        ('[moon]\nname = "M"\nprompt = "m"\nimage = "x"', "it has image"),
        ('[moon]\nname = "M"\nprompt = "m"\npreview = "sun.svg"', "'sun.svg' is no picture"),
        ('[moon]\nname = "M"\nprompt = "m"\npreview = "mine.toml"', "is no picture"),
        ('[moon]\nname = "M"\nprompt = "m"\npreview = "../moon.svg"', "is no picture"),
    ],
)
def test_a_file_that_is_wrong_from_the_start_is_a_wrong_setting(file: File, text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Styles(file.write(text))
    assert sentence in str(raised.value)
    assert str(file.path) in str(raised.value)


def test_everything_wrong_is_named_at_once(file: File) -> None:
    with pytest.raises(SettingsError) as raised:
        Styles(file.write("[a]\nname = 'A'\n[b]\nprompt = 'b'"))
    assert "[a] it has no prompt; [b] it has no name" in str(raised.value)


def test_no_file_at_all(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't be read"):
        Styles(tmp_path / "none.toml")
