"""The jobs that bring a generation to fal, and its pictures into our storage."""

import asyncio
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import structlog

from fal.client import Status
from fal.errors import FalError, Rejected
from fal.pictures import MadePicture, PictureOrder
from fal.trainers import TRAINERS
from jobs.runs import RESULT_ATTEMPTS, RunJobs
from media.images import ImageLimits, Refused
from media.pool import ImagePool
from media.storage import Storage
from models import generation as generations
from models.generation import UNSAFE, Generation
from models.lora import LoraModel, usable_from_here
from models.picture import NewPicture, Picture, picture_id, picture_key
from models.queue import Job, put
from models.turns import Turns
from models.wish import with_triggers
from web import weights

log = structlog.get_logger(__name__)

FILES_LAST = timedelta(days=1)  # we fetch them at once
LARGEST_PICTURE = 30 * 1024**2  # bytes; a megapixel of JPEG has less than one
# A tile of the gallery has some 130 CSS pixels, three of the screen's to each.
_LIMITS = ImageLimits(max_bytes=LARGEST_PICTURE, min_side=16, thumbnail_side=384, thumbnail_bytes=40 * 1024)


@dataclass(frozen=True)
class GenerationJobs(RunJobs[Generation]):
    pool: ImagePool
    storage: Storage
    turns: Turns

    model: ClassVar[type[Generation]] = Generation

    async def take_turns(self, subject: str, attempt: int) -> None:  # noqa: ARG002 — every job takes it
        """Gives turns to those who may go now."""
        await self.turns.take()

    def endpoint(self, run: Generation) -> str:
        return TRAINERS[run.base_model_id].painter.endpoint

    async def arguments(self, run: Generation) -> dict[str, Any]:
        """Raises Rejected (`model_gone`): one of its models was deleted meanwhile, or isn't theirs to use."""
        found = {lora.id: lora for lora in await LoraModel.filter(id__in=run.lora_ids)}
        loras = [found.get(lora_id) for lora_id in run.lora_ids]
        usable = [lora for lora in loras if lora and lora.usable_by(run.user_id)]
        if len(usable) < len(loras):
            raise Rejected("A model of these pictures can't be used any more.", code="model_gone")
        return TRAINERS[run.base_model_id].painter.arguments(
            PictureOrder(
                prompt=with_triggers(run.prompt, usable),
                loras=[
                    (self._weights(run, lora), used["scale"])
                    for lora, used in zip(usable, run.loras, strict=True)
                ],
                aspect=run.aspect,
                steps=run.steps,
                guidance=run.guidance,
                seed=run.seed,
                count=run.count,
            )
        )

    def _weights(self, run: Generation, lora: LoraModel) -> str:
        """Where fal fetches the model's weights: whenever it is asked, the same address for this run."""
        at = run.taken_at or run.started_at
        if usable_from_here(lora, timedelta(days=self.settings.fal_link_days), at):
            return weights.address(self.settings, lora.id, at) or lora.weights_url or ""
        return lora.weights_url or ""

    def adopt_seconds(self) -> float:
        return self.settings.fal_adopt_pictures_seconds

    def files_last(self) -> timedelta | None:
        return FILES_LAST

    async def end_overdue(self, run: Generation) -> bool:
        most = timedelta(minutes=self.settings.generation_max_minutes)
        if run.taken_at is None or datetime.now(UTC) - run.taken_at <= most:
            return False
        sentence = f"It did not end within {self.settings.generation_max_minutes:g} minutes."
        await generations.fail(run.id, "timed_out", sentence)
        return True

    async def submitted(self, run_id: uuid.UUID, request_id: str) -> bool:
        return await generations.at_fal(run_id, request_id)

    async def follow(self, run: Generation, status: Status) -> None:
        await generations.going_on(
            run.id, running=status.state == "running", queue_position=status.queue_position
        )

    async def collect(self, subject: str, attempt: int) -> None:
        """Brings what fal has made into our storage, and completes the generation by it."""
        run = await self._get(subject)
        if run is None:
            return
        if not run.is_active or await self.end_overdue(run):
            await self._forget(run, range(run.count))
            return
        if run.output is None:
            return
        made = TRAINERS[run.base_model_id].painter.result(run.output)[: run.count]
        try:
            kept = await asyncio.gather(
                *(self._keep(run, position, picture) for position, picture in enumerate(made) if picture.url)
            )
        except FalError as e:
            # A file that is gone stays gone, however often one asks; a fault of the line passes.
            if isinstance(e, Rejected) or attempt >= RESULT_ATTEMPTS:
                await self.end(run, e)
                return
            raise await self._later(e, attempt) from e
        pictures = [picture for picture in kept if picture]
        if pictures:
            if not await generations.complete(run.id, pictures):
                await self._forget(run, range(run.count))
        elif any(picture.url is None for picture in made):
            await generations.fail(run.id, UNSAFE, "The safety checker held all of the pictures back.")
        else:
            await generations.fail(run.id, "no_result", "It ended without pictures.")

    async def _forget(self, run: Generation, positions: Iterable[int]) -> None:
        """It has ended: what was stored for it, and is no picture of anybody's, is deleted."""
        ours = {picture_id(run.id, position) for position in positions}
        kept = {picture.id for picture in await Picture.filter(id__in=ours).only("id")}
        await put(*(Job("delete_file", picture_key(run.user_id, which)) for which in ours - kept))

    async def _keep(self, run: Generation, position: int, made: MadePicture) -> NewPicture | None:
        """Stores one picture, encoded anew; None where it is none."""
        which = picture_id(run.id, position)
        came = self._temporary(f"{which}.part")
        clean = self._temporary(f"{which}.jpg")
        try:
            await self.fal.download(made.url or "", came, most=LARGEST_PICTURE)
            seen = await self.pool.inspect(came, clean, _LIMITS)
            if isinstance(seen, Refused):
                log.warning("picture_unusable", code=seen.code)
                return None
            await self.storage.put(picture_key(run.user_id, which), clean)
            return NewPicture(
                position, seen.stored_width, seen.stored_height, seen.stored_bytes, seen.thumbnail
            )
        finally:
            for path in (came, clean):
                path.unlink(missing_ok=True)

    def _temporary(self, name: str) -> Path:
        return self.settings.temporary_dir / f"{uuid.uuid4().hex}-{name}"
