"""Whatever happens to money, in whatever order, twice, at once, or broken off anywhere: the books add up.

100 sequences in CI; `HYPOTHESIS_PROFILE=nightly` makes it 2,000.
"""

import asyncio
import itertools
import json
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

import asyncpg
import pytest
import structlog
from aiogram.types import StarTransaction, TransactionPartnerUser
from aiogram.types import User as TelegramUser
from hypothesis import given
from hypothesis import strategies as st
from tortoise.backends.base.client import BaseDBAsyncClient

from jobs.payments import Reconciliation
from models import LoraModel, Payment, Training, TrainStatus, User, promo
from models import generation as generations
from models.books import discrepancies
from models.errors import Conflict, TooOften
from models.grant import grant
from models.payment import Bill, Promise, Till
from models.picture import NewPicture
from models.training import cancel, move
from models.user import Person, remember
from tests.people import asked_for, order, ready_model, start

WELCOME = 40
PACKS = {50: 50, 100: 130}
OPERATOR = 9
TILL = Till(
    PACKS,
    secret="a secret",
    operators=frozenset({OPERATOR}),
    referral_stars=30,
    referred_stars=20,
    referral_max=5,
)
STRICT = replace(TILL, refund_spent=False)
RECONCILIATION = Reconciliation(cast("Any", None), TILL, WELCOME)  # its Telegram isn't asked here

CHARGES = 5  # of each person, in a sequence
PICTURES = 4  # of each request
CODES = ("FIRST", "SECOND")
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
        self.words: list[str] = []

    def burn(self, connection: "asyncpg.Connection[Any]", statement: str) -> None:
        if self.left is None:
            return
        self.left -= 1
        word = statement.split(maxsplit=1)[0].rstrip(";")
        self.words.append(word)
        if self.left < 0:
            self.left = None
            self.blown_after = word
            connection.terminate()
            raise ConnectionResetError("the process died")

    async def follow(self, doing: Coroutine[Any, Any, None]) -> list[str]:
        """Does it, and answers the first word of each statement."""
        self.left, self.words = 10_000, []
        await doing
        self.left = None
        return self.words

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


Event = tuple[str, int, int, int]
"""What, to which of the two people, to which of their things, and how much."""


@dataclass
class Account:
    """Somebody, and what has happened to them.

    Each event takes which thing, how much, and a key that a repetition of it has, too.
    """

    person: Person
    model: LoraModel
    trainings: list[Training] = field(default_factory=list)
    generations: list[uuid.UUID] = field(default_factory=list)
    delivered: set[int] = field(default_factory=set)

    def charge(self, number: int) -> tuple[Bill, str, int | None]:
        """The bill of a charge, its id, and the stars that it brings: the last is of a wrong amount."""
        price, stars = list(PACKS.items())[number % 2]
        wrong = number == CHARGES - 1
        promise = Promise(self.person.id, price, stars)
        bill = Bill(self.person.id, "XTR", price - wrong, TILL.payload(promise))
        return bill, f"{self.person.id}:{number}", None if wrong else stars

    async def purchase(self, which: int, _amount: int, _key: int) -> None:
        bill, charge, _ = self.charge(which)
        await TILL.receive(bill, charge)
        self.delivered.add(which)

    async def find(self, which: int, _amount: int, _key: int) -> None:
        """Telegram's list has it."""
        bill, charge, _ = self.charge(which)
        payer = TelegramUser(id=self.person.id, is_bot=False, first_name="Ana")
        source = TransactionPartnerUser(
            transaction_type="invoice_payment", user=payer, invoice_payload=bill.payload
        )
        found = StarTransaction(id=charge, amount=bill.amount, date=datetime.now(UTC), source=source)
        await RECONCILIATION._match(found)
        self.delivered.add(which)

    async def take_back(self, which: int, _amount: int, _key: int) -> None:
        """Telegram has given it back."""
        for number in self._one(sorted(self.delivered), which):
            await TILL.take_back(self.charge(number)[1])

    async def hold(self, which: int, amount: int, _key: int) -> None:
        """An operator asks for a refund, perhaps where no debt is allowed."""
        for payment in await self._payments(which):
            with suppress(Conflict):  # spent
                await (STRICT if amount % 2 else TILL).hold(payment.id)

    async def release(self, which: int, _amount: int, _key: int) -> None:
        """Telegram refuses to give it back."""
        for payment in await self._payments(which):
            await TILL.release(payment.id, "no")

    async def _payments(self, which: int) -> list[Payment]:
        charges = [self.charge(number)[1] for number in self._one(sorted(self.delivered), which)]
        return await Payment.filter(charge_id__in=charges)

    async def start(self, _which: int, amount: int, key: int) -> None:
        price = min(amount, (await User.get(id=self.person.id)).free) if amount == ALL else amount
        begun = await start(order(self.person, price=price, idempotency_key=f"key:{key:08}"))
        if begun:
            self.trainings.append(await Training.get(id=begun.training_id))

    async def cancel(self, which: int, _amount: int, _key: int) -> None:
        for training in self._one(self.trainings, which):
            with suppress(Conflict):  # it has ended
                await cancel(training.user_id, training.id)

    async def fail(self, which: int, _amount: int, _key: int) -> None:
        for training in self._one(self.trainings, which):
            await move(training.id, TrainStatus.FAILED, error_code="x", error="x")

    async def complete(self, which: int, _amount: int, _key: int) -> None:
        for training in self._one(self.trainings, which):
            await move(training.id, TrainStatus.COMPLETED, files=("https://fal.example/weights", None))

    async def ask(self, _which: int, amount: int, key: int) -> None:
        """For four pictures."""
        price = min(amount, (await User.get(id=self.person.id)).free) if amount == ALL else amount
        price -= price % PICTURES
        begun = await asked_for(
            self.model, self.person, price=price, count=PICTURES, idempotency_key=f"key:{key:08}"
        )
        if begun:
            self.generations.append(begun)

    async def draw(self, which: int, amount: int, _key: int) -> None:
        """Some of them are made; the others come back."""
        made = [NewPicture(number, 1, 1, 1, b"jpeg") for number in range(1 + amount % PICTURES)]
        for generation_id in self._one(self.generations, which):
            await generations.complete(generation_id, made)

    async def draw_nothing(self, which: int, _amount: int, _key: int) -> None:
        for generation_id in self._one(self.generations, which):
            await generations.fail(generation_id, "x", "x")

    async def grant(self, _which: int, amount: int, key: int) -> None:
        await grant(OPERATOR, key, self.person.id, 1 + amount % 9, "sorry")

    async def redeem(self, which: int, _amount: int, _key: int) -> None:
        with suppress(Conflict, TooOften):
            await promo.redeem(self.person.id, CODES[which % len(CODES)])

    def _one(self, those: list[Any], which: int) -> list[Any]:
        return those[which % len(those) :][:1] if those else []


@dataclass
class Story:
    """One sequence: somebody, and who was invited by them."""

    accounts: tuple[Account, Account]

    @classmethod
    async def begin(cls) -> "Story":
        inviter, invited = (Person(id=next(_ids), first_name="Ana") for _ in range(2))
        await remember(inviter, WELCOME)
        await remember(invited, WELCOME, inviter.id)
        first, second = [Account(person, await ready_model(person)) for person in (inviter, invited)]
        return cls((first, second))

    async def happen(self, event: Event, key: int) -> None:
        what, who, which, amount = event
        await getattr(self.accounts[who], what)(which, amount, key)


EVENTS = ("purchase", "find", "take_back", "hold", "release", "start", "fail", "complete", "cancel", "ask",
          "draw", "draw_nothing", "grant", "redeem")  # fmt: skip

events = st.tuples(
    st.sampled_from(("purchase", "start", "ask", *EVENTS)),
    st.integers(0, 1),
    st.integers(0, CHARGES - 1),
    st.sampled_from((*AMOUNTS, ALL)),
)


# --- where it can break off ---

# Makes somebody a debtor, with a training and a generation, and with a payment that is being refunded.
INTO_DEBT = (("purchase", 1, 0), ("hold", 1, 0), ("purchase", 0, 0), ("purchase", 2, 0), ("ask", 0, 40),
             ("start", 0, ALL),
             ("take_back", 0, 0))  # fmt: skip
# To which of the things that are there then; the others happen to any.
TO_WHICH = {"purchase": 3, "find": 3, "take_back": 1, "release": 1, "hold": 2}


async def prepared(*, indebted: int) -> Story:
    """A story in which so many of the two are in debt."""
    story = await Story.begin()
    for who in range(indebted):
        for what, which, amount in INTO_DEBT:
            await story.happen((what, who, which, amount), next(_ids))
    return story


def longest(what: str) -> Event:
    return what, 1, TO_WHICH.get(what, 0), WELCOME // 2


@pytest.fixture
async def codes(db: BaseDBAsyncClient) -> None:
    for code in CODES:
        await promo.make(OPERATOR, code, 10, 1_000_000, None)


@pytest.fixture
async def lengths(codes: None, fuse: Fuse) -> dict[str, int]:
    """How many statements each event can take: counted where most has to be done."""
    followed: dict[str, list[str]] = {}
    for what, indebted in itertools.product(EVENTS, (1, 2)):
        story = await prepared(indebted=indebted)
        words = await fuse.follow(story.happen(longest(what), next(_ids)))
        followed[what] = max(words, followed.get(what, []), key=len)
    assert all("COMMIT" in words for words in followed.values())
    return {what: len(words) for what, words in followed.items()}


def steps(lengths: dict[str, int]) -> st.SearchStrategy[tuple[Any, ...]]:
    broken_off = events.flatmap(
        lambda event: st.tuples(
            st.just("broken off"), st.just(event), st.integers(0, lengths[event[0]] - 1), st.booleans()
        )
    )
    broken_off_at_once = st.tuples(events, events).flatmap(
        lambda two: st.tuples(
            st.just("broken off at once"),
            *map(st.just, two),
            st.integers(0, sum(lengths[event[0]] for event in two) - 1),
        )
    )
    return st.one_of(
        st.tuples(st.just("once"), events),
        st.tuples(st.just("again and again"), events, st.integers(2, 3)),
        st.tuples(st.just("at once"), events, events),
        broken_off,
        broken_off_at_once,
    )


# --- what must be true all the time ---


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


@given(data=st.data())
async def test_the_books_add_up_whatever_happens(
    db: BaseDBAsyncClient, fuse: Fuse, run: Run, lengths: dict[str, int], data: st.DataObject
) -> None:
    sequence = data.draw(st.lists(steps(lengths), min_size=5, max_size=14))
    story = await Story.begin()
    for step in sequence:
        run.steps[step[0]] += 1
        broken_after = await take(story, fuse, step)
        run.broken_after.update([broken_after] if broken_after else [])
        await check(db, story)
    assert await discrepancies() == []
    run.sequences += 1


async def take(story: Story, fuse: Fuse, step: tuple[Any, ...]) -> str:
    """Takes a step; answers the word after which it was broken off, if it was."""
    key, other_key = next(_ids), next(_ids)
    match step:
        case "once", event:
            await story.happen(event, key)
        case "again and again", event, times:
            for _ in range(times):
                await story.happen(event, key)
        case "at once", one, other:
            await asyncio.gather(story.happen(one, key), story.happen(other, other_key))
        case "broken off", event, after, repeated:
            word = await fuse.break_off(after, story.happen(event, key))
            if repeated:
                await story.happen(event, key)
            return word
        case "broken off at once", one, other, after:
            return await fuse.break_off(after, story.happen(one, key), story.happen(other, other_key))
    return ""


async def check(db: BaseDBAsyncClient, story: Story) -> None:
    """The balances are the rows' and what the rows are about; nothing came or went twice."""
    ids = [account.person.id for account in story.accounts]
    rows = await db.execute_query_dict(_ACCOUNTS, [ids])
    for account, row in zip(story.accounts, rows, strict=True):
        assert row["balance"] == row["rows"] == row["last"], row
        assert row["balance"] - row["debt"] == WELCOME + row["paid"] - row["spent"] + row["given"], row
        assert row["held"] == row["being_refunded"] <= row["balance"], row
        assert min(row["balance"] - row["held"], row["debt"]) == 0, row
        assert (
            not row["broken"]
            + row["miscredited"]
            + row["misrefunded"]
            + row["misreturned"]
            + row["given_twice"]
        ), row
        payments = json.loads(row["payments"] or "{}")
        assert {account.charge(number)[1] for number in account.delivered} <= set(payments)
        for number in range(CHARGES):
            _, charge, stars = account.charge(number)
            assert payments.get(charge, stars) == stars
    inviter, invited = rows
    assert inviter["referrals"] == invited["referrals"] == bool(invited["purchases"])


# What is told of people's accounts, and what the tables say that it is about. `broken` are rows whose balance
# isn't that of all rows up to them; `unmade` is what pictures cost that there are none of.
_ACCOUNTS = """
    WITH asked AS (
        SELECT *, CASE status
            WHEN 'FAILED' THEN stars_spent
            WHEN 'COMPLETED' THEN stars_spent * (
                count - (SELECT count(*) FROM pictures WHERE generation_id = generations.id)
            ) / count
            ELSE 0 END AS unmade
        FROM generations
    )
    SELECT balance, held, debt, kept.*, said.*
    FROM users,
    LATERAL (
        SELECT sum(amount) AS rows, count(*) FILTER (WHERE balance_after <> running) AS broken,
            (array_agg(balance_after ORDER BY id DESC))[1] AS last,
            coalesce(sum(amount) FILTER (WHERE kind IN ('grant', 'bonus')), 0) AS given,
            count(cause) FILTER (WHERE kind IN ('grant', 'bonus'))
                - count(DISTINCT cause) FILTER (WHERE kind IN ('grant', 'bonus')) AS given_twice,
            count(*) FILTER (WHERE kind = 'bonus' AND cause LIKE 'refer%') AS referrals,
            count(*) FILTER (WHERE kind = 'purchase') AS purchases
        FROM (
            SELECT *, sum(amount) OVER (ORDER BY id) AS running FROM ledger WHERE user_id = users.id
        ) AS mine
    ) AS kept,
    LATERAL (
        SELECT
            (SELECT coalesce(sum(stars), 0) FROM payments WHERE user_id = users.id AND refunded_at IS NULL)
                AS paid,
            (SELECT coalesce(sum(held), 0) FROM payments WHERE user_id = users.id) AS being_refunded,
            (SELECT json_object_agg(charge_id, stars)::text FROM payments WHERE user_id = users.id)
                AS payments,
            (SELECT count(*) FROM payments WHERE user_id = users.id AND coalesce(stars, 0) <> (
                SELECT coalesce(sum(amount), 0) FROM ledger
                WHERE payment_id = payments.id AND kind = 'purchase'
            )) AS miscredited,
            (SELECT coalesce(sum(stars_spent), 0) FROM trainings
                WHERE user_id = users.id AND status <> 'FAILED')
                + (SELECT coalesce(sum(stars_spent - unmade), 0) FROM asked
                WHERE user_id = users.id) AS spent,
            (SELECT count(*) FROM asked WHERE user_id = users.id AND unmade <> (
                SELECT coalesce(sum(amount), 0) FROM ledger
                WHERE generation_id = asked.id AND kind = 'refund'
            )) AS misreturned,
            (SELECT count(*) FROM trainings
                WHERE user_id = users.id AND (status = 'FAILED' AND stars_spent > 0)::int <> (
                    SELECT count(*) FROM ledger WHERE training_id = trainings.id AND kind = 'refund'
                )) AS misrefunded
    ) AS said
    WHERE users.id = ANY($1) ORDER BY users.id
"""
