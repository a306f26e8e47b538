"""The pool with its real processes: what they answer, and what becomes of those that die, hang or grow."""

import asyncio
import os
import signal
import sys
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from media.archives import ArchiveLimits, ArchiveRefused, unpack_archive
from media.images import Accepted, ImageLimits, Refused, inspect
from media.pool import ImagePool, PoolError
from tests import photos

LIMITS = ImageLimits()
PHOTO = photos.portrait(1, (520, 640))
Save = Callable[[bytes], Path]


_others: set[int] = set()
"""The workers of pools that other tests keep for the whole session."""


def workers() -> list[psutil.Process]:
    children = [child for child in psutil.Process().children() if child.pid not in _others]
    return [child for child in children if "media.worker" in child.cmdline()]


async def gone(process: psutil.Process) -> None:
    async with asyncio.timeout(5):
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.01)


class Stuck:
    """A source that a worker hangs at: a pipe into which nobody writes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "stuck"
        self._end: int | None = None
        os.mkfifo(self.path)

    async def taken(self) -> psutil.Process:
        """The worker that has it open, as soon as one has."""
        self.release()
        self._end = await asyncio.to_thread(os.open, self.path, os.O_WRONLY)  # waits for a reader
        (worker,) = workers()
        return worker

    def become(self, data: bytes) -> None:
        self.path.unlink()
        self.path.write_bytes(data)

    def release(self) -> None:
        if self._end is not None:
            os.close(self._end)
            self._end = None


@asynccontextmanager
async def stuck_photo(pool: ImagePool, folder: Path) -> AsyncIterator[tuple[Stuck, "asyncio.Task[object]"]]:
    stuck = Stuck(folder)
    task: asyncio.Task[object] = asyncio.create_task(pool.inspect(stuck.path, folder / "out.jpg", LIMITS))
    try:
        yield stuck, task
    finally:
        stuck.release()
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    _others.clear()
    _others.update(worker.pid for worker in workers())
    yield
    assert not workers()


# --- answers ---


async def test_a_worker_answers_as_the_function_does(pool: ImagePool, saved: Save, tmp_path: Path) -> None:
    for data in (PHOTO, photos.blurred(1), photos.small(1), b"hello"):
        here, there = tmp_path / "here.jpg", tmp_path / "there.jpg"
        source = saved(data)
        assert await pool.inspect(source, there, LIMITS) == inspect(source, here, LIMITS)
        assert there.exists() == here.exists()
        if here.exists():
            assert there.read_bytes() == here.read_bytes()


async def test_relative_paths_are_ours(
    pool: ImagePool, saved: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(PHOTO).rename(tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    assert isinstance(await pool.inspect(Path("in"), Path("out.jpg"), LIMITS), Accepted)
    assert (tmp_path / "out.jpg").exists()


async def test_archives_are_unpacked_in_a_worker(pool: ImagePool, tmp_path: Path) -> None:
    source = tmp_path / "archive.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("a/1.jpg", PHOTO)
        archive.writestr("a/1.txt", "TOK, día")
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()

    (there,) = await pool.unpack(source, tmp_path / "there", ArchiveLimits())

    (here,) = unpack_archive(source, tmp_path / "here", ArchiveLimits())
    assert (there.name, there.caption) == (here.name, here.caption) == ("1.jpg", "TOK, día")
    assert there.path.read_bytes() == PHOTO
    with pytest.raises(ArchiveRefused) as caught:
        await pool.unpack(source, tmp_path / "there", ArchiveLimits(max_entries=1))
    assert (caught.value.code, caught.value.params) == ("too_many_entries", {"max_entries": 1})


async def test_trouble_with_the_disk_is_not_held_against_the_photo(
    pool: ImagePool, saved: Save, tmp_path: Path
) -> None:
    with pytest.raises(PoolError, match="no folder"):
        await pool.inspect(saved(PHOTO), tmp_path / "no folder" / "out.jpg", LIMITS)
    with pytest.raises(PoolError, match="nowhere"):
        await pool.unpack(tmp_path / "nowhere", tmp_path, ArchiveLimits())
    assert isinstance(await pool.inspect(saved(PHOTO), tmp_path / "out.jpg", LIMITS), Accepted)


async def test_many_photos_share_the_workers(saved: Save, tmp_path: Path) -> None:
    async with ImagePool(workers=2) as pool:
        assert len(workers()) == 1  # the other one only when it is needed
        answers = await asyncio.gather(
            *(
                pool.inspect(saved(photos.portrait(i, (520, 640))), tmp_path / f"{i}.jpg", LIMITS)
                for i in range(8)
            )
        )
        assert len({answer.dhash for answer in answers if isinstance(answer, Accepted)}) == 8
        assert len(workers()) == 2


# --- what goes wrong ---


async def test_a_photo_survives_the_death_of_its_worker(pool: ImagePool, tmp_path: Path) -> None:
    async with stuck_photo(pool, tmp_path) as (stuck, task):
        worker = await stuck.taken()
        stuck.become(PHOTO)
        worker.kill()
        assert isinstance(await task, Accepted)


async def test_a_photo_that_kills_two_workers_is_corrupt(
    pool: ImagePool, saved: Save, tmp_path: Path
) -> None:
    async with stuck_photo(pool, tmp_path) as (stuck, task):
        first = await stuck.taken()
        first.send_signal(signal.SIGSEGV)
        await gone(first)
        (await stuck.taken()).send_signal(signal.SIGABRT)
        assert await task == Refused("corrupt", {})
    assert isinstance(await pool.inspect(saved(PHOTO), tmp_path / "out.jpg", LIMITS), Accepted)


async def test_a_photo_that_hangs_its_worker_is_corrupt(saved: Save, tmp_path: Path) -> None:
    async with ImagePool(workers=1, inspect_seconds=0.3) as pool:
        async with stuck_photo(pool, tmp_path) as (stuck, task):
            worker = await stuck.taken()
            assert await task == Refused("corrupt", {})
            assert not worker.is_running()
        assert isinstance(await pool.inspect(saved(PHOTO), tmp_path / "out.jpg", LIMITS), Accepted)


async def test_an_archive_that_hangs_its_worker_is_corrupt(tmp_path: Path) -> None:
    async with ImagePool(unpack_seconds=0.3) as pool:
        stuck = Stuck(tmp_path)
        task = asyncio.create_task(pool.unpack(stuck.path, tmp_path, ArchiveLimits()))
        await stuck.taken()
        with pytest.raises(ArchiveRefused) as caught:
            await task
        stuck.release()
    assert caught.value.code == "corrupt_archive"


async def test_waiting_for_a_worker_is_not_hanging(saved: Save, tmp_path: Path) -> None:
    async with (
        ImagePool(workers=1, inspect_seconds=0.5) as pool,
        stuck_photo(pool, tmp_path) as (stuck, first),
    ):
        await stuck.taken()
        waiting = [pool.inspect(saved(PHOTO), tmp_path / f"{i}.jpg", LIMITS) for i in range(3)]
        assert all(isinstance(answer, Accepted) for answer in await asyncio.gather(*waiting))
        assert await first == Refused("corrupt", {})


async def test_workers_that_died_at_rest_are_replaced(saved: Save, tmp_path: Path) -> None:
    async with ImagePool(workers=2) as pool:
        for _ in range(2):
            sources = [saved(photos.portrait(i, (520, 640))) for i in range(4)]
            answers = await asyncio.gather(*(pool.inspect(s, s.with_suffix(".jpg"), LIMITS) for s in sources))
            assert all(isinstance(answer, Accepted) for answer in answers)
            for worker in workers():
                worker.kill()


async def test_a_caller_who_leaves_takes_the_worker_along(
    pool: ImagePool, saved: Save, tmp_path: Path
) -> None:
    async with stuck_photo(pool, tmp_path) as (stuck, task):
        worker = await stuck.taken()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not worker.is_running()
    assert isinstance(await pool.inspect(saved(PHOTO), tmp_path / "out.jpg", LIMITS), Accepted)


# --- its life ---


async def test_workers_are_replaced_before_they_grow_old(saved: Save, tmp_path: Path) -> None:
    async def pids(pool: ImagePool) -> list[int]:
        seen = []
        for _ in range(4):
            seen += [worker.pid for worker in workers()]
            assert isinstance(await pool.inspect(saved(PHOTO), tmp_path / "out.jpg", LIMITS), Accepted)
        return seen

    async with ImagePool(recycle_after=2) as pool:
        first, second, *_ = await pids(pool)
        assert first == second
        assert not psutil.pid_exists(first)
    async with ImagePool(max_rss=1) as pool:
        await pids(pool)
        assert not workers()


async def test_close_ends_everything(saved: Save, tmp_path: Path) -> None:
    pool = ImagePool(workers=1)
    await pool.start()
    async with stuck_photo(pool, tmp_path) as (stuck, task):
        await stuck.taken()
        waiting = asyncio.create_task(pool.inspect(saved(PHOTO), tmp_path / "2.jpg", LIMITS))
        await asyncio.sleep(0)
        await pool.close()
        with pytest.raises(PoolError, match="closed"):
            await task
        with pytest.raises(PoolError, match="closed"):
            await waiting
    assert not workers()
    with pytest.raises(PoolError, match="closed"):
        await pool.inspect(saved(PHOTO), tmp_path / "3.jpg", LIMITS)


async def test_a_worker_sees_no_secrets_and_gives_way(
    pool: ImagePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "42:secret")
    async with ImagePool():
        for worker in workers():
            assert not set(worker.environ()) & {"TELEGRAM_BOT_TOKEN", "FAL_KEY", "DATABASE_URL", "HOME"}
            assert worker.nice() == os.nice(0) + 10
            assert worker.memory_info().rss < 60e6  # it hasn't imported the service


async def test_a_worker_outlives_a_signal_to_the_group_but_not_the_service(tmp_path: Path) -> None:
    script = """
import asyncio, sys
from media.pool import ImagePool
async def main():
    await ImagePool().start()
    print("ready", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    service = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, env={"PYTHONPATH": str(Path.cwd())}
    )
    assert service.stdout is not None
    assert await service.stdout.readline() == b"ready\n"
    (worker,) = psutil.Process(service.pid).children()
    worker.terminate()
    await asyncio.sleep(0.1)
    assert worker.is_running()
    service.kill()
    await service.wait()
    await gone(worker)


# --- memory ---


async def test_a_50_megapixel_photo_takes_little_memory(saved: Save, tmp_path: Path) -> None:
    source = saved(photos.portrait(1, (6144, 8160)))
    async with ImagePool(workers=1) as pool:
        result = await pool.inspect(source, tmp_path / "out.jpg", LIMITS)
        assert isinstance(result, Accepted)
        assert (result.width, result.height) == (6144, 8160)
        (worker,) = workers()
        assert peak_memory(worker) < 150e6


def peak_memory(process: psutil.Process) -> int:
    """In bytes; psutil knows only what it holds now."""
    lines = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


async def test_our_own_memory_stays_flat(
    pool: ImagePool, saved: Save, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    source = saved(photos.big_jpeg(10))
    growth: Callable[[], int] = request.getfixturevalue("memory_growth")  # from here on
    await asyncio.gather(*(pool.inspect(source, tmp_path / f"{i}.jpg", LIMITS) for i in range(6)))
    assert growth() < 5_000_000
