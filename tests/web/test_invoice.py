"""POST /account/invoice: a link for the Mini App to open."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer

from models.switch import SwitchName, turn
from sandbox.telegram import TelegramEmulator
from tests.conftest import BOT_TOKEN
from tests.people import ANA, BETO, proof, telegram_people
from tests.web.conftest import Client, Serve


@pytest.fixture
def telegram() -> TelegramEmulator:
    return TelegramEmulator(BOT_TOKEN, people=telegram_people(ANA, BETO), limits=None)


@pytest.fixture
async def client(serve: Serve, telegram: TelegramEmulator, cast: None) -> AsyncIterator[Client]:
    async with TestServer(telegram.app()) as server:
        url = str(server.make_url("")).rstrip("/")
        yield await serve(telegram_api_url=url, star_packs={500: 550, 50: 50})


async def test_the_session_names_the_packs(client: Client) -> None:
    session = await (await client.post("/session", headers=proof(ANA))).json()
    assert session["packs"] == [{"price": 50, "stars": 50}, {"price": 500, "stars": 550}]


async def test_a_link_is_an_invoice_for_the_pack(client: Client, telegram: TelegramEmulator) -> None:
    answer = await client.post("/account/invoice", headers=proof(BETO), json={"pack": 500})
    assert answer.status == 200
    invoice = telegram.invoice(BETO.id, slug=(await answer.json())["link"])
    assert (invoice["total"], invoice["title"]) == (500, "550 estrellas")


@pytest.mark.parametrize("pack", [51, 550, 1_000_000])
async def test_what_is_no_pack_is_refused(client: Client, pack: int) -> None:
    answer = await client.post("/account/invoice", headers=proof(ANA), json={"pack": pack})
    assert (answer.status, (await answer.json())["code"]) == (409, "pack_gone")


@pytest.mark.parametrize("body", [{}, {"pack": 0}, {"pack": "50"}, {"pack": 50.5}, {"pack": 50, "stars": 9}])
async def test_what_is_no_request_is_refused(client: Client, body: object) -> None:
    assert (await client.post("/account/invoice", headers=proof(ANA), json=body)).status == 422


async def test_paused_purchases_are_a_409(client: Client) -> None:
    await turn(SwitchName.PURCHASES_PAUSED, on=True)
    answer = await client.post("/account/invoice", headers=proof(ANA), json={"pack": 50})
    assert (answer.status, (await answer.json())["code"]) == (409, "purchases_paused")


async def test_asking_for_a_pack_that_is_gone_without_end_is_a_429(client: Client) -> None:
    answers = [await client.post("/account/invoice", headers=proof(ANA), json={"pack": 7}) for _ in range(12)]
    assert {answer.status for answer in answers[:10]} == {409}
    assert answers[-1].status == 429


async def test_asking_without_end_is_a_429_that_says_when(client: Client) -> None:
    answers = [
        await client.post("/account/invoice", headers=proof(ANA), json={"pack": 50}) for _ in range(12)
    ]
    assert {answer.status for answer in answers[:10]} == {200}
    assert (answers[-1].status, (await answers[-1].json())["code"]) == (429, "too_often")
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 10


@pytest.mark.parametrize(
    "fault", [{"error_code": 500}, {"error_code": 429, "retry_after": 30}, {"drop": True}]
)
async def test_a_telegram_that_is_away_is_a_503(
    client: Client, telegram: TelegramEmulator, fault: dict[str, int]
) -> None:
    telegram.fail("createInvoiceLink", times=2, **fault)
    answer = await client.post("/account/invoice", headers=proof(ANA), json={"pack": 50})
    assert (answer.status, (await answer.json())["code"]) == (503, "telegram_unavailable")
    assert answer.headers["Retry-After"] == ("30" if "retry_after" in fault else "5")
