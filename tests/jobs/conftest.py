"""Jobs at work between real Postgres and the offline twins of Telegram and fal, over real sockets."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from aiogram import Bot
from aiohttp.test_utils import TestServer
from tortoise.backends.base.client import BaseDBAsyncClient

from bot.app import create_bot
from config import Settings
from fal import Fal
from jobs.app import handlers
from jobs.worker import Worker, working
from media.pool import ImagePool
from media.storage import Storage
from models import Training, TrainStatus
from models.user import Person
from sandbox.fal import FalEmulator
from sandbox.telegram import Json, Limits, TelegramEmulator
from tests.people import ANA, BETO, OLGA, settle_in, started, telegram_people
from tests.photos import portrait


@dataclass
class World:
    settings: Settings
    dsn: str
    telegram: TelegramEmulator
    fal: FalEmulator
    fal_client: Fal
    bot: Bot
    storage: Storage
    pool: ImagePool
    archive: str

    def change(self, **settings: Any) -> None:
        """Other settings, for workers that begin after this."""
        self.settings = self.settings.model_copy(update=settings)

    def work(self, *names: str) -> Any:
        """A worker, as main runs it, for as long as the context lasts; of the named jobs only, if any."""
        all_jobs = handlers(
            self.settings, fal=self.fal_client, bot=self.bot, storage=self.storage, pool=self.pool
        )
        jobs = {name: handler for name, handler in all_jobs.items() if name in names or not names}
        return working(self.dsn, jobs, {}, heartbeat_seconds=1, idle_seconds=0.1)

    async def start(self, person: Person = ANA, **changes: Any) -> Training:
        return await started(person, **{"images_data_url": self.archive} | changes)

    async def ended(self, training: Training) -> Training:
        """The training once it has ended."""
        async with asyncio.timeout(15):
            while (row := await Training.get(id=training.id)).is_active:
                await asyncio.sleep(0.02)
        return row

    async def reached(self, training: Training, status: TrainStatus) -> None:
        async with asyncio.timeout(15):
            while (await Training.get(id=training.id)).status is not status:
                await asyncio.sleep(0.02)

    def said(self, person: Person = ANA) -> list[Json]:
        """What the bot has said to a person, as it stands in their chat now."""
        return [message for message in self.telegram.messages(person.id) if message["from"]["is_bot"]]

    async def heard(self, count: int, person: Person = ANA) -> list[Json]:
        """What the bot has said, once it is `count` messages; and no more than that come."""
        async with asyncio.timeout(15):
            while len(self.said(person)) < count:
                await asyncio.sleep(0.02)
        await self.quiet()
        assert len(self.said(person)) == count
        return self.said(person)

    async def quiet(self) -> None:
        """Returns when no job is due."""
        from models.db import connection

        async with asyncio.timeout(15):
            names = "'status', 'generation_status', 'notify', 'draft'"
            due = f"SELECT count(*) AS n FROM pgqueuer WHERE entrypoint IN ({names})"  # noqa: S608
            while (await connection().execute_query_dict(due))[0]["n"]:
                await asyncio.sleep(0.02)

    def submits(self) -> int:
        return sum(call.operation == "submit" for call in self.fal.calls)


@cache
def photos_zip(count: int = 4) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for seed in range(count):
            archive.writestr(f"photo_{seed}.jpg", portrait(seed))
    return data.getvalue()


@pytest.fixture(scope="session")
async def image_pool() -> AsyncIterator[ImagePool]:
    async with ImagePool() as pool:
        yield pool


@pytest.fixture
async def world(
    db: BaseDBAsyncClient, settings: Settings, dsn: str, image_pool: ImagePool, tmp_path: Path
) -> AsyncIterator[World]:
    await settle_in()
    people = telegram_people(ANA, BETO, OLGA)
    telegram = TelegramEmulator(
        settings.telegram_bot_token.get_secret_value(), people=people, limits=Limits(), time_scale=0.01
    )
    fal = FalEmulator(training_seconds=0.3, picture_seconds=0.05)
    async with TestServer(telegram.app()) as telegram_server, TestServer(fal.app()) as fal_server:
        fal_url = str(fal_server.make_url("")).rstrip("/")
        settings = settings.model_copy(
            update={
                "telegram_api_url": str(telegram_server.make_url("")).rstrip("/"),
                "fal_queue_url": f"{fal_url}/queue",
                "fal_rest_url": f"{fal_url}/rest",
                "fal_cdn_url": f"{fal_url}/cdn",
                "fal_api_url": f"{fal_url}/api/v1",
                "fal_poll_seconds": 0.05,
                "fal_poll_max_seconds": 0.1,
                "admin_ids": frozenset({OLGA.id}),
            }
        )
        client = Fal(
            key="test-key",
            queue_url=settings.fal_queue_url,
            rest_url=settings.fal_rest_url,
            cdn_url=settings.fal_cdn_url,
            api_url=settings.fal_api_url,
            timeout=2,
        )
        bot = create_bot(settings)
        try:
            archive = tmp_path / "photos.zip"
            archive.write_bytes(photos_zip())
            url = await client.upload(
                archive,
                content_type="application/zip",
                file_name="photos.zip",
                expires_in=settings.upload_ttl,
            )
            settings.temporary_dir.mkdir(parents=True, exist_ok=True)
            storage = Storage.from_url(settings.storage)
            # A public address as far as the rules can tell; the emulator fetches it from loopback.
            yield World(settings, dsn, telegram, fal, client, bot, storage, image_pool, url)
        finally:
            await bot.session.close()
            await client.close()


@pytest.fixture
async def worker(world: World) -> AsyncIterator[Worker]:
    async with world.work() as running:
        yield running
