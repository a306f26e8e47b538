"""Zip archives of photos: ours for the trainer, and people's own, which are taken apart with great care.

An archive's headers are claims. What decides here is what its bytes turn out to be: sizes are counted while
they stream, files are known by their first bytes, and nothing is written under a name that an archive chose.
"""

import io
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from media.images import HEAD_BYTES, is_photo

ArchiveRefusalCode = Literal[
    "not_a_zip",  # {}
    "corrupt_archive",  # {}: damaged, or it took too long
    "encrypted",  # {name}
    "unsupported_compression",  # {name}: neither stored nor deflated
    "nested_archive",  # {name}
    "too_many_entries",  # {max_entries}
    "too_large_unpacked",  # {max_bytes}
    "compressed_too_much",  # {max_ratio}: what bombs do and photos don't
    "overlapping_entries",  # {}
    "unsafe_path",  # {name}: absolute, climbing out, or neither a file nor a folder
    "unexpected_file",  # {name}: neither a photo nor the caption of one
    "caption_not_text",  # {name}: not UTF-8, or with control characters
    "caption_too_long",  # {name, max_characters}
    "no_images",  # {}
]


class ArchiveRefused(Exception):
    """The archive is not taken. `params` are what its code lists, for the sentence that people get."""

    def __init__(self, code: ArchiveRefusalCode, params: Mapping[str, int | str] | None = None) -> None:
        super().__init__(code, params)
        self.code: ArchiveRefusalCode = code
        self.params: Mapping[str, int | str] = params or {}


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    max_entries: int = 200
    """Of every kind, folders and the files that we overlook included."""
    max_total_bytes: int = 500 * 1024 * 1024
    """Unpacked, all photos together."""
    max_ratio: int = 100
    """Unpacked to packed bytes. Photos are compressed already: they stay under 2."""
    max_caption: int = 1000
    """Characters."""


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    path: Path
    caption: str | None = None


@dataclass(frozen=True, slots=True)
class UnpackedImage:
    path: Path
    """Where it lies now, under a name of ours."""
    name: str
    """The file name it had, without folders: for people to read, never a path."""
    caption: str | None


# --- ours ---


def write_archive(entries: Iterable[ArchiveEntry], target: Path) -> None:
    """Writes `photo_01.jpg`, `photo_01.txt` where it has a caption, and so on: the layout that trainers read.

    JPEGs stream from disk as they are, since deflating gains nothing. The same photos and captions make the
    same bytes. It blocks on the disk: call it in a thread. It raises OSError, and then leaves no `target`.
    """
    try:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for number, entry in enumerate(entries, 1):
                info = _member(f"photo_{number:02}.jpg")
                info.file_size = entry.path.stat().st_size  # decides whether it needs zip64
                with entry.path.open("rb") as photo, archive.open(info, "w") as member:
                    shutil.copyfileobj(photo, member, 1024 * 1024)
                if entry.caption:
                    archive.writestr(_member(f"photo_{number:02}.txt"), entry.caption)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))  # the earliest that zip knows
    info.create_system = 3  # Unix on every system, so that the bytes are the same
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    return info


# --- other people's ---

_LOCAL_HEADER: Final = struct.Struct("<4s5H3I2H")  # APPNOTE 4.3.7
_ENCRYPTED: Final = 0x1 | 0x40 | 0x2000  # APPNOTE 4.4.4: encrypted, strongly, or with its directory masked
_LONGEST_READ: Final = 1024 * 1024
_CHUNK: Final = 256 * 1024

_ARCHIVES: Final = (  # where a signature stands, and the signature
    (0, b"PK\3\4"),
    (0, b"PK\5\6"),
    (0, b"PK\7\x08"),
    (0, b"\x1f\x8b"),  # gzip
    (0, b"7z\xbc\xaf\x27\x1c"),
    (0, b"Rar!\x1a\x07"),
    (4, b"1AY&SY"),  # bzip2
    (0, b"\xfd7zXZ\0"),
    (0, b"\x28\xb5\x2f\xfd"),  # zstd
    (257, b"ustar"),
)

_OVERLOOKED: Final = {".ds_store", "thumbs.db", "desktop.ini"}
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def unpack_archive(source: Path, into: Path, limits: ArchiveLimits) -> list[UnpackedImage]:
    """Extracts the photos of the zip `source` into the folder `into`, in the archive's order, with captions.

    A caption is a `.txt` of the photo's name in the photo's folder. The photos are photos by their first
    bytes alone: `inspect` is still ahead of them. Removing `into` is the caller's, also after a refusal.

    Raises:
        ArchiveRefused: the archive breaks a rule.
        OSError: `source` can't be opened or `into` can't be written: the archive is not to blame.
    """
    with source.open("rb", buffering=0) as raw, _ShortReads(raw, limits) as file:
        if file.read(4) not in {b"PK\3\4", b"PK\5\6"}:
            raise ArchiveRefused("not_a_zip")  # not even with a zip further on, which zipfile would find
        with _corrupt_if_broken():
            archive = zipfile.ZipFile(file)
        with archive:
            members = _checked_members(archive, limits)
            _check_overlaps(archive, file)
            return _extract(archive, members, into, _Meter(limits, source.stat().st_size))


class _ShortReads(io.BufferedReader):
    """Refuses to read much at once, which only a long list of entries needs: zipfile reads it at once."""

    def __init__(self, raw: io.RawIOBase, limits: ArchiveLimits) -> None:
        super().__init__(raw)
        self._limits = limits

    def read(self, size: int | None = -1, /) -> bytes:
        most = _LONGEST_READ + 1
        data = super().read(most if size is None or size < 0 else min(size, most))
        if len(data) > _LONGEST_READ:
            raise ArchiveRefused("too_many_entries", {"max_entries": self._limits.max_entries})
        return data


@contextmanager
def _corrupt_if_broken() -> Iterator[None]:
    """Around reading only, so that a full disk isn't held against the archive."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        OSError,
        ValueError,
        LookupError,
        OverflowError,
        RuntimeError,
        MemoryError,
    ) as error:
        raise ArchiveRefused("corrupt_archive") from error


_Member = tuple[zipfile.ZipInfo, PurePosixPath]


def _checked_members(archive: zipfile.ZipFile, limits: ArchiveLimits) -> list[_Member]:
    """What the directory promises, without the folders and what systems leave in them."""
    infos = archive.infolist()
    if len(infos) > limits.max_entries:
        raise ArchiveRefused("too_many_entries", {"max_entries": limits.max_entries})
    members = [(info, _safe_path(info)) for info in infos]
    for info, _ in members:
        if info.flag_bits & _ENCRYPTED:
            raise ArchiveRefused("encrypted", {"name": _shown(info)})
        if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise ArchiveRefused("unsupported_compression", {"name": _shown(info)})
    return [(info, path) for info, path in members if not _overlooked(info, path)]


def _safe_path(info: zipfile.ZipInfo) -> PurePosixPath:
    name = info.orig_filename.replace("\\", "/")  # as it stands in the archive; some Windows tools write \
    path = PurePosixPath(name)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if (
        path.is_absolute()
        or ".." in path.parts
        or _DRIVE.match(name)
        or _CONTROL.search(name)
        or kind not in {0, stat.S_IFREG, stat.S_IFDIR}  # a link, a pipe, a device
    ):
        raise ArchiveRefused("unsafe_path", {"name": _shown(info)})
    return path


def _overlooked(info: zipfile.ZipInfo, path: PurePosixPath) -> bool:
    return (
        info.orig_filename.endswith(("/", "\\"))
        or "__MACOSX" in path.parts
        or path.name.startswith("._")
        or path.name.lower() in _OVERLOOKED
    )


def _shown(info: zipfile.ZipInfo) -> str:
    return _CONTROL.sub("", info.orig_filename)[:255]


def _check_overlaps(archive: zipfile.ZipFile, file: io.BufferedReader) -> None:
    """Entries that share their bytes make petabytes of a megabyte (D. Fifield, A better zip bomb, 2019)."""
    spans = []
    with _corrupt_if_broken():
        for info in archive.infolist():
            file.seek(info.header_offset)
            *_, name_length, extra_length = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
            data = info.header_offset + _LOCAL_HEADER.size + name_length + extra_length
            spans.append((info.header_offset, data + info.compress_size))
    spans.append((archive.start_dir, archive.start_dir))
    if any(end > start for (_, end), (start, _) in pairwise(sorted(spans))):
        raise ArchiveRefused("overlapping_entries")


class _Meter:
    """Counts what really comes out of an archive, whatever its headers said."""

    def __init__(self, limits: ArchiveLimits, archive_bytes: int) -> None:
        self.limits = limits
        self._most_by_ratio = limits.max_ratio * archive_bytes
        self._total = 0

    def counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._total += len(chunk)
            if self._total > self.limits.max_total_bytes:
                raise ArchiveRefused("too_large_unpacked", {"max_bytes": self.limits.max_total_bytes})
            if self._total > self._most_by_ratio:
                raise ArchiveRefused("compressed_too_much", {"max_ratio": self.limits.max_ratio})
            yield chunk


def _extract(
    archive: zipfile.ZipFile, members: list[_Member], into: Path, meter: _Meter
) -> list[UnpackedImage]:
    photos: list[tuple[Path, PurePosixPath]] = []
    captions: dict[PurePosixPath, tuple[str, str | None]] = {}
    for info, path in members:
        name = _shown(info)
        chunks = meter.counted(_chunks(archive, info))
        first = next(chunks, b"")
        if any(first.startswith(signature, offset) for offset, signature in _ARCHIVES):
            raise ArchiveRefused("nested_archive", {"name": name})
        if path.suffix.lower() == ".txt":
            captions[_stem(path)] = name, _caption(name, first, chunks, meter.limits)
        elif is_photo(first[:HEAD_BYTES]):
            target = into / f"photo_{len(photos) + 1:03}"
            with target.open("wb") as file:
                file.writelines(chain([first], chunks))
            photos.append((target, path))
        else:
            raise ArchiveRefused("unexpected_file", {"name": name})
    return _captioned(photos, captions)


def _captioned(
    photos: list[tuple[Path, PurePosixPath]], captions: dict[PurePosixPath, tuple[str, str | None]]
) -> list[UnpackedImage]:
    """Brings photos and captions together by their stems."""
    stems = {_stem(path) for _, path in photos}
    for stem, (name, _) in captions.items():
        if stem not in stems:
            raise ArchiveRefused("unexpected_file", {"name": name})
    if not photos:
        raise ArchiveRefused("no_images")
    return [
        UnpackedImage(target, path.name[:255], captions.get(_stem(path), ("", None))[1])
        for target, path in photos
    ]


def _chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    with _corrupt_if_broken(), archive.open(info) as member:
        while chunk := member.read(_CHUNK):
            yield chunk


def _stem(path: PurePosixPath) -> PurePosixPath:
    """What a photo and its caption share."""
    return path.parent / path.stem.casefold()


def _caption(name: str, first: bytes, chunks: Iterator[bytes], limits: ArchiveLimits) -> str | None:
    too_long = ArchiveRefused("caption_too_long", {"name": name, "max_characters": limits.max_caption})
    if len(first) > 4 * limits.max_caption + 1024 or next(
        chunks, b""
    ):  # UTF-8's longest, and room for blanks
        raise too_long
    try:
        text = first.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise ArchiveRefused("caption_not_text", {"name": name}) from error
    if _CONTROL.search(text):
        raise ArchiveRefused("caption_not_text", {"name": name})
    if len(text) > limits.max_caption:
        raise too_long
    return text or None
