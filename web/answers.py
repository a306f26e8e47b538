"""Rows as the answers that people get."""

import base64
import time
import uuid
from collections.abc import Mapping, Sequence

from config import Settings
from fal.pictures import SCALE_MAX, SEED_MAX
from fal.pictures import Painter as DeclaredPainter
from fal.trainers import Trainer
from models import lora as loras
from models import photo as photos
from models.command import gen_command
from models.generation import Generation
from models.lora import SELECTED_MAX, LoraModel
from models.photo import Photo
from models.picture import Picture
from models.training import Training, TrainStatus, seconds_left, usual_seconds
from models.turns import positions
from models.wish import PROMPT_MAX
from web import addresses, schemas

_REMEMBERED = 60.0
"""Seconds that a trainer's usual pace is remembered."""


class Answers:
    """Makes answers of trainings and generations, knowing how long trainings of a kind took before."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pace: dict[str, tuple[float, float]] = {}  # by trainer: seconds for 1,000 steps, and until when

    async def status(self, training: Training) -> schemas.TrainingStatus:
        """`training` has to come with its `lora`."""
        return schemas.TrainingStatus(
            status=training.status.value,
            metadata=await self._metadata(training),
            error=training.error,
            completed_at=training.completed_at,
        )

    async def training(self, training: Training) -> schemas.Training:
        """`training` has to come with its `lora`."""
        return schemas.Training(
            id=training.lora_id,
            training_id=training.id,
            name=training.lora.name,
            trainer=training.base_model_id,
            trigger_word=training.instance_prompt,
            steps=training.steps,
            is_style=training.is_style,
            create_masks=training.create_masks,
            started_at=training.started_at,
            status=training.status.value,
            metadata=await self._metadata(training),
            error=training.error,
            completed_at=training.completed_at,
        )

    async def trainings(self, trainings: list[Training]) -> list[schemas.Training]:
        return [await self.training(training) for training in trainings]

    async def trainer(self, declared: Trainer) -> schemas.TrainerOptions:
        return schemas.TrainerOptions(
            id=declared.id,
            title=declared.title,
            default_steps=declared.default_steps,
            min_steps=declared.min_steps,
            max_steps=declared.max_steps,
            step_size=declared.step_size,
            supports_style=declared.style is not None,
            supports_masks=declared.masks is not None,
            seconds_per_1000_steps=max(1, round(await self._usual_pace(declared.id))),
            price_factor=declared.price_factor,
            painter=painter(declared.painter),
        )

    async def generation(self, row: Generation) -> schemas.Generation:
        """`row` has to come with its pictures."""
        (answer,) = await self.generations([row])
        return answer

    async def generations(self, rows: Sequence[Generation]) -> list[schemas.Generation]:
        """Of one person's, each with its pictures; so many queries as for one."""
        used = {lora_id for row in rows for lora_id in row.lora_ids}
        models = {lora.id: lora for lora in await loras.described(used)} if used else {}
        places = await positions([row.id for row in rows if row.waits_for_turn])
        return [self._generation(row, models, places.get(row.id)) for row in rows]

    def _generation(
        self, row: Generation, models: Mapping[uuid.UUID, LoraModel], place: int | None
    ) -> schemas.Generation:
        used = [
            _used(models.get(lora_id), row.user_id, one["scale"])
            for lora_id, one in zip(row.lora_ids, row.loras, strict=True)
        ]
        return schemas.Generation(
            id=row.id,
            status=row.status.value,
            prompt=row.prompt,
            models=used,
            trainer=row.base_model_id,
            aspect=row.aspect,
            steps=row.steps,
            guidance=row.guidance,
            seed=row.seed,
            count=row.count,
            stars_spent=row.stars_spent,
            stars_refunded=row.stars_refunded,
            position=place,
            error=row.error,
            error_code=row.error_code,
            origin=row.origin,
            created_at=row.started_at,
            completed_at=row.completed_at,
            held_back=row.held_back,
            command=gen_command(row, [(one.trigger_word, one.scale) for one in used]),
            pictures=[self._picture(picture) for picture in row.pictures],
        )

    def _picture(self, row: Picture) -> schemas.Picture:
        return schemas.Picture(
            id=row.id,
            width=row.width,
            height=row.height,
            thumbnail=addresses.picture(self._settings, row.id, "thumbnail"),
            url=addresses.picture(self._settings, row.id, "file"),
            download=addresses.picture(self._settings, row.id, "download"),
        )

    async def _metadata(self, training: Training) -> schemas.TrainingMetadata:
        lora = training.lora
        return schemas.TrainingMetadata(
            progress=training.progress,
            step=training.step,
            total_steps=training.steps,
            eta_seconds=await self._eta(training),
            queue_position=training.queue_position if training.status is TrainStatus.PENDING else None,
            files=schemas.ResultFiles(weights=lora.weights_url, config=lora.config_url)
            if lora.weights_url
            else None,
            stars_spent=training.stars_spent,
            refunded=training.refunded,
            error_code=training.error_code,
        )

    async def _eta(self, training: Training) -> int | None:
        if training.running_at is None or not training.is_active:
            return None
        return seconds_left(training, await self._usual_pace(training.base_model_id))

    async def _usual_pace(self, trainer: str) -> float:
        now = time.monotonic()
        pace, fresh_until = self._pace.get(trainer, (0.0, 0.0))
        if now >= fresh_until:
            pace = await usual_seconds(trainer)
            self._pace[trainer] = pace, now + _REMEMBERED
        return pace


def _used(lora: LoraModel | None, user_id: int, scale: float) -> schemas.UsedModel:
    """What somebody has made private is described by the word alone that it was used with."""
    usable = lora is not None and lora.usable_by(user_id)
    named = lora is not None and (usable or lora.user_id == user_id)
    return schemas.UsedModel(
        id=lora.id if lora and usable else None,
        name="" if lora is None else lora.name if named else lora.trigger_word,
        trigger_word=lora.trigger_word if lora else "",
        scale=scale,
    )


def painter(declared: DeclaredPainter) -> schemas.Painter:
    return schemas.Painter(
        kind=declared.endpoint,
        default_steps=declared.default_steps,
        min_steps=declared.min_steps,
        max_steps=declared.max_steps,
        default_guidance=declared.default_guidance,
        min_guidance=declared.min_guidance,
        max_guidance=declared.max_guidance,
        max_models=declared.max_loras,
        max_pictures=declared.max_pictures,
        price_factor=declared.price_factor,
    )


def photo(row: Photo) -> schemas.Photo:
    return schemas.Photo(
        verdict="warning" if row.warning else "ok",
        code=row.warning,
        reason=photos.WARNINGS[row.warning] if row.warning else None,
        id=row.id,
        file_name=row.file_name,
        caption=row.caption,
        width=row.width,
        height=row.height,
        bytes=row.bytes,
        thumbnail=f"data:image/jpeg;base64,{base64.b64encode(row.thumbnail).decode()}",
        source="chat" if row.source == "chat" else "app",
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def limits(settings: Settings) -> schemas.Limits:
    return schemas.Limits(
        photo_max_bytes=settings.photo_max_bytes,
        photo_max_pixels=settings.photo_max_pixels,
        photo_min_side=settings.photo_min_side,
        photos_min=settings.photos_min,
        photos_max=settings.photos_max,
        upload_max_bytes=settings.upload_max_bytes,
        trigger_word_max=schemas.TRIGGER_WORD_MAX,
        caption_max=schemas.CAPTION_MAX,
        name_max=schemas.NAME_MAX,
        models_selected_max=SELECTED_MAX,
        prompt_max=PROMPT_MAX,
        scale_max=SCALE_MAX,
        seed_max=SEED_MAX,
    )
