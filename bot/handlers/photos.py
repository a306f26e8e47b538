"""Photos sent in chat: into the same draft that the Mini App shows."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import aiohttp
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import Document, Message, PhotoSize
from tortoise.transactions import in_transaction

from bot.middlewares import Sender
from bot.views import BURST
from models.errors import LimitReached, PhotoRefused
from models.photo import Drafts
from models.queue import Job, enqueue

LARGEST_FILE = 20 * 1024**2  # bytes that a bot may fetch: https://core.telegram.org/bots/api#getfile
LONGEST_CAPTION = 1000  # as in the Mini App
EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif")


class DownloadFailed(Exception):
    """The line or Telegram's file server failed. Names no address, which would have the token in it."""


@dataclass(frozen=True)
class Downloads:
    """Fetches files of people's messages, a few at a time, into `folder`."""

    folder: Path
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))

    @asynccontextmanager
    async def fetched(self, bot: Bot, sent: PhotoSize | Document) -> AsyncIterator[Path]:
        """The file, while the context lasts.

        Raises:
            PhotoRefused: it is larger than Telegram lets bots fetch.
            DownloadFailed: it could not be fetched this time.
        """
        path = self.folder / f"{uuid.uuid4()}.photo"
        async with self.slots:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                await _download(bot, sent, path)
                yield path
            finally:
                path.unlink(missing_ok=True)


async def _download(bot: Bot, sent: PhotoSize | Document, path: Path) -> None:
    too_large = PhotoRefused(
        "This file is too large for the chat: bots can fetch 20 MB at most.",
        code="too_large_for_chat",
        limit_mb=LARGEST_FILE // 1024**2,
    )
    if (sent.file_size or 0) > LARGEST_FILE:
        raise too_large
    try:
        await bot.download(sent, destination=path)
    except TelegramBadRequest as e:
        if "file is too big" in e.message:
            raise too_large from None
        raise
    except (aiohttp.ClientError, TimeoutError) as e:
        raise DownloadFailed(type(e).__name__) from None


def is_image_document(message: Message) -> bool:
    """Phones send HEIC, and careful people everything, as a file; some clients without its type."""
    document = message.document
    if document is None or message.animation:
        return False
    name = (document.file_name or "").lower()
    return (document.mime_type or "").startswith("image/") or name.endswith(EXTENSIONS)


async def take(
    message: Message, *, sender: Sender, bot: Bot, drafts: Drafts, downloads: Downloads, attempt: int
) -> None:
    """Takes the photo into the draft. A refusal is answered at once; what was kept, once after the album."""
    began = time.monotonic()
    sent = message.document or (message.photo or [])[-1]
    name = message.document.file_name if message.document else None
    try:
        async with downloads.fetched(bot, sent) as path:
            await drafts.take(
                sender.id,
                path,
                file_name=name or f"photo-{message.message_id}.jpg",
                caption=(message.caption or "")[:LONGEST_CAPTION],
                origin="chat",
            )
    except LimitReached:
        pass  # the summary says that the draft is full: once, not for every photo too many
    except PhotoRefused as e:
        if attempt == 1 or e.code != "duplicate":
            raise
        # An earlier attempt at this update took it, and failed afterwards.
    await _summarise(sender.id, timedelta(seconds=time.monotonic() - began))


async def _summarise(user_id: int, taken: timedelta) -> None:
    """Soon: the next photo of an album is delivered only now, and takes about as long as this one did."""
    async with in_transaction() as tx:
        await enqueue(tx, Job("draft", str(user_id), delay=BURST + taken))
