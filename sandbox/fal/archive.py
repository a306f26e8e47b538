"""A training's archive: fetched from its URL, opened, every photo decoded, captions paired with photos."""

import zipfile
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from aiohttp import ClientError, ClientSession, InvalidURL
from PIL import Image

from sandbox.fal.errors import MAX_PHOTOS, MIN_PHOTOS, PHOTO_EXTENSIONS, Failure

ARCHIVE_LIMIT = 2 * 1024**3
"""Bytes, both packed and unpacked."""

_CHUNK = 1024 * 1024
_CAPTION_LIMIT = 64 * 1024
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError)
"""RuntimeError is zipfile's for an encrypted member, NotImplementedError for a method it can't unpack."""

Refusal = Callable[..., Failure]
"""`errors.model_error` with the archive's place in the input filled in."""


@dataclass(frozen=True)
class Photo:
    name: str
    size: tuple[int, int]
    caption: str | None


async def fetch(session: ClientSession, url: str, refuse: Refusal) -> AsyncIterator[bytes]:
    """The archive's bytes as they come. Raises Failure: it can't be downloaded, or is too large."""
    received = 0
    try:
        async with session.get(url) as response:
            if response.status != 200:
                raise refuse("file_download_error")
            async for chunk in response.content.iter_chunked(_CHUNK):
                received += len(chunk)
                if received > ARCHIVE_LIMIT:
                    raise refuse("file_too_large", context={"max_size": ARCHIVE_LIMIT})
                yield chunk
    except (ClientError, InvalidURL, TimeoutError, ValueError):
        raise refuse("file_download_error") from None


def read(path: Path, refuse: Refusal) -> list[Photo]:
    """Decodes the whole archive: for a thread. Raises Failure for the first thing that is wrong."""
    try:
        archive = zipfile.ZipFile(path)
    except _BROKEN_ZIP:
        raise refuse("invalid_archive") from None
    with archive:
        members = [member for member in archive.infolist() if not _is_clutter(member)]
        if sum(member.file_size for member in members) > ARCHIVE_LIMIT:
            raise refuse("file_too_large", context={"max_size": ARCHIVE_LIMIT})
        photos = [member for member in members if _extension(member) in PHOTO_EXTENSIONS]
        _check_count(len(photos), refuse)
        captions = {_stem(member): member for member in members if _extension(member) == ".txt"}
        return [_photo(archive, member, captions.get(_stem(member)), refuse) for member in photos]


def _check_count(count: int, refuse: Refusal) -> None:
    extensions = ", ".join(PHOTO_EXTENSIONS)
    if count < MIN_PHOTOS:
        raise refuse(
            "archive_file_count_below_minimum",
            message=f"Too few files in the archive. Expected at least {MIN_PHOTOS} files with extensions "
            f"{extensions}, found {count}. Add more matching files to the archive.",
            context={"provided_count": count},
        )
    if count > MAX_PHOTOS:
        raise refuse(
            "archive_file_count_exceeds_maximum",
            message=f"Too many files in the archive. Maximum is {MAX_PHOTOS} files with extensions "
            f"{extensions}, found {count}. Remove {count - MAX_PHOTOS} matching files from the archive.",
            context={"provided_count": count},
        )


def _photo(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, caption: zipfile.ZipInfo | None, refuse: Refusal
) -> Photo:
    try:
        text = _text(archive, caption) if caption else None
        file = archive.open(member)
    except _BROKEN_ZIP:
        raise refuse("invalid_archive") from None
    try:
        with file, Image.open(file) as image:
            size = image.size
            image.draft("RGB", (512, 512))  # reads the whole file all the same, and decodes JPEGs faster
            image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise refuse("image_too_large") from None
    except (SyntaxError, ValueError, *_BROKEN_ZIP):  # Pillow raises each of them for broken files
        raise refuse("image_load_error", message=f"Image load error: {member.filename}") from None
    return Photo(member.filename, size, text)


def _text(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    with archive.open(member) as file:
        return file.read(_CAPTION_LIMIT).decode("utf-8", errors="replace").strip()


def _is_clutter(member: zipfile.ZipInfo) -> bool:
    """Folders, and what macOS adds beside the files."""
    path = PurePosixPath(member.filename)
    return member.is_dir() or path.name.startswith(".") or "__MACOSX" in path.parts


def _extension(member: zipfile.ZipInfo) -> str:
    return PurePosixPath(member.filename).suffix.lower()


def _stem(member: zipfile.ZipInfo) -> str:
    return str(PurePosixPath(member.filename).with_suffix(""))
