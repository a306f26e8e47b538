"""Whatever happens to money, in whatever order, twice, at once, or broken off anywhere: the books add up.

100 sequences in CI; `HYPOTHESIS_PROFILE=nightly` makes it 2,000.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from models import LedgerEntry, Payment, Training, TrainStatus, User, ledger
from models.books import discrepancies
from models.errors import Conflict
from models.notification import tell_of_stars
from models.payment import Bill, Promise, Till
from models.training import cancel, move
from models.user import Person, remember
from tests.people import order, start

WELCOME = 40
PACKS = {50: 50, 100: 130}
TILL = Till(PACKS, secret="a secret", operators=frozenset({9}))

CHARGES = 4  # in a sequence
AMOUNTS = (7, 50, 100)
ALL = 1_000_000  # as a price: whatever there is

_ids = itertools.count(10_000)


# --- a process that dies ---


class Fuse:
    """Cuts the connection after so many statements of the tasks that run, as a process that dies there does.

    COMMIT counts, so that Postgres may have done what nobody has heard of.
    """

    def __init__(self) -> None:
        self.left: int | None = None
        self.blown_after = ""

    def burn(self, connection: "asyncpg.Connection[Any]", statement: str) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            self.left = None
            self.blown_after = statement.split(maxsplit=1)[0].rstrip(";")
            connection.terminate()
            raise ConnectionResetError("the process died")

    async def break_off(self, after: int, *doing: Coroutine[Any, Any, None]) -> str:
        """Does it, cut off after so many statements; answers the last one's word, or "" if it was over."""
        self.left, self.blown_after = after, ""
        tasks = [asyncio.create_task(each) for each in doing]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        self.left = None
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert len(failures) == bool(self.blown_after), failures
        return self.blown_after


@pytest.fixture
def fuse(monkeypatch: pytest.MonkeyPatch) -> Fuse:
    fuse = Fuse()
    execute, with_arguments = asyncpg.Connection.execute, asyncpg.Connection._execute

    async def _execute(self: Any, query: str, *args: Any, **options: Any) -> Any:
        result = await with_arguments(self, query, *args, **options)
        fuse.burn(self, query)
        return result

    async def _execute_alone(self: Any, query: str, *args: Any, **options: Any) -> Any:
        result = await execute(self, query, *args, **options)
        if not args and query.startswith(("COMMIT", "ROLLBACK")):
            fuse.burn(self, query)
        return result

    monkeypatch.setattr(asyncpg.Connection, "_execute", _execute)
    monkeypatch.setattr(asyncpg.Connection, "execute", _execute_alone)
    return fuse


# --- what can happen ---


Event = tuple[str, int, int]
"""What, to whom or to which, and how much."""

Gift = Callable[[BaseDBAsyncClient, int, str, int], Awaitable[int]]


@dataclass
class Story:
    """One sequence: somebody of its own, and what has happened to them.

    Each event takes which one, how much, and a key that a repetition of it has, too.
    """

    person: Person
    trainings: list[Training] = field(default_factory=list)
    delivered: set[int] = field(default_factory=set)

    def charge(self, number: int) -> tuple[Bill, str, int | None]:
        """The bill of a charge, its id, and the stars that it brings: the last is of a wrong amount."""
        price, stars = list(PACKS.items())[number % 2]
        wrong = number == CHARGES - 1
        promise = Promise(self.person.id, price, stars)
        bill = Bill(self.person.id, "XTR", price - wrong, TILL.payload(promise))
        return bill, f"{self.person.id}:{number}", None if wrong else stars

    async def purchase(self, which: int, _amount: int, _key: str) -> None:
        bill, charge, _ = self.charge(which)
        await TILL.receive(bill, charge)
        self.delivered.add(which)

    async def refund_to_telegram(self, which: int, _amount: int, _key: str) -> None:
        for number in self._one(sorted(self.delivered), which):
            await TILL.take_back(self.charge(number)[1])

    async def start(self, _which: int, amount: int, key: str) -> None:
        price = min(amount, (await User.get(id=self.person.id)).balance) if amount == ALL else amount
        begun = await start(order(self.person, price=price, idempotency_key=f"key:{key}"))
        if begun:
            self.trainings.append(await Training.get(id=begun.training_id))

    async def cancel(self, which: int, _amount: int, _key: str) -> None:
        for training in self._one(self.trainings, which):
            with suppress(Conflict):  # it has ended
                await cancel(training.user_id, training.id)

    async def fail(self, which: int, _amount: int, _key: str) -> None:
        for training in self._one(self.trainings, which):
            await move(training.id, TrainStatus.FAILED, error_code="x", error="x")

    async def complete(self, which: int, _amount: int, _key: str) -> None:
        for training in self._one(self.trainings, which):
            await move(training.id, TrainStatus.COMPLETED, files=("https://fal.example/weights", None))

    def _one(self, those: list[Any], which: int) -> list[Any]:
        return those[which % len(those) :][:1] if those else []

    async def grant(self, _which: int, amount: int, key: str) -> None:
        await self._give(ledger.grant, f"operator:{key}", amount % 9)

    async def bonus(self, which: int, amount: int, _key: str) -> None:
        with suppress(IntegrityError):  # once for a cause
            await self._give(ledger.bonus, f"promo:{which}", amount % 9)

    async def _give(self, kind: Gift, cause: str, stars: int) -> None:
        async with in_transaction() as tx:
            await tell_of_stars(tx, self.person.id, await kind(tx, self.person.id, cause, stars))

    async def happen(self, event: Event, key: str) -> None:
        what, which, amount = event
        await getattr(self, what)(which, amount, key)


EVENTS = ("purchase", "refund_to_telegram", "start", "fail", "complete", "cancel", "grant", "bonus")

events = st.tuples(
    st.sampled_from(("purchase", "start", *EVENTS)),
    st.integers(0, CHARGES - 1),
    st.sampled_from((*AMOUNTS, ALL)),
)
statements = st.integers(0, 8)
steps = st.one_of(
    st.tuples(st.just("once"), events),
    st.tuples(st.just("again and again"), events, st.integers(2, 3)),
    st.tuples(st.just("at once"), events, events),
    st.tuples(st.just("broken off"), events, statements, st.booleans()),
    st.tuples(st.just("broken off at once"), events, events, statements),
)


@dataclass
class Run:
    """What a run of the test has come through, for the record."""

    sequences: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    broken_after: Counter[str] = field(default_factory=Counter)


@pytest.fixture
def run(record_property: Callable[[str, object], None]) -> Iterator[Run]:
    run = Run()
    yield run
    record_property("sequences", run.sequences)
    structlog.get_logger().info(
        "money", sequences=run.sequences, steps=dict(run.steps), broken_after=dict(run.broken_after)
    )


@given(sequence=st.lists(steps, min_size=6, max_size=20))
async def test_the_books_add_up_whatever_happens(
    db: BaseDBAsyncClient, fuse: Fuse, run: Run, sequence: list[tuple[Any, ...]]
) -> None:
    story = Story(Person(id=next(_ids), first_name="Ana"))
    await remember(story.person, WELCOME)
    for number, step in enumerate(sequence):
        run.steps[step[0]] += 1
        broken_after = await take(story, fuse, step, f"{story.person.id}/{number}")
        run.broken_after.update([broken_after] if broken_after else [])
        await check(db, story)
    assert await discrepancies() == []
    run.sequences += 1


async def take(story: Story, fuse: Fuse, step: tuple[Any, ...], key: str) -> str:
    """Takes a step; answers the word after which it was broken off, if it was."""
    match step:
        case "once", event:
            await story.happen(event, key)
        case "again and again", event, times:
            for _ in range(times):
                await story.happen(event, key)
        case "at once", one, other:
            await asyncio.gather(story.happen(one, key), story.happen(other, f"{key}/2"))
        case "broken off", event, after, repeated:
            word = await fuse.break_off(after, story.happen(event, key))
            if repeated:
                await story.happen(event, key)
            return word
        case "broken off at once", one, other, after:
            return await fuse.break_off(after, story.happen(one, key), story.happen(other, f"{key}/2"))
    return ""


async def check(db: BaseDBAsyncClient, story: Story) -> None:
    """The balance is the rows' and what the rows are about; nothing came or went twice."""
    (row,) = await db.execute_query_dict(_ACCOUNT, [story.person.id])
    assert row["balance"] == row["rows"] == row["last"], row
    assert row["balance"] - row["debt"] == WELCOME + row["paid"] - row["spent"] + row["given"], row
    assert min(row["balance"], row["debt"]) == 0, row
    assert not row["broken"], row
    for number in range(CHARGES):
        _, charge, stars = story.charge(number)
        payment = await Payment.get_or_none(charge_id=charge)
        assert payment or number not in story.delivered
        if payment:
            credited = await LedgerEntry.filter(payment_id=payment.id, kind="purchase")
            assert payment.stars == stars
            assert [row.amount for row in credited] == ([stars] if stars else [])
    for training in await Training.filter(user_id=story.person.id):
        refunds = await LedgerEntry.filter(training_id=training.id, kind="refund").count()
        assert refunds == training.refunded


# What is told of a person's account, and what the tables say that it is about. `broken` are rows whose
# balance isn't that of all rows up to them.
_ACCOUNT = """
    WITH mine AS (
        SELECT *, sum(amount) OVER (ORDER BY id) AS running FROM ledger WHERE user_id = $1
    )
    SELECT balance, debt,
        (SELECT sum(amount) FROM mine) AS rows,
        (SELECT balance_after FROM mine ORDER BY id DESC LIMIT 1) AS last,
        (SELECT count(*) FROM mine WHERE balance_after <> running) AS broken,
        (SELECT coalesce(sum(amount), 0) FROM mine WHERE kind IN ('grant', 'bonus')) AS given,
        (SELECT coalesce(sum(stars), 0) FROM payments WHERE user_id = $1 AND refunded_at IS NULL) AS paid,
        (SELECT coalesce(sum(stars_spent), 0) FROM trainings
            WHERE user_id = $1 AND status <> 'FAILED') AS spent
    FROM users WHERE id = $1
"""
