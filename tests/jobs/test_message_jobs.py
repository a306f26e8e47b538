"""What people hear, whatever Telegram does: one living message, one at the end, and nothing twice."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from tortoise.transactions import in_transaction

from jobs.worker import Worker
from models import Notification, NotificationStatus, SendSlot, Training, TrainStatus, User
from models.notification import tell_operators
from models.queue import Job, enqueue
from models.send_slot import take_slot
from models.training import move
from tests.jobs.conftest import World
from tests.people import ANA, BETO, OLGA


@pytest.fixture
async def worker(world: World) -> AsyncIterator[Worker]:
    """Works off messages only: what the training does is up to the test."""
    async with world.work("status", "notify", "draft") as running:
        yield running


FILES = ("https://fal.example/weights.safetensors", None)


async def test_one_message_lives_through_the_whole_training(world: World, worker: Worker) -> None:
    training = await world.start()
    [living] = await world.heard(1)
    assert "Ana in Lisbon" in living["text"]
    await move(training.id, TrainStatus.TRAINING, progress=50, step=500)
    await move(training.id, TrainStatus.COMPLETED, files=FILES)
    changed, final = await world.heard(2)
    assert changed["message_id"] == living["message_id"]
    assert changed["text"] != living["text"]
    assert final["message_id"] > living["message_id"]


async def test_people_are_told_in_their_language(world: World, worker: Worker) -> None:
    await User.filter(id=ANA.id).update(language="es")
    training = await world.start()
    await world.heard(1)
    await move(training.id, TrainStatus.FAILED, error_code="cancelled", error="You cancelled this training.")
    _, final = await world.heard(2)
    assert "estrellas" in final["text"]


async def test_what_people_named_is_only_text(world: World, worker: Worker) -> None:
    training = await world.start(name="<b>Ana</b> & <script>")
    await world.heard(1)
    await move(training.id, TrainStatus.COMPLETED, files=FILES)
    for message in await world.heard(2):
        assert "<b>Ana</b> & <script>" in message["text"]


@pytest.mark.parametrize(
    "fault", [{"error_code": 500}, {"error_code": 429, "retry_after": 1}, {"drop": True}]
)
async def test_a_telegram_in_trouble_gets_it_later_and_once(
    world: World, worker: Worker, fault: dict[str, object]
) -> None:
    training = await world.start()
    await world.heard(1)
    world.telegram.fail("sendMessage", **fault)
    await move(training.id, TrainStatus.COMPLETED, files=FILES)
    await world.heard(2)
    assert (await Notification.get()).status is NotificationStatus.SENT


async def test_who_blocked_the_bot_is_remembered_and_left_alone(world: World, worker: Worker) -> None:
    await world.telegram.block(ANA.id)
    training = await world.start()
    await world.quiet()
    assert (await User.get(id=ANA.id)).blocked_at is not None
    before = len(world.telegram.calls)
    await move(training.id, TrainStatus.COMPLETED, files=FILES)
    await world.quiet()
    assert (await Notification.get()).status is NotificationStatus.DROPPED
    assert len(world.telegram.calls) == before


async def test_a_living_message_that_is_gone_stops_nothing(world: World, worker: Worker) -> None:
    training = await world.start()
    [living] = await world.heard(1)
    world.telegram.fail("editMessageText", error_code=400)
    await move(training.id, TrainStatus.TRAINING, progress=10)
    await world.quiet()
    await move(training.id, TrainStatus.TRAINING, progress=20)
    await world.quiet()
    assert "20" in world.said()[0]["text"]
    assert world.said()[0]["message_id"] == living["message_id"]


async def test_a_process_that_died_while_sending_did_send(world: World) -> None:
    training = await world.start()
    await move(training.id, TrainStatus.COMPLETED, files=FILES)
    await Notification.all().update(status=NotificationStatus.SENDING)
    async with world.work("status", "notify"):
        await world.quiet()
    assert world.said() == []
    assert (await Notification.get()).status is NotificationStatus.SENT


async def test_many_changes_at_once_end_in_the_last_one(world: World, worker: Worker) -> None:
    training = await world.start()
    for percent in range(1, 30):
        await move(training.id, TrainStatus.TRAINING, progress=percent)
    await world.quiet()
    [living] = world.said()
    assert "29" in living["text"]


async def test_operators_hear_the_same_once_an_hour(world: World, worker: Worker) -> None:
    for _ in range(3):
        await tell_operators(frozenset({OLGA.id}), "fal.ai: the balance <is> exhausted")
    [told] = await world.heard(1, OLGA)
    assert told["text"] == "fal.ai: the balance <is> exhausted"


async def test_a_429_holds_the_chat_back(world: World, worker: Worker) -> None:
    world.telegram.fail("sendMessage", error_code=429, retry_after=3)
    await world.start()
    async with asyncio.timeout(5):
        while not await SendSlot.exists(next_at__gt=datetime.now(UTC) + timedelta(seconds=5)):
            await asyncio.sleep(0.02)
    await world.heard(1)


async def test_a_slow_telegram_holds_up_nobody_else(world: World, worker: Worker) -> None:
    world.telegram.fail("sendMessage", delay=2)
    await world.start()
    async with asyncio.timeout(5):
        while not await Training.exists(status_until__gt=datetime.now(UTC)):
            await asyncio.sleep(0.02)
    async with asyncio.timeout(0.5):
        assert await take_slot(BETO.id) is None


async def test_the_draft_is_told_once_for_many_photos(world: World, worker: Worker) -> None:
    for _ in range(5):
        async with in_transaction() as tx:
            await enqueue(tx, Job("draft", str(ANA.id), delay=timedelta(seconds=0.2)))
    await world.heard(1)


async def test_slots_hold_telegrams_limits(world: World) -> None:
    burst = [await take_slot(ANA.id) for _ in range(10)]
    taken = sum(wait is None for wait in burst)
    assert 3 <= taken <= 5
    assert await take_slot(BETO.id) is None
    everyone = await asyncio.gather(*(take_slot(1000 + chat) for chat in range(60)))
    assert sum(wait is None for wait in everyone) < 25


async def test_a_training_that_has_ended_already_is_told_once(world: World) -> None:
    training = await world.start()
    await move(training.id, TrainStatus.COMPLETED, files=FILES)
    async with world.work("status", "notify"):
        [final] = await world.heard(1)
    assert "ready!" in final["text"]
