"""The whole service as a process of its own, between real Postgres and the offline twins."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import certifi
from aiohttp import ClientConnectionError, ClientSession, FormData
from aiohttp.test_utils import TestServer

from models.user import Person
from sandbox.fal import FalEmulator
from sandbox.telegram import Json, TelegramEmulator
from tests.conftest import BOT_TOKEN
from tests.people import ANA, BETO, telegram_people
from tests.photos import portrait
from tests.service.nursery import Child, Nursery

ROOT = Path(__file__).parent.parent.parent


@dataclass
class Service:
    telegram: TelegramEmulator
    fal: FalEmulator
    env: dict[str, str]
    url: str
    http: ClientSession
    nursery: Nursery | None = None
    process: Process | Child | None = None

    async def start(self, **env: str) -> None:
        """Starts it and waits until it is ready: `python main.py`, or where there is a nursery its fork."""
        if self.nursery:
            self.process = await self.nursery.start(self.env | env, self.env["DATA_DIR"])
        else:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, str(ROOT / "main.py"), cwd=self.env["DATA_DIR"], env=self.env | env
            )
        async with asyncio.timeout(60):
            while not await self.ready():
                assert self.process.returncode is None
                await asyncio.sleep(0.05)

    async def ready(self) -> bool:
        try:
            async with self.http.get(f"{self.url}/readyz") as answer:
                return answer.status == 200
        except ClientConnectionError:
            return False

    async def end(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Sends a signal and answers the exit code."""
        if self.process is None:
            return 0
        if self.process.returncode is None:
            self.process.send_signal(number)
        code = await asyncio.wait_for(self.process.wait(), 40)
        self.process = None
        return code

    async def call(self, method: str, path: str, person: Person = ANA, **options: Any) -> Any:
        """Calls the API as a person; answers the JSON of a success."""
        headers = {"Authorization": f"tma {self.telegram.init_data(person.id)}"} | options.pop("headers", {})
        async with self.http.request(method, f"{self.url}{path}", headers=headers, **options) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json() if answer.status != 204 else None

    async def add_photos(self, count: int = 4) -> None:
        for seed in range(count):
            form = FormData()
            form.add_field("image", portrait(seed), filename=f"{seed}.jpg", content_type="image/jpeg")
            await self.call("POST", "/training/photos", data=form)

    async def begin(self, **changes: Any) -> str:
        """Uploads the draft and starts its training; answers the training's id."""
        upload = await self.call("POST", "/training/upload")
        body = {"images_data_url": upload["images_data_url"], "trigger_word": "anatok"} | changes
        return str((await self.call("POST", "/training/start", json=body))["trainingId"])

    async def status(self, training_id: str, person: Person = ANA) -> Any:
        return await self.call("GET", f"/training/{training_id}/status", person)

    async def reached(self, training_id: str, *wanted: str, person: Person = ANA, seconds: float = 40) -> Any:
        async with asyncio.timeout(seconds):
            while (status := await self.status(training_id, person))["status"] not in wanted:
                await asyncio.sleep(0.05)
        return status

    async def balance(self) -> int:
        return int((await self.call("POST", "/session"))["balance"])

    def said(self, person: Person = ANA) -> list[Json]:
        return [message for message in self.telegram.messages(person.id) if message["from"]["is_bot"]]

    def finals(self) -> list[Json]:
        """The messages that tell the end."""
        return [message for message in self.said() if is_final(message["text"])]

    def living(self) -> list[Json]:
        """The messages that show a training as it is."""
        return [message for message in self.said() if not is_final(message["text"])]

    async def told(self, count: int = 1, seconds: float = 40) -> None:
        async with asyncio.timeout(seconds):
            while len(self.finals()) < count:
                await asyncio.sleep(0.02)


async def nothing_to_do(dsn: str, seconds: float = 20) -> None:
    """Returns when no job is left: whatever had to be said has been said, and nothing will be again."""
    connection = await asyncpg.connect(dsn)
    try:
        async with asyncio.timeout(seconds):
            while await connection.fetchval("SELECT count(*) FROM pgqueuer"):
                await asyncio.sleep(0.05)
    finally:
        await connection.close()


def is_final(text: str) -> bool:
    return text.startswith(("🎉", "😔")) or "as you wished" in text


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def between_twins(
    dsn: str,
    data_dir: Path,
    *,
    training_seconds: float = 1.0,
    picture_seconds: float = 0.2,
    concurrency: int = 1,
    people: Sequence[Person] = (ANA, BETO),
    time_scale: float = 0.05,
    nursery: Nursery | None = None,
) -> AsyncIterator[Service]:
    """A service that hasn't been started yet, between a Telegram and a fal of its own."""
    telegram = TelegramEmulator(BOT_TOKEN, people=telegram_people(*people), time_scale=time_scale)
    fal = FalEmulator(
        training_seconds=training_seconds,
        picture_seconds=picture_seconds,
        concurrency=concurrency,
        webhook_seconds=0.02,
        retry_factor=0.02,
    )
    port = free_port()
    async with (
        TestServer(telegram.app()) as telegram_server,
        TestServer(fal.app()) as fal_server,
        ClientSession() as http,
    ):
        fal_url = f"http://127.0.0.1:{fal_server.port}"
        env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ} | {
            "PORT": str(port),
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "DATABASE_URL": dsn,
            "DATA_DIR": str(data_dir),
            "TELEGRAM_BOT_TOKEN": BOT_TOKEN,
            "TELEGRAM_API_URL": f"http://127.0.0.1:{telegram_server.port}",
            "FAL_KEY": "test-key",
            "FAL_QUEUE_URL": f"{fal_url}/queue",
            "FAL_REST_URL": f"{fal_url}/rest",
            "FAL_CDN_URL": f"{fal_url}/cdn",
            "FAL_API_URL": f"{fal_url}/api/v1",
            "FAL_POLL_SECONDS": "0.1",
            "FAL_POLL_MAX_SECONDS": "0.5",
            "JOB_HEARTBEAT_SECONDS": "1",
            "WELCOME_STARS": "500",
            "SAMPLE_PICTURES": "0",
            "LOG_LEVEL": "warning",
            "SSL_CERT_FILE": certifi.where(),  # of one certificate, as in the tests' own clients
        }
        service = Service(telegram, fal, env, f"http://127.0.0.1:{port}", http, nursery)
        try:
            yield service
        finally:
            await service.end()
