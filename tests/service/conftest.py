from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import create_database, worker_name
from tests.service.nursery import Nursery
from tests.service.running import Service, between_twins


@pytest.fixture
async def service(
    postgres_server: str, migrated_template: str, nursery: Nursery, tmp_path: Path
) -> AsyncIterator[Service]:
    """A service that hasn't been started yet, on a database without rows."""
    dsn = await create_database(postgres_server, f"service_{worker_name()}", migrated_template)
    async with between_twins(dsn, tmp_path, nursery=nursery) as service:
        yield service


@pytest.fixture
async def fresh_service(postgres_server: str, tmp_path: Path) -> AsyncIterator[Service]:
    """The same, as an operator first starts it: `python main.py`, on an empty database."""
    dsn = await create_database(postgres_server, f"service_{worker_name()}")
    async with between_twins(dsn, tmp_path) as service:
        yield service
