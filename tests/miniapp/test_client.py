"""The app and the Telegram client around it: what it is told at the launch, and the client's own parts."""

import pytest
from playwright.async_api import expect

from sandbox.telegram.initdata import THEMES
from tests.miniapp.conftest import OpenApp, Somebody, Train
from tests.miniapp.files import photos
from tests.miniapp.line import PHOTOS, Line
from tests.miniapp.looks import keep_picture, no_violations
from tests.miniapp.phone import Theme

RUNNING = {"light": "rgb(240, 240, 240)", "dark": "rgb(35, 46, 60)"}


@pytest.mark.parametrize("version", ["6.0", "7.0"])
async def test_an_older_client_loses_the_extra_and_never_the_function(
    open_app: OpenApp, somebody: Somebody, train: Train, version: str
) -> None:
    person = somebody()
    (training,) = await train(person)
    phone = await open_app(person, wait=False, version=version, path=f"/app/?training={training}")
    await expect(phone.text("status.completed")).to_be_visible()
    await phone.press("progress.again")
    await phone.add(photos(4))
    await phone.has_photos(4)
    await phone.field("trigger.title").fill("again")
    await phone.press("train.start", price=150)
    await expect(phone.app.get_by_role("heading", name="again")).to_be_visible()
    assert await phone.unknown() == []


async def test_a_client_without_a_back_button_has_a_way_back(
    open_app: OpenApp, somebody: Somebody, train: Train
) -> None:
    person = somebody()
    (training,) = await train(person, steps=10)
    phone = await open_app(person, wait=False, version="6.0", path=f"/app/?training={training}")
    await expect(phone.app.get_by_role("heading", name="anatok")).to_be_visible()
    await expect(phone.leave).to_have_text("Close")
    await phone.press("app.back")
    await expect(phone.tab("tab.train")).to_be_visible()


async def test_back_goes_through_the_apps_own_history(
    open_app: OpenApp, somebody: Somebody, train: Train
) -> None:
    person = somebody()
    (training,) = await train(person, steps=10)
    phone = await open_app(person, wait=False, path=f"/app/?training={training}")
    await expect(phone.app.get_by_role("heading", name="anatok")).to_be_visible()
    await expect(phone.leave).to_have_text("Back")
    await phone.leave.tap()
    await expect(phone.leave).to_have_text("Close")
    await phone.tab("tab.train").tap()
    await phone.ready()
    await expect(phone.leave).to_have_text("Close")


async def test_back_closes_what_lies_over_the_screen_first(open_app: OpenApp) -> None:
    phone = await open_app()
    await phone.add(photos(1))
    await phone.has_photos(1)
    await phone.tile("0.jpg").tap()
    await expect(phone.app.get_by_role("dialog")).to_be_visible()
    await phone.leave.tap()
    await expect(phone.app.get_by_role("dialog")).to_be_hidden()
    await expect(phone.leave).to_have_text("Close")


async def test_closing_is_confirmed_only_while_photos_would_be_lost(open_app: OpenApp, line: Line) -> None:
    phone = await open_app()
    line.fault(PHOTOS, "late", seconds=2)
    await phone.add(photos(1))
    await phone.asked_for("web_app_setup_closing_behavior", need_confirmation=True)
    await phone.leave.tap()
    await phone.popup.get_by_role("button", name="Cancel").tap()
    await phone.has_photos(1)
    await phone.asked_for("web_app_setup_closing_behavior", need_confirmation=False)
    await phone.leave.tap()
    await expect(phone.page.locator("#app")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_theme_is_telegrams_and_changes_live(open_app: OpenApp, theme: Theme) -> None:
    phone = await open_app(theme=theme)
    page = phone.app.locator("body")
    await expect(page).to_have_css("background-color", RUNNING[theme])
    await phone.asked_for("web_app_set_header_color", color_key="secondary_bg_color")
    other: Theme = "light" if theme == "dark" else "dark"
    await phone.wear(other)
    await expect(page).to_have_css("background-color", RUNNING[other])


# As people make their own.
ODD_THEMES = {
    "yellow on white": {"button_color": "#ffe100", "accent_text_color": "#ffd400", "link_color": "#ffd400"},
    "grey on grey": dict.fromkeys(["bg_color", "secondary_bg_color", "section_bg_color"], "#a0a0a0")
    | dict.fromkeys(["text_color", "accent_text_color", "destructive_text_color"], "#888888"),
    "pink on black": dict.fromkeys(["bg_color", "secondary_bg_color", "section_bg_color"], "#000000")
    | {"text_color": "#ffffff", "destructive_text_color": "#550000", "button_text_color": "#ffd0d0"},
}


@pytest.mark.parametrize("name", ODD_THEMES)
async def test_whatever_the_theme_it_can_be_read(open_app: OpenApp, name: str) -> None:
    phone = await open_app()
    theme = THEMES["light"] | ODD_THEMES[name]
    await phone.tell("theme_changed", {"theme_params": theme})
    await expect(phone.app.locator("html")).to_have_css("--tg-theme-text-color", theme["text_color"])
    for tab in ("tab.train", "tab.account"):
        await phone.tab(tab).tap()
        await expect(phone.tab(tab)).to_have_attribute("aria-current", "page")
        await expect(phone.app.get_by_role("heading", level=1).first).to_be_attached()  # its code is loaded
        await no_violations(await phone.frame())
    await keep_picture(phone.page, f"theme-{name.replace(' ', '-')}")


@pytest.mark.parametrize(("telegrams", "ours"), [("en", "en"), ("es", "es"), ("es-MX", "es"), ("de", "en")])
async def test_it_speaks_the_persons_language(
    open_app: OpenApp, somebody: Somebody, telegrams: str, ours: str
) -> None:
    phone = await open_app(somebody(telegrams))
    await expect(phone.app.locator("html")).to_have_attribute("lang", ours)


async def test_nothing_lies_under_a_notch_or_the_clients_own_buttons(open_app: OpenApp) -> None:
    phone = await open_app(safeArea={"top": 47, "bottom": 34}, contentSafeArea={"top": 46})

    async def below_the_tabs() -> float:
        frame = await phone.page.locator("#app").bounding_box()
        tab = await phone.tab("tab.train").bounding_box()
        assert frame
        assert tab
        return frame["y"] + frame["height"] - (tab["y"] + tab["height"])

    top = await phone.app.get_by_role("heading", level=2).first.bounding_box()
    frame = await phone.page.locator("#app").bounding_box()
    assert top
    assert frame
    assert top["y"] - frame["y"] >= 47 + 46
    # The client's main button lies between the page and the edge.
    assert await below_the_tabs() < 34
    await phone.tab("tab.account").tap()
    await expect(phone.main).to_be_hidden()
    assert await below_the_tabs() >= 34
    await phone.tell("safe_area_changed", {"top": 0, "bottom": 0, "left": 0, "right": 0})
    await expect(phone.app.locator("html")).to_have_css("--tg-safe-area-inset-top", "0px")


async def test_the_client_reloads_it(open_app: OpenApp) -> None:
    phone = await open_app()
    await phone.tell("reload_iframe")
    await phone.asked_for("iframe_will_reload")
    await phone.ready()
