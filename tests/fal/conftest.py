from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fal import Fal
from tests.fal.fake_fal import FakeFal, fal_at


@pytest.fixture
async def fake_fal() -> AsyncIterator[FakeFal]:
    fake = FakeFal()
    app = web.Application(client_max_size=2**30)
    app.router.add_route("*", "/{path:.*}", fake.handle)
    server = TestServer(app)
    await server.start_server(access_log=None)
    fake.url = str(server.make_url("")).rstrip("/")
    yield fake
    await server.close()


@pytest.fixture
async def fal(fake_fal: FakeFal) -> AsyncIterator[Fal]:
    client = fal_at(fake_fal.url)
    yield client
    await client.close()
