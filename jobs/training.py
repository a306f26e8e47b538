"""The jobs that bring a training to fal and back."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from config import Settings
from fal import Fal
from fal.errors import Ambiguous, FalError, OperatorProblem, Rejected, Unavailable
from fal.progress import progress
from fal.trainers import TRAINERS, Trainer, TrainingOrder
from jobs.worker import Again
from models import training as trainings
from models.notification import tell_operators
from models.queue import Job, put
from models.settlement import settle
from models.training import Training, TrainStatus, move

log = structlog.get_logger(__name__)

OPERATOR_WAIT = timedelta(minutes=1)
# fal may still know better: a result that can't be fetched so often is given up.
RESULT_ATTEMPTS = 8
# A run that fal has only just taken may not be known everywhere yet.
FORGOTTEN_AFTER = timedelta(seconds=30)
# Where no log line shows progress, time is all there is to go by; it must not promise too much.
CLOCK_PERCENT = 80
INSIST_TIMES = 60  # with a second between


@dataclass(frozen=True)
class TrainingJobs:
    settings: Settings
    fal: Fal

    async def submit(self, subject: str, attempt: int) -> None:
        """Gives the training to fal, unless that may have happened before: then it looks for the request."""
        training = await Training.get_or_none(id=uuid.UUID(subject))
        if training is None or not training.is_active or training.request_id or await self._overdue(training):
            return
        if training.submitted_at:
            try:
                await self._look_for_request(training, training.submitted_at, attempt)
            except FalError as e:
                raise await self._later(e, attempt) from e
            return
        trainer = TRAINERS[training.base_model_id]
        at = datetime.now(UTC)
        try:
            claimed = await trainings.claim_submit(training.id, at)
        except Exception:
            # It may have been written all the same, and would look like a submit whose answer got lost.
            await insist(lambda: trainings.release_submit(training.id, at))
            raise
        if not claimed:
            return
        try:
            request_id = await self.fal.submit(
                trainer.endpoint, arguments(trainer, training), webhook_url=self._webhook_url(training)
            )
        except Ambiguous as e:
            log.warning("submit_ambiguous", code=e.code)
            raise Again(timedelta(seconds=self.settings.fal_poll_seconds)) from e
        except Rejected as e:
            await settle(training, e)
        except (Unavailable, OperatorProblem) as e:
            await insist(lambda: trainings.release_submit(training.id, at))
            raise await self._later(e, attempt) from e
        else:
            await insist(lambda: self._submitted(training, request_id))

    async def _submitted(self, training: Training, request_id: str) -> None:
        if await move(training.id, TrainStatus.PENDING, request_id=request_id):
            return
        now = await Training.get_or_none(id=training.id)
        if now is None or not now.is_active or now.request_id != request_id:
            # Cancelled while it was on its way, or a webhook named another: nobody waits for this one.
            await put(Job("cancel", f"{training.id}/{request_id}"))

    async def _look_for_request(self, training: Training, submitted_at: datetime, attempt: int) -> None:
        """The submit's answer never came: finds the request in fal's own list of ended ones.

        One that still runs isn't listed, but its webhook will name our training. Only when neither has shown
        up by the deadline is the training submitted once more; a second time, it is given up.
        """
        trainer = TRAINERS[training.base_model_id]
        asked = arguments(trainer, training)
        async for ended in self.fal.ended_requests(
            trainer.endpoint, since=submitted_at - timedelta(minutes=1)
        ):
            ours = asked.items() <= (ended.input or {}).items()
            if ours and not await Training.exists(request_id=ended.request_id):
                log.info("request_adopted", request_id=ended.request_id)
                await move(training.id, TrainStatus.PENDING, request_id=ended.request_id)
                return
        waited = datetime.now(UTC) - submitted_at
        if waited.total_seconds() > self.settings.fal_adopt_seconds:
            log.warning("submit_not_found", before=training.submits_in_doubt)
            if training.submits_in_doubt:
                await tell_operators(
                    self.settings.admin_ids, "fal.ai: two submits of a training got lost; it is given up."
                )
                await settle(training, Unavailable("Two submits got lost.", code="no_answer"))
                return
            await trainings.release_submit(training.id, submitted_at, in_doubt=True)
            raise Again(timedelta(0))
        raise Again(self._interval(attempt))

    async def watch(self, subject: str, attempt: int) -> None:
        """Asks fal how the run is, and asks again until it has ended."""
        training = await Training.get_or_none(id=uuid.UUID(subject))
        if training is None or not training.is_active or training.request_id is None:
            return
        if await self._overdue(training):
            return
        try:
            status = await self.fal.status(TRAINERS[training.base_model_id].endpoint, training.request_id)
        except FalError as e:
            if _forgotten(e, training):
                await put(Job("settle", subject))  # which asks once more, for the result
                return
            raise await self._later(e, attempt) from e
        match status.state:
            case "completed" if status.error:
                await settle(training, status.error)
                return
            case "completed":
                await put(Job("settle", subject))
                return
            case "queued":
                await move(training.id, TrainStatus.PENDING, queue_position=status.queue_position)
            case "running":
                await self._running(training, status.logs)
        raise Again(self._interval(attempt))

    async def _running(self, training: Training, logs: tuple[str, ...]) -> None:
        seen = progress(logs)
        if seen is None or (seen.total is not None and seen.total != training.steps):
            # Nothing yet, or the bar of a download, which says nothing of the training's steps.
            await move(training.id, TrainStatus.TRAINING, progress=await self._by_the_clock(training))
        else:
            await move(training.id, TrainStatus.TRAINING, progress=seen.percent, step=seen.step)

    async def _by_the_clock(self, training: Training) -> int:
        """Percent of the usual time that has gone by; well below what a bar may say later."""
        if training.running_at is None:
            return 0
        usual = await trainings.usual_seconds(training.base_model_id)
        elapsed = (datetime.now(UTC) - training.running_at).total_seconds()
        return min(CLOCK_PERCENT, int(elapsed * CLOCK_PERCENT / (usual * training.steps / 1000)))

    async def _overdue(self, training: Training) -> bool:
        """Ends a training that has been going on for too long, and says so."""
        if datetime.now(UTC) - training.started_at <= timedelta(hours=self.settings.training_max_hours):
            return False
        sentence = f"The training did not end within {self.settings.training_max_hours:g} hours."
        await move(training.id, TrainStatus.FAILED, error_code="timed_out", error=sentence)
        return True

    async def settle(self, subject: str, attempt: int) -> None:
        """Fetches the result of a run that has ended, and ends the training by it."""
        training = await Training.get_or_none(id=uuid.UUID(subject))
        if training is None or not training.is_active or training.request_id is None:
            return
        trainer = TRAINERS[training.base_model_id]
        try:
            output = await self.fal.result(trainer.endpoint, training.request_id)
        except Rejected as e:
            await settle(training, e)
        except Unavailable as e:
            # fal replays a failed run's own 5xx for ever; a fault of the line passes.
            if attempt < RESULT_ATTEMPTS:
                raise Again(self._interval(attempt)) from e
            await settle(training, e)
        except OperatorProblem as e:
            raise await self._later(e, attempt) from e
        else:
            await settle(training, output)

    async def cancel(self, subject: str, attempt: int) -> None:
        training_id, _, request_id = subject.partition("/")
        training = await Training.get_or_none(id=uuid.UUID(training_id))
        if training is None:
            return
        try:
            await self.fal.cancel(TRAINERS[training.base_model_id].endpoint, request_id)
        except Rejected as e:
            log.warning("cancel_refused", code=e.code)
        except FalError as e:
            raise await self._later(e, attempt) from e

    async def _later(self, error: FalError, attempt: int) -> Again:
        """When to try again after `error`; operators hear of what only they can mend."""
        if isinstance(error, OperatorProblem):
            log.error("fal_needs_the_operator", code=error.code)
            await tell_operators(self.settings.admin_ids, f"fal.ai: {error.detail} ({error.code})")
            return Again(OPERATOR_WAIT)
        if isinstance(error, Unavailable) and error.retry_after is not None:
            return Again(timedelta(seconds=min(error.retry_after, 300)))
        return Again(self._interval(attempt))

    def _interval(self, attempt: int) -> timedelta:
        first, most = self.settings.fal_poll_seconds, self.settings.fal_poll_max_seconds
        return timedelta(seconds=min(most, first * 1.5 ** min(attempt, 20)))

    def _webhook_url(self, training: Training) -> str | None:
        base = self.settings.public_url
        return f"{base}{self.settings.fal_webhook(training.id)}" if base else None


async def insist(action: Callable[[], Awaitable[None]]) -> None:
    """Does what only this process knows, and what would be lost with it: tries until Postgres takes it."""
    for _ in range(INSIST_TIMES):
        try:
            return await action()
        except Exception as e:  # noqa: BLE001 — mostly Postgres, away for a moment
            log.warning("database_insisted", error=type(e).__name__)
            await asyncio.sleep(1)
    return await action()


def _forgotten(error: FalError, training: Training) -> bool:
    """Whether fal says that there is no such run, some time after it took it."""
    age = datetime.now(UTC) - (training.submitted_at or training.started_at)
    return isinstance(error, Rejected) and error.code == "not_found" and age > FORGOTTEN_AFTER


def arguments(trainer: Trainer, training: Training) -> dict[str, object]:
    """What fal is asked for, in the endpoint's own words."""
    return trainer.arguments(
        TrainingOrder(
            images_data_url=training.image_urls[0],
            trigger_word=training.instance_prompt,
            steps=training.steps,
            is_style=training.is_style,
            create_masks=training.create_masks,
        )
    )
