"""What operators read and install says what the code does."""

import re

import pytest

from config import Settings
from jobs.worker import STOP_SECONDS
from tests.conftest import BOT_TOKEN
from tests.deploy.nginx import DEPLOY, ROOT
from web.app import DRAIN_SECONDS, UPLOADS_AT_ONCE

GUIDE = (ROOT / "docs" / "DEPLOY.md").read_text()
UNIT = (DEPLOY / "selfi.service").read_text()


# --- docs/DEPLOY.md ---


@pytest.fixture(scope="module")
def table() -> dict[str, str]:
    """By setting, the second column of the guide's table."""
    rows = re.findall(
        r"^\| `([A-Z0-9_]+)` \| (\S.*?) \|", GUIDE.partition("## All settings")[2], re.MULTILINE
    )
    return dict(rows)


def test_the_table_has_every_setting(table: dict[str, str]) -> None:
    assert list(table) == [name.upper() for name in Settings.model_fields]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_tables_defaults_are_the_codes(name: str, table: dict[str, str]) -> None:
    """A default that is written out, put into the environment, has to come to the same."""
    field, said = Settings.model_fields[name], table[name.upper()]
    if field.is_required():
        assert said == "required"
    elif not field.default and not isinstance(field.default, int | float):
        assert said == "–"
    else:
        given = {"telegram_bot_token": BOT_TOKEN, "fal_key": "key", name: said.strip("`")}
        assert getattr(Settings.model_validate(given), name) == field.default


def test_the_guide_installs_every_file_of_deploy() -> None:
    named = set(re.findall(r"deploy/[\w./*-]+", GUIDE))
    assert {f"deploy/{name}" for name in ("nginx.conf", "nginx-plain.conf", "selfi.service")} <= named
    for path in (DEPLOY / "nginx").iterdir():
        assert f"deploy/nginx/{path.name}" in named


# --- deploy/selfi.service ---


def values(key: str) -> list[str]:
    return re.findall(rf"^#?{key}=(.+)$", UNIT, re.MULTILINE)


def test_the_units_settings_are_settings() -> None:
    secrets = {}
    for assignment in " ".join(values("Environment")).split():
        name, _, value = assignment.partition("=")
        assert name.removesuffix("_FILE").lower() in Settings.model_fields
        if name.endswith("_FILE"):
            secrets[name] = value
    credentials = [value.partition(":")[0] for value in values("LoadCredential")]
    assert secrets == {f"{name.upper()}_FILE": f"%d/{name}" for name in credentials}


def test_the_unit_lets_selfi_finish() -> None:
    (timeout,) = values("TimeoutStopSec")
    assert int(timeout) > DRAIN_SECONDS + STOP_SECONDS + 10
    assert values("KillMode") == ["mixed"]  # its PostgreSQL and its photo workers outlive the drain
    assert f"requests ({DRAIN_SECONDS:.0f} s at most) and jobs ({STOP_SECONDS:.0f} s)" in UNIT


def test_a_wrong_setting_is_not_tried_again() -> None:
    assert values("Restart") == ["on-failure"]
    assert values("RestartPreventExitStatus") == ["2"]


# --- deploy/nginx/ ---


def test_the_comments_numbers_are_the_codes() -> None:
    text = (DEPLOY / "nginx" / "server.conf").read_text()
    assert f"Selfi checks {UPLOADS_AT_ONCE} uploads at a time" in text
