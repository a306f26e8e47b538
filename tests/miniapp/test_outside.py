"""Opened where it can't work, or not as Telegram opens it: it says so, in words, with what can be done."""

import time
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.miniapp.conftest import OpenApp, Somebody
from tests.miniapp.line import Line
from tests.miniapp.looks import keep_picture, no_violations, nothing_sticks_out, tap_targets
from tests.miniapp.phone import screen
from tests.miniapp.words import Words
from tests.service.running import Service


@pytest.fixture
async def tab(chromium: Browser) -> AsyncIterator[Page]:
    """A tab of the phone's browser, without Telegram."""
    async with screen(chromium, "es") as (page, _):
        yield page


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_outside_telegram_it_says_so_and_offers_the_bot(tab: Page, line: Line, scheme: str) -> None:
    await tab.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await tab.goto(f"{line.url}/app/")
    words = Words("es")
    await expect(tab.get_by_role("heading", name=words("outside.title"))).to_be_visible()
    await keep_picture(tab, f"outside-es-{scheme}")
    await no_violations(tab.main_frame)
    await tap_targets(tab.main_frame)
    await nothing_sticks_out(tab.main_frame)
    link = tab.get_by_role("link", name=words("outside.open"))
    async with tab.context.expect_event("request", lambda request: request.url.startswith("https://t.me/")):
        await link.tap()


@pytest.mark.parametrize(
    "fragment",
    [
        "tgWebAppData=%%%&tgWebAppVersion=8.0&tgWebAppPlatform=web",
        "tgWebAppData=user%3D%257B&tgWebAppVersion=8.0&tgWebAppPlatform=web&tgWebAppThemeParams=%7B%7D",
        "tgWebAppVersion=9",
        "#" * 50,
    ],
)
async def test_garbage_in_the_address_is_as_good_as_no_telegram(
    chromium: Browser, line: Line, fragment: str
) -> None:
    async with screen(chromium, "es") as (tab, guard):
        guard.expects(401)
        await tab.goto(f"{line.url}/app/#{fragment}")
        await expect(tab.get_by_role("heading", name=Words("es")("outside.title"))).to_be_visible()


async def test_a_forged_sign_in_is_refused_in_words(
    open_app: OpenApp, somebody: Somebody, service: Service
) -> None:
    person, victim = somebody(), somebody()
    signed = service.telegram.init_data(person.id).replace(str(person.id), str(victim.id))
    phone = await open_app(person, wait=False, init_data=signed)
    phone.guard.expects(401)
    await expect(phone.text("error.init_data")).to_be_visible()
    await phone.button("app.close").tap()
    await expect(phone.page.locator("#app")).to_have_count(0)


async def test_a_sign_in_of_the_day_before_yesterday_asks_to_open_it_again(
    open_app: OpenApp, somebody: Somebody, service: Service
) -> None:
    person = somebody()
    signed = service.telegram.init_data(person.id, auth_date=int(time.time()) - 200_000)
    phone = await open_app(person, wait=False, init_data=signed)
    phone.guard.expects(401)
    await expect(phone.text("error.expired")).to_be_visible()


async def test_with_launch_parameters_but_no_client_it_brings_its_own_button(
    tab: Page, line: Line, service: Service, somebody: Somebody
) -> None:
    person = somebody("es")
    words = Words("es")
    await tab.goto(service.telegram.web_app(person.id, f"{line.url}/app/")["url"])
    await expect(tab.get_by_role("button", name=words("train.addMore", count=4))).to_be_visible()


async def test_in_a_phones_own_web_view_it_speaks_by_the_proxy(
    tab: Page, line: Line, service: Service, somebody: Somebody
) -> None:
    """Telegram for Android and iOS: no frame around the page, but an object in it."""
    await tab.add_init_script(
        """window.calls = [];
        const postEvent = (name, data) => calls.push([name, JSON.parse(data ?? 'null')]);
        window.TelegramWebviewProxy = { postEvent };"""
    )
    person = somebody()
    await tab.goto(service.telegram.web_app(person.id, f"{line.url}/app/")["url"])
    words = Words("en")
    wanted = words("train.addMore", count=4)
    await tab.wait_for_function(
        "(text) => calls.some(([name, data]) => name === 'web_app_setup_main_button' && data.text === text)",
        arg=wanted,
    )
    await tab.evaluate("window.Telegram.WebView.receiveEvent('main_button_pressed', null)")
    await expect(tab.locator("button, label").filter(has_text=words("photos.add"))).to_be_focused()
