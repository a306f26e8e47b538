"""Settings: what is right is taken, what is wrong is named with what would be right."""

from pathlib import Path

import pytest

from config import SettingsError, is_loopback, load
from tests.conftest import BOT_TOKEN

RIGHT = {"TELEGRAM_BOT_TOKEN": BOT_TOKEN, "FAL_KEY": "key:secret"}


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in RIGHT:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"FAL_KEY": ""}, "FAL_KEY is missing"),
        ({"FAL_KEY": "  "}, "FAL_KEY is empty"),
        ({"FAL_KEY": "changeme"}, "FAL_KEY still holds a placeholder"),
        ({"TELEGRAM_BOT_TOKEN": "your_bot_token"}, "TELEGRAM_BOT_TOKEN still holds a placeholder"),
        ({"TELEGRAM_BOT_TOKEN": "abc"}, "TELEGRAM_BOT_TOKEN is no bot token"),
        ({"PORT": "0x"}, "PORT"),
        ({"PORT": "70000"}, "PORT"),
        ({"PUBLIC_URL": "http://selfi.example.org"}, "use https://"),
        ({"PUBLIC_URL": "selfi.example.org"}, "no http(s) address"),
        ({"TELEGRAM_API_URL": "http://10.0.0.1"}, "use https://"),
        ({"FAL_QUEUE_URL": "http://localhost.evil.org"}, "use https://"),
        ({"DATABASE_URL": "mysql://a"}, "no Postgres address"),
        ({"ADMIN_IDS": "1,x"}, "ADMIN_IDS"),
        ({"STAR_PACKS": "50,,100"}, "STAR_PACKS takes"),
        ({"STAR_PACKS": "0"}, "STAR_PACKS takes"),
        ({"STAR_PACKS": "50+"}, "STAR_PACKS takes"),
        ({"STAR_PACKS": "50,50+5"}, "STAR_PACKS takes"),
        ({"STAR_PACKS": "100001"}, "STAR_PACKS takes"),
        ({"STAR_PACKS": "١٠"}, "STAR_PACKS takes"),
        ({"TELEGRAM_WEBHOOK_SECRET": "no spaces"}, "TELEGRAM_WEBHOOK_SECRET takes 1 to 256"),
        ({"FAL_KEY": None, "FAL_KEY_FILE": "/nowhere"}, "FAL_KEY_FILE names '/nowhere'"),
    ],
)
def test_what_is_wrong_is_named(
    changes: dict[str, str | None], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (RIGHT | changes).items():
        if value is not None:
            monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        load()
    assert sentence in str(error.value)
    assert len(error.value.problems) == 1


def test_every_wrong_setting_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        load()
    assert len(error.value.problems) == 2


def test_secrets_come_from_files_and_stay_hidden(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text(f"{BOT_TOKEN}\n")
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN_FILE", str(secret))
    monkeypatch.setenv("FAL_KEY", "key:secret")
    settings = load()
    assert settings.telegram_bot_token.get_secret_value() == BOT_TOKEN
    assert BOT_TOKEN not in repr(settings)
    assert "key:secret" not in repr(settings)


def test_a_setting_itself_wins_over_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in RIGHT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FAL_KEY_FILE", "/nowhere")
    assert load().fal_key.get_secret_value() == "key:secret"


def test_what_is_right_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {"ADMIN_IDS": "1, 5000000000", "TELEGRAM_API_URL": "http://127.0.0.1:8081/", "PUBLIC_URL": ""}
    for name, value in (RIGHT | changes).items():
        monkeypatch.setenv(name, value)
    settings = load()
    assert settings.admin_ids == {1, 5_000_000_000}
    assert settings.telegram_api_url == "http://127.0.0.1:8081"
    assert settings.public_url is None
    assert settings.bot_id == 123456789


def test_packs_are_stars_by_price(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (RIGHT | {"STAR_PACKS": "50, 500+50,100000 + 100000"}).items():
        monkeypatch.setenv(name, value)
    assert load().star_packs == {50: 50, 500: 550, 100_000: 200_000}


def test_own_secrets_differ_by_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in RIGHT.items():
        monkeypatch.setenv(name, value)
    settings = load()
    assert settings.derived_secret("session") != settings.derived_secret("telegram webhook")
    assert settings.webhook_secret == settings.derived_secret("telegram webhook")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("127.0.0.1.nip.io", False),
        (None, False),
    ],
)
def test_loopback_is_told_without_a_look_up(host: str | None, loopback: bool) -> None:
    assert is_loopback(host) is loopback
