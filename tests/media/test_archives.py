"""Archives: ours, and everything that people and attackers make of the zip format."""

import io
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from media.archives import (
    ArchiveEntry,
    ArchiveLimits,
    ArchiveRefused,
    UnpackedImage,
    unpack_archive,
    write_archive,
)
from tests import photos

LIMITS = ArchiveLimits()
JPEG = photos.portrait(1, (520, 520))
Save = Callable[[bytes], Path]
Unpack = Callable[..., list[UnpackedImage]]


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "unpacked"
    folder.mkdir()
    return folder


@pytest.fixture
def unpack(saved: Save, into: Path) -> Unpack:
    def unpack(data: bytes, limits: ArchiveLimits = LIMITS) -> list[UnpackedImage]:
        return unpack_archive(saved(data), into, limits)

    return unpack


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for member, data in members:
            archive.writestr(member, data)
    return buffer.getvalue()


def member_of_mode(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


def refusal(unpack: Unpack, data: bytes, limits: ArchiveLimits = LIMITS) -> tuple[str, dict[str, object]]:
    with pytest.raises(ArchiveRefused) as caught:
        unpack(data, limits)
    return caught.value.code, dict(caught.value.params)


# --- ours ---


def test_our_archive_is_what_trainers_read(tmp_path: Path, saved: Save) -> None:
    pictures = [photos.portrait(seed, (520, 520)) for seed in range(3)]
    entries = [
        ArchiveEntry(saved(data), caption)
        for data, caption in zip(pictures, ("TOK, día", None, ""), strict=True)
    ]
    target = tmp_path / "archive.zip"

    write_archive(entries, target)

    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["photo_01.jpg", "photo_01.txt", "photo_02.jpg", "photo_03.jpg"]
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert archive.read("photo_01.txt").decode() == "TOK, día"
        assert [archive.read(f"photo_0{i}.jpg") for i in (1, 2, 3)] == pictures


def test_the_same_photos_make_the_same_archive(tmp_path: Path, saved: Save) -> None:
    first, second = tmp_path / "1.zip", tmp_path / "2.zip"
    write_archive([ArchiveEntry(saved(JPEG), "TOK")], first)
    write_archive([ArchiveEntry(saved(JPEG), "TOK")], second)
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_no_half_archive_is_left(tmp_path: Path, saved: Save) -> None:
    target = tmp_path / "archive.zip"
    with pytest.raises(FileNotFoundError):
        write_archive([ArchiveEntry(saved(JPEG)), ArchiveEntry(tmp_path / "gone")], target)
    assert not target.exists()


def test_what_we_pack_we_unpack(tmp_path: Path, saved: Save, into: Path) -> None:
    target = tmp_path / "archive.zip"
    write_archive([ArchiveEntry(saved(JPEG), "TOK by the sea"), ArchiveEntry(saved(photos.heic(2)))], target)
    first, second = unpack_archive(target, into, LIMITS)
    assert (first.name, first.caption, first.path.read_bytes()) == ("photo_01.jpg", "TOK by the sea", JPEG)
    assert (second.name, second.caption, second.path.read_bytes()) == ("photo_02.jpg", None, photos.heic(2))


# --- other people's ---


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_good_archive(unpack: Unpack, into: Path, compression: int) -> None:
    data = zipped(
        ("Sommer/", b""),
        ("Sommer/Übung 1.JPG", JPEG),
        ("Sommer/übung 1.txt", "\ufeffTOK in the garden \r\n".encode()),
        ("Sommer/wrong ending.gif", photos.webp(2)),
        ("2.png", photos.png(3)),
        ("2.txt", b"  \n"),
        ("__MACOSX/Sommer/._Übung 1.JPG", b"\0\5\x16\7"),
        ("Sommer/.DS_Store", b"\0\0\0\1Bud1"),
        ("Thumbs.db", b"\xd0\xcf\x11\xe0"),
        compression=compression,
    )

    images = unpack(data)

    assert [(image.name, image.caption) for image in images] == [
        ("Übung 1.JPG", "TOK in the garden"),
        ("wrong ending.gif", None),
        ("2.png", None),
    ]
    assert [image.path.read_bytes() for image in images] == [JPEG, photos.webp(2), photos.png(3)]
    assert sorted(into.iterdir()) == [image.path for image in images]  # nothing else, and names of ours


def test_a_caption_belongs_to_the_photo_beside_it(unpack: Unpack) -> None:
    images = unpack(zipped(("a/1.jpg", JPEG), ("b/1.jpg", JPEG), ("b/1.txt", b"TOK")))
    assert [image.caption for image in images] == [None, "TOK"]


@pytest.mark.parametrize(
    "name",
    [
        "../evil.jpg",
        "a/../../evil.jpg",
        "/etc/evil.jpg",
        "//host/evil.jpg",
        "..\\evil.jpg",
        "\\evil.jpg",
        "C:\\evil.jpg",
        "c:evil.jpg",
        "C:/evil.jpg",
        "a/..",
        "evil\x1b[2J.jpg",
    ],
)
def test_paths_that_lead_elsewhere(unpack: Unpack, tmp_path: Path, name: str) -> None:
    code, params = refusal(unpack, zipped((name, JPEG)))
    assert code == "unsafe_path"
    assert params == {"name": name.replace("\x1b", "")}
    assert not list(tmp_path.rglob("evil*"))


def test_a_name_cut_short_by_a_zero_byte(unpack: Unpack) -> None:
    data = zipped(("photo.jpgX.exe", JPEG)).replace(b"photo.jpgX", b"photo.jpg\0")
    assert refusal(unpack, data)[0] == "unsafe_path"


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices(unpack: Unpack, into: Path, kind: int) -> None:
    data = zipped((member_of_mode("photo.jpg", kind | 0o777), b"/etc/passwd"))
    assert refusal(unpack, data) == ("unsafe_path", {"name": "photo.jpg"})
    assert not list(into.iterdir())


def test_encrypted_archives(unpack: Unpack) -> None:
    data = bytearray(zipped(("photo.jpg", JPEG)))
    data[6] |= 1  # the flag, in the local header
    data[data.rindex(b"PK\1\2") + 8] |= 1  # and in the directory
    assert refusal(unpack, bytes(data)) == ("encrypted", {"name": "photo.jpg"})


def gzipped_tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    return buffer.getvalue()


def plain_tar() -> bytes:
    return tarfile.TarInfo("photo.jpg").tobuf() + bytes(1024)


@pytest.mark.parametrize(
    "inner",
    [
        zipped(("photo.jpg", JPEG)),
        zipped(),
        gzipped_tar(),
        plain_tar(),
        b"7z\xbc\xaf\x27\x1c\0\4",
        b"Rar!\x1a\x07\x01\0",
        b"BZh91AY&SY",
        b"\xfd7zXZ\0\0",
    ],
    ids=["zip", "empty zip", "tar.gz", "tar", "7z", "rar", "bz2", "xz"],
)
@pytest.mark.parametrize("name", ["inner.zip", "photo.jpg", "photo.txt"])
def test_archives_in_archives(unpack: Unpack, inner: bytes, name: str) -> None:
    assert refusal(unpack, zipped(("1.jpg", JPEG), (name, inner))) == ("nested_archive", {"name": name})


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("readme.md", b"# hello"),
        ("run.exe", b"MZ\x90\0"),
        ("animation.jpg", b"GIF89a" + bytes(99)),
        ("empty.jpg", b""),
        ("other.txt", b"a caption of nobody"),
        ("deep/1.txt", b"a caption of a photo in another folder"),
        ("photo.heic", b"<html>"),
    ],
)
def test_what_is_neither_photo_nor_caption(unpack: Unpack, name: str, data: bytes) -> None:
    assert refusal(unpack, zipped(("1.jpg", JPEG), (name, data))) == ("unexpected_file", {"name": name})


@pytest.mark.parametrize("data", [zipped(), zipped(("folder/", b"")), zipped((".DS_Store", b"\0"))])
def test_archives_without_a_photo(unpack: Unpack, data: bytes) -> None:
    assert refusal(unpack, data) == ("no_images", {})


def test_captions_have_limits(unpack: Unpack) -> None:
    def with_caption(caption: bytes) -> bytes:
        return zipped(("1.jpg", JPEG), ("1.txt", caption))

    (image,) = unpack(with_caption(("𝒳" * 1000).encode()))
    assert image.caption == "𝒳" * 1000
    too_long = ("caption_too_long", {"name": "1.txt", "max_characters": 1000})
    assert refusal(unpack, with_caption(b"x" * 1001)) == too_long
    assert refusal(unpack, with_caption(b"x" * 900_000)) == too_long
    not_text = ("caption_not_text", {"name": "1.txt"})
    assert refusal(unpack, with_caption("día".encode("latin-1"))) == not_text
    assert refusal(unpack, with_caption("TOK".encode("utf-16"))) == not_text
    assert refusal(unpack, with_caption(b"TOK\0")) == not_text


# --- bombs ---


def test_too_many_entries(unpack: Unpack) -> None:
    data = zipped(*((f"{i}/", b"") for i in range(11)))
    assert refusal(unpack, data, ArchiveLimits(max_entries=10)) == ("too_many_entries", {"max_entries": 10})


def test_a_directory_of_millions_is_not_even_read(unpack: Unpack) -> None:
    entry = zipped(("x" * 200, b""))
    directory = entry[entry.index(b"PK\1\2") : entry.index(b"PK\5\6")]
    count = 20_000
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(directory) * count, 4, 0)  # it claims 1
    data = b"PK\3\4" + directory * count + end
    assert refusal(unpack, data)[0] == "too_many_entries"


def test_too_large_unpacked(unpack: Unpack) -> None:
    data = zipped(*((f"{i}.jpg", JPEG) for i in range(3)))
    assert len(unpack(data, ArchiveLimits(max_total_bytes=3 * len(JPEG)))) == 3
    limit = 3 * len(JPEG) - 1
    assert refusal(unpack, data, ArchiveLimits(max_total_bytes=limit)) == (
        "too_large_unpacked",
        {"max_bytes": limit},
    )


def test_a_bomb_is_left_before_it_goes_off(unpack: Unpack, into: Path) -> None:
    bomb = zipped(("photo.jpg", JPEG[:600] + bytes(100_000_000)), compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 200_000
    assert refusal(unpack, bomb) == ("compressed_too_much", {"max_ratio": 100})
    assert sum(path.stat().st_size for path in into.iterdir()) < 101 * len(bomb)


def test_a_header_that_lies_about_its_size_changes_nothing(unpack: Unpack, into: Path) -> None:
    honest = zipped(("photo.jpg", JPEG[:600] + bytes(50_000_000)), compression=zipfile.ZIP_DEFLATED)
    lying = bytearray(honest)
    struct.pack_into("<I", lying, 22, 1000)
    struct.pack_into("<I", lying, lying.rindex(b"PK\1\2") + 24, 1000)
    assert refusal(unpack, bytes(lying))[0] == "corrupt_archive"
    assert sum(path.stat().st_size for path in into.iterdir()) <= 1000


def overlapping() -> bytes:
    """Two entries of the directory share one file's bytes, as the bombs of 2019 do by the thousand."""
    data = zipped(("1.jpg", JPEG))
    at, end = data.rindex(b"PK\1\2"), data.rindex(b"PK\5\6")
    entry = data[at:end]
    closing = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 2, 2, 2 * len(entry), at, 0)
    return data[:at] + entry * 2 + closing


def quoting() -> bytes:
    """An entry whose bytes hold another entry whole."""
    inner = zipped(("2.jpg", JPEG))
    at = inner.rindex(b"PK\1\2")
    body, inner_entry = inner[:at], bytearray(inner[at : inner.rindex(b"PK\5\6")])
    outer = zipped(("1.jpg", JPEG + body))
    at, end = outer.rindex(b"PK\1\2"), outer.rindex(b"PK\5\6")
    struct.pack_into("<I", inner_entry, 42, at - len(body))
    directory = outer[at:end] + bytes(inner_entry)
    return outer[:at] + directory + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 2, 2, len(directory), at, 0)


@pytest.mark.parametrize("make", [overlapping, quoting])
def test_entries_that_share_bytes(unpack: Unpack, make: Callable[[], bytes]) -> None:
    data = make()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.infolist()) == 2  # zipfile itself sees nothing wrong
    assert refusal(unpack, data) == ("overlapping_entries", {})


# --- damage ---


@pytest.mark.parametrize("data", [b"", b"PK", JPEG, b"\x1f\x8b\x08", JPEG + zipped(("1.jpg", JPEG))])
def test_what_is_no_zip(unpack: Unpack, data: bytes) -> None:
    assert refusal(unpack, data) == ("not_a_zip", {})


def test_damaged_archives(unpack: Unpack) -> None:
    good = zipped(("1.jpg", JPEG))
    assert refusal(unpack, good[:-30])[0] == "corrupt_archive"
    flipped = bytearray(good)
    flipped[5000] ^= 1  # the check sum notices
    assert refusal(unpack, bytes(flipped))[0] == "corrupt_archive"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_that_nobody_uses_for_photos(unpack: Unpack, method: int) -> None:
    data = zipped(("1.jpg", JPEG), compression=method)
    assert refusal(unpack, data) == ("unsupported_compression", {"name": "1.jpg"})


small_zip = zipped(
    ("1.jpg", JPEG[:2000]), ("1.txt", b"TOK"), ("a/2.jpg", JPEG[:700]), compression=zipfile.ZIP_DEFLATED
)


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_is_only_ever_refused(unpack: Unpack, data: st.DataObject) -> None:
    damaged = bytearray(small_zip)
    directory = damaged.index(b"PK\1\2")
    for _ in range(data.draw(st.integers(1, 6))):
        where = data.draw(st.integers(0, 60) | st.integers(directory, len(damaged) - 1))
        damaged[where] = data.draw(st.integers(0, 255))
    with suppress(ArchiveRefused):  # and nothing else
        assert unpack(bytes(damaged))


@given(st.binary(max_size=400), st.booleans())
@example(b"", True)
@example(b"PK\5\6" + bytes(18), False)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_bytes_are_only_ever_refused(unpack: Unpack, data: bytes, signed: bool) -> None:
    with pytest.raises(ArchiveRefused):
        unpack(b"PK\3\4" + data if signed else data)


def test_a_missing_source_is_not_the_archives_fault(tmp_path: Path, into: Path) -> None:
    with pytest.raises(FileNotFoundError):
        unpack_archive(tmp_path / "nowhere", into, LIMITS)


def test_a_missing_folder_is_not_the_archives_fault(saved: Save, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        unpack_archive(saved(zipped(("1.jpg", JPEG))), tmp_path / "nowhere", LIMITS)
