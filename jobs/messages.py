"""The jobs that tell people things: messages that must arrive, and what a draft holds."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from aiogram.types import Message
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.transactions import in_transaction

from bot.views import BURST, draft_message, rest_of_burst
from config import Settings
from jobs.delivery import PATIENCE, Delivery, Parcel, Undeliverable, UnknownFile
from jobs.letters import Letter, letter_of
from jobs.worker import Again
from media.sheets import make_sheet
from media.storage import ObjectNotFound, Storage, StorageUnavailable
from models import photo
from models.generation import Origin
from models.notification import Notification, NotificationKind, NotificationStatus, notify, tell_operators
from models.picture import Picture
from models.queue import Job, enqueue
from models.user import User

log = structlog.get_logger(__name__)


@dataclass
class Packed:
    """A letter with its files at hand; `pictures` are those that its photos are of, one each."""

    parcel: Parcel
    pictures: Sequence[Picture] = field(default=())


@dataclass(frozen=True)
class MessageJobs:
    settings: Settings
    delivery: Delivery
    storage: Storage

    async def notify(self, subject: str, attempt: int) -> None:  # noqa: ARG002 — every job takes it
        """Sends a notification that hasn't been sent.

        It is marked before the request leaves. Found marked by a process that died before the answer, it
        counts as sent: it was on its way, and should it have got lost, the app shows the same.
        """
        found = Notification.get_or_none(id=int(subject))
        note = await found.select_related("training__lora", "ledger__payment", "support__user", "generation")
        if note is None or note.status in {NotificationStatus.SENT, NotificationStatus.DROPPED}:
            return
        if note.status is NotificationStatus.SENDING:
            log.warning("notification_in_doubt", kind=note.kind)
            await self._close(note, NotificationStatus.SENT, error="in doubt")
            return
        letter = await letter_of(note, self.settings.app_url)
        if letter is None:
            blocked = await User.exists(id=note.chat_id, blocked_at__isnull=False)
            error = "blocked" if blocked else "nothing to send"
            await self._close(note, NotificationStatus.DROPPED, error=error)
            return
        await self.delivery.slot(note.chat_id, letter.messages)
        async with self._packed(letter) as packed:
            if packed is None:
                await self._close(note, NotificationStatus.DROPPED, error="its files are gone")
                return
            claimed = await Notification.filter(id=note.id, status=NotificationStatus.QUEUED).update(
                status=NotificationStatus.SENDING
            )
            if claimed:
                await self._send_claimed(note, packed)

    async def _send_claimed(self, note: Notification, packed: Packed) -> None:
        try:
            sent = await self.delivery.send(note.chat_id, packed.parcel)
        except UnknownFile as e:
            known = [picture.id for picture in packed.pictures if picture.file_id]
            if not await Picture.filter(id__in=known).update(file_id=None):
                await self._close(note, NotificationStatus.DROPPED, error=str(e)[:255])
                return
            await Notification.filter(id=note.id).update(status=NotificationStatus.QUEUED)
            raise Again(timedelta(0), reason="file id") from e
        except Undeliverable as e:
            refused = not await User.exists(id=note.chat_id, blocked_at__isnull=False)
            await self._close(note, NotificationStatus.DROPPED, error=str(e)[:255], refused=refused)
        except BaseException:
            # Telegram said no, or didn't say: it stays to be sent. Where the line broke after Telegram had
            # it, that means a second copy; dropping it could mean none at all.
            await asyncio.shield(Notification.filter(id=note.id).update(status=NotificationStatus.QUEUED))
            raise
        else:
            await self._close(note, NotificationStatus.SENT, sent=sent, pictures=packed.pictures)

    async def _close(
        self,
        note: Notification,
        status: NotificationStatus,
        *,
        sent: Sequence[Message] = (),
        pictures: Sequence[Picture] = (),
        error: str | None = None,
        refused: bool = False,
    ) -> None:
        """What follows from its end is in the same transaction."""
        if error and note.kind is NotificationKind.SUPPORT_ANSWER:
            await self._tell_of_lost_answer(note, error)
        async with in_transaction() as tx:
            await (
                Notification.filter(id=note.id)
                .using_db(tx)
                .update(
                    status=status,
                    message_id=sent[0].message_id if sent else None,
                    error=error,
                    sent_at=datetime.now(UTC),
                )
            )
            for picture, message in zip(pictures, sent, strict=False):
                if message.photo:
                    newest = Picture.filter(id=picture.id).using_db(tx)
                    await newest.update(file_id=message.photo[-1].file_id)
            await _follow(tx, note, status, refused=refused)

    async def _tell_of_lost_answer(self, note: Notification, error: str) -> None:
        what = f"The answer to request {note.support_id}, for {note.chat_id},"
        text = f"{what} may never be read ({error})."
        await tell_operators(self.settings.admin_ids, text, f"lost:{note.id}")

    @asynccontextmanager
    async def _packed(self, letter: Letter) -> AsyncIterator[Packed | None]:
        """The letter with its files, while the context lasts; None where the files are gone.

        Raises:
            Again: the storage doesn't answer.
        """
        if not letter.pictures:
            yield Packed(Parcel(letter.view, reply_to=letter.reply_to))
            return
        files: list[tuple[Picture, Path | str]] = []
        made: list[Path] = []
        try:
            for picture in letter.pictures:
                known = None if letter.on_a_sheet else picture.file_id
                if file := known or await self._fetched(picture, made):
                    files.append((picture, file))
            if letter.on_a_sheet:
                sheet = await self._on_a_sheet([path for _, path in files if isinstance(path, Path)], made)
                yield Packed(Parcel(letter.view, [sheet] if sheet else []))
            elif files:
                parcel = Parcel(letter.view, [file for _, file in files], letter.reply_to)
                yield Packed(parcel, [picture for picture, _ in files])
            else:
                yield None
        finally:
            for path in made:
                path.unlink(missing_ok=True)

    async def _fetched(self, picture: Picture, made: list[Path]) -> Path | None:
        path = self._temporary(made)
        try:
            await self.storage.get(picture.storage_key, path)
        except ObjectNotFound:
            log.warning("picture_file_missing", picture_id=str(picture.id))
            return None
        except StorageUnavailable as e:
            raise Again(PATIENCE, reason="storage") from e
        return path

    async def _on_a_sheet(self, sources: Sequence[Path], made: list[Path]) -> Path | None:
        """None where they can't be shown: the words arrive all the same."""
        if not sources:
            return None
        path = self._temporary(made)
        try:
            await asyncio.to_thread(make_sheet, sources, path)
        except OSError as e:
            log.warning("sheet_not_made", error=type(e).__name__)
            return None
        return path

    def _temporary(self, made: list[Path]) -> Path:
        self.settings.temporary_dir.mkdir(parents=True, exist_ok=True)
        path = self.settings.temporary_dir / f"{uuid.uuid4()}.jpg"
        made.append(path)
        return path

    async def draft(self, subject: str, attempt: int) -> None:  # noqa: ARG002
        """Says what the draft holds now, once after a burst of photos."""
        user = await User.get_or_none(id=int(subject))
        if user is None or user.blocked_at:
            return
        photos = await photo.draft(user.id)
        if (wait := rest_of_burst(photos)) > timedelta(0):
            raise Again(wait)
        await self.delivery.slot(user.id)
        view = draft_message(
            photos, user.language, self.settings.app_url, self.settings.photos_min, self.settings.photos_max
        )
        try:
            await self.delivery.send(user.id, Parcel(view))
        except Undeliverable as e:
            log.info("draft_message_undeliverable", reason=str(e))
        if len(await photo.draft(user.id)) != len(photos):
            # One came while this was said: its own job was skipped, because this one was under way.
            raise Again(BURST)


async def _follow(
    tx: BaseDBAsyncClient, note: Notification, status: NotificationStatus, *, refused: bool
) -> None:
    """An album is followed by its buttons, and whatever ends a generation takes its living message away.

    They follow one that Telegram has `refused`, too: nobody waits in vain.
    """
    generation = note.generation
    if generation is None or note.kind is NotificationKind.PICTURES_BUTTONS or note.picture_id:
        return
    if note.kind is NotificationKind.PICTURES and (status is NotificationStatus.SENT or refused):
        await notify(
            tx,
            note.chat_id,
            NotificationKind.PICTURES_BUTTONS,
            f"buttons:{note.id}",
            generation_id=generation.id,
        )
    if generation.origin is Origin.CHAT:
        await enqueue(tx, Job("generation_status", str(generation.id), dedupe=False))
