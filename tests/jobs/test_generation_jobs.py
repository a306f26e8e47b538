"""Pictures on their way to fal and back, whatever fal does."""

import asyncio
import io
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PIL import Image

from jobs.generation import GenerationJobs
from jobs.housekeeping import recover
from jobs.runs import RESULT_ATTEMPTS
from models import Generation, GenStatus, LedgerEntry, Picture, User
from models.db import connection
from models.generation import Origin, cancel, delete
from models.lora import LoraModel
from models.picture import picture_id
from models.run import claim_submit
from models.turns import Turns
from models.user import Person
from sandbox.fal.lora import pack
from tests.jobs.conftest import World
from tests.people import ANA, ANAS_STARS, BETO, OLGA, asked_for, ready_model


@pytest.fixture
async def model(world: World) -> LoraModel:
    """One whose weights are really at fal."""
    weights = world.settings.temporary_dir / "weights"
    weights.write_bytes(pack({"trigger_word": "anatok"}, seed=1))
    url = await world.fal_client.upload(
        weights, content_type="application/octet-stream", file_name="w", expires_in=timedelta(hours=1)
    )
    return await ready_model(weights_url=url)


async def ask(model: LoraModel, person: Person = ANA, **changes: Any) -> uuid.UUID:
    generation_id = await asked_for(model, person, **changes)
    assert generation_id
    return generation_id


async def ended(generation_id: uuid.UUID) -> Generation:
    async with asyncio.timeout(15):
        while (row := await Generation.get(id=generation_id)).is_active:
            await asyncio.sleep(0.02)
    return row


async def balance() -> int:
    rows = await LedgerEntry.filter(user_id=ANA.id)
    stars = (await User.get(id=ANA.id)).balance
    assert stars == sum(row.amount for row in rows)
    return stars


async def test_from_a_prompt_to_pictures(world: World, model: LoraModel) -> None:
    async with world.work():
        done = await ended(await ask(model, count=2, aspect="16:9"))
    assert done.status is GenStatus.COMPLETED
    sent = world.fal.requests[0].input
    assert sent["prompt"] == "anatok, on a beach", "without its trigger word a LoRA does nothing"
    assert sent["loras"] == [{"path": model.weights_url, "scale": 1.0}]
    assert (sent["image_size"], sent["num_images"]) == ({"width": 1360, "height": 768}, 2)
    first, second = await Picture.all().order_by("position")
    for picture in (first, second):
        assert (picture.width, picture.height) == (1360, 768)
        assert len(picture.thumbnail) <= 40 * 1024
        with Image.open(io.BytesIO(picture.thumbnail)) as thumbnail:
            assert thumbnail.size == (384, 384)
        assert await world.storage.exists(picture.storage_key)
    assert await balance() == ANAS_STARS - 6
    assert not list(world.settings.temporary_dir.glob("*.part"))


async def test_a_trigger_word_that_is_there_is_not_said_twice(world: World, model: LoraModel) -> None:
    async with world.work():
        await ended(await ask(model, prompt="AnaTok on a beach"))
    assert world.fal.requests[0].input["prompt"] == "AnaTok on a beach"


async def test_what_the_safety_checker_holds_back_costs_nothing(world: World, model: LoraModel) -> None:
    async with world.work():
        done = await ended(await ask(model, prompt="something nsfw"))
    assert (done.status, done.error_code) == (GenStatus.FAILED, "unsafe")
    assert await balance() == ANAS_STARS
    assert not await Picture.exists()


@pytest.mark.parametrize("error", ["runner_disconnected", "startup_timeout"])
async def test_a_failure_of_fals_machines_costs_nothing(world: World, model: LoraModel, error: str) -> None:
    world.fal.fault("run", "request_error", error=error)
    async with world.work():
        failed = await ended(await ask(model))
    assert (failed.status, failed.error_code) == (GenStatus.FAILED, "provider_failed")
    assert await balance() == ANAS_STARS


async def test_a_model_whose_weights_are_gone(world: World, model: LoraModel) -> None:
    await LoraModel.filter(id=model.id).update(weights_url=f"{world.settings.fal_cdn_url}/files/a/gone")
    async with world.work():
        failed = await ended(await ask(model))
    assert (failed.status, failed.error_code) == (GenStatus.FAILED, "file_download_error")
    assert await balance() == ANAS_STARS


async def test_a_model_deleted_meanwhile(world: World, model: LoraModel) -> None:
    asked = await ask(model)
    await LoraModel.filter(id=model.id).update(deleted_at=datetime.now(UTC))
    async with world.work():
        failed = await ended(asked)
    assert (failed.status, failed.error_code) == (GenStatus.FAILED, "model_gone")
    assert (world.submits(), await balance()) == (0, ANAS_STARS)


async def test_a_submit_whose_answer_is_lost_is_adopted(world: World, model: LoraModel) -> None:
    world.fal.fault("submit", "drop_after")
    async with world.work():
        assert (await ended(await ask(model))).status is GenStatus.COMPLETED
    assert world.submits() == 1


async def test_a_submit_that_never_arrived_is_sent_again(world: World, model: LoraModel) -> None:
    world.change(fal_adopt_pictures_seconds=0.3)
    asked = await ask(model)
    await Generation.filter(id=asked).update(taken_at=datetime.now(UTC))
    await claim_submit(Generation, asked, datetime.now(UTC))
    await recover()
    async with world.work():
        assert (await ended(asked)).status is GenStatus.COMPLETED
    assert world.submits() == 1


async def test_alike_requests_are_not_taken_for_each_other(world: World, model: LoraModel) -> None:
    world.fal.fault("submit", "drop_after", times=2)
    async with world.work():
        both = [await ask(model, seed=number) for number in (1, 2)]
        rows = [await ended(one) for one in both]
    assert len({row.request_id for row in rows}) == 2
    for row in rows:
        (request,) = [one for one in world.fal.requests if one.request_id == row.request_id]
        assert request.input["seed"] == row.seed


async def test_it_takes_too_long(world: World, model: LoraModel) -> None:
    world.change(generation_max_minutes=0.01)
    world.fal.fault("run", "never_ends")
    async with world.work():
        failed = await ended(await ask(model))
    assert (failed.status, failed.error_code) == (GenStatus.FAILED, "timed_out")
    assert await balance() == ANAS_STARS


async def test_a_cancelled_one_is_cancelled_at_fal(world: World, model: LoraModel) -> None:
    world.fal.fault("run", "never_ends")
    asked = await ask(model)
    async with world.work():
        async with asyncio.timeout(10):
            while (await Generation.get(id=asked)).status is not GenStatus.RUNNING:
                await asyncio.sleep(0.02)
        await cancel(ANA.id, asked)
        async with asyncio.timeout(10):
            while not any(call.operation == "cancel" for call in world.fal.calls):
                await asyncio.sleep(0.02)
    assert await balance() == ANAS_STARS


async def test_a_locked_account_loses_nothing(
    world: World, model: LoraModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.runs.OPERATOR_WAIT", timedelta(seconds=0.2))
    world.fal.fault("submit", "answer", status=403, times=3)
    async with world.work():
        assert (await ended(await ask(model))).status is GenStatus.COMPLETED
        assert "fal.ai" in (await world.heard(1, OLGA))[0]["text"]


async def test_recovery_finds_what_has_no_job(world: World, model: LoraModel) -> None:
    waiting, taken, fetched = [await ask(model) for _ in range(3)]
    now = datetime.now(UTC)
    await Generation.filter(id__in=(taken, fetched)).update(taken_at=now)
    await Generation.filter(id=fetched).update(output=json.dumps({}), request_id="r-1", status="RUNNING")
    await connection().execute_query("TRUNCATE pgqueuer")
    await recover()
    rows = await connection().execute_query_dict("SELECT entrypoint, payload FROM pgqueuer ORDER BY 1")
    assert [(row["entrypoint"], row["payload"].decode()) for row in rows] == [
        ("collect", str(fetched)),
        ("submit_generation", str(taken)),
        ("take_turns", "all"),
    ]
    assert (await Generation.get(id=waiting)).waits_for_turn


async def test_a_process_that_dies_between_the_pictures_and_their_row(world: World, model: LoraModel) -> None:
    """Its files are written again under the same names: nothing is left over."""
    asked = await ask(model, origin=Origin.APP)
    async with world.work("take_turns", "submit_generation", "watch_generation", "settle_generation"):
        async with asyncio.timeout(10):
            while (await Generation.get(id=asked)).output is None:
                await asyncio.sleep(0.02)
    for _ in range(2):
        await connection().execute_query("UPDATE pgqueuer SET status = 'queued'")
        async with world.work():
            await ended(asked)
    files = [entry.key async for entry in world.storage.list("pictures")]
    assert sorted(files) == sorted(picture.storage_key for picture in await Picture.all())


async def test_what_was_stored_for_a_cancelled_one_is_deleted(world: World, model: LoraModel) -> None:
    asked = await ask(model)
    async with world.work("take_turns", "submit_generation", "watch_generation", "settle_generation"):
        async with asyncio.timeout(10):
            while (row := await Generation.get(id=asked)).output is None:
                await asyncio.sleep(0.02)
    await cancel(ANA.id, asked)
    jobs = GenerationJobs(world.settings, world.fal_client, world.pool, world.storage, Turns(1, 1, 1))
    await jobs._forget(row, range(2))
    queued = await connection().execute_query_dict(
        "SELECT payload FROM pgqueuer WHERE entrypoint = 'delete_file'"
    )
    keys = {f"pictures/{ANA.id}/{picture_id(asked, position)}.jpg" for position in range(2)}
    assert {job["payload"].decode() for job in queued} == keys


async def test_a_model_made_private_meanwhile_is_not_used(world: World, model: LoraModel) -> None:
    asked = await ask(model, person=BETO, price=0)
    async with world.work():
        failed = await ended(asked)
    assert (failed.error_code, world.submits()) == ("model_gone", 0)


@pytest.mark.parametrize("url", ["http://[::1", "https://x.example/\n"])
async def test_an_address_that_is_none_ends_it(world: World, model: LoraModel, url: str) -> None:
    asked = await ask(model)
    output = {"images": [{"url": url}, {"url": url}]}
    await Generation.filter(id=asked).update(status="RUNNING", output=output, taken_at=datetime.now(UTC))
    jobs = GenerationJobs(world.settings, world.fal_client, world.pool, world.storage, Turns(1, 1, 1))
    await jobs.collect(str(asked), RESULT_ATTEMPTS)
    assert (await Generation.get(id=asked)).status is GenStatus.FAILED


async def test_what_a_dead_process_stored_is_deleted_when_its_owner_did(
    world: World, model: LoraModel
) -> None:
    asked = await ask(model)
    key = f"pictures/{ANA.id}/{picture_id(asked, 0)}.jpg"
    file = world.settings.temporary_dir / "made.jpg"
    file.write_bytes(b"jpeg")
    await world.storage.put(key, file)
    await delete(ANA.id, asked)
    jobs = GenerationJobs(world.settings, world.fal_client, world.pool, world.storage, Turns(1, 1, 1))
    await jobs.collect(str(asked), 0)
    async with world.work(), asyncio.timeout(10):
        while await world.storage.exists(key):
            await asyncio.sleep(0.02)
