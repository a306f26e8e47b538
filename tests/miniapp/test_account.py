"""The account: stars and where they went, language, full screen; and screens whose code has to come first."""

from playwright.async_api import Locator, expect

from tests.miniapp.conftest import OpenApp, Somebody, Train
from tests.miniapp.line import Line
from tests.miniapp.phone import Phone
from tests.service.running import Service


def rows(phone: Phone) -> Locator:
    """Of the history."""
    return phone.app.get_by_role("region", name=phone.words("account.history")).get_by_role("listitem")


async def test_every_star_is_there_with_its_reason(
    open_app: OpenApp, somebody: Somebody, train: Train, service: Service
) -> None:
    person = somebody()
    service.fal.fault("run", "model_error", error="content_policy_violation")
    (failed,) = await train(person, steps=10)
    await service.reached(failed, "FAILED", person=person)
    phone = await open_app(person)
    await phone.tab("tab.account").tap()
    await expect(phone.text("history.welcome")).to_be_visible()
    entries = rows(phone)
    await expect(entries).to_have_count(3)
    for number, key, amount in ((0, "history.refund", "+30"), (1, "history.training", "-30")):
        await expect(entries.nth(number)).to_contain_text(phone.words(key, name="anatok"))
        await expect(entries.nth(number)).to_contain_text(amount)
    await expect(phone.app.get_by_text("500", exact=True).first).to_be_visible()


async def test_a_long_history_comes_page_by_page(
    open_app: OpenApp, somebody: Somebody, train: Train, service: Service
) -> None:
    person = somebody()
    service.fal.fault("run", "model_error", error="content_policy_violation", times=12)
    for training in await train(person, 12, steps=1):
        await service.reached(training, "FAILED", person=person)
    phone = await open_app(person)
    await phone.tab("tab.account").tap()
    await expect(rows(phone)).to_have_count(20)
    await phone.press("app.more")
    await expect(rows(phone)).to_have_count(25)
    await expect(phone.text("history.welcome")).to_be_visible()
    await expect(phone.button("app.more")).to_have_count(0)


async def test_a_language_is_spoken_at_once_and_next_time_and_in_chat(
    open_app: OpenApp, somebody: Somebody, service: Service
) -> None:
    phone = await open_app(somebody("en"))
    await phone.tab("tab.account").tap()
    await phone.app.get_by_text("Español").tap()
    await expect(phone.app.get_by_role("heading", name="Tu saldo")).to_be_visible()
    await expect(phone.app.locator("html")).to_have_attribute("lang", "es")
    await phone.reopen()
    await expect(phone.app.locator("#add-photos")).to_contain_text("Añadir fotos")
    sent = await service.telegram.send_text(phone.person.id, "/balance")
    answer = await service.telegram.next_message(phone.person.id, after=sent["message_id"])
    assert "estrellas" in answer["text"]


async def test_a_language_that_can_not_be_had_is_said_and_the_old_one_stays(
    open_app: OpenApp, line: Line
) -> None:
    phone = await open_app()
    await phone.tab("tab.account").tap()
    line.fault("PATCH /account", "answer", status=409)
    phone.guard.expects(409)
    await phone.app.get_by_text("Español").tap()
    await expect(phone.app.get_by_role("alert").filter(has_text=".")).to_be_visible()
    await expect(phone.app.get_by_role("radio", name="English")).to_be_checked()


async def test_full_screen_is_offered_where_there_is_any(open_app: OpenApp) -> None:
    phone = await open_app()
    await phone.tab("tab.account").tap()
    toggle = phone.app.get_by_role("switch", name=phone.words("account.fullscreen"))
    await toggle.tap()
    await phone.asked_for("web_app_request_fullscreen")
    await phone.tell("fullscreen_changed", {"is_fullscreen": True})
    await expect(toggle).to_be_checked()
    await phone.open(version="7.0")
    await phone.tab("tab.account").tap()
    await expect(phone.app.get_by_role("heading", name=phone.words("price.balance"))).to_be_visible()
    await expect(toggle).to_have_count(0)


async def test_telegrams_settings_lead_to_the_account(open_app: OpenApp) -> None:
    phone = await open_app()
    await phone.asked_for("web_app_setup_settings_button", is_visible=True)
    await phone.tell("settings_button_pressed")
    await expect(phone.app.get_by_role("heading", name=phone.words("account.language"))).to_be_visible()


async def test_screens_that_can_not_come_are_asked_for_again(open_app: OpenApp, line: Line) -> None:
    line.fault("GET /app/assets/Later-*", "answer", status=503, times=99)
    phone = await open_app()
    phone.guard.expects(503)
    await phone.tab("tab.account").tap()
    await expect(phone.text("error.network")).to_be_visible()
    line.mend()
    await phone.button("app.retry").tap()
    await expect(phone.app.get_by_role("heading", name=phone.words("price.balance"))).to_be_visible()
