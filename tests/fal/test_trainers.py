from dataclasses import replace
from typing import Any

import pytest

from fal import DEFAULT_TRAINER, TRAINERS, Rejected, TrainingFiles, TrainingOrder

ORDER = TrainingOrder(
    images_data_url="https://v3.fal.media/files/me.zip",
    trigger_word="TOK",
    steps=1200,
    is_style=False,
    create_masks=True,
)


def test_the_default_trainer_is_in_the_table() -> None:
    assert TRAINERS[DEFAULT_TRAINER.id] is DEFAULT_TRAINER
    assert DEFAULT_TRAINER.endpoint == "fal-ai/flux-lora-fast-training"
    assert all(trainer.id == name for name, trainer in TRAINERS.items())


# What each endpoint calls things: a row a trainer.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "flux-lora-fast": {
        "images_data_url": ORDER.images_data_url,
        "trigger_word": "TOK",
        "steps": 1200,
        "is_style": False,
        "create_masks": True,
    },
    "flux-lora-portrait": {
        "images_data_url": ORDER.images_data_url,
        "trigger_phrase": "TOK",
        "steps": 1200,
        "create_masks": True,
    },
    "flux-2": {"image_data_url": ORDER.images_data_url, "default_caption": "TOK", "steps": 1200},
    "z-image": {
        "image_data_url": ORDER.images_data_url,
        "default_caption": "TOK",
        "steps": 1200,
        "training_type": "content",
    },
    "qwen-image-2512": {"image_data_url": ORDER.images_data_url, "default_caption": "TOK", "steps": 1200},
}


def test_every_trainer_has_its_row() -> None:
    assert set(ARGUMENTS) == set(TRAINERS)


@pytest.mark.parametrize(("name", "arguments"), ARGUMENTS.items(), ids=ARGUMENTS)
def test_arguments(name: str, arguments: dict[str, Any]) -> None:
    assert TRAINERS[name].arguments(ORDER) == arguments


def test_options_are_those_that_the_endpoint_asks_for() -> None:
    assert DEFAULT_TRAINER.options == {"is_style", "create_masks"}
    assert TRAINERS["flux-lora-portrait"].options == {"create_masks"}
    assert TRAINERS["z-image"].options == {"is_style"}
    assert TRAINERS["flux-2"].options == set()


def test_a_style() -> None:
    style = replace(ORDER, is_style=True, create_masks=False)
    assert DEFAULT_TRAINER.arguments(style)["is_style"] is True
    assert DEFAULT_TRAINER.arguments(style)["create_masks"] is False
    assert TRAINERS["z-image"].arguments(style)["training_type"] == "style"


def test_an_order_shows_neither_photos_nor_trigger() -> None:
    assert "me.zip" not in repr(ORDER)
    assert "TOK" not in repr(ORDER)


def test_result() -> None:
    weights = {"url": "https://v3.fal.media/lora.safetensors", "file_size": 89_745_224, "file_name": "lora"}
    config = {"url": "https://v3.fal.media/config.json"}

    files = DEFAULT_TRAINER.result({"diffusers_lora_file": weights, "config_file": config})

    assert files == TrainingFiles(
        weights_url="https://v3.fal.media/lora.safetensors",
        weights_size=89_745_224,
        config_url="https://v3.fal.media/config.json",
    )


def test_result_without_its_extras() -> None:
    files = DEFAULT_TRAINER.result({"diffusers_lora_file": {"url": "https://x/y", "file_size": "?"}})

    assert files == TrainingFiles(weights_url="https://x/y", weights_size=None, config_url=None)


@pytest.mark.parametrize(
    "weights", [None, {}, "https://x/y", {"url": None}, {"url": ""}, {"url": "file:///etc/passwd"}, []]
)
def test_result_without_weights(weights: Any) -> None:
    with pytest.raises(Rejected) as raised:
        DEFAULT_TRAINER.result({"diffusers_lora_file": weights, "config_file": {"url": "https://x/y"}})

    assert raised.value.code == "no_result"
