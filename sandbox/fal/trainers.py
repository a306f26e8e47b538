"""The trainers: each one's own input, and the run that they share."""

import asyncio
import json
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from pydantic import Field

from sandbox.fal import lora
from sandbox.fal.archive import Photo, fetch, read
from sandbox.fal.errors import model_error
from sandbox.fal.models import Input, Job, read_input

_BAR_WIDTH = 10
_BAR_PARTS = " ▏▎▍▌▋▊▉█"
_LINES_A_SECOND = 2
_LEAST_LINES, _MOST_LINES = 4, 200


class FastTraining(Input):
    images_data_url: str
    trigger_word: str | None = None
    create_masks: bool = True
    steps: int = Field(default=1000, ge=1, le=10000)
    is_style: bool = False
    is_input_format_already_preprocessed: bool = False
    data_archive_format: str | None = None


class PortraitTraining(Input):
    images_data_url: str
    trigger_phrase: str | None = None
    steps: int = Field(default=2500, ge=1, le=10000)
    learning_rate: float = Field(default=0.00009, ge=0.000001, le=0.001)
    multiresolution_training: bool = True
    subject_crop: bool = True
    create_masks: bool = False
    data_archive_format: str | None = None
    resume_from_checkpoint: str = ""


class Flux2Training(Input):
    image_data_url: str
    steps: int = Field(default=1000, ge=100, le=10000)
    learning_rate: float = Field(default=0.00005, gt=0)
    default_caption: str | None = None
    output_lora_format: Literal["fal", "comfy"] = "fal"


class ZImageTraining(Input):
    image_data_url: str
    steps: int = Field(default=1000, ge=100, le=10000)
    learning_rate: float = Field(default=0.0001, gt=0)
    default_caption: str | None = None
    training_type: Literal["content", "style", "balanced"] = "balanced"


class QwenTraining(Input):
    image_data_url: str
    steps: int = Field(default=2000, ge=10, le=40000)
    learning_rate: float = Field(default=0.0005, gt=0)
    default_caption: str | None = None


TrainerInput = FastTraining | PortraitTraining | Flux2Training | ZImageTraining | QwenTraining


@dataclass(frozen=True)
class Trainer:
    """`archive` and `trigger` are the names of the input's fields.

    With `needs_captions` every photo needs one, its own or the trigger field's. `nulls` are the output's
    fields that are always null here.
    """

    endpoint: str
    schema: type[TrainerInput]
    archive: str
    trigger: str
    needs_captions: bool = False
    nulls: tuple[str, ...] = ()

    async def run(self, job: Job) -> dict[str, Any]:
        arguments = read_input(self.schema, job.request)
        trigger: str | None = getattr(arguments, self.trigger)
        photos = await self._photos(job, getattr(arguments, self.archive))
        self._check_captions(photos, trigger)
        self._prepare(job, arguments, photos)
        await _train(job, arguments.steps)
        return await self._publish(job, arguments, trigger or "")

    async def _photos(self, job: Job, url: str) -> list[Photo]:
        refuse = partial(model_error, loc=("body", self.archive), value=url)
        job.log("Downloading training data")
        path, size, _ = await job.storage.write(fetch(job.session, url, refuse))
        job.log(f"Downloaded {size} bytes, extracting")
        try:
            return await asyncio.to_thread(read, path, refuse)
        finally:
            path.unlink()

    def _check_captions(self, photos: list[Photo], default: str | None) -> None:
        bare = next((photo.name for photo in photos if not photo.caption), None)
        if self.needs_captions and bare and not default:
            message = f"No caption for {bare}, and no {self.trigger} was provided."
            raise model_error("value_error", loc=("body", self.trigger), message=message)

    def _prepare(self, job: Job, arguments: TrainerInput, photos: list[Photo]) -> None:
        captioned = sum(photo.caption is not None for photo in photos)
        job.log(f"Found {len(photos)} images and {captioned} captions")
        if captioned and not self.needs_captions:
            job.log(f"Captions were provided: {self.trigger} is ignored")
        elif not self.needs_captions and not getattr(arguments, "is_style", False):
            for number in range(1, len(photos) + 1):
                job.log(f"Captioning image {number} of {len(photos)}")
        if getattr(arguments, "create_masks", False) and not getattr(arguments, "is_style", False):
            job.log(f"Created masks for {len(photos)} images")
        job.log("Loading the base model")

    async def _publish(self, job: Job, arguments: TrainerInput, trigger: str) -> dict[str, Any]:
        job.log("Uploading the weights")
        metadata = {"format": "pt", "base_model": self.endpoint, "trigger_word": trigger}
        weights = lora.pack(metadata, seed=zlib.crc32(job.request.request_id.encode()))
        config = {
            "trainer": self.endpoint,
            "trigger_word": trigger,
            "instance_prompt": trigger,
            "steps": arguments.steps,
        }
        output: dict[str, Any] = {
            "diffusers_lora_file": await job.publish(
                weights, name="pytorch_lora_weights.safetensors", content_type="application/octet-stream"
            ),
            "config_file": await job.publish(
                json.dumps(config).encode(), name="config.json", content_type="application/json"
            ),
        }
        return output | dict.fromkeys(self.nulls)


async def _train(job: Job, steps: int) -> None:
    """Takes the time that so many steps take, and says so as tqdm does."""
    seconds = job.pace.training_seconds * steps / 1000
    lines = min(steps, _MOST_LINES, max(_LEAST_LINES, round(seconds * _LINES_A_SECOND)))
    began = time.monotonic()
    job.log(progress_line(0, steps, 0), "STDERR")
    for line in range(1, lines + 1):
        await asyncio.sleep(max(0, began + seconds * line / lines - time.monotonic()))
        job.log(progress_line(steps * line // lines, steps, time.monotonic() - began), "STDERR")


def progress_line(step: int, steps: int, elapsed: float) -> str:
    """`training:  42%|████▏     | 420/1000 [00:10<00:14, 41.5it/s]`."""
    full, eighths = divmod(step * _BAR_WIDTH * 8 // steps, 8)
    bar = ("█" * full + _BAR_PARTS[eighths].strip()).ljust(_BAR_WIDTH)
    rate = step / elapsed if elapsed and step else 0
    left = _clock((steps - step) / rate) if rate else "?"
    speed = f"{rate:.1f}it/s" if rate else "?it/s"
    return f"training: {step * 100 // steps:3d}%|{bar}| {step}/{steps} [{_clock(elapsed)}<{left}, {speed}]"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:02d}:{rest:02d}"


TRAINERS: Mapping[str, Trainer] = {
    trainer.endpoint: trainer
    for trainer in (
        Trainer(
            "fal-ai/flux-lora-fast-training",
            FastTraining,
            archive="images_data_url",
            trigger="trigger_word",
            nulls=("debug_preprocessed_output",),
        ),
        Trainer(
            "fal-ai/flux-lora-portrait-trainer",
            PortraitTraining,
            archive="images_data_url",
            trigger="trigger_phrase",
        ),
        Trainer(
            "fal-ai/flux-2-trainer",
            Flux2Training,
            archive="image_data_url",
            trigger="default_caption",
            needs_captions=True,
        ),
        Trainer(
            "fal-ai/z-image-trainer",
            ZImageTraining,
            archive="image_data_url",
            trigger="default_caption",
            needs_captions=True,
        ),
        Trainer(
            "fal-ai/qwen-image-2512-trainer-v2",
            QwenTraining,
            archive="image_data_url",
            trigger="default_caption",
            needs_captions=True,
        ),
    )
}
