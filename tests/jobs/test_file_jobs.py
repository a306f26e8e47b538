"""Files that are kept and files that are deleted: weights, and what people no longer want."""

import asyncio
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fal import Rejected
from jobs.files import FileJobs, MissingCopies
from jobs.generation import GenerationJobs
from jobs.worker import Worker
from media.storage import StorageUnavailable
from models import Generation, LoraModel, Notification, Training
from models import lora as loras
from models.db import connection
from models.queue import Job, put
from models.turns import Turns
from sandbox.fal.lora import pack
from tests.jobs.conftest import World
from tests.people import ANA, OLGA, asked_for, ready_model

WEIGHTS = pack({"trigger_word": "anatok"}, seed=1)


@pytest.fixture
async def model(world: World) -> LoraModel:
    """One whose weights are at fal, and nowhere else."""
    return await ready_model(weights_url=await stored_at_fal(world))


async def stored_at_fal(world: World) -> str:
    weights = world.settings.temporary_dir / "weights"
    weights.write_bytes(WEIGHTS)
    return await world.fal_client.upload(
        weights, content_type="application/octet-stream", file_name="w", expires_in=timedelta(hours=1)
    )


async def done(*names: str) -> None:
    """Returns when no such job is left."""
    async with asyncio.timeout(15):
        left = "SELECT count(*) AS n FROM pgqueuer WHERE entrypoint = ANY ($1)"
        while (await connection().execute_query_dict(left, [list(names)]))[0]["n"]:
            await asyncio.sleep(0.02)


async def keep(world: World, model: LoraModel) -> LoraModel:
    """Has the model's weights kept by a job, whatever comes of it; answers the model as it is then."""
    await put(Job("keep_weights", str(model.id)))
    async with world.work("keep_weights"):
        await done("keep_weights")
    return await LoraModel.get(id=model.id)


async def copy(world: World, model: LoraModel, folder: Path) -> bytes:
    await world.storage.get(model.weights_key, folder / "copy")
    return (folder / "copy").read_bytes()


async def fetch(world: World, url: str, folder: Path) -> None:
    await world.fal_client.download(url, folder / "fetched", most=10**7)


# --- weights ---


async def test_a_training_ends_with_a_copy_of_its_weights(
    world: World, worker: Worker, tmp_path: Path
) -> None:
    training = await world.ended(await world.start())
    await done("keep_weights")
    model = await LoraModel.get(id=training.lora_id)
    assert model.weights_kept_at is not None
    kept = await copy(world, model, tmp_path)
    (length,) = struct.unpack("<Q", kept[:8])
    assert b"anatok" in kept[8 : 8 + length]
    assert not list(world.settings.temporary_dir.glob("*.part"))


async def test_whoever_wants_no_copies_gets_none(world: World, model: LoraModel) -> None:
    world.change(keep_weights=False)
    await MissingCopies(world.settings)()
    kept = await keep(world, model)
    assert kept.weights_kept_at is None
    assert not await world.storage.exists(model.weights_key)


async def test_a_copy_is_made_once(world: World, model: LoraModel) -> None:
    first = await keep(world, model)
    again = await keep(world, model)
    assert again.weights_kept_at == first.weights_kept_at
    assert sum(call.operation == "download" for call in world.fal.calls) == 1


async def test_a_line_that_breaks_is_tried_again(world: World, model: LoraModel, tmp_path: Path) -> None:
    world.fal.fault("download", "answer", status=503, times=2)
    world.fal.fault("download", "drop")
    await keep(world, model)
    assert await copy(world, model, tmp_path) == WEIGHTS


async def test_a_link_that_is_gone_is_told_once(world: World) -> None:
    model = await ready_model(weights_url=f"{world.settings.fal_cdn_url}/files/lion/gone.safetensors")
    for _ in range(2):
        assert (await keep(world, model)).weights_kept_at is None
    async with world.work("notify"):
        [told] = await world.heard(1, OLGA)
    assert str(model.id) in told["text"]


async def test_weights_that_are_too_large_are_not_kept(
    world: World, model: LoraModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.files.LARGEST_WEIGHTS", len(WEIGHTS) - 1)
    assert (await keep(world, model)).weights_kept_at is None
    assert not await world.storage.exists(model.weights_key)
    assert not list(world.settings.temporary_dir.glob("*.part"))


async def test_a_model_deleted_while_it_is_copied_leaves_no_copy(world: World, model: LoraModel) -> None:
    world.fal.fault("download", "late", seconds=0.5)
    await put(Job("keep_weights", str(model.id)))
    async with world.work("keep_weights", "delete_file"):
        async with asyncio.timeout(5):
            while not any(call.operation == "download" for call in world.fal.calls):
                await asyncio.sleep(0.01)
        await loras.delete(ANA.id, model.id)
        await done("keep_weights", "delete_file")
    assert not await world.storage.exists(model.weights_key)


async def test_a_process_that_died_after_it_had_stored_the_copy_is_made_up_for(
    world: World, model: LoraModel, tmp_path: Path
) -> None:
    """Its model was deleted meanwhile, files and all; the job, which another takes over, deletes the copy."""
    (tmp_path / "w").write_bytes(WEIGHTS)
    await loras.delete(ANA.id, model.id)
    await world.storage.put(model.weights_key, tmp_path / "w")
    await keep(world, model)
    assert not await world.storage.exists(model.weights_key)


async def test_models_without_a_copy_are_found(world: World, model: LoraModel) -> None:
    deleted = await ready_model(weights_url=model.weights_url)
    await loras.delete(ANA.id, deleted.id)
    await ready_model(weights_url=model.weights_url, weights_kept_at=datetime.now(UTC))
    await connection().execute_query("TRUNCATE pgqueuer")
    await MissingCopies(world.settings)()
    await MissingCopies(world.settings)()
    rows = await connection().execute_query_dict("SELECT entrypoint, payload FROM pgqueuer")
    assert [(row["entrypoint"], row["payload"].decode()) for row in rows] == [("keep_weights", str(model.id))]


# --- where fal fetches weights ---


@pytest.mark.parametrize(
    ("trained", "kept", "public_url", "from_us"),
    [
        (7, 7, "https://selfi.example.org", True),
        (5, 5, "https://selfi.example.org", False),  # fal's link is good still
        (7, None, "https://selfi.example.org", False),
        (7, 7, None, False),  # where we can't be reached
    ],
)
async def test_our_copy_is_used_once_fals_link_may_have_ended(
    world: World, model: LoraModel, *, trained: int, kept: int | None, public_url: str | None, from_us: bool
) -> None:
    now = datetime.now(UTC)
    await LoraModel.filter(id=model.id).update(
        created_at=now - timedelta(days=trained),
        weights_kept_at=None if kept is None else now - timedelta(days=kept),
    )
    world.change(public_url=public_url)
    run = await Generation.get(id=await asked_for(model))
    run.taken_at = now
    [lora] = (await painting(world).arguments(run))["loras"]
    ours = f"{public_url}/models/{model.id}/weights?until="
    assert lora["path"].startswith(ours) if from_us else lora["path"] == model.weights_url


async def test_a_run_is_asked_for_in_the_same_words_whenever_that_is(world: World, model: LoraModel) -> None:
    """A submit whose answer got lost is found by them."""
    long_ago = datetime.now(UTC) - timedelta(days=9)
    await LoraModel.filter(id=model.id).update(created_at=long_ago, weights_kept_at=long_ago)
    world.change(public_url="https://selfi.example.org")
    run = await Generation.get(id=await asked_for(model))
    run.taken_at = datetime.now(UTC) - timedelta(days=1)
    before = await painting(world).arguments(run)
    run.taken_at += timedelta(days=1)
    assert await painting(world).arguments(run) != before
    run.taken_at -= timedelta(days=1)
    assert await painting(world).arguments(run) == before


def painting(world: World) -> GenerationJobs:
    settings = world.settings
    return GenerationJobs(settings, world.fal_client, world.pool, world.storage, Turns(**settings.turns))


# --- what is deleted ---


async def test_a_deleted_model_leaves_nothing_here_or_at_fal(world: World, tmp_path: Path) -> None:
    async with world.work("submit", "watch", "settle", "keep_weights"):
        training = await world.ended(await world.start())
        await done("keep_weights")
    model = await LoraModel.get(id=training.lora_id)
    assert model.weights_url is not None
    await fetch(world, model.weights_url, tmp_path)
    await loras.delete(ANA.id, model.id)
    async with world.work("delete_file", "forget_run"):
        await done("delete_file", "forget_run")
    assert not await world.storage.exists(model.weights_key)
    [request] = world.fal.requests
    assert request.forgotten
    with pytest.raises(Rejected):
        await fetch(world, model.weights_url, tmp_path)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_may_not_have_runs_forgotten_alarms_nobody(world: World, status: int) -> None:
    training = await world.start()
    await Training.filter(id=training.id).update(request_id="00000000-0000-0000-0000-000000000000")
    world.fal.fault("forget", "answer", status=status, detail="Admin key required", times=9)
    await put(Job("forget_run", str(training.lora_id)))
    async with world.work("forget_run"):
        await done("forget_run")
    assert not await Notification.exists()
    assert sum(call.operation == "forget" for call in world.fal.calls) == 1


async def test_a_fal_that_is_busy_is_asked_to_forget_again(world: World) -> None:
    training = await world.start()
    await Training.filter(id=training.id).update(request_id="00000000-0000-0000-0000-000000000000")
    world.fal.fault("forget", "answer", status=429)
    world.fal.fault("forget", "drop")
    await put(Job("forget_run", str(training.lora_id)))
    async with world.work("forget_run"):
        await done("forget_run")
    assert sum(call.operation == "forget" for call in world.fal.calls) == 3


async def test_there_may_be_nothing_to_forget_or_delete(world: World, model: LoraModel) -> None:
    await put(
        Job("forget_run", str(model.id)),
        Job("delete_file", model.weights_key),
        Job("delete_file", model.weights_key),
    )
    async with world.work("forget_run", "delete_file"):
        await done("forget_run", "delete_file")
    assert not any(call.operation == "forget" for call in world.fal.calls)


# --- how long fal keeps its files ---


@pytest.mark.parametrize(
    ("changes", "days"),
    [
        ({}, None),
        ({"public_url": "http://127.0.0.1:9"}, 30),
        ({"public_url": "http://127.0.0.1:9", "keep_weights": False}, None),
    ],
    ids=["nobody can fetch a copy", "a copy takes over", "no copies"],
)
async def test_weights_stay_at_fal_until_a_copy_has_surely_taken_over(
    world: World, changes: dict[str, object], days: int | None
) -> None:
    world.change(**changes)
    training = await world.start()
    async with world.work("submit", "watch", "settle"):
        await world.ended(training)
    assert world.fal.requests[0].lifetime == (days and days * 86400)


async def test_a_storage_that_is_away_loses_no_job(world: World, model: LoraModel) -> None:
    """The worker tries again what raises."""
    jobs = FileJobs(world.settings, world.fal_client, world.storage)
    with away(Path(world.settings.storage)), pytest.raises(StorageUnavailable):
        await jobs.keep_weights(str(model.id), 0)
    await jobs.keep_weights(str(model.id), 0)
    assert (await LoraModel.get(id=model.id)).weights_kept_at is not None


@contextmanager
def away(folder: Path) -> Iterator[None]:
    """There is a file where the storage's folder was."""
    folder.rename(folder.with_name("away"))
    folder.touch()
    yield
    folder.unlink()
    folder.with_name("away").rename(folder)
