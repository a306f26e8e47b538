"""Every trainer, chosen by API: what it costs, its model, and pictures with it."""

import asyncio
from typing import Any

from fal import TRAINERS
from tests.service.running import Service

# Stars for each trainer's default steps, at 150 for 1,000.
PRICES = {
    "flux-lora-fast": 150,
    "flux-lora-portrait": 450,
    "flux-2": 480,
    "z-image": 170,
    "qwen-image-2512": 144,
}
# And for two pictures, at 3 each.
PICTURES = {"flux-lora-fast": 6, "flux-lora-portrait": 6, "flux-2": 4, "z-image": 4, "qwen-image-2512": 6}


async def test_every_trainer_makes_a_model_and_the_model_pictures(service: Service) -> None:
    await service.start(SAMPLE_PICTURES="0", WELCOME_STARS="2000")
    session = await service.call("POST", "/session")
    assert [trainer["id"] for trainer in session["trainers"]] == list(TRAINERS) == list(PRICES)
    await service.add_photos()
    url = (await service.call("POST", "/training/upload"))["images_data_url"]

    await asyncio.gather(*(from_photos_to_pictures(service, name, url) for name in TRAINERS))

    history = (await service.call("GET", "/account"))["history"]
    paid = {one["training"]["name"]: -one["amount"] for one in history if one["training"]}
    assert paid == {f"tok{name}": price for name, price in PRICES.items()}


async def from_photos_to_pictures(service: Service, name: str, url: str) -> None:
    body = {"images_data_url": url, "trigger_word": f"tok{name}", "trainer": name}
    begun = await service.call("POST", "/training/start", json=body)
    training = await service.reached(begun["trainingId"], "COMPLETED", "FAILED")
    assert training["status"] == "COMPLETED", training["error"]

    wish = {"prompt": "on a beach", "models": [{"id": begun["id"]}], "count": 2}
    generation = await ended(service, (await service.call("POST", "/generation", json=wish))["id"])
    assert generation["status"] == "COMPLETED", generation["error"]
    assert (generation["starsSpent"], len(generation["pictures"])) == (PICTURES[name], 2), name
    [request] = [one for one in service.fal.requests if f"tok{name}, on a beach" == one.input.get("prompt")]
    assert request.endpoint == TRAINERS[name].painter.endpoint


async def ended(service: Service, generation_id: str) -> Any:
    path = f"/generation/{generation_id}"
    async with asyncio.timeout(20):
        while (row := await service.call("GET", path))["status"] not in {"COMPLETED", "FAILED"}:
            await asyncio.sleep(0.05)
    return row
