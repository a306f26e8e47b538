"""Killed at any moment and started again, a training ends as if nothing had happened.

The same every time: one run at fal, the model ready, one message at the end, the price taken once.
"""

import asyncio
import random

import pytest

from tests.service.running import Service, nothing_to_do

STARS_LEFT = 500 - 150


async def ends_well(service: Service, training_id: str) -> None:
    done = await service.reached(training_id, "COMPLETED", "FAILED")
    assert (done["status"], done["metadata"]["progress"]) == ("COMPLETED", 100)
    assert done["metadata"]["files"]["weights"]
    await service.told()
    async with asyncio.timeout(20):  # none, where it ended before a process could show anything
        while service.living() and "100" not in service.living()[-1]["text"]:
            await asyncio.sleep(0.05)
    await nothing_to_do(service.env["DATABASE_URL"])
    [final] = service.finals()
    assert "anatok" in final["text"]
    assert len(service.fal.requests) == 1
    assert await service.balance() == STARS_LEFT


async def test_after_the_photo_upload(service: Service) -> None:
    await service.start()
    await service.add_photos()
    await service.end()
    await service.start()
    assert len((await service.call("GET", "/training/photos"))["photos"]) == 4
    await ends_well(service, await service.begin())


async def test_after_the_starts_commit(service: Service) -> None:
    await service.start()
    await service.add_photos()
    training_id = await service.begin()
    await service.end()
    await service.start()
    await ends_well(service, training_id)


async def test_between_submit_and_its_answer(service: Service) -> None:
    await service.start()
    await service.add_photos()
    service.fal.fault("submit", "late", seconds=5)
    training_id = await service.begin()
    async with asyncio.timeout(10):
        while not service.fal.requests:
            await asyncio.sleep(0.005)
    await service.end()
    await service.start()
    await ends_well(service, training_id)


async def test_between_submit_and_its_answer_without_any_webhook(service: Service) -> None:
    service.fal.fault("webhook", "lost")
    await test_between_submit_and_its_answer(service)


async def test_while_training(service: Service) -> None:
    await service.start()
    await service.add_photos()
    training_id = await service.begin(steps=3000)
    await service.reached(training_id, "TRAINING")
    await service.end()
    await service.start()
    done = await service.reached(training_id, "COMPLETED")
    assert done["metadata"]["starsSpent"] == 450
    await service.told()
    assert len(service.finals()) == len(service.fal.requests) == 1
    assert await service.balance() == 50


async def test_between_settle_and_notify(service: Service) -> None:
    await service.start()
    await service.add_photos()
    training_id = await service.begin()
    await service.reached(training_id, "TRAINING", "COMPLETED")
    service.telegram.fail("sendMessage", error_code=500, times=10_000)
    await service.reached(training_id, "COMPLETED")
    await service.end()
    service.telegram.clear_faults()
    assert service.finals() == []
    await service.start()
    await ends_well(service, training_id)


async def test_while_the_message_is_on_its_way(service: Service) -> None:
    await service.start()
    await service.add_photos()
    training_id = await service.begin()
    async with asyncio.timeout(10):
        while not service.living():
            await asyncio.sleep(0.01)
    service.telegram.fail("sendMessage", answer_delay=3)
    await service.told()
    await service.end()
    await service.start()
    await ends_well(service, training_id)


@pytest.mark.parametrize("seed", range(3))
async def test_at_a_random_moment(service: Service, seed: int) -> None:
    await service.start()
    await service.add_photos()
    training_id = await service.begin()
    await asyncio.sleep(random.Random(seed).uniform(0, 1.8))  # noqa: S311
    await service.end()
    await service.start()
    await ends_well(service, training_id)


async def test_a_failure_survives_as_well(service: Service) -> None:
    await service.start()
    await service.add_photos()
    service.fal.fault("run", "model_error", error="image_load_error", seconds=0.5)
    training_id = await service.begin()
    await service.reached(training_id, "TRAINING", "FAILED")
    await service.end()
    await service.start()
    failed = await service.reached(training_id, "FAILED")
    assert failed["metadata"]["refunded"]
    assert failed["metadata"]["errorCode"] == "image_load_error"
    await service.told()
    assert len(service.finals()) == 1
    assert await service.balance() == 500
