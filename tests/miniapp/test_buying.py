"""Stars are bought: from the account, and from a training that lacks some."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from playwright.async_api import Locator, Route, expect

from models.user import Person
from tests.miniapp.conftest import Broke, OpenApp, Somebody
from tests.miniapp.files import photos
from tests.miniapp.line import Line
from tests.miniapp.looks import keep_picture, looks_right
from tests.miniapp.phone import Phone
from tests.service.running import Service

INVOICE = "POST /account/invoice"

languages = pytest.mark.parametrize("language", ["en", "es"])


def pack(phone: Phone, price: int) -> Locator:
    """Its row on the account's screen."""
    name = re.compile(rf" {re.escape(phone.words('packs.price', count=f'{price:,}'))}$")
    return phone.app.get_by_role("button", name=name)


def balance(phone: Phone) -> Locator:
    return phone.app.locator("header").filter(
        has=phone.app.get_by_role("heading", name=phone.words("price.balance"))
    )


async def credited(service: Service, phone: Phone, stars: int) -> None:
    async with asyncio.timeout(10):
        while (await service.call("POST", "/session", phone.person))["balance"] != stars:
            await asyncio.sleep(0.02)


async def set_up_training(phone: Phone, word: str = "beto") -> None:
    await phone.add(photos(4))
    await phone.field("trigger.title").fill(word)
    await phone.has_photos(4)


@asynccontextmanager
async def paused(service: Service) -> AsyncIterator[None]:
    connection = await asyncpg.connect(service.env["DATABASE_URL"])
    try:
        await connection.execute(
            "INSERT INTO switches (name, is_on, changed_at) VALUES ('purchases_paused', true, now())"
        )
        yield
    finally:
        await connection.execute("DELETE FROM switches")
        await connection.close()


# --- from the account ---


@languages
async def test_a_pack_is_bought_and_its_stars_are_there(
    open_app: OpenApp, broke: Broke, service: Service, language: str
) -> None:
    phone = await open_app(await broke(language))
    await phone.tab("tab.account").tap()
    await expect(pack(phone, 200)).to_contain_text(phone.words("packs.enough"))
    await expect(pack(phone, 500)).to_contain_text(phone.words("packs.bonus", count=50))
    await expect(phone.text("packs.missing", count=150)).to_be_visible()
    await looks_right(phone, "packs")
    await pack(phone, 500).tap()
    await expect(phone.invoice.get_by_role("heading")).to_have_text(phone.words("price.stars", count=550))
    await keep_picture(phone.page, f"packs-invoice-{language}")
    await phone.pay()
    await expect(phone.text("packs.arrived", count=550)).to_be_visible()
    await expect(balance(phone)).to_contain_text("550")
    row = phone.app.get_by_role("listitem").filter(has_text=phone.words("history.purchase", count=550))
    await expect(row).to_contain_text("+550")
    await phone.asked_for("web_app_trigger_haptic_feedback", notification_type="success")
    await looks_right(phone, "packs-arrived")
    assert (await service.call("POST", "/session", phone.person))["balance"] == 550
    assert service.telegram.person(phone.person.id).stars == 9_500


async def test_two_taps_are_one_invoice(open_app: OpenApp, line: Line) -> None:
    phone = await open_app()
    await phone.tab("tab.account").tap()
    await pack(phone, 50).evaluate("(button) => { button.click(); button.click(); }")
    await expect(phone.invoice).to_be_visible()
    await expect(pack(phone, 50)).to_have_attribute("aria-busy", "true")
    await expect(pack(phone, 100)).to_be_disabled()
    await phone.pay()
    await expect(phone.text("packs.arrived", count=50)).to_be_visible()
    assert len(line.sent(INVOICE)) == 1
    assert len(await phone.asked("web_app_open_invoice")) == 1


async def test_who_thinks_better_of_it_can_choose_another(open_app: OpenApp) -> None:
    phone = await open_app()
    await phone.tab("tab.account").tap()
    await pack(phone, 50).tap()
    await phone.invoice.get_by_role("button", name="Cancel").tap()
    await expect(pack(phone, 50)).to_have_attribute("aria-busy", "false")
    await expect(phone.app.get_by_role("status").filter(has_text=".")).to_have_count(0)
    await pack(phone, 100).tap()
    await phone.pay()
    await expect(phone.text("packs.arrived", count=100)).to_be_visible()
    await expect(balance(phone)).to_contain_text("600")


@languages
async def test_a_payment_that_fails_is_said(
    open_app: OpenApp, somebody: Somebody, service: Service, language: str
) -> None:
    phone = await open_app(somebody(language))
    service.telegram.person(phone.person.id).stars = 10
    await phone.tab("tab.account").tap()
    await pack(phone, 50).tap()
    await phone.pay()
    await expect(phone.text("packs.declined")).to_be_visible()
    await looks_right(phone, "packs-declined")
    await expect(balance(phone)).to_contain_text("500")
    await phone.tab("tab.train").tap()
    await phone.tab("tab.account").tap()
    await expect(pack(phone, 50)).to_be_enabled()
    await expect(phone.text("packs.declined")).to_have_count(0)


@languages
async def test_stars_that_come_late_are_awaited_and_then_there(
    open_app: OpenApp, somebody: Somebody, language: str
) -> None:
    phone = await open_app(somebody(language))
    await phone.tab("tab.account").tap()
    phone.pays_late()
    await pack(phone, 100).tap()
    await phone.pay()
    await expect(phone.text("packs.awaited")).to_be_visible()
    await expect(pack(phone, 50)).to_be_disabled()  # or who sees no stars would pay twice
    await looks_right(phone, "packs-awaited")
    async with phone.time_flies():
        await expect(phone.text("packs.lateText")).to_be_visible()
    await expect(pack(phone, 50)).to_be_enabled()
    await looks_right(phone, "packs-late")
    await phone.press("packs.look")
    await expect(phone.text("packs.awaited")).to_be_visible()
    await phone.payments_land()
    async with phone.time_flies():
        await expect(phone.text("packs.arrived", count=100)).to_be_visible()
    await expect(balance(phone)).to_contain_text("600")


async def test_stars_that_come_while_one_is_in_the_chat(open_app: OpenApp, service: Service) -> None:
    phone = await open_app()
    await phone.tab("tab.account").tap()
    phone.pays_late()
    await pack(phone, 100).tap()
    await phone.pay()
    async with phone.time_flies():
        await expect(phone.text("packs.lateText")).to_be_visible()
    await phone.payments_land()
    await credited(service, phone, 600)
    await phone.comes_back()
    await expect(phone.text("packs.arrived", count=100)).to_be_visible()


# --- what is refused ---


@languages
async def test_paused_purchases_are_said(
    open_app: OpenApp, somebody: Somebody, service: Service, language: str
) -> None:
    phone = await open_app(somebody(language))
    phone.guard.expects(409)
    await phone.tab("tab.account").tap()
    async with paused(service):
        await pack(phone, 50).tap()
        await expect(phone.text("error.purchases_paused")).to_be_visible()
    await looks_right(phone, "packs-paused")
    await pack(phone, 50).tap()
    await expect(phone.invoice).to_be_visible()
    await expect(phone.text("error.purchases_paused")).to_have_count(0)


async def test_a_pack_that_is_gone_is_said_and_gone(open_app: OpenApp, somebody: Somebody) -> None:
    phone = await open_app(somebody())
    phone.guard.expects(409)

    async def sell_another(route: Route) -> None:
        answer = await route.fetch()
        session: dict[str, Any] = await answer.json()
        await route.fulfill(json=session | {"packs": [{"price": 70, "stars": 70}]})

    await phone.page.route("**/session", sell_another)
    await phone.reopen()
    await phone.ready()
    await phone.tab("tab.account").tap()
    await expect(pack(phone, 70)).to_be_visible()
    await phone.page.unroute_all(behavior="wait")
    await pack(phone, 70).tap()
    await expect(phone.text("error.pack_gone")).to_be_visible()
    await expect(pack(phone, 70)).to_have_count(0)
    await expect(pack(phone, 50)).to_be_enabled()


async def test_one_invoice_after_the_other_is_too_many(open_app: OpenApp, service: Service) -> None:
    phone = await open_app()
    phone.guard.expects(429)
    for _ in range(10):
        await service.call("POST", "/account/invoice", phone.person, json={"pack": 50})
    await phone.tab("tab.account").tap()
    await pack(phone, 50).tap()
    await expect(phone.text("error.busy")).to_be_visible()


async def test_a_telegram_that_makes_no_invoice_is_said(open_app: OpenApp, service: Service) -> None:
    phone = await open_app()
    phone.guard.expects(503)
    await phone.tab("tab.account").tap()
    service.telegram.fail("createInvoiceLink", times=2, error_code=500)
    await pack(phone, 50).tap()
    await expect(phone.text("error.telegram")).to_be_visible()
    service.telegram.clear_faults()
    await pack(phone, 50).tap()
    await expect(phone.invoice).to_be_visible()


async def test_a_line_that_breaks_is_said(open_app: OpenApp, line: Line) -> None:
    phone = await open_app()
    phone.guard.expects("ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET")
    await phone.tab("tab.account").tap()
    line.fault(INVOICE, "drop", times=9)
    await pack(phone, 50).tap()
    await expect(phone.text("error.network")).to_be_visible()
    line.mend()
    await pack(phone, 50).tap()
    await expect(phone.invoice).to_be_visible()


# --- from a training that lacks stars ---


@languages
async def test_from_a_training_to_its_pack_and_back_to_the_start(
    open_app: OpenApp, broke: Broke, service: Service, line: Line, language: str
) -> None:
    phone = await open_app(await broke(language))
    await set_up_training(phone)
    await phone.field("steps.label").fill("1200")
    await expect(phone.main).to_have_text(phone.words("packs.get", count=200))
    await looks_right(phone, "train-get-stars")
    phone.pays_late()
    await phone.main.tap()
    await expect(phone.main).to_be_disabled()
    await keep_picture(phone.page, f"train-invoice-{language}")
    await phone.pay()
    await expect(phone.main).to_have_text(phone.words("packs.awaited"))
    await looks_right(phone, "train-awaited")
    await phone.payments_land()
    await expect(phone.main).to_have_text(phone.words("train.start", price=180))
    await expect(phone.text("packs.arrived", count=200)).to_be_visible()
    await looks_right(phone, "train-arrived")
    await phone.has_photos(4)
    await expect(phone.field("trigger.title")).to_have_value("beto")
    await phone.main.tap()
    await expect(phone.app.get_by_role("heading", name="beto")).to_be_visible()
    assert (await service.call("POST", "/session", phone.person))["balance"] == 20
    assert len(line.sent(INVOICE)) == 1


async def test_a_debt_counts_in_what_is_missing(open_app: OpenApp, broke: Broke, service: Service) -> None:
    person = await broke("es")
    await _owe(service, person, 60)
    phone = await open_app(person)
    await set_up_training(phone)
    await expect(phone.text("price.missing", count=210)).to_be_visible()
    await looks_right(phone, "train-debt")
    await expect(phone.main).to_have_text(phone.words("packs.get", count=550))
    await phone.tab("tab.account").tap()
    await expect(phone.text("account.debt", count=60)).to_be_visible()
    await expect(phone.text("packs.missing", count=210)).to_be_visible()
    await looks_right(phone, "account-debt")
    await pack(phone, 500).tap()
    await phone.pay()
    await expect(balance(phone)).to_contain_text("490")
    await expect(phone.text("account.debt", count=60)).to_have_count(0)
    await phone.press("packs.back")
    await expect(phone.main).to_have_text(phone.words("train.start", price=150))


async def _owe(service: Service, person: Person, stars: int) -> None:
    connection = await asyncpg.connect(service.env["DATABASE_URL"])
    try:
        await connection.execute("UPDATE users SET debt = $2 WHERE id = $1", person.id, stars)
    finally:
        await connection.close()


async def test_what_no_pack_brings_takes_several(open_app: OpenApp, broke: Broke) -> None:
    phone = await open_app(await broke("en"))
    await set_up_training(phone)
    await phone.field("steps.label").fill("10000")
    await expect(phone.text("price.several")).to_be_visible()
    await expect(phone.main).to_have_text(phone.words("packs.all"))
    await phone.main.tap()
    await expect(phone.text("packs.missing", count="1,500")).to_be_visible()
    await pack(phone, 1000).tap()
    await phone.pay()
    await expect(phone.text("packs.arrived", count="1,150")).to_be_visible()
    await expect(phone.button("packs.back")).to_have_count(0)
    await expect(phone.text("packs.missing", count=350)).to_be_visible()
    await expect(pack(phone, 500)).to_contain_text(phone.words("packs.enough"))
    await pack(phone, 500).tap()
    await phone.pay()
    await phone.press("packs.back")
    await expect(phone.main).to_have_text(phone.words("train.start", price="1,500"))
    await phone.has_photos(4)


async def test_a_refusal_is_said_where_one_is(open_app: OpenApp, broke: Broke, service: Service) -> None:
    phone = await open_app(await broke("en"))
    phone.guard.expects(409)
    await set_up_training(phone)
    async with paused(service):
        await phone.main.tap()
        await expect(phone.text("error.purchases_paused")).to_be_in_viewport()
    await expect(phone.main).to_have_text(phone.words("packs.get", count=200))
    await expect(phone.main).to_be_enabled()


# --- where the client has no payment sheet ---


@languages
async def test_an_older_client_pays_in_telegram_itself(
    open_app: OpenApp, broke: Broke, service: Service, language: str
) -> None:
    phone = await open_app(await broke(language), version="6.0")
    opened: list[str] = []

    async def note(route: Route) -> None:
        opened.append(route.request.url)
        await route.fulfill(body="Telegram")

    await phone.page.context.route("https://t.me/**", note)
    await phone.tab("tab.account").tap()
    await pack(phone, 200).tap()
    await expect(phone.text("packs.elsewhereText")).to_be_visible()
    await looks_right(phone, "packs-elsewhere")
    async with phone.page.context.expect_page():
        await phone.press("packs.open")
    await service.telegram.pay(phone.person.id, slug=opened[-1])
    await phone.comes_back()
    await expect(phone.text("packs.arrived", count=200)).to_be_visible()
    assert await phone.unknown() == []


async def test_what_is_bought_in_the_chat_is_seen_on_coming_back(open_app: OpenApp, service: Service) -> None:
    phone = await open_app()
    await phone.tab("tab.account").tap()
    await expect(balance(phone)).to_contain_text("500")
    invoice = await service.call("POST", "/account/invoice", phone.person, json={"pack": 100})
    await service.telegram.pay(phone.person.id, slug=invoice["link"])
    await credited(service, phone, 600)
    await phone.comes_back()
    await expect(balance(phone)).to_contain_text("600")
