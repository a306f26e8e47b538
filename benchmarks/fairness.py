"""A hundred people ask for four pictures each within a second: who waits how long, and what Telegram says."""

import asyncio
import time
from pathlib import Path

from models.user import Person
from tests.people import ANA
from tests.service.running import Service, between_twins

PEOPLE = 100
PICTURES = 4
SECONDS = 600
"""At most, for all of them."""

CROWD = tuple(Person(id=6_000_000_000 + number, first_name=f"P{number}") for number in range(PEOPLE))


async def fairness(dsn: str, folder: Path) -> None:
    """Through chat, with Telegram's real limits: 28 messages a second is all that the bot may send."""
    crowd = between_twins(dsn, folder, people=(ANA, *CROWD), concurrency=10, time_scale=1)
    async with crowd as service:
        # As in production: a second, as tests have it, is little for an album.
        await service.start(GENERATIONS_AT_ONCE="10", JOB_HEARTBEAT_SECONDS="10")
        await _share_a_model(service)
        before = len(service.telegram.calls)
        began = time.time()
        await asyncio.gather(
            *(
                service.telegram.send_text(person.id, f"/gen on a beach --n {PICTURES} --l anatok")
                for person in CROWD
            )
        )
        asked = time.time() - began
        first = await _first_pictures(service, began)
        calls = service.telegram.calls[before:]
        refused = [call for call in calls if call.error_code == 429]
        albums = [call for call in calls if call.method == "sendMediaGroup" and not call.error_code]
    waits = sorted(first.values())
    print(
        f"{PEOPLE} people, {PICTURES} pictures each, asked for in {asked:.2f} s: {len(waits)} served, "
        f"{len(albums)} albums, {len(refused)} × 429"
    )
    print(
        f"  their first pictures after   {waits[0]:8.1f} s, {waits[len(waits) // 2]:.1f} s in the median, "
        f"{waits[-1]:.1f} s at most   ratio {waits[-1] / waits[0]:.1f}"
    )


async def _share_a_model(service: Service) -> None:
    await service.add_photos()
    training_id = await service.begin(steps=100)
    await service.reached(training_id, "COMPLETED")
    (model,) = (await service.call("GET", "/models"))["items"]
    await service.call("PATCH", f"/models/{model['id']}", json={"isPublic": True})


async def _first_pictures(service: Service, began: float) -> dict[int, float]:
    """Seconds until each person's album was there, once all are."""
    async with asyncio.timeout(SECONDS):
        while True:
            albums = [
                call
                for call in service.telegram.calls
                if call.method == "sendMediaGroup" and not call.error_code
            ]
            first: dict[int, float] = {}
            for call in albums:
                first.setdefault(call.chat_id or 0, call.at - began)
            if len(first) == PEOPLE:
                return first
            await asyncio.sleep(0.5)
