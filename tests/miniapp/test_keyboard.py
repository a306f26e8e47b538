"""All of it without a finger: by Tab, Enter, Space, Escape and the arrows, and always seeing where one is."""

from playwright.async_api import expect

from tests.miniapp.conftest import Models, OpenApp, Paint, Somebody
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


async def test_who_goes_back_is_where_they_were(
    open_app: OpenApp, somebody: Somebody, models: Models, paint: Paint
) -> None:
    person = somebody()
    await models(person, name="Sea")
    await paint(person, "at the beach", count=3)
    phone = await open_app(person)
    press = phone.page.keyboard.press
    await phone.tab_to(phone.tab("tab.gallery"))
    await press("Enter")
    second = phone.app.get_by_role(
        "button", name=phone.words("gallery.picture", number=2, prompt="at the beach")
    )
    await expect(second).to_be_visible()
    await phone.tab_to(second, back=True)
    await press("Enter")
    await expect(phone.app.get_by_role("heading", name=phone.words("gallery.made"))).to_be_focused()
    await press("Escape")
    await expect(second).to_be_focused()
    await phone.tab_to(phone.tab("tab.models"))
    await press("Enter")
    model = phone.app.get_by_role("button", name="Sea")
    await phone.tab_to(model, back=True)
    await press("Enter")
    await expect(phone.app.get_by_role("heading", name="Sea")).to_be_focused()
    await phone.tell("back_button_pressed")
    await expect(model).to_be_focused()
