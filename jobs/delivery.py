"""How messages leave for Telegram: within its limits, its answers sorted into never, later, and done."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import structlog
from aiogram import Bot
from aiogram.enums import ChatAction
from aiogram.exceptions import (
    AiogramError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramRetryAfter,
)
from aiogram.types import FSInputFile, InputMediaPhoto, Message, ReplyParameters

from bot.views import View
from jobs.worker import Again
from models.send_slot import push_slot, take_slot
from models.user import set_blocked

T = TypeVar("T")

log = structlog.get_logger(__name__)

# A wait this short is slept through; a longer one puts the job back.
PATIENCE = timedelta(seconds=2)


class Undeliverable(Exception):
    """Telegram will never take this message for this chat."""


class UnknownFile(Undeliverable):
    """Nor will it as long as the message has a file id that Telegram doesn't know (any more)."""


@dataclass(frozen=True)
class Parcel:
    """A message, or an album of up to ten photos; each is a file, or Telegram's id of one it has.

    With photos the text is the first one's caption. An album can't have buttons.
    """

    view: View | None
    photos: Sequence[Path | str] = ()
    reply_to: int | None = None


@dataclass(frozen=True)
class Delivery:
    """Each method but `slot` raises Again for what has to wait, and Undeliverable for what never will go.

    `seconds` is how long one request may take: less than a claim lasts.
    """

    bot: Bot
    seconds: int

    async def slot(self, chat_id: int, messages: int = 1) -> None:
        """Waits a moment for the right to send so many; a longer wait is the queue's (Again)."""
        while wait := await take_slot(chat_id, messages):
            if wait > PATIENCE:
                raise Again(wait, reason="slot")
            await asyncio.sleep(wait.total_seconds())

    async def send(self, chat_id: int, parcel: Parcel, *, silent: bool = False) -> list[Message]:
        """Answers the messages that it became: one, or one a photo of an album."""
        view = parcel.view
        reply = ReplyParameters(message_id=parcel.reply_to) if parcel.reply_to else None
        photos = [FSInputFile(photo) if isinstance(photo, Path) else photo for photo in parcel.photos]
        if len(photos) > 1:
            captions = [view.text if view else None, *(None for _ in photos[1:])]
            media = [
                InputMediaPhoto(media=photo, caption=caption)
                for photo, caption in zip(photos, captions, strict=True)
            ]
            album = self.bot.send_media_group(
                chat_id,
                list(media),
                reply_parameters=reply,
                disable_notification=silent,
                request_timeout=self.seconds,
            )
            return await self._sorted(chat_id, album)
        if photos:
            photo = self.bot.send_photo(
                chat_id,
                photos[0],
                caption=view.text if view else None,
                reply_markup=view.keyboard if view else None,
                reply_parameters=reply,
                disable_notification=silent,
                request_timeout=self.seconds,
            )
            return [await self._sorted(chat_id, photo)]
        text = self.bot.send_message(
            chat_id,
            view.text if view else "",
            reply_markup=view.keyboard if view else None,
            reply_parameters=reply,
            disable_notification=silent,
            request_timeout=self.seconds,
        )
        return [await self._sorted(chat_id, text)]

    async def edit(self, chat_id: int, message_id: int, view: View) -> None:
        await self._sorted(chat_id, self._edit(chat_id, message_id, view))

    async def delete(self, chat_id: int, message_id: int) -> None:
        await self._sorted(
            chat_id, self.bot.delete_message(chat_id, message_id, request_timeout=self.seconds)
        )

    async def show_activity(self, chat_id: int) -> None:
        """That photos are on their way: Telegram shows it for some 5 seconds. No message, so no slot."""
        action = self.bot.send_chat_action(chat_id, ChatAction.UPLOAD_PHOTO, request_timeout=self.seconds)
        await self._sorted(chat_id, action)

    async def _edit(self, chat_id: int, message_id: int, view: View) -> None:
        try:
            await self.bot.edit_message_text(
                view.text,
                chat_id=chat_id,
                message_id=message_id,
                reply_markup=view.keyboard,
                request_timeout=self.seconds,
            )
        except TelegramBadRequest as e:
            if "message is not modified" not in e.message:
                raise

    async def _sorted(self, chat_id: int, request: Awaitable[T]) -> T:
        try:
            return await request
        except TelegramRetryAfter as e:
            wait = timedelta(seconds=e.retry_after)
            await push_slot(chat_id, wait)
            raise Again(wait, reason="429") from e
        except TelegramForbiddenError as e:
            await set_blocked(chat_id, blocked=True)
            raise Undeliverable(e.message) from e
        except TelegramBadRequest as e:
            log.warning("message_refused", reason=e.message)
            kind = UnknownFile if "file identifier" in e.message.lower() else Undeliverable
            raise kind(e.message) from e
        except AiogramError as e:  # unreachable, unreadable, or the wrong token: never the message's fault
            log.warning("telegram_unavailable", error=type(e).__name__)
            raise Again(PATIENCE, reason=type(e).__name__) from e
