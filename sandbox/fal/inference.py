"""Pictures: each model's own input, and a drawing of what it was asked for."""

import asyncio
import base64
import io
import random
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import ClientError, ClientSession, InvalidURL
from PIL import Image
from pydantic import Field

from sandbox.fal import lora
from sandbox.fal.errors import model_error
from sandbox.fal.models import Input, Job, read_input
from sandbox.fal.scene import draw

Preset = Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
SIZES: Mapping[Preset, tuple[int, int]] = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}
_NSFW = re.compile(r"\bnsfw\b", re.IGNORECASE)


class Size(Input):
    width: int = Field(default=512, ge=64, le=2048)
    height: int = Field(default=512, ge=64, le=2048)


class Flux2Size(Size):
    width: int = Field(default=512, ge=512, le=2048)
    height: int = Field(default=512, ge=512, le=2048)


class Lora(Input):
    """`path` is a URL of safetensors; the names of Hugging Face repositories can't be reached from here."""

    path: str
    scale: float = Field(default=1, ge=0, le=4)


class Picture(Input):
    """What all of them take; a model narrows the ranges."""

    prompt: str
    image_size: Preset | Size = "landscape_4_3"
    num_inference_steps: int = Field(default=28, ge=1, le=50)
    guidance_scale: float = Field(default=3.5, ge=0, le=35)
    num_images: int = Field(default=1, ge=1, le=4)
    loras: list[Lora] = Field(default=[])
    seed: int | None = None
    enable_safety_checker: bool = True
    output_format: Literal["jpeg", "png"] = "jpeg"
    sync_mode: bool = False


class Flux2Picture(Picture):
    image_size: Preset | Flux2Size = "landscape_4_3"
    num_inference_steps: int = Field(default=28, ge=4, le=50)
    guidance_scale: float = Field(default=2.5, ge=0, le=20)
    loras: list[Lora] = Field(default=[], max_length=3)


class QwenPicture(Picture):
    negative_prompt: str = ""
    guidance_scale: float = Field(default=4, ge=0, le=20)
    loras: list[Lora] = Field(default=[], max_length=3)


class ZImagePicture(QwenPicture):
    guidance_scale: float = Field(default=4, ge=1, le=20)


@dataclass(frozen=True)
class Painter:
    endpoint: str
    schema: type[Picture]

    async def run(self, job: Job) -> dict[str, Any]:
        arguments = read_input(self.schema, job.request)
        began = time.monotonic()
        triggers = [
            await _trigger(job.session, item.path, index) for index, item in enumerate(arguments.loras)
        ]
        seed = arguments.seed if arguments.seed is not None else random.getrandbits(32)
        unsafe = arguments.enable_safety_checker and bool(_NSFW.search(arguments.prompt))
        images = [
            await _image(job, arguments, seed + number, triggers, blank=unsafe)
            for number in range(arguments.num_images)
        ]
        return {
            "images": images,
            "timings": {"inference": time.monotonic() - began},
            "seed": seed,
            "has_nsfw_concepts": [unsafe] * len(images),
            "prompt": arguments.prompt,
        }


async def _image(
    job: Job, arguments: Picture, seed: int, triggers: Sequence[str], *, blank: bool
) -> dict[str, Any]:
    size = arguments.image_size
    width, height = (size.width, size.height) if isinstance(size, Size) else SIZES[size]
    job.log(f"Drawing {width}x{height} with seed {seed}")
    await asyncio.sleep(job.pace.picture_seconds)
    picture = await asyncio.to_thread(
        _encoded, (width, height), arguments.prompt, seed, triggers, arguments.output_format, blank=blank
    )
    content_type = f"image/{arguments.output_format}"
    url = (
        f"data:{content_type};base64,{base64.b64encode(picture).decode()}"
        if arguments.sync_mode
        else (
            await job.publish(picture, name=f"{seed}.{arguments.output_format}", content_type=content_type)
        )["url"]
    )
    return {"url": url, "width": width, "height": height, "content_type": content_type}


async def _trigger(session: ClientSession, url: str, index: int) -> str:
    """The trigger word in the weights' header. Raises Failure where there are no weights."""
    loc = ("body", "loras", index, "path")
    try:
        async with session.get(url) as response:
            if response.status != 200:
                raise model_error("file_download_error", loc=loc, value=url)
            length = lora.header_length(await response.content.readexactly(8))
            return lora.metadata(await response.content.readexactly(length)).get("trigger_word", "")
    except (lora.NotWeightsError, asyncio.IncompleteReadError):
        message = "Could not load the LoRA weights. Make sure it's a safetensors file."
        raise model_error("value_error", loc=loc, message=message, value=url) from None
    except (ClientError, InvalidURL, TimeoutError, ValueError):
        raise model_error("file_download_error", loc=loc, value=url) from None


def _encoded(
    size: tuple[int, int], prompt: str, seed: int, triggers: Sequence[str], file_format: str, *, blank: bool
) -> bytes:
    image = Image.new("RGB", size) if blank else draw(size, prompt=prompt, seed=seed, triggers=triggers)
    buffer = io.BytesIO()
    image.save(buffer, file_format)
    return buffer.getvalue()


PAINTERS: Mapping[str, Painter] = {
    painter.endpoint: painter
    for painter in (
        Painter("fal-ai/flux-lora", Picture),
        Painter("fal-ai/flux-2/lora", Flux2Picture),
        Painter("fal-ai/z-image/base/lora", ZImagePicture),
        Painter("fal-ai/qwen-image-2512/lora", QwenPicture),
    )
}
