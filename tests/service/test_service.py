"""The process as its operator knows it: it starts, says what is wrong, goes on after trouble, and stops."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiohttp import FormData

from tests.conftest import BOT_TOKEN
from tests.people import ANA, BETO
from tests.photos import portrait
from tests.service.running import ROOT, Service, free_port, nothing_to_do


async def start_badly(**env: str) -> tuple[int, str]:
    """Runs main.py with these settings alone; answers its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "main.py"), cwd="/", env=env, stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode or 0, said.decode()


async def test_a_wrong_setting_is_named_and_ends_with_2() -> None:
    code, said = await start_badly(TELEGRAM_BOT_TOKEN=BOT_TOKEN, PORT="0x")
    assert code == 2
    assert "selfi: FAL_KEY is missing" in said
    assert "selfi: PORT" in said
    assert "Traceback" not in said
    assert BOT_TOKEN not in said


async def test_a_styles_file_that_is_wrong_is_a_wrong_setting(tmp_path: Path) -> None:
    file = tmp_path / "styles.toml"
    file.write_text("[moon]\nname = 'Moon'")
    code, said = await start_badly(TELEGRAM_BOT_TOKEN=BOT_TOKEN, FAL_KEY="key", STYLES_FILE=str(file))
    assert code == 2
    assert f"selfi: STYLES_FILE names '{file}', which is wrong: [moon] it has no prompt" in said
    assert "Traceback" not in said


async def test_it_tells_telegram_where_it_is_before_it_is_ready(fresh_service: Service) -> None:
    await fresh_service.start()
    methods = {call.method for call in fresh_service.telegram.calls}
    assert "setWebhook" in methods


async def test_a_telegram_that_is_away_at_the_start_is_waited_for(service: Service) -> None:
    service.telegram.fail("", error_code=502, times=3)
    await service.start()


async def test_a_stop_lets_what_is_under_way_finish(service: Service) -> None:
    await service.start()
    service.fal.fault("token", "late", seconds=1.5)
    await service.add_photos()
    upload = asyncio.create_task(service.call("POST", "/training/upload"))
    async with asyncio.timeout(10):
        while not any(call.operation == "token" for call in service.fal.calls):
            await asyncio.sleep(0.01)
    assert await service.end(signal.SIGTERM) == 0
    assert (await upload)["images_data_url"]


async def test_an_open_event_stream_does_not_hold_up_a_stop(service: Service) -> None:
    await service.start()
    await service.add_photos()
    service.fal.fault("run", "never_ends")
    training_id = await service.begin()
    headers = {"Authorization": f"tma {service.telegram.init_data(ANA.id)}"}
    async with service.http.get(f"{service.url}/training/{training_id}/events", headers=headers) as stream:
        assert b"event: status" in await stream.content.readuntil(b"\n\n")
        began = asyncio.get_running_loop().time()
        assert await service.end(signal.SIGTERM) == 0
        assert asyncio.get_running_loop().time() - began < 15


async def test_it_goes_on_after_postgres_was_away(service: Service) -> None:
    await service.start()
    await service.add_photos()
    training_id = await service.begin(steps=2000)
    connection = await asyncpg.connect(service.env["DATABASE_URL"])
    try:
        for _ in range(3):
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await asyncio.sleep(0.3)
    finally:
        await connection.close()
    async with asyncio.timeout(40):
        while (await anyhow(service, training_id)) != "COMPLETED":
            await asyncio.sleep(0.1)
    await service.told()
    assert len(service.finals()) == 1


async def anyhow(service: Service, training_id: str) -> str | None:
    """The training's status; None where the service can't say just now, which it must say by a 503."""
    headers = {"Authorization": f"tma {service.telegram.init_data(ANA.id)}"}
    async with service.http.get(f"{service.url}/training/{training_id}/status", headers=headers) as answer:
        assert answer.status in {200, 503}, await answer.text()
        return (await answer.json()).get("status") if answer.status == 200 else None


async def test_without_a_public_address_it_polls(service: Service) -> None:
    service.env.pop("PUBLIC_URL")
    await service.start()
    await service.telegram.send_text(ANA.id, "/balance")
    answer = await service.telegram.next_message(ANA.id)
    assert "500" in answer["text"]
    await service.add_photos()
    training_id = await service.begin()
    await service.reached(training_id, "COMPLETED")
    assert service.fal.requests[0].webhook_url is None


async def test_two_replicas_share_the_work_and_say_nothing_twice(service: Service) -> None:
    await service.start()
    port = free_port()
    second = Service(
        service.telegram,
        service.fal,
        service.env | {"PORT": str(port)},
        f"http://127.0.0.1:{port}",
        service.http,
        service.nursery,
    )
    try:
        await second.start()
        await service.add_photos()
        first_id = await service.begin(steps=500)
        upload = await second.call("POST", "/training/upload", data=photos_form())
        body = {"images_data_url": upload["images_data_url"], "trigger_word": "tok", "steps": 500}
        second_id = (await second.call("POST", "/training/start", json=body))["trainingId"]
        for training_id in (first_id, second_id):
            await second.reached(training_id, "COMPLETED")
        async with asyncio.timeout(20):
            while len(service.said()) < 4:
                await asyncio.sleep(0.05)
        await nothing_to_do(service.env["DATABASE_URL"])
        assert len(service.said()) == 4
    finally:
        await second.end()


def photos_form() -> FormData:
    form = FormData()
    for seed in range(10, 14):
        form.add_field("images", portrait(seed), filename=f"{seed}.jpg", content_type="image/jpeg")
    return form


async def test_the_logs_hold_no_secret_and_no_photo_address(
    fresh_service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    await fresh_service.start(LOG_LEVEL="info")
    await fresh_service.add_photos()
    await fresh_service.begin()
    await fresh_service.told()
    await fresh_service.end(signal.SIGTERM)
    logged = capfd.readouterr().err
    assert '"request_id"' in logged
    assert "/training/start" in logged
    for secret in (BOT_TOKEN, "test-key", "hash=", "tgWebAppData", ".zip", "anatok", "Ana"):
        assert secret not in logged


async def test_what_people_send_at_once_is_answered_in_order(service: Service) -> None:
    await service.start()
    for _ in range(3):
        await service.telegram.send_text(BETO.id, "/balance")
    async with asyncio.timeout(10):
        while len(service.said(BETO)) < 3:
            await asyncio.sleep(0.02)
    texts: list[Any] = [message["text"] for message in service.said(BETO)]
    assert len(set(texts[1:])) == 1
