"""Photos for tests: real files made with Pillow, the same bytes for the same arguments.

`portrait` is the usual one: sharp, 1024 x 1280, a different picture for every seed.
"""

import io
import random
from functools import cache
from typing import Any

from PIL import Image, ImageDraw, ImageFilter
from pillow_heif import register_heif_opener

Colour = tuple[int, int, int]

BERLIN = (52.5163, 13.3777)
"""Latitude and longitude that `with_exif` writes: a place that must never leave the photo."""

_ORIENTATION, _GPS, _MAKE, _MODEL = 0x0112, 0x8825, 0x010F, 0x0110


@cache
def portrait(seed: int = 0, size: tuple[int, int] = (1024, 1280), quality: int = 90) -> bytes:
    """A sharp JPEG of somebody in front of something; no two seeds are near duplicates of each other."""
    return encoded(scene(seed, size), "JPEG", quality=quality)


@cache
def blurred(seed: int = 0, size: tuple[int, int] = (1024, 1280), radius: float = 9) -> bytes:
    """`portrait`, out of focus: no noise and no detail finer than about `radius` pixels."""
    return encoded(scene(seed, size).filter(ImageFilter.GaussianBlur(radius)), "JPEG", quality=90)


def small(seed: int = 0, size: tuple[int, int] = (480, 600)) -> bytes:
    """`portrait` with its shorter side under the 512 pixels that a training needs."""
    return portrait(seed, size)


@cache
def big_jpeg(megabytes: float = 10, seed: int = 0) -> bytes:
    """A JPEG of about `megabytes` (10 % either way), 12 megapixels, as a phone's best setting makes them.

    Its size comes from noise, which compresses as badly as leaves and sand do.
    """
    size = (3000, 4000)
    image = scene(seed, size)
    strength = 0.05 * megabytes
    image = Image.blend(image, _grain(_random(seed), size).convert("RGB"), min(strength, 0.9))
    low, high = 30, 100
    while low < high:  # the lowest quality that is large enough
        quality = (low + high) // 2
        if len(encoded(image, "JPEG", quality=quality)) < megabytes * 1e6 * 0.97:
            low = quality + 1
        else:
            high = quality
    return encoded(image, "JPEG", quality=low)


@cache
def heic(seed: int = 0, size: tuple[int, int] = (768, 1024)) -> bytes:
    """`portrait` as iPhones send it."""
    return encoded(scene(seed, size), "HEIF", quality=70, enc_params={"preset": "ultrafast"})


def png(seed: int = 0, size: tuple[int, int] = (640, 800)) -> bytes:
    return encoded(scene(seed, size), "PNG", compress_level=1)


def webp(seed: int = 0, size: tuple[int, int] = (640, 800)) -> bytes:
    return encoded(scene(seed, size), "WEBP", quality=85, method=0)


@cache
def with_exif(seed: int = 0, orientation: int = 6, size: tuple[int, int] = (1024, 768)) -> bytes:
    """`portrait` as a phone held sideways stores it: EXIF says how to turn it and, by GPS, where it was."""
    return encoded(scene(seed, size), "JPEG", quality=90, exif=exif(orientation))


def exif(orientation: int = 1) -> Image.Exif:
    """EXIF with the camera's name, an orientation (1-8) and the place."""
    data = Image.Exif()
    data[_ORIENTATION], data[_MAKE], data[_MODEL] = orientation, "Kamera GmbH", "Eye 9"
    latitude, longitude = BERLIN
    data.get_ifd(_GPS).update(
        {1: "N", 2: _degrees(latitude), 3: "E", 4: _degrees(longitude)},
    )
    return data


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    """`file_format` is one of Pillow's names, or HEIF."""
    register_heif_opener()
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def scene(seed: int, size: tuple[int, int]) -> Image.Image:
    """The picture itself, RGB: a soft background, sharp things, a person, and the sensor's noise on top."""
    rng = _random(seed)
    width, height = size
    image = _background(rng, size)
    draw = ImageDraw.Draw(image)
    for _ in range(14):  # furniture, leaves, windows: large enough to make each picture's outline its own
        _thing(rng, draw, size)
    _person(rng, draw, width * rng.uniform(0.3, 0.7), height * rng.uniform(0.35, 0.6), min(size) * 0.3)
    return Image.blend(image, _grain(rng, size).convert("RGB"), 0.04)


def _random(seed: int) -> random.Random:
    return random.Random(f"photo {seed}")  # noqa: S311  # for variety, not for secrets


def _background(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    """A smooth field of colours: a handful of random pixels, enlarged."""
    coarse = Image.frombytes("RGB", (4, 5), rng.randbytes(4 * 5 * 3))
    return coarse.resize(size, Image.Resampling.BICUBIC)


def _grain(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    return Image.frombytes("L", size, rng.randbytes(size[0] * size[1]))


def _thing(rng: random.Random, draw: ImageDraw.ImageDraw, size: tuple[int, int]) -> None:
    width, height = size
    x, y = rng.uniform(-0.1, 0.9) * width, rng.uniform(-0.1, 0.9) * height
    box = (x, y, x + rng.uniform(0.1, 0.4) * width, y + rng.uniform(0.1, 0.4) * height)
    rng.choice((draw.rectangle, draw.ellipse))(box, fill=_colour(rng), outline=_colour(rng), width=2)


def _person(rng: random.Random, draw: ImageDraw.ImageDraw, x: float, y: float, head: float) -> None:
    """Shoulders, a head `head` pixels high around (x, y), features, and hair and freckles for fine detail."""
    light = rng.randint(120, 240)
    skin = (light, int(light * 0.8), int(light * 0.65))
    hair = _colour(rng, 20, 120)
    draw.ellipse((x - head, y + head * 0.55, x + head, y + head * 3), fill=_colour(rng))
    draw.ellipse((x - head * 0.42, y - head * 0.6, x + head * 0.42, y + head * 0.6), fill=skin)
    for side in (-0.17, 0.17):
        _oval(draw, x + side * head, y - head * 0.08, head * 0.08, (250, 250, 250))
        _oval(draw, x + side * head, y - head * 0.08, head * 0.035, (30, 30, 40))
    draw.line((x, y, x - head * 0.05, y + head * 0.15, x + head * 0.04, y + head * 0.16), fill=hair, width=3)
    draw.arc(
        (x - head * 0.2, y + head * 0.1, x + head * 0.2, y + head * 0.38),
        20,
        160,
        fill=(150, 50, 60),
        width=6,
    )
    for _ in range(420):
        start = x + rng.gauss(0, head * 0.2)
        draw.line(
            (start, y - head * 0.62, start + rng.gauss(0, head * 0.15), y - head * 0.3), fill=hair, width=2
        )
    for _ in range(60):
        _oval(draw, x + rng.gauss(0, head * 0.15), y + rng.gauss(0.1, 0.1) * head, head * 0.008, hair)


def _oval(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, fill: Colour) -> None:
    draw.ellipse((x - radius, y - radius * 0.7, x + radius, y + radius * 0.7), fill=fill)


def _colour(rng: random.Random, low: int = 0, high: int = 255) -> Colour:
    return rng.randint(low, high), rng.randint(low, high), rng.randint(low, high)


def _degrees(value: float) -> tuple[float, float, float]:
    minutes, seconds = divmod((value % 1) * 3600, 60)
    return float(int(value)), float(minutes), round(seconds, 2)
