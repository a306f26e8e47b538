"""Where photos lie: a folder, or a bucket (S3, GCS, Azure) that several machines share. Files stream.

StorageError
├── ObjectNotFound      there is nothing under that key
└── StorageUnavailable  the storage can't be reached or refuses us: worth another try later
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

if TYPE_CHECKING:  # these have no existence at run time
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

_KEY: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_LONGEST_KEY: Final = 512

_PART_BYTES: Final = 5 * 1024 * 1024
"""S3's least for a part of an upload; a stored photo has a fifth of it and goes in one piece."""
_CHUNK_BYTES: Final = 1024 * 1024
"""Of a download: larger ones are no faster, and leave memory in shreds (80 MB held after 600)."""

_CHECK_KEY: Final = "health/check"
_CHECK_SECONDS: Final = 5.0


class StorageError(Exception):
    """The tree's root."""


class ObjectNotFound(StorageError):
    pass


class StorageUnavailable(StorageError):
    pass


@dataclass(frozen=True, slots=True)
class StoredObject:
    key: str
    bytes: int
    modified_at: datetime


class Storage:
    """Keys are of our own making: segments of letters, digits and `._-`, none with a dot first, by slashes.

    Any other raises ValueError before it goes anywhere.
    """

    def __init__(self, store: "ObjectStore") -> None:
        self._store = store

    @classmethod
    def from_url(cls, url: str) -> Self:
        """`url` is a folder's path, `file:///a/folder`, or `s3://bucket/prefix` and the like.

        A folder is made where there is none. For a bucket nothing connects yet; its address and credentials
        come from the environment, as its own tools name them (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, …).

        Raises:
            ValueError: the URL is none of those, or the folder can't be made.
        """
        try:
            if "://" not in url or url.startswith("file://"):
                return cls(LocalStore(_folder(url), automatic_cleanup=True, mkdir=True))
            client: ClientConfig = {
                "connect_timeout": timedelta(seconds=5),
                "timeout": timedelta(minutes=5),  # of a whole transfer: 500 MB at 14 Mbit/s
            }
            retry: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
            return cls(from_url(url, client_options=client, retry_config=retry))
        except (BaseError, TypeError, ValueError) as error:
            raise ValueError(f"photos can't be stored there: {_first_line(error)}") from error

    async def put(self, key: str, source: Path) -> None:
        """Stores the file, in one piece or not at all, in place of what was there.

        Raises:
            StorageUnavailable: or `source` can't be read.
        """
        with _sorted_errors():
            await obstore.put_async(
                self._store, _checked(key), source, chunk_size=_PART_BYTES, max_concurrency=1
            )

    async def get(self, key: str, target: Path) -> None:
        """Writes the object to the file `target`, and leaves none when that fails.

        Raises:
            ObjectNotFound, StorageUnavailable.
            OSError: `target` can't be written.
        """
        with _sorted_errors(missing=key):
            result = await obstore.get_async(self._store, _checked(key))
        file = await asyncio.to_thread(target.open, "wb")
        try:
            with file, _sorted_errors(missing=key):
                async for chunk in result.stream(min_chunk_size=_CHUNK_BYTES):
                    await asyncio.to_thread(file.write, chunk)
        except BaseException:
            await asyncio.to_thread(target.unlink, missing_ok=True)
            raise

    async def open(self, key: str) -> "tuple[int, AsyncIterator[bytes]]":
        """The object's size, and its bytes as they come.

        Raises:
            ObjectNotFound, StorageUnavailable: the second also while it is read.
        """
        with _sorted_errors(missing=key):
            result = await obstore.get_async(self._store, _checked(key))

        async def chunks() -> AsyncIterator[bytes]:
            with _sorted_errors(missing=key):
                async for chunk in result.stream(min_chunk_size=_CHUNK_BYTES):
                    yield bytes(chunk)

        return result.meta["size"], chunks()

    async def delete(self, keys: Iterable[str]) -> None:
        """Deletes what is there of it; what isn't is fine. Raises StorageUnavailable."""
        checked = [_checked(key) for key in keys]
        with _sorted_errors():
            try:
                await obstore.delete_async(self._store, checked)
            except FileNotFoundError:  # S3 doesn't mind; the others may have stopped at it
                for key in checked:
                    with suppress(FileNotFoundError):
                        await obstore.delete_async(self._store, key)

    async def exists(self, key: str) -> bool:
        """Raises StorageUnavailable."""
        with _sorted_errors():
            try:
                await obstore.head_async(self._store, _checked(key))
            except FileNotFoundError:
                return False
            return True

    async def list(self, prefix: str) -> AsyncIterator[StoredObject]:
        """All under `prefix`, a key's first segments (`photos/7`), in no order. Raises StorageUnavailable."""
        with _sorted_errors():
            async for batch in obstore.list(self._store, _checked(prefix)):
                for entry in batch:
                    yield StoredObject(entry["path"], entry["size"], entry["last_modified"])

    async def check(self) -> None:
        """Writes a few bytes, which proves that it is there and lets us. Raises StorageUnavailable in 5 s."""
        with _sorted_errors():
            async with asyncio.timeout(_CHECK_SECONDS):
                await obstore.put_async(self._store, _CHECK_KEY, b"ok")


@contextmanager
def _sorted_errors(missing: str | None = None) -> Iterator[None]:
    """`missing` is the key that may not be there; elsewhere, what isn't found is the bucket itself."""
    try:
        yield
    except FileNotFoundError as error:
        if missing is not None:
            raise ObjectNotFound(missing) from error
        raise StorageUnavailable(_first_line(error)) from error
    except (BaseError, TimeoutError) as error:
        raise StorageUnavailable(_first_line(error) or "the storage doesn't answer in time") from error


def _first_line(error: Exception) -> str:
    """obstore adds a page of Rust's debug output."""
    return str(error).partition("\n")[0]


def _checked(key: str) -> str:
    if len(key) > _LONGEST_KEY or not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no key of ours")
    return key


def _folder(url: str) -> Path:
    if not url.startswith("file://"):
        return Path(url).absolute()
    parts = urlsplit(url)
    if parts.netloc not in {"", "localhost"}:
        raise ValueError(
            f"{url!r} names a host; a folder's URL has three slashes: file:///{parts.netloc}{parts.path}"
        )
    return Path(unquote(parts.path))
