"""The storage over a real folder, and against an address where nothing answers."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from media.storage import ObjectNotFound, Storage, StorageError, StorageUnavailable

Save = Callable[[bytes], Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "new" / "storage"


@pytest.fixture
def storage(folder: Path) -> Storage:
    return Storage.from_url(str(folder))


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> Storage:
    """A bucket behind a port where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    return Storage.from_url("s3://bucket/prefix")


async def keys(storage: Storage, prefix: str) -> set[str]:
    return {entry.key async for entry in storage.list(prefix)}


async def test_what_is_put_is_got(storage: Storage, folder: Path, saved: Save, tmp_path: Path) -> None:
    data = os.urandom(12_345_678)  # of several parts
    await storage.put("photos/7/a.jpg", saved(data))
    target = tmp_path / "target"
    await storage.get("photos/7/a.jpg", target)
    assert target.read_bytes() == data
    assert (folder / "photos/7/a.jpg").exists()

    size, chunks = await storage.open("photos/7/a.jpg")
    assert (size, b"".join([chunk async for chunk in chunks])) == (len(data), data)

    await storage.put("photos/7/a.jpg", saved(b"shorter"))
    await storage.get("photos/7/a.jpg", target)
    assert target.read_bytes() == b"shorter"


async def test_empty_files_too(storage: Storage, saved: Save, tmp_path: Path) -> None:
    await storage.put("empty", saved(b""))
    await storage.get("empty", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b""


async def test_what_is_not_there(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(ObjectNotFound, match=r"^photos/7/none\.jpg$"):
        await storage.get("photos/7/none.jpg", tmp_path / "target")
    assert not (tmp_path / "target").exists()
    with pytest.raises(ObjectNotFound, match=r"^photos/7/none\.jpg$"):
        await storage.open("photos/7/none.jpg")
    assert not await storage.exists("photos/7/none.jpg")
    assert await keys(storage, "photos") == set()


async def test_list_and_delete(storage: Storage, folder: Path, saved: Save) -> None:
    names = {f"photos/7/{i}.jpg" for i in range(60)}
    for name in names | {"photos/77/other.jpg"}:
        await storage.put(name, saved(b"123"))
    assert await keys(storage, "photos/7") == names
    assert len(await keys(storage, "photos")) == 61
    (entry,) = [entry async for entry in storage.list("photos/77")]
    assert entry.bytes == 3
    assert abs(datetime.now(UTC) - entry.modified_at) < timedelta(minutes=1)

    await storage.delete([*(f"photos/7/{i}.jpg" for i in range(-20, 0)), *names, "nowhere/at.all"])
    assert await keys(storage, "photos") == {"photos/77/other.jpg"}
    await storage.delete(names)  # again: fine
    await storage.delete([])
    assert not (folder / "photos/7").exists()  # no empty folders pile up


async def test_a_folder_by_its_url(tmp_path: Path, saved: Save) -> None:
    folder = tmp_path / "with space"
    storage = Storage.from_url(f"file://{tmp_path}/with%20space")
    await storage.put("a", saved(b"1"))
    assert (folder / "a").read_bytes() == b"1"


@pytest.mark.parametrize("url", ["ftp://host/folder", "file://relative/folder", "s3://", "nonsense://"])
def test_other_urls_are_named_as_wrong(url: str) -> None:
    with pytest.raises(ValueError, match="photos can't be stored there"):
        Storage.from_url(url)


BAD_KEYS = [
    "",
    "/etc/passwd",
    "../up",
    "a/../b",
    "a//b",
    "a/",
    ".hidden",
    "a/.part",
    "a b",
    "ä",
    "a\\b",
    "a\n",
    "x" * 513,
]


@pytest.mark.parametrize("key", BAD_KEYS)
async def test_only_keys_of_our_making(storage: Storage, saved: Save, tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="no key of ours"):
        await storage.put(key, saved(b"1"))
    with pytest.raises(ValueError, match="no key of ours"):
        await storage.get(key, tmp_path / "target")
    with pytest.raises(ValueError, match="no key of ours"):
        await storage.open(key)
    with pytest.raises(ValueError, match="no key of ours"):
        await storage.delete(["fine", key])
    with pytest.raises(ValueError, match="no key of ours"):
        await storage.exists(key)
    with pytest.raises(ValueError, match="no key of ours"):
        await keys(storage, key)


async def test_check_sees_a_storage_that_lets_us_write(storage: Storage) -> None:
    await storage.check()


async def test_check_sees_one_that_does_not(tmp_path: Path) -> None:
    storage = Storage.from_url(str(tmp_path / "storage"))
    (tmp_path / "storage").rmdir()
    (tmp_path / "storage").write_bytes(b"somebody put a file there")
    with pytest.raises(StorageUnavailable):
        await storage.check()


async def test_a_storage_that_cannot_be_reached(unreachable: Storage, saved: Save, tmp_path: Path) -> None:
    async def listed() -> None:
        await keys(unreachable, "photos")

    attempts: list[Callable[[], Awaitable[object]]] = [
        lambda: unreachable.put("a", saved(b"1")),
        lambda: unreachable.get("a", tmp_path / "target"),
        lambda: unreachable.open("a"),
        lambda: unreachable.delete(["a"]),
        lambda: unreachable.exists("a"),
        listed,
        unreachable.check,
    ]
    results = await asyncio.gather(*(attempt() for attempt in attempts), return_exceptions=True)
    for result in results:
        assert isinstance(result, StorageUnavailable)
        assert isinstance(result, StorageError)
        assert "\n" not in str(result)
        assert "secret" not in str(result)
    assert not (tmp_path / "target").exists()


async def test_a_target_that_cannot_be_written_is_not_the_storages_fault(
    storage: Storage, saved: Save, tmp_path: Path
) -> None:
    await storage.put("a", saved(b"1"))
    with pytest.raises(FileNotFoundError):
        await storage.get("a", tmp_path / "no folder" / "target")


async def test_large_files_stream(
    storage: Storage, saved: Save, tmp_path: Path, memory_growth: Callable[[], int]
) -> None:
    source, target = saved(b""), tmp_path / "target"
    os.truncate(source, 150 * 1024 * 1024)
    await storage.put("large", source)
    await storage.get("large", target)
    assert target.stat().st_size == 150 * 1024 * 1024
    assert memory_growth() < 50_000_000
