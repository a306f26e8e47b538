"""How pictures are made with trained LoRAs: each base model's endpoint, its limits, and its own words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from fal.errors import Rejected

# Sides in pixels by aspect ratio: about a megapixel each, in multiples of 16 as the models want them.
ASPECTS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "1:1": (1024, 1024),
        "4:5": (896, 1120),
        "5:4": (1120, 896),
        "3:4": (864, 1152),
        "4:3": (1152, 864),
        "2:3": (832, 1248),
        "3:2": (1248, 832),
        "9:16": (768, 1360),
        "16:9": (1360, 768),
        "9:21": (656, 1536),
        "21:9": (1536, 656),
    }
)
SEED_MAX = 2**31 - 1
SCALE_MAX = 2.0
"""fal takes a LoRA's scale up to 4; over 2 there is only noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureOrder:
    """What a person asked for, in Selfi's own words. `loras` are the weights' addresses with their scales."""

    prompt: str = field(repr=False)
    loras: Sequence[tuple[str, float]] = field(repr=False)
    aspect: str
    steps: int
    guidance: float
    seed: int
    count: int


@dataclass(frozen=True, slots=True)
class MadePicture:
    """One picture of a run's output; `url` is None where the safety checker held it back."""

    url: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Painter:
    """An endpoint that makes pictures. `price_factor` multiplies the price of a picture.

    `max_loras` is the endpoint's own limit, or ours where it has none.
    """

    endpoint: str
    default_steps: int = 28
    min_steps: int = 1
    max_steps: int = 50
    default_guidance: float
    min_guidance: float = 0
    max_guidance: float
    max_loras: int
    max_pictures: int = 4
    price_factor: float = 1.0

    def arguments(self, order: PictureOrder) -> dict[str, Any]:
        """The order in the endpoint's own field names."""
        width, height = ASPECTS[order.aspect]
        return {
            "prompt": order.prompt,
            "image_size": {"width": width, "height": height},
            "num_inference_steps": order.steps,
            "guidance_scale": order.guidance,
            "num_images": order.count,
            "loras": [{"path": url, "scale": scale} for url, scale in order.loras],
            "seed": order.seed,
            "enable_safety_checker": True,
            "output_format": "jpeg",
        }

    def result(self, payload: Mapping[str, Any]) -> list[MadePicture]:
        """The pictures in a run's output, in its order.

        Raises:
            Rejected: `no_result`, where the output holds none.
        """
        images, flags = payload.get("images"), payload.get("has_nsfw_concepts")
        unsafe = flags if isinstance(flags, list) else []
        made = [
            MadePicture(None if number < len(unsafe) and unsafe[number] is True else image["url"])
            for number, image in enumerate(images if isinstance(images, list) else [])
            if isinstance(image, dict)
            and isinstance(image.get("url"), str)
            and image["url"].startswith(("https://", "http://"))
        ]
        if not made:
            raise Rejected("The run ended without pictures.", code="no_result")
        return made


# Limits and prices are those of each endpoint's page (https://fal.ai/models/<endpoint>/llms.txt): a megapixel
# costs 0.035, 0.021 and 0.012 USD; of Qwen Image's no price was found.
FLUX_LORA = Painter(endpoint="fal-ai/flux-lora", default_guidance=3.5, max_guidance=35, max_loras=5)
FLUX_2_LORA = Painter(
    endpoint="fal-ai/flux-2/lora",
    min_steps=4,
    default_guidance=2.5,
    max_guidance=20,
    max_loras=3,
    price_factor=0.6,
)
Z_IMAGE_LORA = Painter(
    endpoint="fal-ai/z-image/base/lora",
    default_guidance=4,
    min_guidance=1,
    max_guidance=20,
    max_loras=3,
    price_factor=0.34,
)
QWEN_IMAGE_LORA = Painter(
    endpoint="fal-ai/qwen-image-2512/lora", default_guidance=4, max_guidance=20, max_loras=3
)
