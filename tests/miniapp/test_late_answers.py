"""Answers that come late, or say no: nobody is taken elsewhere by one, loses a newer wish to it, or is told
less than is true.
"""

import pytest
from playwright.async_api import Locator, expect

from models.user import Person
from sandbox.telegram import Json
from tests.miniapp.conftest import Models, OpenApp, Paint, Somebody
from tests.miniapp.line import Line
from tests.miniapp.looks import looks_right
from tests.miniapp.phone import Phone
from tests.service.running import Service, nothing_to_do

SECONDS = 2.0

Painted = tuple[Person, Json]


@pytest.fixture
async def painted(somebody: Somebody, models: Models, paint: Paint) -> Painted:
    """Somebody with one model, and the one picture that they have made."""
    person = somebody()
    await models(person, trigger_word="anatok")
    return person, await paint(person, "anatok at the beach")


def used(phone: Phone, name: str) -> Locator:
    """A model that the next pictures are made with."""
    return phone.app.get_by_role("slider", name=phone.words("create.scale", name=name))


def tick(phone: Phone, name: str) -> Locator:
    return phone.app.get_by_role("checkbox", name=phone.words("models.select", name=name))


async def open_the_picture(phone: Phone) -> None:
    await phone.tab("tab.gallery").tap()
    await phone.app.get_by_role("listitem").first.tap()


async def open_the_model(phone: Phone) -> None:
    await phone.tab("tab.models").tap()
    await phone.app.get_by_role("button", name="anatok").tap()


async def is_at(phone: Phone, tab: str) -> None:
    await expect(phone.tab(tab)).to_have_attribute("aria-current", "page")


async def test_a_link_to_a_model_makes_pictures_with_that_one(
    open_app: OpenApp, somebody: Somebody, models: Models, service: Service, paint: Paint
) -> None:
    ana, beto = somebody(), somebody("es")
    await models(ana, trigger_word="anatok")
    (shared,) = await models(beto, trigger_word="betotok")
    await service.call("PATCH", f"/models/{shared}", beto, json={"isPublic": True})
    phone = await open_app(ana, wait=False, start_param=f"model_{shared}")
    await phone.press("model.make")
    await expect(used(phone, "betotok")).to_be_visible()
    # The lists are there by now.
    await expect(phone.main).to_have_text(phone.words("create.addPrompt"))
    await expect(used(phone, "betotok")).to_be_visible()
    await expect(used(phone, "anatok")).to_have_count(0)
    made = await paint(ana, models=[{"id": shared, "scale": 1}])
    await phone.open(start_param=f"picture_{made['id']}")
    await phone.button("viewer.useShort").tap()
    await expect(phone.main).to_have_text(phone.words("create.make", count=1, price=3))
    await expect(used(phone, "betotok")).to_be_visible()


async def test_another_model_takes_the_place_of_none_that_is_gone(
    open_app: OpenApp, somebody: Somebody, models: Models, service: Service
) -> None:
    person = somebody()
    await models(person, name="Stays")
    chosen = (await models(person, name="Chosen"))[0]
    await service.call("PATCH", f"/models/{chosen}", person, json={"selected": True})
    phone = await open_app(person)
    await expect(used(phone, "Chosen")).to_be_visible()
    await phone.field("create.prompt").fill("at the beach")
    await service.call("DELETE", f"/models/{chosen}", person)
    phone.guard.expects(422, 404)
    await phone.press("create.make", count=1, price=3)
    await expect(phone.text("create.lost")).to_be_visible()
    await expect(phone.main).to_have_text(phone.words("create.pick"))
    await expect(used(phone, "Stays")).to_have_count(0)


async def test_whoever_has_gone_on_is_not_taken_back(
    open_app: OpenApp, painted: Painted, line: Line, service: Service
) -> None:
    person, _ = painted
    phone = await open_app(person)
    await open_the_picture(phone)
    line.fault("POST /generation", "late", seconds=SECONDS)
    await phone.button("viewer.again").tap()
    await phone.leave.tap()
    await phone.tab("tab.train").tap()
    # What was asked for is being made all the same.
    await expect(phone.tab("tab.train")).to_have_attribute("aria-current", "page")
    async with phone.page.expect_response(lambda answer: answer.url.endswith("/generation")):
        pass
    await phone.tab("tab.account").tap()
    await phone.tab("tab.train").tap()
    await is_at(phone, "tab.train")
    assert len((await service.call("GET", "/generation?scope=all", person))["items"]) == 2


async def test_what_was_agreed_to_is_not_taken_back_by_a_no_that_comes_too_late(
    open_app: OpenApp, painted: Painted, line: Line
) -> None:
    person, _ = painted
    phone = await open_app(person)
    await open_the_model(phone)
    await phone.press("model.share")
    line.fault("PATCH /models/*", "late", seconds=SECONDS)
    await phone.button("model.publishAndShare").tap()
    await expect(phone.button("model.keepPrivate")).to_be_disabled()
    await phone.leave.tap()
    await phone.page.keyboard.press("Escape")
    await expect(phone.app.get_by_role("dialog")).to_be_visible()
    await phone.asked_for("web_app_open_tg_link")
    await expect(phone.app.get_by_role("dialog")).to_be_hidden()


async def test_what_is_to_be_deleted_may_be_gone_already(
    open_app: OpenApp, painted: Painted, service: Service
) -> None:
    person, _ = painted
    phone = await open_app(person)
    await open_the_model(phone)
    (model,) = (await service.call("GET", "/models?scope=own", person))["items"]
    await phone.press("model.delete")
    await service.call("DELETE", f"/models/{model['id']}", person)
    phone.guard.expects(404)
    await phone.app.get_by_role("dialog").get_by_role("button", name=phone.words("model.deleteYes")).tap()
    await is_at(phone, "tab.models")
    await expect(phone.text("models.empty")).to_be_visible()


async def test_a_deletion_that_fails_is_told_where_it_was_agreed_to(
    open_app: OpenApp, painted: Painted, line: Line
) -> None:
    person, _ = painted
    phone = await open_app(person)
    await open_the_picture(phone)
    await phone.button("viewer.delete").tap()
    line.fault("DELETE /generation/*", "answer", status=503)
    phone.guard.expects(503)
    dialog = phone.app.get_by_role("dialog")
    await dialog.get_by_role("button", name=phone.words("model.deleteYes")).tap()
    await expect(dialog.get_by_text(phone.words("error.server"))).to_be_visible()
    await dialog.get_by_role("button", name=phone.words("app.retry")).tap()
    await expect(phone.text("gallery.empty")).to_be_visible()


async def test_a_slow_list_takes_no_tick_away(open_app: OpenApp, painted: Painted, line: Line) -> None:
    person, _ = painted
    phone = await open_app(person)
    await expect(used(phone, "anatok")).to_be_visible()
    line.fault("GET /models", "late", seconds=SECONDS, times=2)
    await phone.tab("tab.models").tap()
    await tick(phone, "anatok").locator("xpath=ancestor::label").tap()
    await expect(tick(phone, "anatok")).to_be_checked()
    async with phone.page.expect_response(lambda answer: "/models?scope=own" in answer.url):
        pass
    async with phone.page.expect_response(lambda answer: "/models?scope=own" in answer.url):
        pass
    await expect(tick(phone, "anatok")).to_be_checked()
    await expect(phone.text("models.selected", have=1, maximum=5)).to_be_visible()


async def test_the_limit_is_said_where_it_is_seen(
    open_app: OpenApp, somebody: Somebody, models: Models
) -> None:
    person = somebody()
    for at in range(8):
        await models(person, name=f"Model {at}")
    phone = await open_app(person)
    await phone.tab("tab.models").tap()
    for at in range(5):
        await tick(phone, f"Model {at}").locator("xpath=ancestor::label").tap()
        await expect(tick(phone, f"Model {at}")).to_be_checked()
    await tick(phone, "Model 5").locator("xpath=ancestor::label").tap()
    await expect(phone.text("error.too_many_selected")).to_be_in_viewport(ratio=1)
    await expect(tick(phone, "Model 5")).not_to_be_checked()
    await looks_right(phone, "models-limit")


async def test_the_last_of_two_languages_is_spoken(open_app: OpenApp, line: Line, service: Service) -> None:
    phone = await open_app()
    await phone.tab("tab.account").tap()
    line.fault("PATCH /account", "late", seconds=SECONDS)
    await phone.app.get_by_text("Español").tap()
    await phone.app.get_by_text("English").tap()
    await expect(phone.app.get_by_role("radio", name="English")).to_be_checked()
    async with phone.page.expect_response(lambda answer: answer.request.method == "PATCH"):
        pass
    async with phone.page.expect_response(lambda answer: answer.request.method == "PATCH"):
        pass
    await expect(phone.app.locator("html")).to_have_attribute("lang", "en")
    session = await service.call("POST", "/session", phone.person)
    assert session["user"]["language"] == "en"


async def test_a_payment_sheet_whose_end_nobody_tells_locks_nothing(open_app: OpenApp) -> None:
    phone = await open_app()
    await phone.tab("tab.account").tap()
    await phone.page.evaluate(
        "const { tell } = window; window.tell = (name, data) => name === 'invoice_closed' || tell(name, data)"
    )
    pack = phone.app.get_by_role("button", name=phone.words("price.stars", count=100))
    await pack.tap()
    await phone.invoice.get_by_role("button", name="Cancel").tap()
    await expect(pack).to_be_disabled()
    await phone.comes_back()
    await expect(pack).to_be_enabled()


async def test_a_bot_that_may_not_write_sends_no_pictures(
    open_app: OpenApp, painted: Painted, line: Line, service: Service
) -> None:
    person, _ = painted
    # What the bot had to say has been said: later it would learn that it may not.
    await nothing_to_do(service.env["DATABASE_URL"])
    service.telegram.person(person.id).started = False
    phone = await open_app(person)
    await open_the_picture(phone)
    await phone.button("viewer.send").tap()
    await phone.asked_for("web_app_request_write_access")
    assert not line.sent("POST /generation/*/send")
    await phone.tell("write_access_requested", {"status": "cancelled"})
    await expect(phone.text("error.bot_blocked")).to_be_visible()
    await phone.button("viewer.send").tap()
    await phone.tell("write_access_requested", {"status": "allowed"})
    await expect(phone.text("viewer.sent")).to_be_visible()
    assert len(line.sent("POST /generation/*/send")) == 1


async def test_a_picture_that_can_not_be_had_is_said(open_app: OpenApp, painted: Painted, line: Line) -> None:
    person, _ = painted
    line.fault("GET /pictures/*/file", "answer", status=404, times=99)
    phone = await open_app(person)
    phone.guard.expects(404)
    await open_the_picture(phone)
    await expect(phone.text("viewer.broken")).to_be_visible()
    await looks_right(phone, "viewer-broken")
