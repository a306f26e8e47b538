"""Whose turn it is: nobody's fifty requests delay another's first."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tortoise.backends.base.client import BaseDBAsyncClient

from models import Generation
from models.errors import LimitReached
from models.generation import fail
from models.lora import LoraModel
from models.turns import Turns, position
from models.user import Person, remember
from tests.people import ANA, asked_for, ready_model, settle_in

IDS = itertools.count(1000)
TURNS = Turns(at_once=3, per_person=2, waiting=5)


@pytest.fixture
async def model(db: BaseDBAsyncClient) -> LoraModel:
    await settle_in()
    return await ready_model(is_public=True)


def crowd(count: int) -> list[Person]:
    return [Person(id=number, first_name=f"P{number}") for number in range(1, count + 1)]


async def ask(model: LoraModel, person: Person, ago: float = 0) -> Generation:
    """A request of so many seconds ago, on the house."""
    await remember(person, 0)
    generation_id = await asked_for(model, person, price=0)
    assert generation_id
    asked = Generation.filter(id=generation_id)
    await asked.update(started_at=datetime.now(UTC) - timedelta(seconds=ago))
    return await asked.get()


async def served() -> list[int]:
    """Whose requests have had a turn, in that order."""
    rows = await Generation.exclude(taken_at=None).order_by("taken_at", "started_at")
    return [row.user_id for row in rows]


async def test_turns_are_taken_up_to_the_limits(db: BaseDBAsyncClient, model: LoraModel) -> None:
    for person in (ANA, ANA, ANA, *crowd(3)):
        await ask(model, person)
    assert await TURNS.take() == 3
    assert await TURNS.take() == 0
    assert len(await served()) == 3
    rows = await db.execute_query_dict("SELECT FROM pgqueuer WHERE entrypoint = 'submit_generation'")
    assert len(rows) == 3


async def test_a_job_that_has_looked_already_takes_nobodys_turn(
    db: BaseDBAsyncClient, model: LoraModel
) -> None:
    """It runs when another request comes, which it may not have seen."""
    jobs = "FROM pgqueuer WHERE entrypoint = 'take_turns' AND status = 'queued'"
    for person in (ANA, *crowd(1)):
        await ask(model, person)
        assert await db.execute_query_dict(f"SELECT {jobs}")
        await db.execute_query("UPDATE pgqueuer SET status = 'picked' WHERE entrypoint = 'take_turns'")


async def test_one_person_has_so_many_at_once(model: LoraModel) -> None:
    for _ in range(4):
        await ask(model, ANA)
    assert await TURNS.take() == 2


async def test_fifty_of_one_do_not_delay_the_first_of_another(model: LoraModel) -> None:
    turns = Turns(at_once=1, per_person=1, waiting=100)
    for number in range(50):
        await ask(model, ANA, ago=100 - number)
    await turns.take()
    beto, carla = crowd(2)
    await ask(model, beto, ago=5)
    await ask(model, carla, ago=4)
    for _ in range(3):
        await _end_all()
        await turns.take()
    assert await served() == [ANA.id, beto.id, carla.id, ANA.id]


async def test_who_made_pictures_yesterday_waits_no_longer_than_a_newcomer(model: LoraModel) -> None:
    turns = Turns(at_once=1, per_person=1, waiting=100)
    old = await ask(model, ANA)
    await Generation.filter(id=old.id).update(taken_at=datetime.now(UTC) - timedelta(days=1))
    await fail(old.id, "x", "x")
    first = await ask(model, ANA, ago=10)
    await ask(model, crowd(1)[0], ago=5)
    await turns.take()
    assert (await Generation.get(id=first.id)).taken_at is not None


async def test_positions_are_those_in_which_turns_come(model: LoraModel) -> None:
    first, second = await ask(model, ANA, ago=9), await ask(model, ANA, ago=8)
    other = await ask(model, crowd(1)[0], ago=1)
    assert [await position(one.id) for one in (first, other, second)] == [0, 1, 2]
    await Turns(1, 1, 1).take()
    assert await position(first.id) is None
    assert await position(other.id) == 0


async def test_so_many_may_wait(model: LoraModel) -> None:
    for _ in range(TURNS.waiting):
        await TURNS.check_room(ANA.id)
        await ask(model, ANA)
    with pytest.raises(LimitReached) as raised:
        await TURNS.check_room(ANA.id)
    assert (raised.value.code, raised.value.extra["limit"]) == ("too_many_waiting", 5)
    await TURNS.take()
    await TURNS.check_room(ANA.id)


async def test_replicas_together_keep_the_limit(model: LoraModel) -> None:
    for person in crowd(20):
        await ask(model, person)
    taken = await asyncio.gather(*(Turns(at_once=5, per_person=1, waiting=1).take() for _ in range(8)))
    assert sum(taken) == 5
    assert len(await served()) == 5


@hypothesis_settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(crowds=st.lists(st.integers(1, 6), min_size=2, max_size=5))
async def test_nobody_has_another_turn_while_somebody_waits_for_as_many(
    model: LoraModel, crowds: list[int]
) -> None:
    """All ask at the same moment; `crowds` says how much each of them asks for."""
    turns = Turns(at_once=1, per_person=1, waiting=100)
    order: list[int] = []
    people = [Person(id=next(IDS), first_name="P") for _ in crowds]
    for person, count in zip(people, crowds, strict=True):
        for _ in range(count):
            await ask(model, person)
    while await turns.take():
        (now,) = await Generation.filter(status="PENDING").exclude(taken_at=None)
        for other, count in zip(people, crowds, strict=True):
            assert order.count(other.id) >= min(order.count(now.user_id), count)
        order.append(now.user_id)
        await _end_all()
    assert sorted(order.count(person.id) for person in people) == sorted(crowds)


async def _end_all() -> None:
    for row in await Generation.filter(status="PENDING").exclude(taken_at=None):
        await fail(row.id, "x", "x")
