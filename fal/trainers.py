"""The trainers that Selfi offers, as a declared table: a new one is one entry."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from fal.errors import Rejected
from fal.pictures import FLUX_2_LORA, FLUX_LORA, QWEN_IMAGE_LORA, Z_IMAGE_LORA, Painter


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOrder:
    """What a person asked for, in Selfi's own words."""

    images_data_url: str = field(repr=False)
    trigger_word: str = field(repr=False)
    steps: int
    is_style: bool
    create_masks: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFiles:
    """What a training made. `weights_size` is in bytes, where fal says it."""

    weights_url: str = field(repr=False)
    weights_size: int | None
    config_url: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """A yes-or-no question as an endpoint puts it: the field, and what it holds for either answer."""

    name: str
    yes: Any = True
    no: Any = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainer:
    """One of fal's training endpoints.

    `style` and `masks` are None where the endpoint doesn't ask. `step_size` is how far a slider moves; any
    whole number from `min_steps` to `max_steps` will do. `painter` makes pictures with what it trains.
    `seconds_per_1000_steps` is an estimate for where there is no history yet, `price_factor` multiplies the
    price per step.
    """

    id: str
    endpoint: str
    title: str
    archive_field: Literal["images_data_url", "image_data_url"]
    trigger_field: Literal["trigger_word", "trigger_phrase", "default_caption"]
    default_steps: int
    min_steps: int
    max_steps: int
    step_size: int
    style: Choice | None
    masks: Choice | None
    output_field: str
    painter: Painter
    seconds_per_1000_steps: int
    price_factor: float

    @property
    def options(self) -> frozenset[str]:
        """Which of an order's options, by their names there, the endpoint takes into account."""
        asked = {"is_style": self.style, "create_masks": self.masks}
        return frozenset(name for name, choice in asked.items() if choice)

    def arguments(self, order: TrainingOrder) -> dict[str, Any]:
        """The order in the endpoint's own field names; options that it doesn't know are left out."""
        arguments: dict[str, Any] = {
            self.archive_field: order.images_data_url,
            self.trigger_field: order.trigger_word,
            "steps": order.steps,
        }
        for choice, answer in ((self.style, order.is_style), (self.masks, order.create_masks)):
            if choice:
                arguments[choice.name] = choice.yes if answer else choice.no
        return arguments

    def result(self, payload: Mapping[str, Any]) -> TrainingFiles:
        """The files in a run's output.

        Raises:
            Rejected: `no_result`, where the output holds no weights file.
        """
        weights = _file(payload.get(self.output_field))
        if weights is None:
            raise Rejected(f"The run ended without a {self.output_field}.", code="no_result")
        config = _file(payload.get("config_file"))
        size = weights.get("file_size")
        return TrainingFiles(
            weights_url=weights["url"],
            weights_size=size if isinstance(size, int) else None,
            config_url=config["url"] if config else None,
        )


def _file(value: object) -> Mapping[str, Any] | None:
    """The value if it is a file as in fal's outputs: `{"url", "content_type", "file_name", "file_size"}`."""
    if not isinstance(value, dict):
        return None
    url = value.get("url")
    return value if isinstance(url, str) and url.startswith(("https://", "http://")) else None


# Prices are those of each endpoint's page (https://fal.ai/models/<endpoint>/llms.txt): 1,000 steps cost 2
# USD, 6.40 (FLUX.2), 2.26 (Z-Image) and 0.95 (Qwen Image, which charges for 500 at least); of the portrait
# trainer's no price was found.
_FLUX_LORA_FAST = Trainer(
    id="flux-lora-fast",
    endpoint="fal-ai/flux-lora-fast-training",
    title="FLUX.1 fast",
    archive_field="images_data_url",
    trigger_field="trigger_word",
    default_steps=1000,
    min_steps=1,
    max_steps=10_000,
    step_size=100,
    style=Choice("is_style"),
    masks=Choice("create_masks"),
    output_field="diffusers_lora_file",
    painter=FLUX_LORA,
    seconds_per_1000_steps=240,
    price_factor=1.0,
)
_FLUX_LORA_PORTRAIT = Trainer(
    id="flux-lora-portrait",
    endpoint="fal-ai/flux-lora-portrait-trainer",
    title="FLUX.1 portrait",
    archive_field="images_data_url",
    trigger_field="trigger_phrase",
    default_steps=2500,
    min_steps=1,
    max_steps=10_000,
    step_size=100,
    style=None,
    masks=Choice("create_masks"),
    output_field="diffusers_lora_file",
    painter=FLUX_LORA,
    seconds_per_1000_steps=240,
    price_factor=1.2,
)
_FLUX_2 = Trainer(
    id="flux-2",
    endpoint="fal-ai/flux-2-trainer",
    title="FLUX.2",
    archive_field="image_data_url",
    trigger_field="default_caption",
    default_steps=1000,
    min_steps=100,
    max_steps=10_000,
    step_size=100,
    style=None,
    masks=None,
    output_field="diffusers_lora_file",
    painter=FLUX_2_LORA,
    seconds_per_1000_steps=600,
    price_factor=3.2,
)
_Z_IMAGE = Trainer(
    id="z-image",
    endpoint="fal-ai/z-image-trainer",
    title="Z-Image",
    archive_field="image_data_url",
    trigger_field="default_caption",
    default_steps=1000,
    min_steps=100,
    max_steps=10_000,
    step_size=100,
    style=Choice("training_type", yes="style", no="content"),
    masks=None,
    output_field="diffusers_lora_file",
    painter=Z_IMAGE_LORA,
    seconds_per_1000_steps=300,
    price_factor=1.13,
)
_QWEN_IMAGE = Trainer(
    id="qwen-image-2512",
    endpoint="fal-ai/qwen-image-2512-trainer-v2",
    title="Qwen Image",
    archive_field="image_data_url",
    trigger_field="default_caption",
    default_steps=2000,
    min_steps=10,
    max_steps=40_000,
    step_size=100,
    style=None,
    masks=None,
    output_field="diffusers_lora_file",
    painter=QWEN_IMAGE_LORA,
    seconds_per_1000_steps=300,
    price_factor=0.48,
)

TRAINERS: Mapping[str, Trainer] = MappingProxyType(
    {
        trainer.id: trainer
        for trainer in (_FLUX_LORA_FAST, _FLUX_LORA_PORTRAIT, _FLUX_2, _Z_IMAGE, _QWEN_IMAGE)
    }
)
DEFAULT_TRAINER = _FLUX_LORA_FAST
