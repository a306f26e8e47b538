import base64
import io
from typing import Any

import pytest
from PIL import Image

from sandbox.fal.lora import pack
from sandbox.fal.scene import draw
from tests.sandbox_fal.twin import Twin

PAINTERS = (
    "fal-ai/flux-lora",
    "fal-ai/flux-2/lora",
    "fal-ai/z-image/base/lora",
    "fal-ai/qwen-image-2512/lora",
)
SQUARE = {"prompt": "TOK on the moon", "image_size": "square", "seed": 7}


async def _draw(twin: Twin, endpoint: str = PAINTERS[0], **arguments: Any) -> dict[str, Any]:
    output: dict[str, Any] = await twin.client.subscribe(endpoint, {**SQUARE, **arguments}, interval=0.01)
    return output


async def _read(twin: Twin, url: str) -> bytes:
    async with twin.http.get(url) as response:
        assert response.status == 200
        return await response.read()


@pytest.mark.parametrize("endpoint", PAINTERS)
async def test_every_model_draws_with_a_lora(twin: Twin, endpoint: str) -> None:
    trained = await (await twin.train()).get(interval=0.01)
    loras = [{"path": trained["diffusers_lora_file"]["url"], "scale": 0.8}]
    output = await _draw(twin, endpoint, loras=loras, num_images=2)
    assert output.keys() == {"images", "timings", "seed", "has_nsfw_concepts", "prompt"}
    assert (output["seed"], output["prompt"]) == (7, "TOK on the moon")
    assert output["has_nsfw_concepts"] == [False, False]
    for image in output["images"]:
        assert image.keys() == {"url", "width", "height", "content_type"}
        with Image.open(io.BytesIO(await _read(twin, image["url"]))) as picture:
            assert picture.size == (512, 512) == (image["width"], image["height"])


async def test_the_seed_decides_and_the_lora_shows(twin: Twin) -> None:
    weights = pack({"trigger_word": "TOK"}, seed=1)
    lora = {"path": await twin.put(weights)}
    changes: list[dict[str, Any]] = [{}, {}, {"seed": 8}, {"prompt": "a cat"}, {"loras": [lora]}]
    pictures = [await _read(twin, (await _draw(twin, **change))["images"][0]["url"]) for change in changes]
    assert pictures[0] == pictures[1]
    assert len(set(pictures)) == 4
    first, second = (await _draw(twin, num_images=2))["images"]
    assert await _read(twin, first["url"]) != await _read(twin, second["url"])


async def test_without_a_seed_one_is_chosen_and_told(twin: Twin) -> None:
    seeds = {(await _draw(twin, seed=None))["seed"] for _ in range(3)}
    assert len(seeds) == 3


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("portrait_16_9", (576, 1024)),
        ("landscape_4_3", (1024, 768)),
        ({"width": 640, "height": 480}, (640, 480)),
    ],
)
async def test_sizes(twin: Twin, size: Any, expected: tuple[int, int]) -> None:
    [image] = (await _draw(twin, image_size=size))["images"]
    assert (image["width"], image["height"]) == expected


async def test_formats(twin: Twin) -> None:
    for name in ("jpeg", "png"):
        [image] = (await _draw(twin, output_format=name))["images"]
        assert image["content_type"] == f"image/{name}"
        with Image.open(io.BytesIO(await _read(twin, image["url"]))) as picture:
            assert picture.format == name.upper()
    [image] = (await _draw(twin, sync_mode=True))["images"]
    head, data = image["url"].split(",")
    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(data).startswith(b"\xff\xd8")


async def test_the_safety_checker_blackens(twin: Twin) -> None:
    output = await _draw(twin, prompt="something NSFW, please")
    assert output["has_nsfw_concepts"] == [True]
    with Image.open(io.BytesIO(await _read(twin, output["images"][0]["url"]))) as picture:
        assert picture.convert("L").getextrema() == (0, 0)
    unchecked = await _draw(twin, prompt="something NSFW, please", enable_safety_checker=False)
    assert unchecked["has_nsfw_concepts"] == [False]


@pytest.mark.parametrize(
    ("endpoint", "change", "loc"),
    [
        (PAINTERS[0], {"num_inference_steps": 51}, ["num_inference_steps"]),
        (PAINTERS[0], {"guidance_scale": 36}, ["guidance_scale"]),
        (PAINTERS[0], {"num_images": 5}, ["num_images"]),
        (PAINTERS[0], {"output_format": "gif"}, ["output_format"]),
        (PAINTERS[0], {"loras": [{"scale": 1}]}, ["loras", 0, "path"]),
        (PAINTERS[0], {"negative_prompt": "hands"}, ["negative_prompt"]),
        (PAINTERS[1], {"num_inference_steps": 3}, ["num_inference_steps"]),
        (PAINTERS[2], {"steps": 5}, ["steps"]),
        (PAINTERS[3], {"prompt": None}, ["prompt"]),
    ],
)
async def test_input_that_isnt_the_models(
    twin: Twin, endpoint: str, change: dict[str, Any], loc: list[str | int]
) -> None:
    details = await twin.details(await twin.client.submit(endpoint, {**SQUARE, **change}))
    assert [detail["loc"] for detail in details] == [["body", *loc]]


async def test_a_negative_prompt_where_the_model_has_one(twin: Twin) -> None:
    assert await _draw(twin, PAINTERS[2], negative_prompt="hands")


@pytest.mark.parametrize(
    ("weights", "kind"),
    [
        (None, "file_download_error"),
        (b"", "value_error"),
        (b"PK\x03\x04 and so on", "value_error"),
        (b"\x08\x00\x00\x00\x00\x00\x00\x00[1, 2,3]", "value_error"),
        (b"\x20\x00\x00\x00\x00\x00\x00\x00{}", "value_error"),
    ],
)
async def test_weights_that_cant_be_loaded(twin: Twin, weights: bytes | None, kind: str) -> None:
    path = f"{twin.url}/cdn/files/lion/gone.safetensors"
    if weights is not None:
        path = await twin.put(weights)
    handle = await twin.client.submit(PAINTERS[0], {**SQUARE, "loras": [{"path": path}]})
    [detail] = await twin.details(handle)
    assert (detail["type"], detail["loc"]) == (kind, ["body", "loras", 0, "path"])


@pytest.mark.parametrize("size", [(64, 64), (64, 2048), (2048, 64), (1024, 1024)])
@pytest.mark.parametrize("prompt", ["", "x" * 2000, "a city at night", "the beach, in black and white"])
def test_whatever_is_asked_for_can_be_drawn(size: tuple[int, int], prompt: str) -> None:
    for triggers in ([], ["anatok"], ["ana", "beto", "carla", "dana"]):
        assert draw(size, prompt=prompt, seed=7, triggers=triggers).size == size
