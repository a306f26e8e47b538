"""The jobs that bring a training to fal and back."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from fal.client import Status
from fal.progress import progress
from fal.trainers import TRAINERS, TrainingOrder
from jobs.runs import RunJobs
from models import training as trainings
from models.training import Training, TrainStatus, move

# Where no log line shows progress, time is all there is to go by; it must not promise too much.
CLOCK_PERCENT = 80


@dataclass(frozen=True)
class TrainingJobs(RunJobs[Training]):
    model: ClassVar[type[Training]] = Training

    def endpoint(self, run: Training) -> str:
        return TRAINERS[run.base_model_id].endpoint

    async def arguments(self, run: Training) -> dict[str, Any]:
        return TRAINERS[run.base_model_id].arguments(
            TrainingOrder(
                images_data_url=run.image_urls[0],
                trigger_word=run.instance_prompt,
                steps=run.steps,
                is_style=run.is_style,
                create_masks=run.create_masks,
            )
        )

    def adopt_seconds(self) -> float:
        return self.settings.fal_adopt_seconds

    def files_last(self) -> timedelta | None:
        """Long enough to mend a copy of the weights that failed; for ever, where none can be used."""
        if not self.settings.keep_weights or not self.settings.public_url:
            return None
        return 5 * timedelta(days=self.settings.fal_link_days)

    async def end_overdue(self, run: Training) -> bool:
        if datetime.now(UTC) - run.started_at <= timedelta(hours=self.settings.training_max_hours):
            return False
        sentence = f"The training did not end within {self.settings.training_max_hours:g} hours."
        await move(run.id, TrainStatus.FAILED, error_code="timed_out", error=sentence)
        return True

    async def submitted(self, run_id: uuid.UUID, request_id: str) -> bool:
        return await move(run_id, TrainStatus.PENDING, request_id=request_id) is not None

    async def follow(self, run: Training, status: Status) -> None:
        if status.state == "queued":
            await move(run.id, TrainStatus.PENDING, queue_position=status.queue_position)
            return
        seen = progress(status.logs)
        if seen is None or (seen.total is not None and seen.total != run.steps):
            # Nothing yet, or the bar of a download, which says nothing of the training's steps.
            await move(run.id, TrainStatus.TRAINING, progress=await self._by_the_clock(run))
        else:
            await move(run.id, TrainStatus.TRAINING, progress=seen.percent, step=seen.step)

    async def _by_the_clock(self, training: Training) -> int:
        """Percent of the usual time that has gone by; well below what a bar may say later."""
        if training.running_at is None:
            return 0
        usual = await trainings.usual_seconds(training.base_model_id)
        elapsed = (datetime.now(UTC) - training.running_at).total_seconds()
        return min(CLOCK_PERCENT, int(elapsed * CLOCK_PERCENT / (usual * training.steps / 1000)))
