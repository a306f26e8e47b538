"""The jobs that bring a training to fal and back."""

import uuid
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
from models.settlement import settle
from models.training import Training, TrainStatus, move

log = structlog.get_logger(__name__)

OPERATOR_WAIT = timedelta(minutes=1)
# fal may still know better: a result that can't be fetched so often is given up.
RESULT_ATTEMPTS = 8


@dataclass(frozen=True)
class TrainingJobs:
    settings: Settings
    fal: Fal

    async def submit(self, subject: str, attempt: int) -> None:
        """Gives the training to fal, unless that may have happened before: then it looks for the request."""
        training = await trainings.claim_submit(uuid.UUID(subject))
        if training is None:
            try:
                await self._look_for_request(uuid.UUID(subject), attempt)
            except FalError as e:
                raise await self._later(e, attempt) from e
            return
        trainer = TRAINERS[training.base_model_id]
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
            await trainings.release_submit(training.id)
            raise await self._later(e, attempt) from e
        else:
            await self._submitted(training, request_id)

    async def _submitted(self, training: Training, request_id: str) -> None:
        if await move(training.id, TrainStatus.PENDING, request_id=request_id):
            return
        now = await Training.get_or_none(id=training.id)
        if now is None or not now.is_active or now.request_id != request_id:
            # Cancelled while it was on its way, or a webhook named another: nobody waits for this one.
            await self.fal.cancel(TRAINERS[training.base_model_id].endpoint, request_id)

    async def _look_for_request(self, training_id: uuid.UUID, attempt: int) -> None:
        """The submit's answer never came: finds the request in fal's own list of ended ones.

        One that still runs isn't listed, but its webhook will name our training. Only when neither has shown
        up by the deadline is the training submitted once more.
        """
        training = await Training.get_or_none(id=training_id)
        if training is None or not training.is_active or training.request_id or not training.submitted_at:
            return
        trainer = TRAINERS[training.base_model_id]
        async for ended in self.fal.ended_requests(
            trainer.endpoint, since=training.submitted_at - timedelta(minutes=1)
        ):
            ours = (ended.input or {}).get(trainer.archive_field) == training.image_urls[0]
            if ours and not await Training.exists(request_id=ended.request_id):
                log.info("request_adopted", request_id=ended.request_id)
                await move(training_id, TrainStatus.PENDING, request_id=ended.request_id)
                return
        waited = datetime.now(UTC) - training.submitted_at
        if waited.total_seconds() > self.settings.fal_adopt_seconds:
            log.warning("submit_given_up", seconds=round(waited.total_seconds()))
            await trainings.release_submit(training_id)
            raise Again(timedelta(0))
        raise Again(self._interval(attempt))

    async def watch(self, subject: str, attempt: int) -> None:
        """Asks fal how the run is, and asks again until it has ended."""
        training = await Training.get_or_none(id=uuid.UUID(subject))
        if training is None or not training.is_active or training.request_id is None:
            return
        if datetime.now(UTC) - training.started_at > timedelta(hours=self.settings.training_max_hours):
            sentence = f"The training did not end within {self.settings.training_max_hours:g} hours."
            await move(training.id, TrainStatus.FAILED, error_code="timed_out", error=sentence)
            return
        try:
            status = await self.fal.status(TRAINERS[training.base_model_id].endpoint, training.request_id)
        except Rejected as e:
            log.warning("run_unknown_at_fal", code=e.code)
            await settle(training, Rejected("fal doesn't know the run.", code="result_expired"))
            return
        except FalError as e:
            raise await self._later(e, attempt) from e
        match status.state:
            case "completed" if status.error:
                await settle(training, status.error)
                return
            case "completed":
                await self.settle(subject, attempt=0)
                return
            case "queued":
                await move(training.id, TrainStatus.PENDING, queue_position=status.queue_position)
            case "running":
                await self._running(training, status.logs)
        raise Again(self._interval(attempt))

    async def _running(self, training: Training, logs: tuple[str, ...]) -> None:
        seen = progress(logs)
        if seen is None or (seen.total is not None and seen.total != training.steps):
            # Nothing yet, or the bar of a download: it says nothing of the training's steps.
            await move(training.id, TrainStatus.TRAINING)
        else:
            await move(training.id, TrainStatus.TRAINING, progress=seen.percent, step=seen.step)

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
        training = await Training.get(id=uuid.UUID(training_id))
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
