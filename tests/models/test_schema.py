"""The database keeps what the models promise."""

import asyncio
import sys
from pathlib import Path

import pytest
from tortoise import Tortoise
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.exceptions import IntegrityError

from models import db as models_db
from models.user import User
from tests.conftest import create_database


async def test_every_declared_constraint_exists(db: BaseDBAsyncClient) -> None:
    # Tortoise passes over the constraints of a CreateModel, so a migration that forgets them looks right.
    declared = {
        constraint.name
        for model in Tortoise.apps["models"].values()
        for constraint in model._meta.constraints
    }
    rows = await db.execute_query_dict("SELECT conname FROM pg_constraint")
    assert declared
    assert declared <= {row["conname"] for row in rows}


async def test_ids_beyond_32_bits(db: BaseDBAsyncClient) -> None:
    await User.create(id=2**52, first_name="Ana", language="en")
    assert await User.exists(id=2**52)


async def test_a_balance_below_zero_is_refused(db: BaseDBAsyncClient) -> None:
    with pytest.raises(IntegrityError):
        await User.create(id=1, first_name="Ana", language="en", balance=-1)


async def test_replicas_that_start_at_once_migrate_once(postgres_server: str, db: BaseDBAsyncClient) -> None:
    dsn = await create_database(postgres_server, "test_upgrade")
    code = "import asyncio, sys; from models.db import upgrade; asyncio.run(upgrade(sys.argv[1]))"
    runs = [await asyncio.create_subprocess_exec(sys.executable, "-c", code, dsn) for _ in range(3)]
    assert [await run.wait() for run in runs] == [0, 0, 0]
    connection = await models_db.connect(dsn)
    try:
        migrations = Path(models_db.__file__).parent.glob("migrations/0*.py")
        assert await connection.fetchval("SELECT count(*) FROM tortoise_migrations") == len(list(migrations))
        assert await connection.fetchval("SELECT to_regclass('pgqueuer') IS NOT NULL")
    finally:
        await connection.close()
