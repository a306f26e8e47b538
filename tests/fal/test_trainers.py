from dataclasses import replace
from typing import Any

import pytest

from fal import DEFAULT_TRAINER, TRAINERS, Rejected, TrainingFiles, TrainingOrder
from fal.trainers import Choice

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


def test_the_default_trainers_arguments() -> None:
    assert DEFAULT_TRAINER.options == {"is_style", "create_masks"}
    assert DEFAULT_TRAINER.arguments(ORDER) == {
        "images_data_url": "https://v3.fal.media/files/me.zip",
        "trigger_word": "TOK",
        "steps": 1200,
        "is_style": False,
        "create_masks": True,
    }


def test_another_trainer_is_an_entry_with_its_own_names() -> None:
    other = replace(
        DEFAULT_TRAINER,
        archive_field="image_data_url",
        trigger_field="default_caption",
        style=Choice("training_type", yes="style", no="content"),
        masks=None,
    )

    assert other.options == {"is_style"}
    assert other.arguments(replace(ORDER, is_style=True)) == {
        "image_data_url": "https://v3.fal.media/files/me.zip",
        "default_caption": "TOK",
        "steps": 1200,
        "training_type": "style",
    }


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
