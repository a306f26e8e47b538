"""Files of the emulated Telegram: what is stored under which id, and photos in Telegram's sizes."""

import asyncio
import io
import secrets
from dataclasses import dataclass, field

import aiohttp
from PIL import Image, ImageOps

from .errors import bad_request
from .params import Upload, parsed_url
from .state import Json

MAX_PHOTO = 10 * 1024 * 1024
MAX_PHOTO_BY_URL = 5 * 1024 * 1024
MAX_DOCUMENT_BY_URL = 20 * 1024 * 1024
MAX_DOWNLOAD = 20 * 1024 * 1024
LARGEST_SIDE = 2560
PHONE_SIDE = 1280  # what apps send unless one asks for HD
_SIDES = (90, 320, 800, 1280, LARGEST_SIDE)
_JPEG_QUALITY = 87
_MAX_SIDES_SUM = 10_000
_MAX_RATIO = 20
_FETCH_SECONDS = 20
_DOCUMENTS_BY_URL = ("application/pdf", "application/zip", "image/gif")


@dataclass(frozen=True)
class StoredFile:
    content: bytes
    kind: str  # photo or document
    name: str
    content_type: str
    path: str
    id: str = field(default_factory=lambda: f"AgACAgIAAxkBAAI{secrets.token_urlsafe(36)}")
    unique_id: str = field(default_factory=lambda: f"AQAD{secrets.token_urlsafe(9)}")

    @property
    def reference(self) -> Json:
        return {"file_id": self.id, "file_unique_id": self.unique_id, "file_size": len(self.content)}


@dataclass(frozen=True)
class Rendition:
    """One size of a photo, as JPEG."""

    content: bytes
    width: int
    height: int


class Files:
    def __init__(self) -> None:
        self._by_id: dict[str, StoredFile] = {}
        self._by_path: dict[str, StoredFile] = {}
        self._photos: dict[str, list[Json]] = {}  # the whole list of sizes, by the file id of each

    def get(self, file_id: str) -> StoredFile | None:
        return self._by_id.get(file_id)

    def at(self, path: str) -> StoredFile | None:
        return self._by_path.get(path)

    def add_document(self, upload: Upload) -> Json:
        """Stores a file byte for byte and answers its Document."""
        stored = self._add(upload.content, "document", upload.name, upload.content_type)
        return self._document(stored)

    def add_photo(self, renditions: list[Rendition]) -> list[Json]:
        """Stores a photo in its sizes and answers its PhotoSizes, the smallest first."""
        sizes = []
        for rendition in renditions:
            stored = self._add(rendition.content, "photo", "photo.jpg", "image/jpeg")
            sizes.append({**stored.reference, "width": rendition.width, "height": rendition.height})
            self._photos[stored.id] = sizes
        return sizes

    def known(self, file_id: str, kind: str) -> Json:
        """The message's field for a file that Telegram already has.

        Raises:
            ApiError: there is no such file, or it is of another kind.
        """
        stored = self.get(file_id)
        if stored is None:
            raise bad_request("wrong remote file identifier specified: Wrong string length")
        if stored.kind != kind:
            raise bad_request(f"can't use file of type {stored.kind.title()} as {kind.title()}")
        return {kind: self._photos[file_id] if kind == "photo" else self._document(stored)}

    def _add(self, content: bytes, kind: str, name: str, content_type: str) -> StoredFile:
        suffix = name.rpartition(".")[2]
        suffix = suffix if suffix.isalnum() else "bin"
        path = f"{kind}s/file_{len(self._by_id)}.{suffix}"
        stored = StoredFile(content, kind, name, content_type, path)
        self._by_id[stored.id] = self._by_path[path] = stored
        return stored

    @staticmethod
    def _document(stored: StoredFile) -> Json:
        return {"file_name": stored.name, "mime_type": stored.content_type, **stored.reference}


async def renditions(content: bytes, largest: int) -> list[Rendition]:
    """The sizes that Telegram makes of a photo, none with a side over `largest`; EXIF goes.

    Raises:
        ApiError: it is no image, or one that Telegram doesn't take as a photo.
    """
    return await asyncio.to_thread(_renditions, content, largest)


def _renditions(content: bytes, largest: int) -> list[Rendition]:
    try:
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
            if width + height > _MAX_SIDES_SUM or max(width, height) > _MAX_RATIO * min(width, height):
                raise bad_request("PHOTO_INVALID_DIMENSIONS")
            image.draft(
                "RGB", (largest, largest)
            )  # JPEGs far larger than that decode in a fraction of the time
            upright = _flattened(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise bad_request("PHOTO_INVALID_DIMENSIONS") from None
    except (OSError, ValueError, SyntaxError):  # what Pillow raises for broken files
        raise bad_request("IMAGE_PROCESS_FAILED") from None
    side = min(max(upright.size), largest)
    made = []
    for each in (side, *(small for small in reversed(_SIDES) if small < side)):
        upright.thumbnail((each, each), Image.Resampling.LANCZOS)
        made.append(_rendition(upright))
    return made[::-1]


def _flattened(image: Image.Image) -> Image.Image:
    """The image without transparency, which JPEG has not: Telegram puts white behind it."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        opaque = Image.new("RGBA", image.size, "white")
        opaque.alpha_composite(image.convert("RGBA"))
        return opaque.convert("RGB")
    return image.convert("RGB")


def _rendition(image: Image.Image) -> Rendition:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_JPEG_QUALITY)
    return Rendition(file.getvalue(), *image.size)


async def fetch(session: aiohttp.ClientSession, url: str, kind: str) -> Upload:
    """Downloads what a bot named by its address, as Telegram would.

    Raises:
        ApiError: it can't be had, is too large, or isn't what such a message holds.
    """
    limit = MAX_PHOTO_BY_URL if kind == "photo" else MAX_DOCUMENT_BY_URL
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(total=_FETCH_SECONDS)) as response:
            response.raise_for_status()
            content = await _at_most(response, limit)
            content_type = response.content_type
    except (aiohttp.ClientError, TimeoutError, ValueError):
        raise bad_request("failed to get HTTP URL content") from None
    if not (content_type.startswith("image/") if kind == "photo" else content_type in _DOCUMENTS_BY_URL):
        raise bad_request("wrong type of the web page content")
    parsed = parsed_url(url)
    return Upload((parsed.name if parsed else "") or "file", content, content_type)


async def _at_most(response: aiohttp.ClientResponse, limit: int) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        content += chunk
        if len(content) > limit:
            raise ValueError("too large")
    return bytes(content)
