"""The app's own files get lost on the way, too."""

import pytest
from playwright.async_api import expect

from tests.miniapp.conftest import OpenApp
from tests.miniapp.files import photos
from tests.miniapp.line import Line
from tests.miniapp.looks import keep_picture, looks_right, no_violations, tap_targets
from tests.miniapp.phone import Phone

DROPPED = ("ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET", "ERR_CONNECTION_CLOSED", "ERR_INTERNET_DISCONNECTED")


async def is_dressed(phone: Phone) -> None:
    """All styles are there."""
    frame = await phone.frame()
    tap = "getComputedStyle(document.documentElement).getPropertyValue('--tap')"
    assert await frame.evaluate(tap) == "44px"


@pytest.mark.parametrize("file", ["en-*.js", "start-*.css"])
async def test_a_first_file_that_is_lost_twice_is_asked_for_again(
    open_app: OpenApp, line: Line, file: str
) -> None:
    line.fault(f"GET /app/assets/{file}", "drop", times=2)
    phone = await open_app(wait=False)
    phone.guard.expects(*DROPPED)
    async with phone.time_flies():
        await phone.ready()
    await is_dressed(phone)
    await phone.has_photos(0)


@pytest.mark.parametrize("file", ["start-*.js", "start-*.css", "en-*.js"])
async def test_the_page_itself_says_that_the_app_is_lost(open_app: OpenApp, line: Line, file: str) -> None:
    line.fault(f"GET /app/assets/{file}", "drop", times=50)
    phone = await open_app(wait=False)
    phone.guard.expects(*DROPPED)
    again = phone.app.get_by_role("button", name="Try again")
    async with phone.time_flies():
        await expect(again).to_be_visible()
    await expect(phone.app.get_by_text("Revisa tu conexión")).to_be_visible()
    if file.endswith(".js"):
        frame = await phone.frame()
        await tap_targets(frame)
        await no_violations(frame)
        await keep_picture(phone.page, "lost")
    line.mend()
    await again.tap()
    await phone.ready()


async def test_the_page_says_so_where_nothing_came_at_all(open_app: OpenApp, line: Line) -> None:
    line.fault("GET /app/assets/index-*.js", "drop", times=50)
    phone = await open_app(wait=False)
    phone.guard.expects(*DROPPED)
    await expect(phone.app.get_by_text("Check your connection")).to_be_visible(timeout=15_000)


@pytest.mark.parametrize("file", ["Later-*.js", "Later-*.css", "en-*.js"])
async def test_a_later_file_that_is_lost_twice_is_asked_for_again(
    open_app: OpenApp, line: Line, file: str
) -> None:
    phone = await open_app()
    phone.guard.expects(*DROPPED)
    line.fault(f"GET /app/assets/{file}", "drop", times=2)
    async with phone.time_flies():
        await phone.tab("tab.account").tap()
        await expect(phone.app.get_by_role("heading", name=phone.words("packs.title"))).to_be_visible()
    await looks_right(phone, "later")


async def test_without_a_network_a_screen_that_is_not_there_yet_waits_and_loses_nothing(
    open_app: OpenApp, line: Line
) -> None:
    line.fault("GET /app/assets/Later-*", "drop", times=50)
    phone = await open_app()
    phone.guard.expects(*DROPPED)
    await phone.has_photos(0)
    await phone.page.context.set_offline(True)
    await phone.add(photos(4))
    await phone.tab("tab.account").tap()
    await expect(phone.text("offline.title")).to_be_visible()
    await looks_right(phone, "offline")
    async with phone.time_flies():
        await phone.minutes_pass(2)
    await expect(phone.text("offline.title")).to_be_visible()
    line.mend()
    await phone.page.context.set_offline(False)
    await expect(phone.app.get_by_role("heading", name=phone.words("packs.title"))).to_be_visible()
    await phone.tab("tab.train").tap()
    await phone.has_photos(4)


async def test_a_later_screen_that_stays_lost_says_so_without_a_new_page(
    open_app: OpenApp, line: Line
) -> None:
    phone = await open_app()
    phone.guard.expects(*DROPPED)
    line.fault("GET /app/assets/Later-*", "drop", times=50)
    frame = await phone.frame()
    await frame.evaluate("window.isTheSame = true")
    async with phone.time_flies():
        await phone.tab("tab.account").tap()
        await expect(phone.text("error.network")).to_be_visible()
        line.mend()
        await expect(phone.app.get_by_role("heading", name=phone.words("packs.title"))).to_be_visible()
    assert await frame.evaluate("window.isTheSame")
