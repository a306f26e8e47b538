"""The living messages: one a run in chat, that shows how it is going."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum

import structlog
from tortoise.expressions import Q

from bot.pictures import progress_message, served_message
from bot.views import View, status_message
from config import Settings
from jobs.delivery import Delivery, Parcel, Undeliverable
from jobs.worker import Again
from models.generation import Generation
from models.notification import Notification, NotificationStatus
from models.queue import Job, put
from models.run import Run
from models.training import Training, seconds_left, usual_seconds
from models.turns import position

log = structlog.get_logger(__name__)

# Mostly the turn comes at once, and then there is nothing to say of waiting.
TURN_COMES = 0.3  # seconds
ACTION_INTERVAL = timedelta(seconds=4.5)
PLACE_INTERVAL = 5  # seconds; longer by half a second a place


class Face(IntEnum):
    """What the living message of a generation shows: its `status_version`."""

    WAITING = 0
    MAKING = 1
    GONE = 2


@dataclass(frozen=True)
class StatusJobs:
    settings: Settings
    delivery: Delivery

    async def training(self, subject: str, attempt: int) -> None:  # noqa: ARG002 — every job takes it
        """Makes the living message show the training as it is now: sends it first, edits it ever after."""
        training_id = uuid.UUID(subject)
        training = await Training.get_or_none(id=training_id).select_related("user")
        if training is None or training.user.blocked_at or training.status_version >= training.version:
            return
        async with self._claimed(Training, training_id):
            await self._show_training(await Training.get(id=training_id).select_related("user", "lora"))

    async def _show_training(self, training: Training) -> None:
        if training.status_version >= training.version:
            return
        if training.status_message_id is None and not training.is_active:
            return  # it ended before there was anything to show: the message at the end says it all
        await self.delivery.slot(training.user_id)
        eta = seconds_left(training, await usual_seconds(training.base_model_id))
        view = status_message(training, training.user.language, self.settings.app_url, eta=eta)
        await self._show(training, view, training.version)

    async def generation(self, subject: str, attempt: int) -> None:  # noqa: ARG002
        """Does the same for a generation, and takes its message away once its pictures are in the chat."""
        generation_id = uuid.UUID(subject)
        if (generation := await self._news_of(generation_id)) is None:
            return
        if generation.waits_for_turn and generation.status_message_id is None:
            await asyncio.sleep(TURN_COMES)
        async with self._claimed(Generation, generation_id):
            if (generation := await self._news_of(generation_id)) is None:
                return
            if not generation.is_active:
                await self._take_away(generation)
            elif await self._show_generation(generation) is Face.MAKING:
                await self._show_activity(generation)
                await put(Job("accompany", subject, delay=ACTION_INTERVAL))
            else:
                await put(Job("accompany", subject, delay=timedelta(seconds=PLACE_INTERVAL)))

    async def _news_of(self, generation_id: uuid.UUID) -> Generation | None:
        """The generation, where its message should show something else than it does."""
        generation = await Generation.get_or_none(id=generation_id).select_related("user")
        if generation is None or generation.user.blocked_at or generation.status_version >= _face(generation):
            return None
        if generation.is_active:
            return generation
        told = generation.status_message_id is not None and await _is_told(generation_id)
        return generation if told else None

    async def _show_generation(self, generation: Generation) -> Face:
        await self.delivery.slot(generation.user_id)
        place = await position(generation.id)
        face = Face.MAKING if place is None else Face.WAITING
        await self._show(generation, progress_message(generation, generation.user.language, place), face)
        return face

    async def _take_away(self, generation: Generation) -> None:
        message_id = generation.status_message_id or 0
        try:
            await self.delivery.delete(generation.user_id, message_id)
        except Undeliverable:  # too old to be deleted, or gone already
            await self.delivery.slot(generation.user_id)
            await self._show(generation, served_message(generation.user.language), Face.GONE)
        else:
            await Generation.filter(id=generation.id).update(status_version=Face.GONE)

    async def accompany(self, subject: str, attempt: int) -> None:
        """While a generation lasts: keeps its place up to date, and shows that photos are on their way."""
        generation = await self._active(subject)
        if generation is None:
            # It may have ended, and have been told, while its message was on its way.
            await self.generation(subject, attempt)
            return
        if (place := await position(generation.id)) is None:
            await self._show_activity(generation)
            raise Again(ACTION_INTERVAL)
        async with self._claimed(Generation, generation.id):
            if generation := await self._active(subject):
                await self._show_generation(generation)
        raise Again(timedelta(seconds=max(PLACE_INTERVAL, place / 2)))

    async def _active(self, subject: str) -> Generation | None:
        generation = await Generation.get_or_none(id=uuid.UUID(subject)).select_related("user")
        return (
            None
            if generation is None or generation.user.blocked_at or not generation.is_active
            else generation
        )

    async def _show_activity(self, generation: Generation) -> None:
        try:
            await self.delivery.show_activity(generation.user_id)
        except Undeliverable as e:
            log.info("activity_not_shown", reason=str(e))

    @asynccontextmanager
    async def _claimed(self, kind: type[Run], run_id: uuid.UUID) -> AsyncIterator[None]:
        """Whoever claims the row edits, one at a time.

        Who finds it claimed comes back, and finds the newest version shown or shows it. A claim of a process
        that died runs out.
        """
        now = datetime.now(UTC)
        free = Q(status_until=None) | Q(status_until__lt=now)
        lease = timedelta(seconds=2 * self.settings.job_heartbeat_seconds)
        if not await kind.filter(free, id=run_id).update(status_until=now + lease):
            raise Again(timedelta(seconds=0.3), reason="claimed")
        try:
            yield
        finally:
            await asyncio.shield(kind.filter(id=run_id).update(status_until=None))

    async def _show(self, run: Training | Generation, view: View, version: int) -> None:
        """Sends the message, or edits it, and remembers what it shows."""
        try:
            if run.status_message_id is None:
                [message] = await self.delivery.send(run.user_id, Parcel(view), silent=True)
                run.status_message_id = message.message_id
            else:
                await self.delivery.edit(run.user_id, run.status_message_id, view)
        except Undeliverable as e:
            log.info("status_message_undeliverable", reason=str(e))
        await (
            type(run)
            .filter(id=run.id)
            .update(status_message_id=run.status_message_id, status_version=version)
        )


def _face(generation: Generation) -> Face:
    if not generation.is_active:
        return Face.GONE
    return Face.WAITING if generation.waits_for_turn else Face.MAKING


async def _is_told(generation_id: uuid.UUID) -> bool:
    """Whether its pictures are in the chat, or why there are none."""
    closed = (NotificationStatus.SENT, NotificationStatus.DROPPED)
    keys = (f"pictures:{generation_id}", f"end:{generation_id}")
    return await Notification.exists(generation_id=generation_id, dedupe_key__in=keys, status__in=closed)
