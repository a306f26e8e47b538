"""The account: stars, where they went and where more come from, language, help, full screen; and screens
whose code has to come first.
"""

import asyncio
from urllib.parse import parse_qs, urlsplit

from playwright.async_api import Locator, expect

from tests.miniapp.conftest import Models, OpenApp, Paint, Somebody, Train
from tests.miniapp.line import Line
from tests.miniapp.looks import looks_right
from tests.miniapp.phone import Phone
from tests.people import OLGA
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


async def test_what_stars_were_for_is_opened_from_the_history(
    open_app: OpenApp, somebody: Somebody, models: Models, paint: Paint
) -> None:
    person = somebody()
    await models(person, name="Sea")
    await paint(person, "on a boat")
    phone = await open_app(person)
    await phone.tab("tab.account").tap()
    await rows(phone).get_by_role("button").first.tap()
    await expect(phone.app.get_by_role("button", name="on a boat")).to_be_visible()
    await phone.tell("back_button_pressed")
    await rows(phone).get_by_role("button", name="Sea").tap()
    await expect(phone.app.get_by_role("heading", name="Sea")).to_be_visible()


async def test_a_promo_code_brings_stars(open_app: OpenApp, service: Service) -> None:
    sent = await service.telegram.send_text(OLGA.id, "/promo SUMMER 25 10")
    await service.telegram.next_message(OLGA.id, after=sent["message_id"])
    phone = await open_app()
    await phone.tab("tab.account").tap()
    await phone.button("more.code").tap()
    await expect(phone.button("code.send")).to_be_disabled()
    await phone.field("code.label").fill("winter")
    phone.guard.expects(404, 409)
    await phone.button("code.send").tap()
    await expect(phone.text("error.promo_unknown")).to_be_visible()
    await looks_right(phone, "account-code")
    await phone.field("code.label").fill(" summer ")
    await phone.field("code.label").press("Enter")
    await expect(phone.text("code.good", count=25)).to_be_visible()
    await phone.button("app.close").tap()
    await expect(phone.app.get_by_text("525", exact=True).first).to_be_visible()
    await expect(rows(phone).first).to_contain_text(phone.words("history.bonus"))
    await phone.button("more.code").tap()
    await phone.field("code.label").fill("SUMMER")
    await phone.button("code.send").tap()
    await expect(phone.text("error.promo_redeemed")).to_be_visible()


async def test_friends_are_invited(open_app: OpenApp, somebody: Somebody, service: Service) -> None:
    phone = await open_app()
    await phone.tab("tab.account").tap()
    await phone.button("more.invite").tap()
    await expect(phone.text("invite.inviter", count=30, most=20)).to_be_visible()
    await looks_right(phone, "account-invite")
    await phone.button("invite.share").tap()
    await phone.asked_for("web_app_open_tg_link")
    (opened,) = await phone.asked("web_app_open_tg_link")
    (link,) = parse_qs(urlsplit(opened["path_full"]).query)["url"]
    friend = somebody()
    (start,) = parse_qs(urlsplit(link).query)["start"]
    sent = await service.telegram.send_text(friend.id, f"/start {start}")
    await service.telegram.next_message(friend.id, after=sent["message_id"])
    invoice = await service.call("POST", "/account/invoice", friend, json={"pack": 50})
    await service.telegram.pay(friend.id, slug=invoice["link"].rpartition("$")[2])
    async with asyncio.timeout(20):
        while (await service.call("GET", "/account", phone.person))["balance"] != 530:
            await asyncio.sleep(0.05)
    await phone.comes_back()
    await expect(phone.app.get_by_text("530", exact=True).first).to_be_visible()


async def test_help_is_asked_for_and_answered_in_the_chat(
    open_app: OpenApp, line: Line, service: Service
) -> None:
    phone = await open_app()
    await phone.tab("tab.account").tap()
    await phone.button("more.support").tap()
    await expect(phone.button("support.send")).to_be_disabled()
    await phone.field("support.label").fill("I paid, and no stars came")
    await looks_right(phone, "account-support")
    line.fault("POST /account/support", "answer", status=503)
    phone.guard.expects(503)
    await phone.button("support.send").tap()
    await expect(phone.text("error.server")).to_be_visible()
    # Closed too early, it is still there.
    await phone.page.keyboard.press("Escape")
    await phone.button("more.support").tap()
    await expect(phone.field("support.label")).to_have_value("I paid, and no stars came")
    await phone.button("support.send").tap()
    await expect(phone.text("support.sent")).to_be_visible()

    def told() -> list[str]:
        said = (message["text"] for message in service.said(OLGA))
        return [text for text in said if phone.person.first_name in text and "no stars came" in text]

    async with asyncio.timeout(20):
        while not told():
            await asyncio.sleep(0.05)
    assert len(told()) == 1


async def test_the_terms_are_in_the_chat(open_app: OpenApp) -> None:
    phone = await open_app()
    await phone.tab("tab.account").tap()
    await phone.button("more.terms").tap()
    await phone.asked_for("web_app_open_tg_link", path_full="/selfi_sandbox_bot?start=terms")


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
