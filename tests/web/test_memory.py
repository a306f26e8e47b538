"""Photos stream through: the process stays as small as it was."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest
from aiohttp import ClientSession, FormData

from config import Settings
from tests import photos
from tests.web.cast import ANA, BOT_TOKEN, proof

MIB = 1024 * 1024


@pytest.fixture
async def alone(fal_settings: Settings, cast: None) -> AsyncIterator[tuple[Process, str]]:
    """The service in a process of its own, and its address."""
    given = fal_settings.model_dump(mode="json", exclude={"telegram_bot_token", "fal_key", "admin_ids"})
    given |= {"telegram_bot_token": BOT_TOKEN, "fal_key": "test-key"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.web.alone", json.dumps(given), stdin=PIPE, stdout=PIPE
    )
    assert process.stdout
    assert process.stdin
    async with asyncio.timeout(60):
        line = b""
        while not line.startswith(b"port "):  # the others are its log
            line = await process.stdout.readline()
    yield process, f"http://127.0.0.1:{int(line.split()[1])}"
    process.stdin.close()
    await process.wait()


async def test_twenty_photos_of_ten_megabytes(
    alone: tuple[Process, str], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    process, url = alone
    photo = photos.big_jpeg(10)
    form = FormData()
    for number in range(20):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(photo + bytes([number]))  # other bytes, the same picture
        form.add_field("images", path.open("rb"), filename=path.name, content_type="image/jpeg")
    async with ClientSession() as http:
        await http.get(f"{url}/healthz")
        service = psutil.Process(process.pid)
        before = peak = service.memory_info().rss
        sending = asyncio.create_task(http.post(f"{url}/training/upload", data=form, headers=proof(ANA)))
        while not sending.done():
            peak = max(peak, service.memory_info().rss)
            await asyncio.sleep(0.005)
        answer = await sending
        assert answer.status == 200, await answer.text()
        assert (await answer.json())["kept"] == 20
    assert peak - before < 100 * MIB, f"{(peak - before) / MIB:.0f} MiB"
    record_property("memory_rise_mib", round((peak - before) / MIB))
