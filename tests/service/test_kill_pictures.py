"""Killed at any moment and started again, pictures come as if nothing had happened.

The same every time: one run at fal, one album, one message with its buttons, the price taken once.
"""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from fal import Fal
from sandbox.fal.lora import pack
from sandbox.telegram import Json
from tests.people import ANA
from tests.service.running import Service
from tests.waiting import until

STARS_LEFT = 500 - 6


async def a_model(service: Service, folder: Path) -> None:
    """Ana's, with weights that are at fal."""
    weights = folder / "weights"
    weights.write_bytes(pack({"trigger_word": "anatok"}, seed=1))
    env = service.env
    fal = Fal(key="test-key", rest_url=env["FAL_REST_URL"], cdn_url=env["FAL_CDN_URL"])
    hour = timedelta(hours=1)
    url = await fal.upload(weights, content_type="application/octet-stream", file_name="w", expires_in=hour)
    await fal.close()
    database = await asyncpg.connect(service.env["DATABASE_URL"])
    await database.execute(
        """
        INSERT INTO lora_models
            (id, user_id, base_model_id, name, trigger_word, status, is_public, weights_url, created_at)
        VALUES ($1, $2, 'flux-lora-fast', 'Ana', 'anatok', 'READY', false, $3, now())
        """,
        uuid4(),
        ANA.id,
        url,
    )
    await database.close()


async def ask(service: Service, folder: Path) -> None:
    await service.start()
    await service.call("POST", "/session")
    await a_model(service, folder)
    await service.telegram.send_text(ANA.id, "/gen on a beach --n 2")


def albums(service: Service) -> list[Json]:
    return [message for message in service.said() if "photo" in message]


async def ends_well(service: Service) -> None:
    await until(lambda: buttons(service), 30)
    await asyncio.sleep(1.5)  # time enough for a second message, were there one
    assert len(buttons(service)) == 1
    # Between its marking and its sending nobody can tell: it isn't sent twice, and the words say so.
    if not any("If you don't see these pictures" in message.get("text", "") for message in service.said()):
        assert len(albums(service)) == 2
        assert len({message["media_group_id"] for message in albums(service)}) == 1
    assert len(albums(service)) in {0, 2}
    assert len(service.fal.requests) == 1
    (one,) = (await service.call("GET", "/generation"))["items"]
    assert (one["status"], len(one["pictures"])) == ("COMPLETED", 2)
    assert await service.balance() == STARS_LEFT


def buttons(service: Service) -> list[Json]:
    """The message under the album."""
    rows = [message.get("reply_markup", {}).get("inline_keyboard", []) for message in service.said()]
    return [row for row in rows if any("again" in str(button).lower() for line in row for button in line)]


MOMENTS: dict[str, Callable[[Service], object]] = {
    "after the commit": lambda service: service.said(),
    "when fal has it": lambda service: service.fal.requests,
    "when fal has made them": lambda service: service.fal.requests and service.fal.requests[0].deliveries,
    "when the album is there": albums,
}


@pytest.mark.parametrize("moment", MOMENTS)
async def test_at_each_step(service: Service, tmp_path: Path, moment: str) -> None:
    await ask(service, tmp_path)
    await until(lambda: MOMENTS[moment](service))
    await service.end()
    await service.start()
    await ends_well(service)


async def test_while_the_album_is_on_its_way(service: Service, tmp_path: Path) -> None:
    service.telegram.fail("sendMediaGroup", answer_delay=3)
    await ask(service, tmp_path)
    await until(lambda: albums(service), 20)
    await service.end()
    await service.start()
    await ends_well(service)


async def test_at_a_random_moment(service: Service, tmp_path: Path) -> None:
    await ask(service, tmp_path)
    await asyncio.sleep(random.uniform(0, 1.5))  # noqa: S311
    await service.end()
    await service.start()
    await ends_well(service)


async def test_a_failure_survives_as_well(service: Service, tmp_path: Path) -> None:
    service.fal.fault("run", "request_error", error="runner_disconnected", seconds=0.5)
    await ask(service, tmp_path)
    await until(lambda: service.fal.requests, 20)
    await service.end()
    await service.start()
    await until(lambda: any("⭐ 6" in message.get("text", "") for message in service.said()), 30)
    assert await service.balance() == 500
    assert albums(service) == []
