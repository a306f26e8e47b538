"""Files as people choose them on a phone."""

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.async_api import FilePayload

from tests.photos import encoded, exif, heic, portrait, scene

SMALL = (512, 640)
"""As small as is good enough for a training, so that many are quickly made, sent and looked at."""


@dataclass(frozen=True)
class File:
    """`padded_to` so many bytes; the rest are zeros, as some phones put them behind a photo."""

    name: str
    content: bytes
    padded_to: int = 0

    @property
    def payload(self) -> FilePayload:
        return {"name": self.name, "mimeType": "image/jpeg", "buffer": self.content}

    def write(self, folder: Path) -> Path:
        path = folder / self.name
        with path.open("wb") as file:
            file.write(self.content)
            file.truncate(max(self.padded_to, len(self.content)))
        return path


def photos(count: int) -> list[File]:
    """`0.jpg`, `1.jpg`, …: good ones, all different."""
    return [File(f"{seed}.jpg", portrait(seed, SMALL)) for seed in range(count)]


def apple(name: str) -> File:
    return File(name, heic(seed=900, size=SMALL))


def video(name: str) -> File:
    """The beginning of an MP4."""
    return File(name, b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41", padded_to=5000)


def large(name: str, padded_to: int = 0) -> File:
    """More pixels than are sent, from a phone held sideways, with the place where it was taken."""
    return File(name, encoded(scene(901, (2560, 1920)), "JPEG", quality=85, exif=exif(6)), padded_to)


def exif_of(content: bytes) -> Image.Exif:
    with Image.open(io.BytesIO(content)) as image:
        return image.getexif()
