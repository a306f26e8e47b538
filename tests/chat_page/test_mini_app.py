"""The Mini App's host: launch parameters, methods and events as Telegram's web clients speak them."""

import hashlib
import hmac
import json
import re
from urllib.parse import parse_qsl

from playwright.async_api import BrowserContext, expect

from .conftest import PHONE, ChatPage, Twin


async def test_the_app_learns_who_and_how_from_its_address(chat: ChatPage, twin: Twin) -> None:
    await chat.start()
    await chat.open_app()
    launch = await chat.app.locator("body").evaluate("() => launch")
    fields = dict(parse_qsl(launch["tgWebAppData"]))
    given = fields.pop("hash")
    lines = "\n".join(f"{name}={fields[name]}" for name in sorted(fields))
    key = hmac.digest(b"WebAppData", twin.telegram.token.encode(), "sha256")
    assert hmac.new(key, lines.encode(), hashlib.sha256).hexdigest() == given
    assert json.loads(fields["user"])["id"] == twin.telegram.person("Ana").id
    assert json.loads(launch["tgWebAppThemeParams"])["bg_color"] == "#ffffff"
    assert launch["tgWebAppPlatform"] == "web"


async def test_a_button_opens_the_app_and_a_link_gives_it_a_parameter(chat: ChatPage) -> None:
    await chat.start()
    await chat.button("Open the app").click()
    await expect(chat.app.locator("#who")).to_have_text("Ana")
    await chat.call("web_app_open_tg_link", {"path_full": "/selfi_sandbox_bot?startapp=lora_7"})
    await expect(chat.app.locator("#who")).to_have_text("Ana")
    await chat.page.wait_for_function("frames[0] && frames.length === 1")
    query = await chat.app.locator("body").evaluate("() => location.search")
    assert query == "?tgWebAppStartParam=lora_7"


async def test_the_main_button_is_the_hosts(chat: ChatPage) -> None:
    await chat.start()
    await chat.open_app()
    await chat.call("web_app_setup_main_button", {"is_visible": True, "text": "Start", "color": "#118833"})
    button = chat.phone.get_by_role("button", name="Start")
    await expect(button).to_have_css("background-color", "rgb(17, 136, 51)")
    await button.click()
    await chat.event("main_button_pressed")
    await chat.call("web_app_setup_main_button", {"is_progress_visible": True})
    await expect(button).to_be_disabled()
    await chat.call("web_app_setup_main_button", {"is_visible": False})
    await expect(button).to_be_hidden()


async def test_the_secondary_button_stands_where_the_app_says(chat: ChatPage) -> None:
    await chat.start()
    await chat.open_app()
    await chat.call("web_app_setup_main_button", {"is_visible": True, "text": "Go"})
    await chat.call("web_app_setup_secondary_button", {"is_visible": True, "text": "Stay", "position": "top"})
    go = await chat.phone.get_by_role("button", name="Go").bounding_box()
    stay = await chat.phone.get_by_role("button", name="Stay").bounding_box()
    assert go
    assert stay
    assert stay["y"] < go["y"]
    await chat.phone.get_by_role("button", name="Stay").click()
    await chat.event("secondary_button_pressed")


async def test_back_belongs_to_the_app_while_it_is_shown(chat: ChatPage) -> None:
    await chat.start()
    await chat.open_app()
    await chat.call("web_app_setup_back_button", {"is_visible": True})
    await chat.phone.get_by_role("button", name="Back").click()
    await chat.event("back_button_pressed")
    await chat.call("web_app_setup_back_button", {"is_visible": False})
    await chat.phone.get_by_role("button", name="Close").click()
    await expect(chat.phone).to_be_hidden()


async def test_closing_asks_where_the_app_wants_that(chat: ChatPage) -> None:
    await chat.start()
    await chat.open_app()
    await chat.call("web_app_setup_closing_behavior", {"need_confirmation": True})
    close = chat.phone.get_by_role("button", name="Close")
    await close.click()
    await chat.dialog.get_by_role("button", name="Cancel").click()
    await expect(chat.phone).to_be_visible()
    await close.click()
    await chat.dialog.get_by_role("button", name="Close anyway").click()
    await expect(chat.phone).to_be_hidden()


async def test_the_menu_has_settings_and_reload(chat: ChatPage) -> None:
    await chat.start()
    await chat.open_app()
    await chat.call("web_app_setup_settings_button", {"is_visible": True})
    await chat.page.get_by_role("button", name="App options").click()
    await chat.page.get_by_role("menuitem", name="Settings").click()
    await chat.event("settings_button_pressed")
    await chat.page.get_by_role("button", name="App options").click()
    await chat.page.get_by_role("menuitem", name="Reload").click()
    await expect(chat.app.locator("#who")).to_have_text("Ana")
    await chat.page.wait_for_function("frames.length === 1")
    assert (
        await chat.app.locator("body").evaluate(
            "() => events.some((e) => e.eventType === 'settings_button_pressed')"
        )
        is False
    )


async def test_a_popup_answers_with_the_button_pressed(chat: ChatPage) -> None:
    await chat.start()
    await chat.open_app()
    buttons = [{"id": "drop", "type": "destructive", "text": "Delete"}, {"id": "no", "type": "cancel"}]
    await chat.call(
        "web_app_open_popup", {"title": "Sure?", "message": "It is gone then.", "buttons": buttons}
    )
    await expect(chat.dialog).to_contain_text("It is gone then.")
    await chat.dialog.get_by_role("button", name="Delete").click()
    assert await chat.event("popup_closed") == {"button_id": "drop"}
    await chat.call("web_app_open_popup", {"title": "", "message": "Again", "buttons": buttons})
    await expect(chat.dialog).to_contain_text("Again")
    await chat.page.keyboard.press("Escape")
    await expect(chat.dialog).to_have_count(0)
    assert await chat.event("popup_closed") == {}


async def test_cloud_storage_is_each_persons_own(chat: ChatPage) -> None:
    await chat.start()
    await chat.open_app()

    async def invoke(method: str, params: object) -> object:
        await chat.call(
            "web_app_invoke_custom_method", {"req_id": method, "method": method, "params": params}
        )
        return await chat.event("custom_method_invoked")

    assert await invoke("saveStorageValue", {"key": "seen", "value": "yes"}) == {
        "req_id": "saveStorageValue",
        "result": True,
    }
    assert await invoke("getStorageKeys", {}) == {"req_id": "getStorageKeys", "result": ["seen"]}
    assert await invoke("saveStorageValue", {"key": "no spaces", "value": ""}) == {
        "req_id": "saveStorageValue",
        "error": "KEY_INVALID",
    }
    await chat.page.get_by_role("button", name="Beto").first.click()
    await chat.start()
    await chat.open_app()
    assert await invoke("getStorageValues", {"keys": ["seen"]}) == {
        "req_id": "getStorageValues",
        "result": {"seen": ""},
    }


async def test_the_theme_changes_under_the_running_app(chat: ChatPage) -> None:
    await chat.start()
    await chat.open_app()
    await chat.page.locator("#theme").click()
    params = (await chat.event("theme_changed"))["theme_params"]
    assert params["bg_color"] == "#17212b"
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in params.values())
    await expect(chat.app.locator("body")).to_have_css("background-color", "rgb(23, 33, 43)")


async def test_viewport_safe_areas_and_full_screen(chat: ChatPage) -> None:
    await chat.start()
    await chat.open_app()
    await chat.call("web_app_request_viewport")
    viewport = await chat.event("viewport_changed")
    assert viewport["width"] == PHONE["width"]
    assert viewport["is_expanded"]
    assert viewport["is_state_stable"]
    await chat.call("web_app_request_fullscreen")
    assert await chat.event("fullscreen_changed") == {"is_fullscreen": True}
    assert (await chat.event("content_safe_area_changed"))["top"] > 0
    await chat.call("web_app_request_fullscreen")
    assert await chat.event("fullscreen_failed") == {"error": "ALREADY_FULLSCREEN"}
    await chat.call("web_app_exit_fullscreen")
    await expect(chat.page.locator("#app")).not_to_have_class(re.compile("fullscreen"))


async def test_what_the_client_lacks_is_refused_by_the_protocols_own_events(chat: ChatPage) -> None:
    await chat.start()
    await chat.open_app()
    for method, event, data in (
        ("web_app_request_phone", "phone_requested", {"status": "cancelled"}),
        ("web_app_request_write_access", "write_access_requested", {"status": "allowed"}),
        ("web_app_biometry_get_info", "biometry_info_received", {"available": False}),
        ("web_app_start_gyroscope", "gyroscope_failed", {"error": "UNSUPPORTED"}),
        ("web_app_check_home_screen", "home_screen_checked", {"status": "missed"}),
        ("web_app_open_scan_qr_popup", "scan_qr_popup_closed", {}),
    ):
        await chat.call(method)
        assert await chat.event(event) == data
    await chat.call("web_app_of_the_future", {"anything": 1})
    await chat.app.locator("body").evaluate("() => parent.postMessage('{broken', '*')")
    await chat.call("web_app_trigger_haptic_feedback", {"type": "impact", "impact_style": "light"})
    await expect(chat.phone).to_be_visible()


async def test_messages_from_other_windows_are_not_the_apps(chat: ChatPage) -> None:
    await chat.start()
    await chat.open_app()
    forged = json.dumps({"eventType": "web_app_close"})
    await chat.page.evaluate("(message) => postMessage(message, '*')", forged)
    await chat.app.locator("body").evaluate(
        """(body, message) => {
            const frame = body.appendChild(document.createElement('iframe'));
            frame.contentWindow.eval(`top.postMessage(${JSON.stringify(message)}, '*')`);
        }""",
        forged,
    )
    await chat.page.wait_for_timeout(100)
    await expect(chat.phone).to_be_visible()
    await chat.call("web_app_close")
    await expect(chat.phone).to_be_hidden()


async def test_a_start_link_from_the_app_goes_to_the_bot(chat: ChatPage) -> None:
    await chat.start()
    await chat.open_app()
    await chat.call("web_app_open_tg_link", {"path_full": "/selfi_sandbox_bot?start=ref_42"})
    await expect(chat.bubble("ref_42").last).to_contain_text("Hello!")


async def test_on_a_phone_the_app_covers_the_chat(context: BrowserContext, twin: Twin) -> None:
    chat = ChatPage(await context.new_page())
    await chat.open_phone(twin.url)
    await chat.start()
    await chat.open_app()
    box = await chat.phone.bounding_box()
    assert box
    assert box["width"] == PHONE["width"]
    assert box["height"] > 0.9 * PHONE["height"]
    await chat.call("web_app_open_tg_link", {"path_full": "/selfi_sandbox_bot?start=again"})
    await expect(chat.phone).to_be_hidden()
