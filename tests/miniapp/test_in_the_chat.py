"""On a phone, in the sandbox's own chat: the bot, the app that it opens, and what the chat says of it."""

from playwright.async_api import Browser, expect

from tests.miniapp.conftest import Broke, Somebody
from tests.miniapp.files import photos
from tests.miniapp.phone import screen
from tests.miniapp.words import Words
from tests.service.running import Service


async def test_from_the_chat_to_a_model_and_back(
    chromium: Browser, service: Service, somebody: Somebody
) -> None:
    async with screen(chromium, "en", color_scheme="dark") as (page, _):
        person = somebody()
        service.telegram.person(person.id).started = False
        words = Words("en")
        # The page remembers who one was there.
        await page.add_init_script(f"localStorage.setItem('selfi-sandbox-person', '{person.id}')")
        await page.goto(service.env["TELEGRAM_API_URL"])
        await page.get_by_role("button", name="START").tap()
        await page.get_by_role("button", name="Open Selfi").tap()

        app = page.frame_locator("#app iframe")
        async with page.expect_file_chooser() as choosing:
            await app.locator("button, label").filter(has_text=words("photos.add")).tap()
        await (await choosing.value).set_files([photo.payload for photo in photos(5)])
        await expect(app.get_by_text(words.like("photos.count", have=5))).to_be_visible()
        await app.get_by_role("textbox", name=words("trigger.title")).fill("anatok")
        await page.get_by_role("button", name=words("train.start", price=150)).tap()
        await expect(app.get_by_role("heading", name="anatok")).to_be_visible()
        await expect(app.get_by_text(words("status.completed"), exact=True)).to_be_visible()

        await page.get_by_role("button", name="Back").tap()
        await page.get_by_role("button", name="Close the app").tap()
        await expect(page.get_by_text("anatok is ready!")).to_be_visible()


async def test_stars_for_a_training_are_paid_in_the_chats_own_sheet(
    chromium: Browser, service: Service, broke: Broke
) -> None:
    async with screen(chromium, "en") as (page, _):
        person = await broke("en")
        words = Words("en")
        await page.add_init_script(f"localStorage.setItem('selfi-sandbox-person', '{person.id}')")
        await page.goto(service.env["TELEGRAM_API_URL"])
        await service.telegram.send_text(person.id, "/start")
        await page.get_by_role("button", name="Open Selfi").tap()

        app = page.frame_locator("#app iframe")
        async with page.expect_file_chooser() as choosing:
            await app.locator("button, label").filter(has_text=words("photos.add")).tap()
        await (await choosing.value).set_files([photo.payload for photo in photos(4)])
        await app.get_by_role("textbox", name=words("trigger.title")).fill("beto")
        await page.get_by_role("button", name=words("packs.get", count=200)).tap()
        await page.get_by_role("button", name="Confirm and pay").tap()
        await page.get_by_role("button", name=words("train.start", price=150)).tap()
        await expect(app.get_by_role("heading", name="beto")).to_be_visible()
        await expect(app.get_by_text(words("status.completed"), exact=True)).to_be_visible()

        await page.get_by_role("button", name="Back").tap()
        await page.get_by_role("button", name="Close the app").tap()
        await expect(page.get_by_text("200 stars are yours. Thank you!")).to_be_visible()
        await expect(page.get_by_text("beto is ready!")).to_be_visible()
