"""The Mini App on a phone, in real Chromium: the real service between the twins, and a line to break.

One service serves all tests of this folder in a process: each test has people of its own. A test for a
screen asks for `open_app`, and is given a `Phone`:

    async def test_the_balance_is_shown(open_app: OpenApp) -> None:
        phone = await open_app()
        await phone.tab("tab.account").tap()
        await expect(phone.text("account.balance")).to_be_visible()
        await looks_right(phone, "account")
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from itertools import count, islice
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser

from models.user import Person
from sandbox.telegram import Json
from tests.conftest import create_database, worker_name
from tests.miniapp.files import SMALL
from tests.miniapp.line import Line
from tests.miniapp.phone import Phone, screen
from tests.people import OLGA, telegram_people
from tests.photos import portrait
from tests.service.nursery import Nursery
from tests.service.running import Service, between_twins

HERE = Path(__file__).parent
TRAINING_SECONDS = 1.5
"""What 1,000 steps take."""

_ids = count(6_000_000_000)


class Train(Protocol):
    async def __call__(self, person: Person, times: int = 1, **changes: Any) -> list[str]:
        """Starts trainings as the person's app would, and answers their ids."""


class Models(Protocol):
    async def __call__(self, person: Person, times: int = 1, **changes: Any) -> list[str]:
        """Makes models for somebody, and answers the ids of all that they have, the newest first."""


class Paint(Protocol):
    async def __call__(self, person: Person, prompt: str = "at the beach", **wish: Any) -> Json:
        """Makes pictures as the person's app would, with the only model that they have or those selected."""


class OpenApp(Protocol):
    async def __call__(self, person: Person | None = None, *, wait: bool = True, **launch: Any) -> Phone:
        """Opens the app as the person (somebody new, if none is given), by `Phone.open`'s keywords.

        `wait` is for the first screen to be there.
        """


Somebody = Callable[..., Person]
Broke = Callable[..., Awaitable[Person]]


@pytest.fixture(scope="session")
async def service(
    postgres_server: str, migrated_template: str, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """Selfi, running, with Olga as its operator; everybody new is given 500 stars, the largest packs bring a
    bonus, and whoever brings somebody along is rewarded.
    """
    dsn = await create_database(postgres_server, f"miniapp_{worker_name()}", migrated_template)
    folder = tmp_path_factory.mktemp("selfi")
    async with between_twins(
        dsn, folder, training_seconds=TRAINING_SECONDS, concurrency=8, nursery=nursery
    ) as service:
        service.telegram.core.state.add(*telegram_people(OLGA))
        await service.start(
            ADMIN_IDS=str(OLGA.id),
            FRAME_ANCESTORS="http://127.0.0.1:*",  # the client that the app is in has any port
            STAR_PACKS="50,100,200,500+50,1000+150",
            REFERRAL_STARS="30",
            REFERRED_STARS="10",
        )
        yield service


@pytest.fixture(autouse=True)
def _no_fault_outlives_its_test(service: Service) -> Iterator[None]:
    yield
    service.fal.clear_faults()


@pytest.fixture
def somebody(service: Service) -> Somebody:
    """Makes people who have started the bot and whom nobody else's test knows."""

    def make(language: str = "en") -> Person:
        number = next(_ids)
        person = Person(number, f"Person {number}", f"person{number}", language)
        service.telegram.core.state.add(*telegram_people(person))
        return person

    return make


@pytest.fixture
def broke(service: Service, somebody: Somebody) -> Broke:
    """Makes people like Beto: the service knows them already, so nobody welcomes them with stars."""

    async def make(language: str = "es") -> Person:
        person = somebody(language)
        connection = await asyncpg.connect(service.env["DATABASE_URL"])
        try:
            await connection.execute(
                "INSERT INTO users (id, first_name, language, balance, created_at)"
                " VALUES ($1, 'Beto', $2, 0, now())",
                person.id,
                language,
            )
        finally:
            await connection.close()
        return person

    return make


@pytest.fixture
def train(service: Service) -> Train:
    seeds = count(100)

    async def train(person: Person, times: int = 1, **changes: Any) -> list[str]:
        for seed in islice(seeds, 4):
            form = FormData()
            form.add_field("image", portrait(seed, SMALL), filename=f"{seed}.jpg", content_type="image/jpeg")
            await service.call("POST", "/training/photos", person, data=form)
        upload = await service.call("POST", "/training/upload", person)
        order = {"images_data_url": upload["images_data_url"], "trigger_word": "anatok"} | changes
        begun = []
        for _ in range(times):
            key = {"Idempotency-Key": str(uuid.uuid4())}
            answer = await service.call("POST", "/training/start", person, json=order, headers=key)
            begun.append(answer["trainingId"])
        return begun

    return train


@pytest.fixture
def models(service: Service, train: Train) -> Models:
    async def models(person: Person, times: int = 1, **changes: Any) -> list[str]:
        for training in await train(person, times, **{"steps": 1} | changes):
            await service.reached(training, "COMPLETED", person=person)
        page = await service.call("GET", "/models?scope=own", person)
        return [item["id"] for item in page["items"]]

    return models


@pytest.fixture
def paint(service: Service) -> Paint:
    async def paint(person: Person, prompt: str = "at the beach", **wish: Any) -> Json:
        begun = await service.call("POST", "/generation", person, json={"prompt": prompt} | wish)
        async with asyncio.timeout(20):
            while True:
                made: Json = await service.call("GET", f"/generation/{begun['id']}", person)
                if made["status"] in {"COMPLETED", "FAILED"}:
                    return made
                await asyncio.sleep(0.05)

    return paint


@pytest.fixture
async def line(service: Service) -> AsyncIterator[Line]:
    """The way from the phone to Selfi."""
    async with Line(service.url) as line:
        yield line


@pytest.fixture(scope="session")
async def host() -> AsyncIterator[str]:
    """The address of the page that is the Telegram client."""
    app = web.Application()
    app.router.add_static("/", HERE)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/host.html"))


@pytest.fixture
async def open_app(
    chromium: Browser, service: Service, line: Line, *, host: str, somebody: Somebody, tmp_path: Path
) -> AsyncIterator[OpenApp]:
    async with AsyncExitStack() as screens:

        async def open_app(person: Person | None = None, *, wait: bool = True, **launch: Any) -> Phone:
            person = person or somebody()
            page, guard = await screens.enter_async_context(screen(chromium, person.language_code or "en"))
            album = tmp_path / str(person.id)
            phone = Phone(page, guard, person, telegram=service.telegram, selfi=line.url, album=album)
            await phone.pick_up(host)
            await phone.open(**launch)
            if wait:
                await phone.ready()
            return phone

        yield open_app
