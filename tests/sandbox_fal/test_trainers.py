import io
import json
import re
import struct
import zipfile
from typing import Any

import fal_client.client as fal
import pytest
from PIL import Image

from sandbox.fal.trainers import progress_line
from tests.photos import portrait
from tests.sandbox_fal.twin import TRAINER, Twin, archive

TRAINERS = {
    "fal-ai/flux-lora-fast-training": ("images_data_url", "trigger_word"),
    "fal-ai/flux-lora-portrait-trainer": ("images_data_url", "trigger_phrase"),
    "fal-ai/flux-2-trainer": ("image_data_url", "default_caption"),
    "fal-ai/z-image-trainer": ("image_data_url", "default_caption"),
    "fal-ai/qwen-image-2512-trainer-v2": ("image_data_url", "default_caption"),
}


@pytest.mark.parametrize(("endpoint", "fields"), TRAINERS.items())
async def test_every_trainer_makes_weights_and_a_config(
    twin: Twin, endpoint: str, fields: tuple[str, str]
) -> None:
    archive_field, trigger_field = fields
    arguments = {archive_field: await twin.archive(), trigger_field: "TOK", "steps": 500}
    output = await twin.client.subscribe(endpoint, arguments, interval=0.01)
    weights, config = output["diffusers_lora_file"], output["config_file"]
    assert weights.keys() == {"url", "content_type", "file_name", "file_size"}
    assert weights["file_name"].endswith(".safetensors")
    header, tensors = _safetensors(await _read(twin, weights))
    assert header["__metadata__"]["trigger_word"] == "TOK"
    assert tensors == max(
        entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"
    )
    assert json.loads(await _read(twin, config))["trigger_word"] == "TOK"


def _safetensors(data: bytes) -> tuple[dict[str, Any], int]:
    """The header, and how many bytes of tensors follow it."""
    (length,) = struct.unpack("<Q", data[:8])
    assert length % 8 == 0
    return json.loads(data[8 : 8 + length]), len(data) - 8 - length


async def _read(twin: Twin, file: dict[str, Any]) -> bytes:
    async with twin.http.get(file["url"]) as response:
        assert response.status == 200
        data = await response.read()
    assert len(data) == file["file_size"]
    return data


async def test_the_output_of_the_fast_trainer(twin: Twin) -> None:
    output = await (await twin.train()).get(interval=0.01)
    assert output.keys() == {"diffusers_lora_file", "config_file", "debug_preprocessed_output"}
    assert output["debug_preprocessed_output"] is None


@pytest.mark.parametrize("endpoint", TRAINERS)
@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"steps": 0}, "greater_than_equal"),
        ({"steps": 100_000}, "less_than_equal"),
        ({"steps": "many"}, "int_parsing"),
        ({"colour": "red"}, "extra_forbidden"),
    ],
)
async def test_input_that_isnt_the_trainers(
    twin: Twin, endpoint: str, change: dict[str, Any], kind: str
) -> None:
    archive_field, _ = TRAINERS[endpoint]
    handle = await twin.client.submit(endpoint, {archive_field: "https://example.org/a.zip", **change})
    [detail] = await twin.details(handle)
    assert detail["type"] == kind
    assert detail["loc"] == ["body", *change]
    assert detail["msg"]


@pytest.mark.parametrize("endpoint", TRAINERS)
async def test_the_archive_field_of_the_other_trainers_is_a_mistake(twin: Twin, endpoint: str) -> None:
    right, _ = TRAINERS[endpoint]
    wrong = "images_data_url" if right == "image_data_url" else "image_data_url"
    handle = await twin.client.submit(endpoint, {wrong: "https://example.org/a.zip"})
    found = {(item["type"], item["loc"][-1]) for item in await twin.details(handle)}
    assert found == {("missing", right), ("extra_forbidden", wrong)}


def _encrypted() -> bytes:
    """An archive whose members claim to be encrypted."""
    data = bytearray(archive())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := data.find(signature, at + 1)) >= 0:
            data[at + offset] |= 1
    return bytes(data)


def _of_one_colour(size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("1", size).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"this is not a zip", "invalid_archive"),
        (archive()[:-100], "invalid_archive"),
        (_encrypted(), "invalid_archive"),
        (archive(photos=3), "archive_file_count_below_minimum"),
        (
            archive(photos=3, extra={"__MACOSX/3.jpg": b"x", ".4.jpg": b"x"}),
            "archive_file_count_below_minimum",
        ),
        (archive(extra={"broken.jpg": portrait(9, (128, 160))[:2000]}), "image_load_error"),
        (archive(extra={"text.png": b"hello"}), "image_load_error"),
        (archive(extra={"huge.png": _of_one_colour((14_000, 14_000))}), "image_too_large"),
        (archive(extra={f"{i}.webp": b"" for i in range(10, 1007)}), "archive_file_count_exceeds_maximum"),
    ],
    ids=["text", "cut", "encrypted", "three", "clutter", "cut photo", "not a photo", "bomb", "many"],
)
async def test_a_bad_archive(twin: Twin, data: bytes, kind: str) -> None:
    url = await twin.put(data)
    handle = await twin.train(images_data_url=url)
    [detail] = await twin.details(handle)
    assert detail["type"] == kind
    assert detail["loc"] == ["body", "images_data_url"]
    assert detail["input"] == url
    assert detail["url"] == f"https://docs.fal.ai/errors/#{kind}"


async def test_the_counts_are_told(twin: Twin) -> None:
    handle = await twin.train(images_data_url=await twin.archive(photos=2))
    [detail] = await twin.details(handle)
    assert detail["ctx"]["min_count"] == 4
    assert detail["ctx"]["provided_count"] == 2
    assert "found 2" in detail["msg"]


@pytest.mark.parametrize(
    "url", ["{base}/cdn/files/lion/gone.zip", "http://127.0.0.1:1/a.zip", "photos.zip", ""]
)
async def test_an_archive_that_cant_be_downloaded(twin: Twin, url: str) -> None:
    handle = await twin.train(images_data_url=url.format(base=twin.url))
    [detail] = await twin.details(handle)
    assert detail["type"] == "file_download_error"


async def test_photos_in_folders_and_of_every_format(twin: Twin) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("album/", b"")
        for number, name in enumerate(("a.JPG", "b.jpeg", "c.png", "d.webp")):
            file_format = {"png": "PNG", "webp": "WEBP"}.get(name.split(".")[1], "JPEG")
            photo = io.BytesIO()
            Image.open(io.BytesIO(portrait(number, (128, 160)))).save(photo, file_format)
            packed.writestr(f"album/{name}", photo.getvalue())
            packed.writestr(f"album/{name.split('.')[0]}.TXT", "TOK")
    url = await twin.put(buffer.getvalue())
    handle = await twin.client.submit("fal-ai/z-image-trainer", {"image_data_url": url})
    assert (await handle.get(interval=0.01))["diffusers_lora_file"]
    assert "Found 4 images and 4 captions" in await _lines(handle)


@pytest.mark.parametrize("endpoint", [name for name, fields in TRAINERS.items() if "caption" in fields[1]])
async def test_captions_are_needed_where_there_is_no_default(twin: Twin, endpoint: str) -> None:
    some, all_ = await twin.archive(captions=3), await twin.archive(captions=4)
    handle = await twin.client.submit(endpoint, {"image_data_url": some})
    [detail] = await twin.details(handle)
    assert detail["loc"] == ["body", "default_caption"]
    assert "3.jpg" in detail["msg"]
    for arguments in ({"image_data_url": some, "default_caption": "TOK"}, {"image_data_url": all_}):
        assert await twin.client.subscribe(endpoint, {**arguments, "steps": 100}, interval=0.01)


async def test_the_log_tells_the_progress_among_other_things(twin: Twin) -> None:
    handle = await twin.train()
    await handle.get(interval=0.01)
    lines = await _lines(handle)
    percents = [int(found[1]) for line in lines if (found := re.match(r"training: +(\d+)%\|.{10}\| ", line))]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert len(percents) >= 4
    assert "Captioning image 4 of 4" in lines
    assert "Created masks for 4 images" in lines


@pytest.mark.parametrize("change", [{"is_style": True}, {"create_masks": False}])
async def test_no_masks_for_a_style_or_unasked(twin: Twin, change: dict[str, Any]) -> None:
    handle = await twin.train(**change)
    await handle.get(interval=0.01)
    lines = await _lines(handle)
    assert not any("masks" in line for line in lines)
    assert any("Captioning" in line for line in lines) is ("is_style" not in change)


async def test_captions_of_ones_own_replace_the_trigger(twin: Twin) -> None:
    handle = await twin.train(images_data_url=await twin.archive(captions=4))
    await handle.get(interval=0.01)
    assert "Captions were provided: trigger_word is ignored" in await _lines(handle)


async def _lines(handle: fal.AsyncRequestHandle) -> list[str]:
    status = await handle.status(with_logs=True)
    assert isinstance(status, fal.Completed)
    return [line["message"] for line in status.logs or []]


def test_a_progress_line_is_tqdms() -> None:
    assert progress_line(420, 1000, 10.12) == "training:  42%|████▏     | 420/1000 [00:10<00:13, 41.5it/s]"
    assert progress_line(0, 1000, 0) == "training:   0%|          | 0/1000 [00:00<?, ?it/s]"
    assert progress_line(1000, 1000, 125) == "training: 100%|██████████| 1000/1000 [02:05<00:00, 8.0it/s]"


async def test_the_default_number_of_steps_is_the_trainers(twin: Twin) -> None:
    for endpoint, steps in ((TRAINER, 1000), ("fal-ai/flux-lora-portrait-trainer", 2500)):
        output = await twin.client.subscribe(
            endpoint, {"images_data_url": await twin.archive()}, interval=0.01
        )
        assert json.loads(await _read(twin, output["config_file"]))["steps"] == steps
