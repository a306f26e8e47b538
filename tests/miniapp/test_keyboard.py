"""All of it without a finger: by Tab, Enter, Space, Escape and the arrows, and always seeing where one is."""

from playwright.async_api import expect

from tests.miniapp.conftest import OpenApp
from tests.miniapp.files import photos
from tests.service.running import Service


async def test_a_training_is_made_and_cancelled_by_keyboard(open_app: OpenApp, service: Service) -> None:
    service.fal.fault("run", "never_ends")
    phone = await open_app()
    page, app, words = phone.page, phone.app, phone.words
    press = page.keyboard.press

    await phone.tab_to(phone.adder)
    await phone.focus_shows(phone.adder)
    await phone.add(photos(5), by_key="Enter")
    await phone.has_photos(5)

    await phone.tab_to(phone.tile("4.jpg"), back=True)
    await phone.focus_shows(phone.tile("4.jpg"))
    await press("Enter")
    dialog = app.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    await phone.tab_to(phone.button("photos.removeShort"))
    await phone.focus_shows(phone.button("photos.removeShort"))
    await press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(phone.tile("4.jpg")).to_be_focused()
    await press("Tab")
    await press("Space")
    await phone.has_photos(4)

    style = app.get_by_role("radio", name=words("kind.style"))
    await phone.tab_to(app.get_by_role("radio", name=words("kind.subject")))
    await press("ArrowRight")
    await expect(style).to_be_checked()
    await phone.focus_shows(style)
    await press("ArrowLeft")

    await phone.tab_to(phone.field("trigger.title"))
    await page.keyboard.type("anatok")
    await phone.focus_shows(phone.field("trigger.title"))

    await phone.tab_to(app.get_by_role("slider"))
    await phone.focus_shows(app.get_by_role("slider"))
    await press("ArrowLeft")
    masks = app.get_by_role("switch", name=words("masks.label"))
    await phone.tab_to(masks)
    await phone.focus_shows(masks)
    await press("Space")
    await expect(masks).not_to_be_checked()
    await phone.tab_to(phone.tab("tab.train"))
    await phone.focus_shows(phone.tab("tab.train"))

    await phone.main.press("Enter")
    await expect(app.get_by_role("heading", name="anatok")).to_be_visible()
    await phone.press("cancel.button", by_key="Enter")
    await expect(dialog).to_be_visible()
    confirm = dialog.get_by_role("button", name=words("cancel.confirm"))
    await phone.tab_to(confirm)
    await phone.focus_shows(confirm)
    await press("Enter")
    await expect(phone.text("status.cancelled")).to_be_visible()
