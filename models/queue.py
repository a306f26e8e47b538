"""Putting jobs into PgQueuer, in the transaction that makes them necessary. `jobs/` works them off."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.queries import Queries
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.transactions import in_transaction


@dataclass(frozen=True)
class Job:
    """One thing to do: `name` says which handler, `subject` with what (an id).

    While one is queued or running, the same again is skipped, unless `dedupe` is off: a job that shows a
    state may have read it just before it changed. `delay` is how long it waits first.
    """

    name: str
    subject: str
    delay: timedelta | None = None
    dedupe: bool = True


async def enqueue(using: BaseDBAsyncClient, *jobs: Job) -> None:
    """Puts `jobs` into the queue within the transaction `using`, in one round trip."""
    # Tortoise has no public way to its connection; this is the only place that takes it.
    raw = cast("asyncpg.Connection[Any]", using._connection)  # noqa: SLF001
    await Queries(AsyncpgDriver(raw)).enqueue(
        [job.name for job in jobs],
        [job.subject.encode() for job in jobs],
        [0] * len(jobs),
        [job.delay for job in jobs],
        dedupe_key=[f"{job.name}:{job.subject}" if job.dedupe else None for job in jobs],
        on_conflict="skip",
    )


async def put(*jobs: Job) -> None:
    """Puts `jobs` into the queue in a transaction of their own."""
    async with in_transaction() as tx:
        await enqueue(tx, *jobs)
