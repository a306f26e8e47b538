"""The jobs that speak to people: the living message of a training, and messages that must arrive."""

import asyncio
import uuid
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import structlog
from aiogram import Bot, html
from aiogram.exceptions import (
    AiogramError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramRetryAfter,
)
from aiogram.types import Message
from tortoise.expressions import Q

from bot.receipts import receipt
from bot.support import answer_message, request_message
from bot.views import BURST, View, draft_message, final_message, rest_of_burst, status_message
from config import Settings
from jobs.worker import Again
from models import payment, photo
from models.ledger import refund_of, settled_of
from models.notification import Notification, NotificationKind, NotificationStatus, tell_operators
from models.send_slot import push_slot, take_slot
from models.support import SupportRequest
from models.training import Training, seconds_left, usual_seconds
from models.user import LANGUAGES, User, set_blocked

T = TypeVar("T")

log = structlog.get_logger(__name__)

# A wait this short is slept through; a longer one puts the job back.
PATIENCE = timedelta(seconds=2)
PAYMENTS_SHOWN = 5  # beside a request for help


class Undeliverable(Exception):
    """Telegram will never take this message for this chat."""


@dataclass(frozen=True)
class MessageJobs:
    settings: Settings
    bot: Bot

    @property
    def _timeout(self) -> int:
        """Seconds for one request: less than a claim lasts."""
        return max(1, int(1.5 * self.settings.job_heartbeat_seconds))

    async def notify(self, subject: str, attempt: int) -> None:  # noqa: ARG002 — every job takes it
        """Sends a notification that hasn't been sent.

        It is marked before the request leaves. Found marked by a process that died before the answer, it
        counts as sent: it was on its way, and should it have got lost, the living message shows the same.
        """
        found = Notification.get_or_none(id=int(subject))
        note = await found.select_related("training__lora", "ledger__payment", "support__user")
        if note is None or note.status in {NotificationStatus.SENT, NotificationStatus.DROPPED}:
            return
        if note.status is NotificationStatus.SENDING:
            log.warning("notification_in_doubt", kind=note.kind)
            await self._close(note, NotificationStatus.SENT, error="in doubt")
            return
        view = await self._view(note)
        if view is None:
            await self._close(note, NotificationStatus.DROPPED, error="blocked")
            return
        await self._wait_for_slot(note.chat_id)
        claimed = await Notification.filter(id=note.id, status=NotificationStatus.QUEUED).update(
            status=NotificationStatus.SENDING
        )
        if claimed:
            await self._send_claimed(note, view)

    async def _send_claimed(self, note: Notification, view: View) -> None:
        try:
            message = await self._deliver(note.chat_id, self._send(note.chat_id, view))
        except Undeliverable as e:
            await self._close(note, NotificationStatus.DROPPED, error=str(e)[:255])
        except BaseException:
            # Telegram said no, or didn't say: it stays to be sent. Where the line broke after Telegram had
            # it, that means a second copy; dropping it could mean none at all.
            await asyncio.shield(Notification.filter(id=note.id).update(status=NotificationStatus.QUEUED))
            raise
        else:
            await self._close(note, NotificationStatus.SENT, message_id=message.message_id)

    async def _close(
        self,
        note: Notification,
        status: NotificationStatus,
        *,
        message_id: int | None = None,
        error: str | None = None,
    ) -> None:
        if error and note.kind is NotificationKind.SUPPORT_ANSWER:
            await self._tell_of_lost_answer(note, error)
        await Notification.filter(id=note.id).update(
            status=status, message_id=message_id, error=error, sent_at=datetime.now(UTC)
        )

    async def _tell_of_lost_answer(self, note: Notification, error: str) -> None:
        what = f"The answer to request {note.support_id}, for {note.chat_id},"
        text = f"{what} may never be read ({error})."
        await tell_operators(self.settings.admin_ids, text, f"lost:{note.id}")

    async def _view(self, note: Notification) -> View | None:
        """The message in the words of its reader, or None for one who has blocked the bot."""
        if note.kind is NotificationKind.OPERATOR:
            return View(html.quote(note.text or ""))
        if note.kind is NotificationKind.SUPPORT_REQUEST and note.support:
            return await self._request(note.chat_id, note.support)
        user = await User.get(id=note.chat_id)
        return None if user.blocked_at else await self._view_for(user, note)

    async def _request(self, operator_id: int, request: SupportRequest) -> View:
        """For an operator, who may never have written to us."""
        operator = await User.get_or_none(id=operator_id)
        payments = await payment.newest(request.user_id, PAYMENTS_SHOWN)
        return request_message(request, payments, operator.language if operator else LANGUAGES[0])

    async def _view_for(self, user: User, note: Notification) -> View | None:
        if note.ledger is not None:
            debt = await settled_of(note.ledger)
            return receipt(note.ledger, debt, user.language, self.settings.app_url)
        if note.support is not None:
            return answer_message(note.support, user.language)
        if note.training is None:
            return None
        refund = await refund_of(note.training.id)
        return final_message(
            note.training,
            user.language,
            self.settings.app_url,
            refund=refund,
            debt=await settled_of(refund) if refund else None,
        )

    async def status(self, subject: str, attempt: int) -> None:  # noqa: ARG002
        """Makes the living message show the training as it is now: sends it first, edits it ever after.

        Whoever claims the row edits, one at a time; who finds it claimed comes back, and finds the newest
        version shown or shows it. A claim of a process that died runs out.
        """
        training_id = uuid.UUID(subject)
        training = await Training.get_or_none(id=training_id).select_related("user")
        if training is None or training.user.blocked_at or training.status_version >= training.version:
            return
        now = datetime.now(UTC)
        free = Q(status_until=None) | Q(status_until__lt=now)
        lease = timedelta(seconds=2 * self.settings.job_heartbeat_seconds)
        if not await Training.filter(free, id=training_id).update(status_until=now + lease):
            raise Again(timedelta(seconds=0.3), reason="claimed")
        try:
            await self._show(await Training.get(id=training_id).select_related("user", "lora"))
        finally:
            await asyncio.shield(Training.filter(id=training_id).update(status_until=None))

    async def _show(self, training: Training) -> None:
        if training.status_version >= training.version:
            return
        if training.status_message_id is None and not training.is_active:
            return  # it ended before there was anything to show: the message at the end says it all
        await self._wait_for_slot(training.user_id)
        eta = seconds_left(training, await usual_seconds(training.base_model_id))
        view = status_message(training, training.user.language, self.settings.app_url, eta=eta)
        try:
            if training.status_message_id is None:
                message = await self._deliver(
                    training.user_id, self._send(training.user_id, view, silent=True)
                )
                training.status_message_id = message.message_id
            else:
                await self._deliver(training.user_id, self._edit(training, view))
        except Undeliverable as e:
            log.info("status_message_undeliverable", reason=str(e))
        await Training.filter(id=training.id).update(
            status_message_id=training.status_message_id, status_version=training.version
        )

    async def draft(self, subject: str, attempt: int) -> None:  # noqa: ARG002
        """Says what the draft holds now, once after a burst of photos."""
        user = await User.get_or_none(id=int(subject))
        if user is None or user.blocked_at:
            return
        photos = await photo.draft(user.id)
        if (wait := rest_of_burst(photos)) > timedelta(0):
            raise Again(wait)
        await self._wait_for_slot(user.id)
        view = draft_message(
            photos, user.language, self.settings.app_url, self.settings.photos_min, self.settings.photos_max
        )
        try:
            await self._deliver(user.id, self._send(user.id, view))
        except Undeliverable as e:
            log.info("draft_message_undeliverable", reason=str(e))
        if len(await photo.draft(user.id)) != len(photos):
            # One came while this was said: its own job was skipped, because this one was under way.
            raise Again(BURST)

    async def _send(self, chat_id: int, view: View, *, silent: bool = False) -> Message:
        return await self.bot.send_message(
            chat_id,
            view.text,
            reply_markup=view.keyboard,
            disable_notification=silent,
            request_timeout=self._timeout,
        )

    async def _edit(self, training: Training, view: View) -> None:
        try:
            await self.bot.edit_message_text(
                view.text,
                chat_id=training.user_id,
                message_id=training.status_message_id,
                reply_markup=view.keyboard,
                request_timeout=self._timeout,
            )
        except TelegramBadRequest as e:
            if "message is not modified" not in e.message:
                raise

    async def _deliver(self, chat_id: int, request: Awaitable[T]) -> T:
        """Awaits a request to Telegram, sorting what it may answer into never, later, and done."""
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
            raise Undeliverable(e.message) from e
        except AiogramError as e:  # unreachable, unreadable, or the wrong token: never the message's fault
            log.warning("telegram_unavailable", error=type(e).__name__)
            raise Again(PATIENCE, reason=type(e).__name__) from e

    async def _wait_for_slot(self, chat_id: int) -> None:
        """Waits a moment for the right to send; a longer wait is the queue's."""
        while wait := await take_slot(chat_id):
            if wait > PATIENCE:
                raise Again(wait, reason="slot")
            await asyncio.sleep(wait.total_seconds())
