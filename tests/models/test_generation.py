"""Asking for pictures and moving them through their states, with the stars that go along."""

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.transactions import in_transaction

from models import Generation, GenStatus, LedgerEntry, Notification, Picture, User
from models.errors import Conflict, NotFound
from models.generation import (
    Origin,
    active,
    at_fal,
    cancel,
    complete,
    delete,
    fail,
    find,
    going_on,
    made,
    page,
)
from models.lora import LoraModel
from models.notification import NotificationKind, notify
from models.picture import NewPicture, picture_id
from models.training import TrainStatus, move
from tests.people import ANA, ANAS_STARS, BETO, asked_for, ready_model, settle_in, started

OUTPUT = {"images": [{"url": "https://fal.example/1.jpg"}, {"url": "https://fal.example/2.jpg"}]}


@pytest.fixture
async def model(db: BaseDBAsyncClient) -> LoraModel:
    await settle_in()
    return await ready_model()


async def balance(user_id: int = ANA.id) -> int:
    """The balance, which is the sum of the ledger's rows."""
    stars = (await User.get(id=user_id)).balance
    rows = await LedgerEntry.filter(user_id=user_id).order_by("id")
    assert stars == sum(row.amount for row in rows)
    return stars


async def jobs(db: BaseDBAsyncClient) -> list[str]:
    rows = await db.execute_query_dict("SELECT entrypoint FROM pgqueuer ORDER BY entrypoint")
    return [row["entrypoint"] for row in rows]


def picture(position: int) -> NewPicture:
    return NewPicture(position, 1024, 1024, 1000, b"jpeg")


async def begun(model: LoraModel, **changes: Any) -> Generation:
    generation_id = await asked_for(model, **changes)
    assert generation_id
    return await Generation.get(id=generation_id)


async def test_asking_writes_everything_at_once(db: BaseDBAsyncClient, model: LoraModel) -> None:
    one = await begun(model)
    assert (one.status, one.waits_for_turn, one.lora_ids) == (GenStatus.PENDING, True, [model.id])
    assert await balance() == ANAS_STARS - 6
    row = await LedgerEntry.get(generation_id=one.id)
    assert (row.kind, row.amount) == ("generation", -6)
    assert await jobs(db) == ["take_turns"]


async def test_in_chat_there_is_a_living_message(db: BaseDBAsyncClient, model: LoraModel) -> None:
    await begun(model, origin=Origin.CHAT)
    assert await jobs(db) == ["generation_status", "take_turns"]


async def test_without_stars_nothing_is_left(db: BaseDBAsyncClient, model: LoraModel) -> None:
    assert await asked_for(model, BETO) is None
    assert not await Generation.exists()
    assert await jobs(db) == []


async def test_the_same_key_asks_once(model: LoraModel) -> None:
    await begun(model, idempotency_key="key:1")
    assert await asked_for(model, idempotency_key="key:1") is None
    assert await balance() == ANAS_STARS - 6


async def test_concurrent_requests_cannot_overspend(model: LoraModel) -> None:
    asked = await asyncio.gather(*(asked_for(model, price=150) for _ in range(20)))
    assert sum(one is not None for one in asked) == 3
    assert await Generation.all().count() == 3
    assert await balance() == ANAS_STARS - 450


async def test_all_of_it_made_is_paid_for(db: BaseDBAsyncClient, model: LoraModel) -> None:
    one = await begun(model)
    assert await at_fal(one.id, "r-1")
    assert await made(one.id, OUTPUT)
    assert not await made(one.id, OUTPUT), "a webhook and the poller may both say so"
    assert "collect" in await jobs(db)
    assert await complete(one.id, [picture(0), picture(1)])
    now = await find(ANA.id, one.id)
    assert (now.status, now.output) == (GenStatus.COMPLETED, None)
    assert [made.id for made in now.pictures] == [picture_id(one.id, 0), picture_id(one.id, 1)]
    assert await balance() == ANAS_STARS - 6


async def test_what_was_held_back_is_not_charged(model: LoraModel) -> None:
    one = await begun(model, count=4, price=12)
    assert await complete(one.id, [picture(2)])
    assert await balance() == ANAS_STARS - 3
    row = await LedgerEntry.get(generation_id=one.id, kind="refund")
    assert row.amount == 9


async def test_a_failure_costs_nothing(model: LoraModel) -> None:
    one = await begun(model)
    assert await fail(one.id, "x", "No.")
    assert not await fail(one.id, "x", "No.")
    assert not await complete(one.id, [picture(0)])
    assert await balance() == ANAS_STARS
    assert not await Picture.exists()
    assert [note.kind for note in await Notification.all()] == ["generation_failed"]


async def test_only_the_chat_is_sent_an_album(model: LoraModel) -> None:
    for origin in (Origin.APP, Origin.CHAT):
        await complete((await begun(model, origin=origin)).id, [picture(0), picture(1)])
    (note,) = await Notification.all()
    assert (note.kind, note.dedupe_key.partition(":")[0]) == ("pictures", "pictures")


async def test_cancelling_gives_the_stars_back_and_stops_fal(db: BaseDBAsyncClient, model: LoraModel) -> None:
    one = await begun(model)
    await at_fal(one.id, "r-1")
    assert (await cancel(ANA.id, one.id)).error_code == "cancelled"
    assert (await cancel(ANA.id, one.id)).error_code == "cancelled"
    assert await balance() == ANAS_STARS
    assert "cancel_generation" in await jobs(db)


async def test_what_is_made_cannot_be_cancelled(model: LoraModel) -> None:
    one = await begun(model)
    await complete(one.id, [picture(0), picture(1)])
    with pytest.raises(Conflict):
        await cancel(ANA.id, one.id)


async def test_another_persons_pictures_are_not_there(model: LoraModel) -> None:
    one = await begun(model)
    await complete(one.id, [picture(0), picture(1)])
    for any_id in (one.id, picture_id(one.id, 0), uuid.uuid4()):
        with pytest.raises(NotFound):
            await find(BETO.id, any_id)
        with pytest.raises(NotFound):
            await delete(BETO.id, any_id)
    assert await Picture.all().count() == 2


async def test_deleting_takes_the_files_along(db: BaseDBAsyncClient, model: LoraModel) -> None:
    one = await begun(model)
    await complete(one.id, [picture(0), picture(1)])
    await delete(ANA.id, picture_id(one.id, 1))
    assert [made.position for made in (await find(ANA.id, one.id)).pictures] == [0]
    await delete(ANA.id, picture_id(one.id, 0))
    with pytest.raises(NotFound):
        await find(ANA.id, one.id)
    assert (await jobs(db)).count("delete_file") == 2
    row = await Generation.get(id=one.id)
    assert (row.prompt, row.loras) == ("", []), "only what it cost is remembered"
    assert await LedgerEntry.filter(generation_id=one.id).exists()


async def test_deleting_what_still_runs_cancels_it(model: LoraModel) -> None:
    one = await begun(model)
    await delete(ANA.id, one.id)
    assert await balance() == ANAS_STARS
    assert await active(ANA.id) == []


async def test_pages_have_pictures_and_no_failures(model: LoraModel) -> None:
    made_ = [await begun(model) for _ in range(3)]
    await complete(made_[0].id, [picture(0), picture(1)])
    await fail(made_[1].id, "x", "No.")
    rows = await page(ANA.id, 10)
    assert [row.id for row in rows] == [made_[2].id, made_[0].id]
    assert [len(row.pictures) for row in rows] == [0, 2]
    assert len(await page(ANA.id, 10, with_failed=True)) == 3
    before = (rows[0].started_at, rows[0].id)
    assert [row.id for row in await page(ANA.id, 10, before)] == [made_[0].id]


# --- samples ---


async def test_a_new_models_message_waits_for_its_samples(db: BaseDBAsyncClient, model: LoraModel) -> None:
    training = await started()
    await move(training.id, TrainStatus.COMPLETED, files=("https://fal.example/w", None), samples=2)
    assert not await Notification.exists()
    sample = await Generation.get(training_id=training.id)
    assert (sample.origin, sample.count, sample.stars_spent) == (Origin.SAMPLE, 2, 0)
    assert "anatok" in sample.prompt
    await complete(sample.id, [picture(0), picture(1)])
    assert [note.kind for note in await Notification.all()] == ["training_completed"]
    assert await balance() == ANAS_STARS - 150


async def test_samples_that_fail_hold_nothing_back(model: LoraModel) -> None:
    training = await started()
    await move(training.id, TrainStatus.COMPLETED, files=("https://fal.example/w", None), samples=2)
    await fail((await Generation.get(training_id=training.id)).id, "x", "No.")
    assert [note.kind for note in await Notification.all()] == ["training_completed"]


async def test_a_failed_training_has_no_samples(model: LoraModel) -> None:
    training = await started()
    await move(training.id, TrainStatus.FAILED, error_code="x", error="No.", samples=2)
    assert not await Generation.exists()
    assert [note.kind for note in await Notification.all()] == ["training_failed"]


# --- any order ---

MOVES: dict[str, Callable[[uuid.UUID], Coroutine[Any, Any, Any]]] = {
    "at_fal": lambda which: at_fal(which, f"r-{which}"),
    "queued": lambda which: going_on(which, running=False, queue_position=3),
    "running": lambda which: going_on(which, running=True),
    "made": lambda which: made(which, OUTPUT),
    "complete": lambda which: complete(which, [picture(0), picture(1)]),
    "some": lambda which: complete(which, [picture(1)]),
    "fail": lambda which: fail(which, "x", "No."),
}


@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.lists(st.sampled_from(sorted(MOVES)), min_size=1, max_size=3), max_size=6))
async def test_whatever_comes_it_ends_once(model: LoraModel, steps: list[list[str]]) -> None:
    before = await balance()
    one = await begun(model)
    ends: list[str] = []
    for together in steps:
        results = await asyncio.gather(*(MOVES[name](one.id) for name in together))
        ends += [
            name
            for name, result in zip(together, results, strict=True)
            if result and name in {"complete", "some", "fail"}
        ]
    assert len(ends) <= 1
    now = await Generation.get(id=one.id)
    paid = {"complete": 6, "some": 3, "fail": 0}.get(ends[0], 6) if ends else 6
    assert await balance() == before - paid
    assert now.is_active == (not ends)
    assert await Picture.filter(generation_id=one.id).count() == (
        {"complete": 2, "some": 1, "fail": 0}[ends[0]] if ends else 0
    )


async def test_a_picture_deleted_before_it_is_sent_is_not_sent(model: LoraModel) -> None:
    one = await begun(model)
    await complete(one.id, [picture(0), picture(1)])
    which = picture_id(one.id, 0)
    async with in_transaction() as tx:
        kind = NotificationKind.PICTURES
        await notify(tx, ANA.id, kind, "send:1", generation_id=one.id, picture_id=which)
    await delete(ANA.id, which)
    assert not await Notification.exists()


async def test_of_two_that_delete_the_last_pictures_one_forgets_the_prompt(model: LoraModel) -> None:
    for _ in range(5):
        one = await begun(model, price=0)
        await complete(one.id, [picture(0), picture(1)])
        await asyncio.gather(*(delete(ANA.id, picture_id(one.id, number)) for number in range(2)))
        assert (await Generation.get(id=one.id)).prompt == ""
