"""Whose turn it is at fal: a fair queue over everybody's pictures.

A person's requests take turns with everybody else's, as if each person had one queue of their own and these
were served round robin: fifty requests of one don't delay the first of another. What is at fal already counts
as a turn taken, so whoever has fewer there goes first. Between equals it is the one who has waited longer,
from when they asked or were last served, whichever is later.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.transactions import in_transaction

from models.db import connection
from models.errors import LimitReached
from models.queue import Job, enqueue

# Any number will do, as long as every replica takes the same.
_TURN_LOCK = 7_235_342

_QUEUE = """
    WITH active AS (
        SELECT id, user_id, started_at, taken_at FROM generations WHERE status IN ('PENDING', 'RUNNING')
    ), going AS (
        SELECT user_id, count(*) AS n FROM active WHERE taken_at IS NOT NULL GROUP BY user_id
    ), queue AS (
        SELECT
            id,
            coalesce(n, 0)
                + row_number() OVER (PARTITION BY active.user_id ORDER BY started_at, id) AS turn,
            greatest(started_at, (
                SELECT max(taken_at) FROM generations AS served WHERE served.user_id = active.user_id
            )) AS since
        FROM active LEFT JOIN going USING (user_id) WHERE taken_at IS NULL
    )
"""


@dataclass(frozen=True)
class Turns:
    """At most `at_once` generations are at fal, and `per_person` of one person; `waiting` of theirs wait."""

    at_once: int
    per_person: int
    waiting: int

    async def take(self) -> int:
        """Gives turns to as many as may go now, and enqueues their submits; answers how many."""
        async with in_transaction() as tx:
            await tx.execute_query("SELECT pg_advisory_xact_lock($1)", [_TURN_LOCK])
            rows = await tx.execute_query_dict(
                f"""
                {_QUEUE}, next AS (
                    SELECT id FROM queue WHERE turn <= $1 ORDER BY turn, since, id
                    LIMIT greatest(0, $2 - (SELECT coalesce(sum(n), 0) FROM going))
                )
                UPDATE generations SET taken_at = clock_timestamp(), queue_position = NULL
                FROM next WHERE generations.id = next.id AND taken_at IS NULL
                RETURNING generations.id
                """,  # noqa: S608 — a constant of ours
                [self.per_person, self.at_once],
            )
            await enqueue(tx, *(Job("submit_generation", str(row["id"])) for row in rows))
        return len(rows)

    async def check_room(self, user_id: int, using: BaseDBAsyncClient | None = None) -> None:
        """Raises LimitReached (`too_many_waiting`)."""
        rows = await (using or connection()).execute_query_dict(
            """
            SELECT count(*) AS n FROM generations
            WHERE user_id = $1 AND status IN ('PENDING', 'RUNNING') AND taken_at IS NULL
            """,
            [user_id],
        )
        if rows[0]["n"] >= self.waiting:
            raise LimitReached(
                f"{self.waiting} requests of yours are waiting already: let some of them end first.",
                limit=self.waiting,
                code="too_many_waiting",
            )


async def position(generation_id: uuid.UUID) -> int | None:
    """How many are before it in our queue, from 0; None when it isn't there (any more)."""
    return (await positions([generation_id])).get(generation_id)


async def positions(generation_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """The same of several; those that aren't there are left out."""
    if not generation_ids:
        return {}
    rows = await connection().execute_query_dict(
        f"""
        {_QUEUE}, places AS (SELECT id, row_number() OVER (ORDER BY turn, since, id) - 1 AS place FROM queue)
        SELECT id, place FROM places WHERE id = ANY ($1)
        """,  # noqa: S608 — a constant of ours
        [list(generation_ids)],
    )
    return {uuid.UUID(str(row["id"])): int(row["place"]) for row in rows}
