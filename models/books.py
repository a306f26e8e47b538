"""The books: what each day moved, closed once it is over, and how far Telegram's own list has been read."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from tortoise import fields
from tortoise.models import Model

from models.db import connection
from models.ledger import LedgerKind


class DailyClose(Model):
    """A day (UTC) by the ledger, and the sums of all rows and of all balances at the moment it was closed."""

    day: date = fields.DateField(primary_key=True)
    totals: dict[str, Any] = fields.JSONField()  # by kind: {"rows": …, "stars": …}
    # In XTR, what was paid on the day, credited or not, and given back; none where nobody counted it yet.
    taken: int | None = fields.BigIntField(null=True)
    given_back: int | None = fields.BigIntField(null=True)
    rows_sum = fields.BigIntField()
    balances_sum = fields.BigIntField()
    closed_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "daily_closes"


class Bookmark(Model):
    """How far a list of somebody else's has been read, in its entries."""

    name = fields.CharField(primary_key=True, max_length=32)
    position = fields.BigIntField()

    class Meta:
        table = "bookmarks"


async def days_to_close(today: date) -> list[date]:
    """The days before `today` that aren't closed, from the first that has rows or payments."""
    rows = await connection().execute_query_dict(
        """
        SELECT coalesce(
            (SELECT max(day) + 1 FROM daily_closes),
            least(
                (SELECT (created_at AT TIME ZONE 'UTC')::date FROM ledger ORDER BY id LIMIT 1),
                (SELECT (created_at AT TIME ZONE 'UTC')::date FROM payments ORDER BY id LIMIT 1)
            ),
            $1::date
        ) AS first
        """,
        [today],
    )
    first: date = rows[0]["first"]
    return [first + timedelta(days=number) for number in range((today - first).days)]


async def close(day: date) -> None:
    """Writes what moved on the day (UTC), and both sums as they are now; a day is closed once."""
    await connection().execute_query(
        """
        WITH the_day AS (
            SELECT $1::date::timestamp AT TIME ZONE 'UTC' AS began,
                ($1::date + 1)::timestamp AT TIME ZONE 'UTC' AS ended
        )
        INSERT INTO daily_closes (day, totals, taken, given_back, rows_sum, balances_sum, closed_at)
        SELECT $1::date, (
            SELECT coalesce(jsonb_object_agg(kind, jsonb_build_object('rows', rows, 'stars', stars)), '{}')
            FROM (
                SELECT kind, count(*) AS rows, sum(amount) AS stars FROM ledger, the_day
                WHERE created_at >= began AND created_at < ended GROUP BY kind
            ) AS kinds
        ),
        (SELECT coalesce(sum(amount), 0) FROM payments, the_day
            WHERE created_at >= began AND created_at < ended),
        (SELECT coalesce(sum(amount), 0) FROM payments, the_day
            WHERE refunded_at >= began AND refunded_at < ended),
        (SELECT coalesce(sum(amount), 0) FROM ledger), (SELECT coalesce(sum(balance), 0) FROM users), now()
        ON CONFLICT (day) DO NOTHING
        """,
        [day],
    )


class Telegrams(StrEnum):
    """What Telegram moved for us, in its own Stars."""

    TAKEN = "taken"  # paid, whether it was credited or not
    GIVEN_BACK = "given_back"


class DaySum(NamedTuple):
    """How many rows of a kind a day (UTC) has, and what they sum up to: in stars, or in Telegram's."""

    day: date
    kind: LedgerKind | Telegrams
    rows: int
    stars: int


async def by_day(first: date) -> list[DaySum]:
    """What moved on each day from `first` on, the newest first; kinds of a day in no order."""
    rows = await connection().execute_query_dict(
        """
        WITH moved AS (
            SELECT created_at AS at, kind, amount FROM ledger
            UNION ALL SELECT created_at, 'taken', amount FROM payments
            UNION ALL SELECT refunded_at, 'given_back', -amount FROM payments
        )
        SELECT (at AT TIME ZONE 'UTC')::date AS day, kind, count(*) AS rows, sum(amount) AS stars
        FROM moved WHERE at >= $1::date::timestamp AT TIME ZONE 'UTC'
        GROUP BY 1, 2 ORDER BY 1 DESC
        """,
        [first],
    )
    return [DaySum(row["day"], _kind(row["kind"]), row["rows"], row["stars"]) for row in rows]


def _kind(name: str) -> LedgerKind | Telegrams:
    return Telegrams(name) if name in set(Telegrams) else LedgerKind(name)


async def discrepancies() -> list[str]:
    """What does not add up, in words for operators: nothing, unless somebody writes past models/ledger.py."""
    balances = await connection().execute_query_dict(
        """
        SELECT users.id, balance, coalesce(rows.stars, 0) AS stars FROM users
        LEFT JOIN (SELECT user_id, sum(amount) AS stars FROM ledger GROUP BY user_id) AS rows
            ON rows.user_id = users.id
        WHERE balance <> coalesce(rows.stars, 0) ORDER BY users.id LIMIT 10
        """
    )
    debts = await connection().execute_query_dict(
        """
        SELECT users.id, debt, coalesce(owed.stars, 0) AS stars FROM users
        LEFT JOIN (
            SELECT user_id, sum(stars) AS stars FROM (
                SELECT user_id, stars FROM payments WHERE refunded_at IS NOT NULL AND stars IS NOT NULL
                UNION ALL SELECT user_id, amount FROM ledger WHERE kind IN ('chargeback', 'debt')
            ) AS parts GROUP BY user_id
        ) AS owed ON owed.user_id = users.id
        WHERE debt <> coalesce(owed.stars, 0) ORDER BY users.id LIMIT 10
        """
    )
    holds = await connection().execute_query_dict(
        """
        SELECT users.id, users.held, coalesce(being.stars, 0) AS stars FROM users
        LEFT JOIN (
            SELECT user_id, sum(held) AS stars FROM payments WHERE held IS NOT NULL GROUP BY user_id
        ) AS being ON being.user_id = users.id
        WHERE users.held <> coalesce(being.stars, 0) ORDER BY users.id LIMIT 10
        """
    )
    return [
        *(f"{row['id']} has {row['balance']} stars, and rows of {row['stars']}." for row in balances),
        *(f"{row['id']} owes {row['debt']} stars, and by the rows {row['stars']}." for row in debts),
        *(f"{row['id']} has {row['held']} held, and by the payments {row['stars']}." for row in holds),
        *await _changed_since_closed(),
    ]


async def _changed_since_closed() -> list[str]:
    """Closed days whose rows or payments are others by now."""
    rows = await connection().execute_query_dict(
        """
        WITH last AS (SELECT (max(day) + 1)::timestamp AT TIME ZONE 'UTC' AS ended FROM daily_closes),
        closed AS (
            SELECT day, kind, (total ->> 'stars')::bigint AS stars
            FROM daily_closes, jsonb_each(totals) AS of_kind (kind, total)
            UNION ALL SELECT day, 'taken', taken FROM daily_closes
            UNION ALL SELECT day, 'given_back', given_back FROM daily_closes
        ),
        moved AS (
            SELECT created_at AS at, kind, amount FROM ledger
            UNION ALL SELECT created_at, 'taken', amount FROM payments
            UNION ALL SELECT refunded_at, 'given_back', amount FROM payments
        ),
        found AS (
            SELECT (at AT TIME ZONE 'UTC')::date AS day, kind, sum(amount) AS stars
            FROM moved, last WHERE at < last.ended GROUP BY 1, 2
        )
        SELECT day, kind, coalesce(closed.stars, 0) AS closed, coalesce(found.stars, 0) AS found
        FROM closed FULL JOIN found USING (day, kind)
        WHERE coalesce(closed.stars, 0) <> coalesce(found.stars, 0)
          AND NOT (kind IN ('taken', 'given_back')
                   AND day IN (SELECT day FROM daily_closes WHERE taken IS NULL))
        ORDER BY day, kind LIMIT 10
        """
    )
    return [
        f"{row['day']} was closed with {row['closed']} of {row['kind']}, and has {row['found']} by now."
        for row in rows
    ]


async def bookmark(name: str) -> int:
    row = await Bookmark.get_or_none(name=name)
    return row.position if row else 0


async def mark(name: str, position: int) -> None:
    """Never goes back: another replica may have read on."""
    await connection().execute_query(
        """
        INSERT INTO bookmarks AS mark (name, position) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET position = greatest(mark.position, excluded.position)
        """,
        [name, position],
    )
