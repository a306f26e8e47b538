"""A training's way to fal and back, whatever fal does."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tortoise.transactions import in_transaction

from jobs.housekeeping import recover
from jobs.worker import Worker
from models import LedgerEntry, LoraModel, Training, TrainStatus, User
from models.db import connection
from models.queue import Job, enqueue
from models.run import claim_submit
from models.training import cancel
from tests.jobs.conftest import World
from tests.people import ANA, ANAS_STARS, OLGA


async def balance() -> int:
    rows = await LedgerEntry.filter(user_id=ANA.id)
    stars = (await User.get(id=ANA.id)).balance
    assert stars == sum(row.amount for row in rows)
    return stars


async def test_from_start_to_model(world: World, worker: Worker) -> None:
    training = await world.start()
    done = await world.ended(training)
    assert done.status is TrainStatus.COMPLETED
    assert done.progress == 100
    assert (await LoraModel.get(id=training.lora_id)).weights_url.startswith(world.settings.fal_cdn_url)
    living, final = await world.heard(2)
    assert "100" in living["text"]
    assert "Ana in Lisbon" in final["text"]
    assert world.submits() == 1
    assert await balance() == ANAS_STARS - 150


async def test_a_webhook_is_asked_for_that_names_the_training(world: World) -> None:
    world.change(public_url="http://127.0.0.1:9")  # nobody listens: polling must do
    training = await world.start()
    async with world.work():
        await world.ended(training)
    webhook = world.settings.fal_webhook("training", training.id)
    assert world.fal.requests[0].webhook_url == f"http://127.0.0.1:9{webhook}"


async def test_photos_that_the_trainer_refuses_cost_nothing(world: World, worker: Worker) -> None:
    training = await world.start(images_data_url=f"{world.settings.fal_cdn_url}/files/a/none.zip")
    failed = await world.ended(training)
    assert (failed.status, failed.error_code) == (TrainStatus.FAILED, "file_download_error")
    assert await balance() == ANAS_STARS
    _, final = await world.heard(2)
    assert "150" in final["text"]


@pytest.mark.parametrize("error", ["runner_disconnected", "startup_timeout"])
async def test_a_failure_of_fals_machines_costs_nothing(world: World, worker: Worker, error: str) -> None:
    world.fal.fault("run", "request_error", error=error)
    failed = await world.ended(await world.start())
    assert failed.error_code == "provider_failed"
    assert await balance() == ANAS_STARS


async def test_an_end_without_a_model_costs_nothing(world: World, worker: Worker) -> None:
    world.fal.fault("run", "no_output")
    failed = await world.ended(await world.start())
    assert failed.error_code == "no_result"
    assert await balance() == ANAS_STARS


async def test_an_answer_that_got_lost_is_no_second_training(world: World, worker: Worker) -> None:
    world.fal.fault("submit", "drop_after")
    done = await world.ended(await world.start())
    assert done.status is TrainStatus.COMPLETED
    assert world.submits() == 1
    assert len(world.fal.requests) == 1


async def test_a_submit_that_never_arrived_is_sent_again_after_the_deadline(world: World) -> None:
    world.change(fal_adopt_seconds=0.4)
    world.fal.fault("submit", "drop")
    async with world.work():
        done = await world.ended(await world.start())
    assert done.status is TrainStatus.COMPLETED
    assert world.submits() == 2
    assert len(world.fal.requests) == 1


async def test_a_second_submit_in_doubt_is_the_last(world: World) -> None:
    world.change(fal_adopt_seconds=0.2)
    world.fal.fault("submit", "drop", times=10)
    async with world.work():
        failed = await world.ended(await world.start())
        await world.heard(1, OLGA)
    assert failed.error_code == "provider_failed"
    assert world.submits() == 2
    assert await balance() == ANAS_STARS


async def test_a_submit_that_fal_never_takes_ends_some_day(world: World, worker: Worker) -> None:
    world.fal.fault("submit", "answer", status=503, times=1000)
    training = await world.start()
    await Training.filter(id=training.id).update(started_at=datetime.now(UTC) - timedelta(hours=7))
    assert (await world.ended(training)).error_code == "timed_out"
    assert await balance() == ANAS_STARS


async def test_a_result_that_never_comes_is_given_up(
    world: World, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.runs.RESULT_ATTEMPTS", 3)
    world.fal.fault("result", "answer", status=500, times=1000)
    failed = await world.ended(await world.start())
    assert failed.error_code == "provider_failed"
    assert sum(call.operation == "result" for call in world.fal.calls) == 4


async def test_where_no_bar_is_drawn_time_goes_by(world: World, worker: Worker) -> None:
    world.fal.fault("run", "never_ends")
    training = await world.start(steps=7)  # the twin's bar counts to 7, which is not what was asked for
    await world.reached(training, TrainStatus.TRAINING)
    ago = datetime.now(UTC) - timedelta(hours=1)
    await Training.filter(id=training.id).update(running_at=ago, steps=2000)
    async with asyncio.timeout(10):
        while (await Training.get(id=training.id)).progress < 80:
            await asyncio.sleep(0.05)


async def test_a_busy_fal_is_asked_again(world: World, worker: Worker) -> None:
    world.fal.fault("submit", "answer", status=429)
    world.fal.fault("submit", "nginx")
    world.fal.fault("status", "answer", status=500, times=2)
    world.fal.fault("status", "drop", times=2)
    world.fal.fault("result", "drop")
    done = await world.ended(await world.start())
    assert done.status is TrainStatus.COMPLETED
    assert len(world.fal.requests) == 1


async def test_a_locked_account_is_the_operators_business(
    world: World, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.runs.OPERATOR_WAIT", timedelta(seconds=0.2))
    world.fal.fault("submit", "answer", status=403, times=3)
    done = await world.ended(await world.start())
    assert done.status is TrainStatus.COMPLETED
    told = await world.heard(1, OLGA)
    assert "balance" in told[0]["text"]


async def test_what_fal_refuses_outright_ends_at_once(world: World, worker: Worker) -> None:
    world.fal.fault("submit", "answer", status=422)
    failed = await world.ended(await world.start())
    assert failed.status is TrainStatus.FAILED
    assert await balance() == ANAS_STARS


async def test_cancelling_stops_the_run_at_fal(world: World, worker: Worker) -> None:
    world.fal.fault("run", "never_ends")
    training = await world.start()
    await world.reached(training, TrainStatus.TRAINING)
    await cancel(ANA.id, training.id)
    async with asyncio.timeout(5):
        while not world.fal.requests[0].cancelled:
            await asyncio.sleep(0.02)
    living, final = await world.heard(2)
    assert "cancel" in living["text"]
    assert "150" in final["text"]
    assert await balance() == ANAS_STARS


async def test_a_training_cancelled_on_its_way_to_fal_is_stopped_there(world: World) -> None:
    world.fal.fault("submit", "late", seconds=0.3)
    world.fal.fault("run", "never_ends")
    async with world.work():
        training = await world.start()
        async with asyncio.timeout(5):
            while not world.fal.requests:
                await asyncio.sleep(0.01)
        await cancel(ANA.id, training.id)
        async with asyncio.timeout(5):
            while not world.fal.requests[0].cancelled:
                await asyncio.sleep(0.02)


async def test_nothing_trains_for_ever(world: World, worker: Worker) -> None:
    world.fal.fault("run", "never_ends")
    training = await world.start()
    await world.reached(training, TrainStatus.TRAINING)
    await Training.filter(id=training.id).update(started_at=datetime.now(UTC) - timedelta(hours=7))
    failed = await world.ended(training)
    assert failed.error_code == "timed_out"
    assert await balance() == ANAS_STARS


async def test_recovery_finds_a_training_without_a_job(world: World) -> None:
    training = await world.start()
    await connection().execute_query("TRUNCATE pgqueuer")
    await recover()
    await recover()
    assert (await connection().execute_query_dict("SELECT count(*) AS n FROM pgqueuer"))[0]["n"] == 1
    async with world.work():
        assert (await world.ended(training)).status is TrainStatus.COMPLETED


async def test_a_process_that_died_before_its_submit_left_is_made_up_for(world: World) -> None:
    world.change(fal_adopt_seconds=0.3)
    training = await world.start()
    await claim_submit(Training, training.id, datetime.now(UTC))
    async with world.work():
        assert (await world.ended(training)).status is TrainStatus.COMPLETED
    assert world.submits() == 1


async def test_a_stop_in_the_middle_puts_the_job_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.worker.STOP_SECONDS", 0.1)
    world.fal.fault("status", "late", seconds=1.5, times=1)
    training = await world.start()
    async with world.work():
        async with asyncio.timeout(5):
            while not any(call.operation == "status" for call in world.fal.calls):
                await asyncio.sleep(0.01)
    rows = await connection().execute_query_dict(
        "SELECT status::text FROM pgqueuer WHERE entrypoint = 'watch'"
    )
    assert rows == [{"status": "queued"}]
    async with world.work():
        assert (await world.ended(training)).status is TrainStatus.COMPLETED


async def test_a_job_that_fails_is_tried_again(world: World, worker: Worker) -> None:
    async with in_transaction() as tx:
        await enqueue(tx, Job("status", "no-id"))
    async with asyncio.timeout(10):
        rows = [{"attempts": 0}]
        while rows[0]["attempts"] < 2:
            await asyncio.sleep(0.05)
            rows = await connection().execute_query_dict("SELECT attempts FROM pgqueuer")
