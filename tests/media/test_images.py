"""What becomes of one photo, from what people really send to what nobody should."""

import hashlib
import io
import os
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw, ImageEnhance

from media.images import (
    NEAR_DUPLICATE_DISTANCE,
    SHARPNESS_THRESHOLD,
    Accepted,
    ImageLimits,
    Inspected,
    Refused,
    difference_hash,
    distance,
    identify,
    inspect,
    is_photo,
)
from tests import photos

LIMITS = ImageLimits()
Save = Callable[[bytes], Path]


class Desk:
    """Inspects bytes, and shows what was stored."""

    def __init__(self, save: Save, folder: Path) -> None:
        self._save = save
        self.target = folder / "stored.jpg"

    def inspect(self, data: bytes, limits: ImageLimits = LIMITS) -> Inspected:
        self.target.unlink(missing_ok=True)
        return inspect(self._save(data), self.target, limits)

    def accept(self, data: bytes, limits: ImageLimits = LIMITS) -> Accepted:
        result = self.inspect(data, limits)
        assert isinstance(result, Accepted), result
        return result

    def refuse(self, data: bytes, limits: ImageLimits = LIMITS) -> Refused:
        result = self.inspect(data, limits)
        assert isinstance(result, Refused), result
        assert not self.target.exists()
        return result

    def stored(self) -> Image.Image:
        with Image.open(self.target) as image:
            image.load()
        return image


@pytest.fixture
def desk(saved: Save, tmp_path: Path) -> Desk:
    return Desk(saved, tmp_path)


def canvas(
    colour: float | str | tuple[int, ...], size: tuple[int, int] = (600, 700), mode: str = "RGB"
) -> Image.Image:
    return Image.new(mode, size, colour)


def png_of_size(width: int, height: int, rows: int) -> bytes:
    """A tiny PNG that claims to be huge: 1 bit a pixel, `rows` empty rows of them really there."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">2I5B", width, height, 1, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes((width + 7) // 8 + 1) * rows, 9))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


# --- what is taken ---


@pytest.mark.parametrize(
    ("make", "size"),
    [
        (photos.portrait, (1024, 1280)),
        (photos.heic, (768, 1024)),
        (photos.png, (640, 800)),
        (photos.webp, (640, 800)),
    ],
)
def test_each_format_becomes_a_clean_jpeg(
    desk: Desk, make: Callable[[int], bytes], size: tuple[int, int]
) -> None:
    data = make(3)
    result = desk.accept(data)

    assert (result.width, result.height) == size == (result.stored_width, result.stored_height)
    assert result.sha256 == hashlib.sha256(data).hexdigest()
    assert result.stored_bytes == desk.target.stat().st_size
    assert result.warnings == ()
    stored = desk.stored()
    assert (stored.format, stored.mode, stored.size) == ("JPEG", "RGB", size)
    with Image.open(io.BytesIO(data)) as original:
        assert distance(difference_hash(original.convert("RGB")), result.dhash) <= 2


def test_large_photos_are_scaled_down_and_their_own_size_told(desk: Desk) -> None:
    result = desk.accept(photos.big_jpeg(10))
    assert (result.width, result.height) == (3000, 4000)
    assert (result.stored_width, result.stored_height) == (1536, 2048)
    assert desk.stored().size == (1536, 2048)
    assert result.stored_bytes < 4_000_000


@pytest.mark.parametrize(
    ("file_format", "orientation"),
    [
        *(("JPEG", orientation) for orientation in range(1, 9)),
        ("PNG", 6),
        ("WEBP", 8),
        ("HEIF", 5),
        ("HEIF", 6),
    ],
)
def test_a_photo_is_stored_upright(desk: Desk, file_format: str, orientation: int) -> None:
    upright = canvas("white", (800, 600))
    ImageDraw.Draw(upright).rectangle((0, 0, 399, 299), fill="red")  # the corner that says which way is up
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Transpose members that bring it into each orientation
    stored_by_phone = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    data = photos.encoded(stored_by_phone, file_format, exif=photos.exif(orientation).tobytes())

    result = desk.accept(data)

    assert (result.width, result.height) == (800, 600)
    stored = desk.stored()
    assert stored.getpixel((100, 100)) == pytest.approx((255, 0, 0), abs=5)
    assert stored.getpixel((700, 500)) == pytest.approx((255, 255, 255), abs=5)


@pytest.mark.parametrize(
    "profile", [None, ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()]
)
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_no_metadata_survives(desk: Desk, file_format: str, profile: bytes | None) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>Secret Street 7</rdf:RDF></x:xmpmeta>'
    options = {
        "exif": photos.exif().tobytes(),
        "xmp": xmp,
        "icc_profile": profile,
        "comment": b"Secret comment",
    }
    data = photos.encoded(photos.scene(1, (640, 640)), file_format, **options)
    assert b"Kamera GmbH" in data

    desk.accept(data)

    stored = desk.stored()
    assert not stored.getexif()
    assert set(stored.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    raw = desk.target.read_bytes()
    assert b"Exif" not in raw
    assert b"Secret" not in raw
    assert b"ICC_PROFILE" not in raw


def test_what_is_appended_stays_behind(desk: Desk) -> None:
    """Polyglots are disarmed: what follows or hides in the picture isn't part of its pixels."""
    data = photos.portrait(1) + b"PK\x03\x04<script>alert(1)</script>"
    desk.accept(data)
    assert b"<script>" not in desk.target.read_bytes()


def test_broken_exif_is_no_reason_to_refuse(desk: Desk) -> None:
    data = photos.with_exif(1).replace(b"Exif\0\0MM\0*", b"Exif\0\0MM\xff\xff")
    assert data != photos.with_exif(1)
    result = desk.accept(data)
    assert (result.width, result.height) == (1024, 768)  # as it lies in the file: nothing says otherwise


def test_transparent_parts_become_white(desk: Desk) -> None:
    image = canvas((0, 0, 0, 0), mode="RGBA")
    image.paste((0, 0, 255, 255), (0, 0, 300, 700))
    desk.accept(photos.encoded(image, "PNG"))
    stored = desk.stored()
    assert stored.getpixel((500, 300)) == (255, 255, 255)
    assert stored.getpixel((100, 300)) == pytest.approx((0, 0, 255), abs=3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "CMYK"])
def test_other_pixel_formats_keep_their_grey(desk: Desk, mode: str) -> None:
    match mode:
        case "I;16":
            image = canvas(0x8000, mode=mode)
        case "1":
            image = canvas(1, mode=mode)
        case "P":
            image = canvas((128, 128, 128)).quantize(8)
        case _:
            image = canvas((128, 128, 128)).convert(mode)
    desk.accept(photos.encoded(image, "JPEG" if mode == "CMYK" else "PNG"))
    expected = 255 if mode == "1" else 128
    assert desk.stored().getpixel((300, 300)) == pytest.approx((expected,) * 3, abs=4)


def test_colours_are_turned_to_srgb(desk: Desk) -> None:
    """By a profile that calls its blue what sRGB calls red, a red picture is a blue one."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"tmp ").replace(b"bXYZ", b"rXYZ").replace(b"tmp ", b"bXYZ")
    desk.accept(photos.encoded(canvas((255, 0, 0)), "JPEG", icc_profile=swapped))
    assert desk.stored().getpixel((300, 300)) == pytest.approx((0, 0, 255), abs=8)


def test_a_broken_colour_profile_is_overlooked(desk: Desk) -> None:
    desk.accept(photos.encoded(canvas((255, 0, 0)), "JPEG", icc_profile=b"no profile at all"))
    assert desk.stored().getpixel((300, 300)) == pytest.approx((255, 0, 0), abs=3)


@pytest.mark.parametrize(("side", "most_bytes"), [(192, 8192), (384, 40 * 1024)])
def test_the_thumbnail_is_a_small_square(desk: Desk, side: int, most_bytes: int) -> None:
    limits = ImageLimits(thumbnail_side=side, thumbnail_bytes=most_bytes)
    noise = Image.frombytes("RGB", (600, 900), os.urandom(600 * 900 * 3))
    for data, sides in ((photos.portrait(1), {side}), (photos.encoded(noise, "PNG"), {side, side // 2})):
        thumbnail = desk.accept(data, limits).thumbnail
        assert len(thumbnail) <= most_bytes
        with Image.open(io.BytesIO(thumbnail)) as image:
            assert image.format == "JPEG"
            assert image.width == image.height
            assert image.width in sides


def test_photos_have_the_smaller_thumbnail() -> None:
    assert (ImageLimits().thumbnail_side, ImageLimits().thumbnail_bytes) == (192, 8192)


def test_of_a_jpeg_with_several_pictures_the_first_is_taken(desk: Desk) -> None:
    """MPO, as many phones save: the photo, then its depth or a copy."""
    frames = [photos.scene(seed, (800, 600)) for seed in (1, 2)]
    result = desk.accept(photos.encoded(frames[0], "MPO", save_all=True, append_images=frames[1:]))
    assert distance(result.dhash, difference_hash(frames[0])) <= 1


def test_a_very_long_picture(desk: Desk) -> None:
    result = desk.accept(photos.encoded(canvas("red", (40_000, 64)), "PNG"), ImageLimits(min_side=64))
    assert (result.stored_width, result.stored_height) == (2048, 3)


# --- what is refused ---


def test_too_small_a_side_is_told_as_one_sees_the_photo(desk: Desk) -> None:
    refused = desk.refuse(photos.with_exif(1, orientation=6, size=(1000, 500)))
    assert refused == Refused("too_small", {"width": 500, "height": 1000, "min_side": 512})
    assert desk.refuse(photos.small(1)).code == "too_small"
    desk.accept(photos.portrait(1, (512, 700)))


def test_the_largest_file_that_fits_is_taken(desk: Desk) -> None:
    data = photos.portrait(1)
    desk.accept(data, ImageLimits(max_bytes=len(data)))
    refused = desk.refuse(data, ImageLimits(max_bytes=len(data) - 1))
    assert refused == Refused("file_too_large", {"bytes": len(data), "max_bytes": len(data) - 1})


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_too_many_pixels_are_seen_in_the_header(desk: Desk, file_format: str) -> None:
    data = photos.encoded(canvas("red", (1000, 1000)), file_format)
    assert desk.refuse(data, ImageLimits(max_pixels=999_999)) == Refused(
        "too_many_pixels", {"max_pixels": 999_999}
    )
    desk.accept(data, ImageLimits(max_pixels=1_000_000))


def test_decompression_bombs_are_not_decoded(desk: Desk) -> None:
    bomb = png_of_size(30_000, 30_000, rows=30_000)
    assert len(bomb) < 200_000
    assert desk.refuse(bomb).code == "too_many_pixels"

    webp = bytearray(photos.encoded(canvas("red"), "WEBP", lossless=True))
    assert webp[12:16] == b"VP8L"
    webp[21:25] = struct.pack("<I", 16382 | 16382 << 14)  # the canvas that WebP's decoder would allocate
    assert desk.refuse(bytes(webp)).code == "too_many_pixels"


def animated(file_format: str) -> bytes:
    frames = [photos.scene(seed, (600, 600)) for seed in (1, 2)]
    return photos.encoded(frames[0], file_format, save_all=True, append_images=frames[1:], duration=100)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (lambda: animated("GIF"), "GIF"),
        (lambda: animated("PNG"), "animated PNG"),
        (lambda: animated("WEBP"), "animated WebP"),
        (lambda: photos.encoded(photos.scene(1, (600, 600)), "BMP"), "BMP"),
        (lambda: photos.encoded(photos.scene(1, (600, 600)), "TIFF"), "TIFF"),
        (lambda: photos.encoded(photos.scene(1, (600, 600)), "AVIF"), "AVIF"),
        (lambda: photos.encoded(photos.scene(1, (600, 600)), "PDF"), "PDF"),
        (lambda: photos.encoded(photos.scene(1, (600, 600)), "JPEG2000"), "JPEG 2000"),
        (lambda: b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="900"/>', "SVG"),
        (lambda: b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(100), "MP4"),
        (lambda: b"\0\0\0\x14ftypqt  \0\0\2\0qt  " + bytes(100), "MOV"),
        (lambda: b"\0\0\0\x18ftyphevc\0\0\0\0hevcheic" + bytes(100), "animated HEIC"),
        (lambda: b"\x1aE\xdf\xa3" + bytes(100), "WebM"),
        (lambda: b"%PDF-1.7\n" + photos.portrait(1), "PDF"),  # a polyglot is what it begins with
    ],
)
def test_other_formats_are_refused_by_their_name(desk: Desk, data: Callable[[], bytes], name: str) -> None:
    assert desk.refuse(data()) == Refused("unsupported_format", {"format": name})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"hello",
        b"<html><svg></svg></html>",
        b"PK\3\4" + bytes(99),
        b"RIFF\0\0\0\0WAVEfmt ",
        bytes(9999),
    ],
)
def test_what_is_no_image_is_refused(desk: Desk, data: bytes) -> None:
    assert desk.refuse(data) == Refused("not_an_image", {})


@pytest.mark.parametrize("make", [photos.portrait, photos.heic, photos.png, photos.webp])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_truncated_photos_are_corrupt(desk: Desk, make: Callable[[int], bytes], share: float) -> None:
    data = make(3)
    assert desk.refuse(data[: int(len(data) * share)]) == Refused("corrupt", {})


@given(st.sampled_from([photos.portrait, photos.heic, photos.png, photos.webp]), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_photos_never_raise(desk: Desk, make: Callable[..., bytes], data: st.DataObject) -> None:
    damaged = bytearray(make(3, (520, 520)))
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, min(len(damaged), 3000) - 1))] = data.draw(st.integers(0, 255))
    result = desk.inspect(bytes(damaged))
    assert isinstance(result, Accepted | Refused)


@given(st.binary(max_size=600))
def test_identify_takes_any_bytes(head: bytes) -> None:
    assert not is_photo(head) or identify(head) in {"JPEG", "PNG", "WebP", "HEIC"}


def test_a_missing_source_is_not_the_photos_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        inspect(tmp_path / "nowhere", tmp_path / "target", LIMITS)


def test_an_unwritable_target_is_not_the_photos_fault(saved: Save, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        inspect(saved(photos.portrait(1)), tmp_path / "no folder" / "target", LIMITS)


def test_warnings_of_decoders_stay_inside(desk: Desk) -> None:
    data = photos.encoded(canvas("red"), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01\3\0")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        desk.accept(data)


# --- sharpness ---


def dimmed(seed: int) -> bytes:
    image = ImageEnhance.Contrast(photos.scene(seed, (1024, 1280))).enhance(0.4)
    return photos.encoded(ImageEnhance.Brightness(image).enhance(0.4), "JPEG", quality=60)


def before_a_soft_background(seed: int) -> bytes:
    sharp, soft = (Image.open(io.BytesIO(make(seed))) for make in (photos.portrait, photos.blurred))
    soft.paste(sharp.crop((300, 400, 724, 900)), (300, 400))
    return photos.encoded(soft, "JPEG", quality=90)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [photos.portrait, dimmed, before_a_soft_background, photos.webp])
def test_sharp_photos_pass_without_a_word(desk: Desk, make: Callable[[int], bytes], seed: int) -> None:
    result = desk.accept(make(seed))
    assert result.sharpness > 2 * SHARPNESS_THRESHOLD
    assert result.warnings == ()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("size", "radius"), [((1024, 1280), 9), ((1024, 1280), 4), ((3000, 4000), 16)])
def test_blurred_photos_are_kept_with_a_warning(
    desk: Desk, seed: int, size: tuple[int, int], radius: float
) -> None:
    result = desk.accept(photos.blurred(seed, size, radius))
    assert result.sharpness < SHARPNESS_THRESHOLD / 2
    (warning,) = result.warnings
    assert warning.code == "blurred"
    assert warning.params == {"sharpness": result.sharpness, "threshold": SHARPNESS_THRESHOLD}


# --- near duplicates ---


def shrunk(image: Image.Image) -> Image.Image:
    return image.resize((image.width // 2, image.height // 2))


def compressed(image: Image.Image) -> Image.Image:
    return Image.open(io.BytesIO(photos.encoded(image, "JPEG", quality=25)))


def brightened(image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(1.2)


def cropped(image: Image.Image) -> Image.Image:
    return image.crop((8, 8, image.width - 8, image.height - 8))


@pytest.mark.parametrize("change", [shrunk, compressed, brightened, cropped])
def test_the_same_picture_again_is_near(change: Callable[[Image.Image], Image.Image]) -> None:
    for seed in range(8):
        image = photos.scene(seed, (512, 640))
        assert distance(difference_hash(image), difference_hash(change(image))) <= NEAR_DUPLICATE_DISTANCE


def test_different_pictures_are_far() -> None:
    hashes = [difference_hash(photos.scene(seed, (256, 320))) for seed in range(30)]
    distances = [distance(a, b) for i, a in enumerate(hashes) for b in hashes[:i]]
    assert min(distances) > NEAR_DUPLICATE_DISTANCE


hashes = st.integers(0, 2**64 - 1).map(lambda bits: f"{bits:016x}")


@given(hashes, hashes, hashes)
def test_distance_is_a_metric(a: str, b: str, c: str) -> None:
    assert distance(a, a) == 0
    assert distance(a, b) == distance(b, a)
    assert 0 <= distance(a, b) <= 64
    assert (distance(a, b) == 0) == (a == b)
    assert distance(a, c) <= distance(a, b) + distance(b, c)


@given(st.binary(min_size=64, max_size=64))
def test_every_picture_has_a_hash_of_16_digits(pixels: bytes) -> None:
    image = Image.frombytes("L", (8, 8), pixels)
    assert len(difference_hash(image)) == 16
    assert difference_hash(image) == difference_hash(image.convert("RGB"))
