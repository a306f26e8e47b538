"""Checks one photo and writes it anew: upright, sRGB, of a size that trainers use, nothing but the picture.

Runs in a worker process (media.worker), so it imports little, and what it is given may be hostile. A photo is
taken for what its first bytes say, never for its name, and only that format's decoder sees it. Whatever rode
along (location, camera, comments, a page or an archive appended) stays behind: the pixels are encoded again.
"""

import hashlib
import io
import os
import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Final, Literal

from PIL import ExifTags, Image, ImageCms, ImageFilter, ImageOps, ImageStat
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile
from pillow_heif import HeifImageFile

HEAD_BYTES: Final = 512
"""How much of a file `identify` wants to see."""

NEAR_DUPLICATE_DISTANCE: Final = 8
"""Photos whose hashes differ in no more bits are one picture: saved again, scaled, edited, cropped a little.
Measured on generated photos: 0 to 8 bits, a crop of 3 % a side 5 (rarely 10), other pictures 19 and more."""

SHARPNESS_THRESHOLD: Final = 60.0
"""Less is blurred. Measured on generated photos 1,024 pixels wide: sharp ones 560 and more, also when dark,
pale, compressed hard or sharp in the middle alone; softened by a Gaussian of 2 pixels 57 to 220 (not yet
worth a word), of 3 pixels 20 to 61, of 4 pixels 11 to 25, of 9 pixels under 6 (with noise under 29)."""

RefusalCode = Literal[
    "not_an_image",  # {}: nothing known by its first bytes
    "unsupported_format",  # {format}: known, but none of the four
    "corrupt",  # {}: doesn't decode, or its decoder crashed or ran out of time
    "too_small",  # {width, height, min_side}
    "too_many_pixels",  # {max_pixels}
    "file_too_large",  # {bytes, max_bytes}
]
WarningCode = Literal["blurred"]  # {sharpness, threshold}
Params = Mapping[str, int | float | str]


@dataclass(frozen=True, slots=True)
class ImageLimits:
    max_bytes: int = 20 * 1024 * 1024
    max_pixels: int = 60_000_000
    """Phones make 12 to 50 megapixels. Decoding takes 4 to 9 bytes for each of them, a JPEG's at most 1."""
    min_side: int = 512
    max_side: int = 2048
    """Of the stored photo: trainers work at 512 to 1,024 pixels."""
    thumbnail_side: int = 192
    thumbnail_bytes: int = 8192


@dataclass(frozen=True, slots=True)
class Refused:
    code: RefusalCode
    params: Params


@dataclass(frozen=True, slots=True)
class Warned:
    code: WarningCode
    params: Params


@dataclass(frozen=True, slots=True)
class Accepted:
    sha256: str
    """Of the bytes as they came, 64 hex digits."""
    width: int
    height: int
    """Of the original, upright, in pixels."""
    stored_width: int
    stored_height: int
    stored_bytes: int
    dhash: str
    """The picture's difference hash, 16 hex digits, for `distance`."""
    sharpness: float
    """See SHARPNESS_THRESHOLD."""
    thumbnail: bytes
    """A square JPEG of at most the limits' `thumbnail_side` pixels and `thumbnail_bytes` bytes."""
    warnings: tuple[Warned, ...]


Inspected = Accepted | Refused


class _Refusal(Exception):
    """Carries a `Refused` out of the depths; `inspect` returns it."""

    def __init__(self, code: RefusalCode, **params: float | str) -> None:
        super().__init__(code)
        self.refused = Refused(code, params)


def inspect(source: Path, target: Path, limits: ImageLimits) -> Inspected:
    """Checks the photo in `source` and, if it is accepted, writes it to `target` as a clean JPEG.

    Raises:
        OSError: `source` can't be opened or `target` can't be written: the photo is not to blame.
    """
    try:
        with source.open("rb") as file:
            _check_bytes(file, limits)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            (width, height), image = _decoded(file, limits)
    except _Refusal as refusal:
        return refusal.refused
    image.save(target, "JPEG", quality=95)
    sharpness = measure_sharpness(image)
    return Accepted(
        sha256=sha256,
        width=width,
        height=height,
        stored_width=image.width,
        stored_height=image.height,
        stored_bytes=target.stat().st_size,
        dhash=difference_hash(image),
        sharpness=sharpness,
        thumbnail=_thumbnail(image, limits.thumbnail_side, limits.thumbnail_bytes),
        warnings=_warnings(sharpness),
    )


def _check_bytes(file: BinaryIO, limits: ImageLimits) -> None:
    size = os.fstat(file.fileno()).st_size
    if size > limits.max_bytes:
        raise _Refusal("file_too_large", bytes=size, max_bytes=limits.max_bytes)


# --- what a file is ---

_SUPPORTED: Final[Mapping[str, type[ImageFile]]] = {
    "JPEG": JpegImageFile,  # also the first picture of an MPO, which is how many phones save
    "PNG": PngImageFile,
    "WebP": WebPImageFile,
    "HEIC": HeifImageFile,
}

_SIGNATURES: Final = (  # the format, where its signature stands, and the signature
    ("JPEG", 0, b"\xff\xd8\xff"),
    ("PNG", 0, b"\x89PNG\r\n\x1a\n"),
    ("WebP", 8, b"WEBPVP8"),
    ("GIF", 0, b"GIF8"),
    ("BMP", 6, b"\0\0\0\0"),
    ("TIFF", 0, b"II*\0"),
    ("TIFF", 0, b"MM\0*"),
    ("PSD", 0, b"8BPS"),
    ("JPEG XL", 0, b"\xff\x0a"),
    ("JPEG XL", 4, b"JXL \r\n"),
    ("JPEG 2000", 4, b"jP  \r\n"),
    ("PDF", 0, b"%PDF-"),
    ("AVI", 8, b"AVI "),
    ("WebM", 0, b"\x1aE\xdf\xa3"),
    ("MOV", 4, b"moov"),
)
_CONTAINERS: Final = {"WebP": b"RIFF", "AVI": b"RIFF", "BMP": b"BM"}
"""Signatures that count only in a file that begins so."""

_BRANDS: Final = {  # ISO/IEC 14496-12 and 23008-12: the major brand, in bytes 8 to 12
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"mif1"), "HEIC"),
    **dict.fromkeys((b"hevc", b"hevx", b"hevm", b"hevs", b"msf1"), "animated HEIC"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    b"crx ": "CR3",
    b"qt  ": "MOV",
}


def identify(head: bytes) -> str | None:
    """The format's name by a file's first HEAD_BYTES, None where they tell nothing."""
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "MP4")
    for name, offset, signature in _SIGNATURES:
        if head.startswith(signature, offset) and head.startswith(_CONTAINERS.get(name, b"")):
            return name
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith((b"<svg", b"<?xml", b"<!--", b"<!DOCTYPE svg")) and b"<svg" in text:
        return "SVG"
    return None


def is_photo(head: bytes) -> bool:
    """Whether a file's first HEAD_BYTES are those of a format that `inspect` takes."""
    return identify(head) in _SUPPORTED


# --- decoding ---

_BROKEN: Final = (  # what decoders raise on bytes that aren't what they should be
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    OverflowError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
)


@contextmanager
def _corrupt_if_broken() -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, about details of a metadata that we drop
            yield
    except _BROKEN as error:
        raise _Refusal("corrupt") from error


def _decoded(file: BinaryIO, limits: ImageLimits) -> tuple[tuple[int, int], Image.Image]:
    """The original's size, and the picture as it will be stored. Both are upright."""
    file.seek(0)
    name = identify(file.read(HEAD_BYTES))
    if name is None:
        raise _Refusal("not_an_image")
    if name not in _SUPPORTED:
        raise _Refusal("unsupported_format", format=name)
    file.seek(0)
    with _corrupt_if_broken(), _opened(name, file, limits) as original:
        size = _loaded(original, limits)
        turn = _TURNS.get(_orientation(original))
        width, height = size[::-1] if turn in _SIDEWAYS else size
        if min(size) < limits.min_side:
            raise _Refusal("too_small", width=width, height=height, min_side=limits.min_side)
        image = _cleaned(original, limits.max_side)
        return (width, height), image if turn is None else image.transpose(turn)


def _opened(name: str, file: BinaryIO, limits: ImageLimits) -> ImageFile:
    """Reads the header, with the one decoder of that format: none of Pillow's forty others sees the file."""
    try:
        image = _SUPPORTED[name](file)
    except Image.DecompressionBombError:  # Pillow's own limit; WebP needs it, which allocates as it opens
        raise _Refusal("too_many_pixels", max_pixels=limits.max_pixels) from None
    if image.width * image.height > limits.max_pixels:
        raise _Refusal("too_many_pixels", max_pixels=limits.max_pixels)
    if name != "HEIC" and getattr(image, "is_animated", False):  # of a HEIC's pictures one is primary
        raise _Refusal("unsupported_format", format=f"animated {name}")
    return image


def _loaded(image: ImageFile, limits: ImageLimits) -> tuple[int, int]:
    """Decodes, a JPEG at a half, a quarter or an eighth where that is enough; returns the original's size."""
    if not isinstance(image, JpegImageFile):
        image.load()
        return image.size  # libheif is sure of it only now
    size = image.size
    scale = min(1.0, limits.max_side / max(size))
    image.draft(None, (round(size[0] * scale), round(size[1] * scale)))
    image.load()
    return size


_TURNS: Final = {  # EXIF 2.32, 4.6.4 A: what undoes each orientation but 1
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS: Final = {_TURNS[orientation] for orientation in (5, 6, 7, 8)}


def _orientation(image: ImageFile) -> int:
    """EXIF's or XMP's; 1 where it can't be read: no reason to refuse. (libheif turns a HEIC itself.)"""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except _BROKEN:
        return 1
    return value if isinstance(value, int) else 1


# --- the picture ---


def _cleaned(image: ImageFile, max_side: int) -> Image.Image:
    """A new image in sRGB without any metadata, its longer side at most `max_side`."""
    profile = image.info.get("icc_profile")
    picture = _opaque(image)
    picture.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    if profile:
        picture = _to_srgb(picture, profile)
    picture = picture.convert("RGB")
    picture.info.clear()
    return picture


def _opaque(image: Image.Image) -> Image.Image:
    """In a mode that scales well and that colour profiles speak of; what is transparent becomes white."""
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white = Image.new("RGB", layer.size, "white")
        white.paste(layer, mask=layer.getchannel("A"))
        return white
    if image.mode.startswith("I;16"):  # 16 bit grey, which Pillow would cut off at 255
        return image.point(lambda value: value * (1 / 257)).convert("L")
    return image if image.mode in {"RGB", "L", "CMYK"} else image.convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Phones photograph in Display P3: its numbers taken for sRGB's would look pale."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        turned = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, *_BROKEN):  # a broken profile, or one of other channels than the picture's
        return image
    return turned or image


def _thumbnail(image: Image.Image, side: int, most_bytes: int) -> bytes:
    square = ImageOps.fit(image, (side, side))
    for quality in (80, 60, 40, 25):
        if len(data := _jpeg(square, quality)) <= most_bytes:
            return data
    return _jpeg(square.resize((side // 2, side // 2)), 25)  # pure noise: 3 KB of 192 pixels, 12 KB of 384


def _jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()


# --- measures ---

_LAPLACIAN: Final = (0, 1, 0, 1, -4, 1, 0, 1, 0)
_SHARPNESS_SIDE: Final = 512


def measure_sharpness(image: Image.Image) -> float:
    """The variance of the Laplacian in the picture's sharpest sixteenth: a soft background is no fault.

    Taken in grey, with the shorter side at 512 pixels at most and the contrast stretched, so that neither
    megapixels nor light decide. (Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, 2000.)
    """
    grey = image.convert("L")
    scale = min(1.0, _SHARPNESS_SIDE / min(grey.size))
    grey = grey.resize((max(6, round(grey.width * scale)), max(6, round(grey.height * scale))))
    grey = ImageOps.autocontrast(grey, cutoff=1)
    edges = grey.filter(ImageFilter.Kernel((3, 3), _LAPLACIAN, scale=1, offset=128))
    edges = ImageOps.crop(edges, 1)  # the filter leaves the outermost pixels as they were: no edges
    return round(max(ImageStat.Stat(tile).var[0] for tile in _tiles(edges, 4)), 2)


def _tiles(image: Image.Image, n: int) -> Iterator[Image.Image]:
    for left, right in pairwise(image.width * i // n for i in range(n + 1)):
        for top, bottom in pairwise(image.height * i // n for i in range(n + 1)):
            yield image.crop((left, top, right, bottom))


def _warnings(sharpness: float) -> tuple[Warned, ...]:
    if sharpness >= SHARPNESS_THRESHOLD:
        return ()
    return (Warned("blurred", {"sharpness": sharpness, "threshold": SHARPNESS_THRESHOLD}),)


def difference_hash(image: Image.Image) -> str:
    """64 bits, 16 hex digits: whether each of 9 x 8 grey pixels is darker than the one to its right.

    These few lines instead of the imagehash package, because that brings numpy, scipy and PyWavelets along.
    """
    grey = image.convert("L").resize((9, 8), Image.Resampling.LANCZOS).tobytes()
    bits = 0
    for row in range(0, 72, 9):
        for left in range(row, row + 8):
            bits = bits << 1 | (grey[left] < grey[left + 1])
    return f"{bits:016x}"


def distance(hash_a: str, hash_b: str) -> int:
    """How many of the 64 bits differ between two difference hashes: 0 for the same picture."""
    return (int(hash_a, 16) ^ int(hash_b, 16)).bit_count()
