"""The line to the database breaks at any moment, and nobody who comes afterwards has it worse for that."""

import asyncio
import random
from contextlib import suppress

import asyncpg
import pytest
from asyncpg.pool import PoolConnectionHolder
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.exceptions import BaseORMException
from tortoise.transactions import in_transaction

from models import User
from models.db import connection

BROKEN = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    BaseORMException,
    OSError,
)

BREAKS = 60
"""More than the pool has connections: one lost each time would be noticed."""


# Transports of the connections that were killed, which asyncpg leaves to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
async def test_a_transaction_whose_connection_breaks_is_over(db: BaseDBAsyncClient, dsn: str) -> None:
    """All in one task, as a job is that insists."""
    killer = await asyncpg.connect(dsn)

    async def kill() -> None:
        await asyncio.sleep(random.uniform(0, 0.006))  # noqa: S311
        await killer.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    for _ in range(BREAKS):
        killing = asyncio.create_task(kill())
        with suppress(*BROKEN):
            for _ in range(3):
                async with in_transaction() as tx:
                    await tx.execute_query("SELECT 1")
                    await User.all().using_db(tx).count()
        await killing
    await killer.close()
    async with asyncio.timeout(10):
        async with in_transaction() as tx:
            assert await User.all().using_db(tx).count() == 0
        assert await User.all().count() == 0


async def test_a_transaction_that_can_not_begin_keeps_no_connection(
    db: BaseDBAsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: object) -> None:
        raise asyncpg.ConnectionDoesNotExistError

    async def begin() -> None:
        async with asyncio.timeout(5), in_transaction():
            pass

    with monkeypatch.context() as patched:
        patched.setattr("asyncpg.transaction.Transaction.start", broken)
        for _ in range(BREAKS):
            with pytest.raises(asyncpg.ConnectionDoesNotExistError):
                await asyncio.create_task(begin())
    async with asyncio.timeout(5):
        assert await User.all().count() == 0


async def test_a_connection_that_can_not_be_given_back_is_nobodys(
    db: BaseDBAsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = PoolConnectionHolder.release

    async def broken(holder: PoolConnectionHolder, timeout: float | None) -> None:  # noqa: ASYNC109
        await release(holder, timeout)
        raise asyncpg.InternalClientError

    with monkeypatch.context() as patched:
        patched.setattr(PoolConnectionHolder, "release", broken)
        with pytest.raises(asyncpg.InternalClientError):
            async with in_transaction():
                pass
    assert connection() is db
