"""Generations over HTTP: asking, lists, one, deletion, cancelling, and what is wrong with a wish."""

from typing import Any

import pytest

from tests.people import ANA
from tests.web.conftest import Client
from tests.web.test_models import call, ready

pytestmark = pytest.mark.usefixtures("cast")


async def ask(client: Client, **wish: Any) -> tuple[int, Any]:
    return await call(client, "POST", "/generation", ANA, {"prompt": "anatok on a beach"} | wish)


async def test_pictures_are_asked_for(client: Client) -> None:
    await ready()
    status, asked = await ask(client, seed=7)
    assert status == 200, asked
    shown = await call(client, "GET", f"/generation/{asked['id']}")
    assert shown == (200, asked)
    page = await call(client, "GET", "/generation")
    assert page == (200, {"items": [asked], "nextCursor": None})
    session = (await call(client, "POST", "/session"))[1]
    assert session["generations"] == [asked]
