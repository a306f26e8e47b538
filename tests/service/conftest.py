import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import create_database
from tests.service.running import Service, between_twins


@pytest.fixture
async def service(postgres_server: str, tmp_path: Path) -> AsyncIterator[Service]:
    """A service that hasn't been started yet, on an empty database."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    dsn = await create_database(postgres_server, f"service_{worker}")
    async with between_twins(dsn, tmp_path) as service:
        yield service
