"""What every trainer makes, used with its painter, through the offline twin: it knows each one's fields."""

import asyncio
import zipfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from PIL import Image
from pydantic import ValidationError

from fal import TRAINERS, Fal, Rejected, Trainer, TrainingOrder
from fal.pictures import ASPECTS, FLUX_LORA, SCALE_MAX, SEED_MAX, MadePicture, Painter, PictureOrder
from sandbox.fal import FalEmulator
from sandbox.fal.app import MODELS
from tests.fal.fake_fal import KEY, fal_at
from tests.photos import portrait

PAINTERS = {trainer.painter.endpoint: trainer.painter for trainer in TRAINERS.values()}
ORDER = PictureOrder(
    prompt="TOK on the moon",
    loras=[("https://v3.fal.media/files/me.safetensors", 0.8)],
    aspect="3:4",
    steps=20,
    guidance=3.0,
    seed=7,
    count=2,
)


@dataclass
class Twin:
    emulator: FalEmulator
    fal: Fal
    archive: str

    def training(self, **changes: Any) -> TrainingOrder:
        order = TrainingOrder(
            images_data_url=self.archive, trigger_word="TOK", steps=100, is_style=False, create_masks=True
        )
        return replace(order, **changes)

    async def output(self, endpoint: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What a run ends with."""
        request_id = await self.fal.submit(endpoint, arguments, webhook_url=None)
        async with asyncio.timeout(15):
            while (await self.fal.status(endpoint, request_id)).state != "completed":
                await asyncio.sleep(0.01)
        return await self.fal.result(endpoint, request_id)


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[Twin]:
    emulator = FalEmulator(key=KEY, training_seconds=0.1, picture_seconds=0, webhook_seconds=0)
    async with TestServer(emulator.app()) as server:
        fal = fal_at(str(server.make_url("")).rstrip("/"))
        path = tmp_path / "photos.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for seed in range(4):
                archive.writestr(f"{seed}.jpg", portrait(seed, (512, 640)))
        url = await fal.upload(
            path, content_type="application/zip", file_name="photos.zip", expires_in=timedelta(hours=1)
        )
        yield Twin(emulator, fal, url)
        await fal.close()


# --- every trainer with its painter ---


@pytest.mark.parametrize("trainer", TRAINERS.values(), ids=TRAINERS)
@pytest.mark.parametrize("is_style", [False, True], ids=["subject", "style"])
async def test_from_photos_to_pictures(
    twin: Twin, tmp_path: Path, trainer: Trainer, *, is_style: bool
) -> None:
    arguments = trainer.arguments(twin.training(is_style=is_style))
    files = trainer.result(await twin.output(trainer.endpoint, arguments))

    painter = trainer.painter
    order = replace(ORDER, loras=[(files.weights_url, 0.8)])
    made = painter.result(await twin.output(painter.endpoint, painter.arguments(order)))

    assert len(made) == 2
    for number, picture in enumerate(made):
        assert picture.url
        await twin.fal.download(picture.url, tmp_path / f"{number}.jpg", most=10**7)
        with Image.open(tmp_path / f"{number}.jpg") as image:
            assert (image.format, image.size) == ("JPEG", ASPECTS["3:4"])
    request = twin.emulator.requests[-1]
    assert request.input["loras"] == [{"path": files.weights_url, "scale": 0.8}]
    assert request.input["seed"] == 7


@pytest.mark.parametrize("trainer", TRAINERS.values(), ids=TRAINERS)
async def test_a_wrong_field_is_noticed(twin: Twin, trainer: Trainer) -> None:
    """The test above says something: an endpoint takes no field that isn't its own."""
    training = trainer.arguments(twin.training())
    painting = trainer.painter.arguments(replace(ORDER, loras=[]))
    for endpoint, arguments in ((trainer.endpoint, training), (trainer.painter.endpoint, painting)):
        for name in arguments:
            renamed = {f"{key}_" if key == name else key: value for key, value in arguments.items()}
            with pytest.raises(Rejected) as raised:
                await twin.output(endpoint, renamed)
            assert raised.value.code == "validation_error", name


# --- limits ---


def fits(endpoint: str, arguments: Mapping[str, Any]) -> bool:
    """Whether the endpoint would take them."""
    try:
        MODELS[endpoint].schema.model_validate(arguments)  # type: ignore[attr-defined]
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("trainer", TRAINERS.values(), ids=TRAINERS)
def test_a_trainers_limits_are_its_endpoints(trainer: Trainer) -> None:
    def takes(steps: int) -> bool:
        order = TrainingOrder(
            images_data_url="https://x/y", trigger_word="TOK", steps=steps, is_style=True, create_masks=True
        )
        return fits(trainer.endpoint, trainer.arguments(order))

    assert takes(trainer.min_steps)
    assert takes(trainer.default_steps)
    assert takes(trainer.max_steps)
    assert not takes(trainer.min_steps - 1)
    assert not takes(trainer.max_steps + 1)


LORA = ("https://x/y", 1.0)
Limits = Callable[[Painter], tuple[PictureOrder, PictureOrder]]
"""An order at a painter's limit, and one just over it."""

LIMITS: dict[str, Limits] = {
    "least steps": lambda p: (replace(ORDER, steps=p.min_steps), replace(ORDER, steps=p.min_steps - 1)),
    "most steps": lambda p: (replace(ORDER, steps=p.max_steps), replace(ORDER, steps=p.max_steps + 1)),
    "least guidance": lambda p: (
        replace(ORDER, guidance=p.min_guidance),
        replace(ORDER, guidance=p.min_guidance - 0.1),
    ),
    "most guidance": lambda p: (
        replace(ORDER, guidance=p.max_guidance),
        replace(ORDER, guidance=p.max_guidance + 0.1),
    ),
    "most pictures": lambda p: (
        replace(ORDER, count=p.max_pictures),
        replace(ORDER, count=p.max_pictures + 1),
    ),
    "most models": lambda p: (
        replace(ORDER, loras=[LORA] * p.max_loras),
        replace(ORDER, loras=[LORA] * (p.max_loras + 1)),
    ),
}


@pytest.mark.parametrize("painter", PAINTERS.values(), ids=PAINTERS)
@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
def test_a_painters_limits_are_its_endpoints(painter: Painter, limits: Limits) -> None:
    at, over = limits(painter)
    assert fits(painter.endpoint, painter.arguments(at))
    if len(over.loras) <= 1 or painter is not FLUX_LORA:  # which names no limit: there it is ours
        assert not fits(painter.endpoint, painter.arguments(over))


@pytest.mark.parametrize("painter", PAINTERS.values(), ids=PAINTERS)
def test_a_painter_takes_its_defaults_and_whatever_people_may_choose(painter: Painter) -> None:
    usual = replace(ORDER, steps=painter.default_steps, guidance=painter.default_guidance)
    for order in (
        usual,
        replace(usual, seed=0),
        replace(usual, seed=SEED_MAX),
        replace(usual, loras=[("https://x/y", 0.0)]),
        replace(usual, loras=[("https://x/y", SCALE_MAX)]),
        *(replace(usual, aspect=aspect) for aspect in ASPECTS),
    ):
        assert fits(painter.endpoint, painter.arguments(order))


@pytest.mark.parametrize(("aspect", "size"), ASPECTS.items())
def test_an_aspect_is_about_a_megapixel_of_that_shape(aspect: str, size: tuple[int, int]) -> None:
    width, height = size
    across, down = aspect.split(":")
    assert 0.97 < Fraction(width, height) / Fraction(int(across), int(down)) < 1.03
    assert 0.95e6 < width * height < 1.06e6
    assert width % 16 == height % 16 == 0


# --- what comes back ---


def image(name: str) -> dict[str, Any]:
    return {
        "url": f"https://v3.fal.media/{name}.jpg",
        "width": 64,
        "height": 64,
        "content_type": "image/jpeg",
    }


@pytest.mark.parametrize(
    ("output", "urls"),
    [
        ({"images": [image("a"), image("b")]}, ["a", "b"]),
        ({"images": [image("a"), image("b")], "has_nsfw_concepts": [False, False]}, ["a", "b"]),
        ({"images": [image("a"), image("b")], "has_nsfw_concepts": [True, False]}, [None, "b"]),
        ({"images": [image("a"), image("b")], "has_nsfw_concepts": [True, True]}, [None, None]),
        ({"images": [image("a"), image("b")], "has_nsfw_concepts": [True]}, [None, "b"]),
        ({"images": [None, image("b")], "has_nsfw_concepts": [False, True]}, [None]),
        ({"images": [image("a"), {"url": "file:///etc/passwd"}, {}, "b"]}, ["a"]),
        ({"images": [image("a")], "has_nsfw_concepts": "no"}, ["a"]),
    ],
)
@pytest.mark.parametrize("painter", PAINTERS.values(), ids=PAINTERS)
def test_result(painter: Painter, output: dict[str, Any], urls: list[str | None]) -> None:
    expected = [MadePicture(url and f"https://v3.fal.media/{url}.jpg") for url in urls]
    assert painter.result(output) == expected


@pytest.mark.parametrize("output", [{}, {"images": []}, {"images": None}, {"images": [{"url": 7}]}])
def test_a_result_without_pictures(output: dict[str, Any]) -> None:
    with pytest.raises(Rejected) as raised:
        FLUX_LORA.result(output)
    assert raised.value.code == "no_result"


async def test_what_the_safety_checker_held_back_has_no_address(twin: Twin) -> None:
    arguments = FLUX_LORA.arguments(replace(ORDER, prompt="something nsfw", loras=[]))
    assert FLUX_LORA.result(await twin.output(FLUX_LORA.endpoint, arguments)) == [MadePicture(None)] * 2


def test_an_order_shows_neither_prompt_nor_weights() -> None:
    assert "moon" not in repr(ORDER)
    assert "me.safetensors" not in repr(ORDER)
    assert "secret" not in repr(MadePicture("https://v3.fal.media/secret.jpg"))
