from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.sandbox_fal.twin import Receiver, Twin, receiving, running


@pytest.fixture(scope="session")
def no_certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(autouse=True)
def _quick_clients(monkeypatch: pytest.MonkeyPatch, no_certificates: Path) -> None:
    """Every HTTP client that fal's makes loads all certificates first, and loopback needs none."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)  # goes before the folder
    monkeypatch.setenv("SSL_CERT_DIR", str(no_certificates))


@pytest.fixture
async def twin() -> AsyncIterator[Twin]:
    async with running() as twin:
        yield twin


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver
