"""A model outlives fal's link to its weights: fal then fetches our copy of them, from us."""

import asyncio
from typing import Any

import asyncpg

from tests.service.running import Service


async def test_pictures_are_made_with_our_copy_once_fals_link_has_ended(service: Service) -> None:
    await service.start(SAMPLE_PICTURES="0")
    await service.add_photos()
    await service.reached(await service.begin(), "COMPLETED")
    database = await asyncpg.connect(service.env["DATABASE_URL"])
    try:
        model = await database.fetchval("SELECT id FROM lora_models")
        async with asyncio.timeout(10):
            while not await database.fetchval("SELECT weights_kept_at FROM lora_models"):
                await asyncio.sleep(0.05)
        await database.execute("UPDATE lora_models SET created_at = now() - interval '7 days'")
    finally:
        await database.close()
    await end_link(service)

    asked = await service.call(
        "POST", "/generation", json={"prompt": "on a beach", "models": [{"id": str(model)}]}
    )
    made = await ended(service, asked["id"])

    assert made["status"] == "COMPLETED", made["error"]
    [lora] = service.fal.requests[-1].input["loras"]
    assert lora["path"].startswith(f"{service.url}/models/{model}/weights?")


async def end_link(service: Service) -> None:
    request = service.fal.requests[0].request_id
    url = f"{service.env['FAL_API_URL']}/models/requests/{request}/payloads"
    async with service.http.delete(url, headers={"Authorization": "Key test-key"}) as answer:
        assert answer.status == 200
        assert len((await answer.json())["cdn_delete_results"]) == 2


async def ended(service: Service, generation_id: str) -> Any:
    async with asyncio.timeout(20):
        while (row := await service.call("GET", f"/generation/{generation_id}"))["status"] not in {
            "COMPLETED",
            "FAILED",
        }:
            await asyncio.sleep(0.05)
    return row
