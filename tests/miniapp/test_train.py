"""From a handful of photos to a model, as a person does it."""

import asyncio

import pytest
from playwright.async_api import expect

from fal.trainers import TRAINERS, Trainer
from models.training import price
from sandbox.telegram import Json
from tests.miniapp.conftest import Broke, OpenApp
from tests.miniapp.files import File, photos
from tests.miniapp.line import EVENTS, Line
from tests.photos import blurred, portrait, small
from tests.service.running import Service


async def ordered(service: Service, trigger_word: str) -> Json:
    """What reached fal."""
    async with asyncio.timeout(10):
        while True:
            for request in service.fal.requests:
                if request.input.get("trigger_word") == trigger_word:
                    return request.input
            await asyncio.sleep(0.02)


async def test_photos_chosen_at_once_become_a_model(open_app: OpenApp, line: Line, service: Service) -> None:
    phone = await open_app()
    await expect(phone.main).to_have_text(phone.words("train.addMore", count=4))
    await phone.add(photos(6))
    await phone.has_photos(6)
    assert sorted(photo.name for photo in line.photos) == [f"{number}.jpg" for number in range(6)]
    await expect(phone.main).to_have_text(phone.words("train.addTrigger"))
    await phone.field("trigger.title").fill("anatok")
    await expect(phone.main).to_have_text(phone.words("train.start", price=150))
    await phone.main.tap()
    await expect(phone.app.get_by_role("heading", name="anatok")).to_be_visible()
    await expect(phone.text("status.completed")).to_be_visible()
    assert len(line.sent(EVENTS)) == 1
    assert (await service.call("POST", "/session", phone.person))["balance"] == 350
    await phone.press("progress.again")
    await expect(phone.text("photos.count", have=0)).to_be_visible()


async def test_photos_chosen_one_by_one_add_up(open_app: OpenApp) -> None:
    phone = await open_app()
    for number, photo in enumerate(photos(4), start=1):
        await phone.add([photo])
        await phone.has_photos(number)
    await expect(phone.main).to_have_text(phone.words("train.addTrigger"))


async def test_every_photo_is_judged_with_a_reason_and_what_to_do(open_app: OpenApp) -> None:
    phone = await open_app()
    phone.guard.expects(422)
    await phone.add(
        [
            File("good.jpg", portrait(21)),
            File("soft.jpg", blurred(22)),
            File("tiny.jpg", small(23)),
            File("notes.jpg", b"Milk, bread, a lens cloth"),
            *photos(3),
        ]
    )
    await phone.has_photos(5)
    await phone.add([File("like-good.jpg", portrait(21, quality=60))])
    for name, verdict in (
        ("good.jpg", "verdict.ok"),
        ("soft.jpg", "verdict.blurred"),
        ("tiny.jpg", "verdict.too_small"),
        ("notes.jpg", "verdict.not_an_image"),
        ("like-good.jpg", "verdict.near_duplicate"),
    ):
        await phone.is_judged(name, verdict)
    await phone.has_photos(6)
    for name, reason in (
        ("soft.jpg", phone.words("verdict.blurredReason")),
        ("tiny.jpg", phone.words("verdict.too_smallReason", side=512)),
        ("like-good.jpg", phone.words("verdict.near_duplicateReason")),
    ):
        await phone.tile(name).tap()
        sheet = phone.app.get_by_role("dialog")
        await expect(sheet).to_contain_text(reason)
        await phone.page.keyboard.press("Escape")
        await expect(sheet).to_be_hidden()


async def test_a_photo_is_removed_in_the_grid_and_in_its_details(open_app: OpenApp, service: Service) -> None:
    phone = await open_app()
    await phone.add(photos(3))
    await phone.has_photos(3)
    await phone.button("photos.remove", name="0.jpg").tap()
    await expect(phone.tile("0.jpg")).to_be_hidden()
    await phone.tile("1.jpg").tap()
    await expect(phone.main).to_be_hidden()
    await phone.button("photos.removeShort").tap()
    await expect(phone.tile("1.jpg")).to_be_hidden()
    await expect(phone.main).to_be_visible()
    await phone.has_photos(1)
    draft = await service.call("GET", "/training/photos", phone.person)
    assert [photo["fileName"] for photo in draft["photos"]] == ["2.jpg"]


@pytest.mark.parametrize("again", ["reload", "reopen"])
async def test_the_draft_outlives_the_page(open_app: OpenApp, again: str) -> None:
    phone = await open_app()
    await phone.add(photos(4))
    await phone.has_photos(4)
    await getattr(phone, again)()
    await phone.has_photos(4)
    await phone.is_judged("3.jpg", "verdict.ok")


async def test_photos_sent_to_the_bot_are_in_the_same_draft(open_app: OpenApp, service: Service) -> None:
    phone = await open_app()
    await phone.add(photos(2))
    await phone.has_photos(2)
    await service.telegram.send_photos(phone.person.id, [portrait(50), portrait(51)])
    await service.telegram.next_message(phone.person.id)
    await phone.comes_back()
    await phone.has_photos(4)
    from_chat = phone.words("photos.fromChat")
    signs = phone.app.get_by_title(from_chat).or_(phone.app.get_by_role("button", name=from_chat))
    await expect(signs).to_have_count(2)


async def test_a_trigger_word_is_checked_as_it_is_typed(open_app: OpenApp) -> None:
    phone = await open_app()
    word = phone.field("trigger.title")
    await expect(word).to_have_attribute("aria-invalid", "false")
    await word.press_sequentially("tok")
    await expect(phone.text("trigger.example", word="tok")).to_be_visible()
    await word.fill("x" * 101)
    await expect(word).to_have_attribute("aria-invalid", "true")
    await expect(phone.text("trigger.long")).to_be_visible()
    await word.fill("")
    await word.blur()
    await expect(phone.text("trigger.empty")).to_be_visible()


async def test_the_button_leads_to_what_is_missing(open_app: OpenApp) -> None:
    phone = await open_app()
    await phone.add(photos(4))
    await phone.has_photos(4)
    await phone.main.tap()
    await expect(phone.field("trigger.title")).to_be_focused()
    await expect(phone.text("trigger.empty")).to_be_visible()
    await phone.asked_for("web_app_trigger_haptic_feedback", notification_type="warning")


async def test_a_style_is_ordered_with_its_own_steps(open_app: OpenApp, service: Service) -> None:
    phone = await open_app()
    await phone.add(photos(4))
    await phone.field("trigger.title").fill("brush")
    masks = phone.app.get_by_role("switch", name=phone.words("masks.label"))
    await expect(masks).to_be_checked()
    await phone.app.get_by_text(phone.words("kind.style"), exact=True).tap()
    await expect(masks).to_be_hidden()
    await expect(phone.text("trigger.exampleStyle", word="brush")).to_be_visible()
    steps = phone.field("steps.label")
    await steps.fill("99999")
    await expect(phone.main).to_have_text(phone.words("train.fixSteps"))
    await steps.fill("2000")
    await phone.has_photos(4)
    await expect(phone.main).to_have_text(phone.words("train.start", price=300))
    await phone.main.tap()
    order = await ordered(service, "brush")
    assert (order["is_style"], order["steps"]) == (True, 2000)


async def test_masks_can_be_left_out(open_app: OpenApp, service: Service) -> None:
    phone = await open_app()
    await phone.add(photos(4))
    await phone.field("trigger.title").fill("nomask")
    await phone.app.get_by_role("switch", name=phone.words("masks.label")).tap()
    await phone.has_photos(4)
    await phone.main.tap()
    assert (await ordered(service, "nomask"))["create_masks"] is False


async def test_price_and_time_are_said_before_paying(open_app: OpenApp) -> None:
    phone = await open_app()
    price = phone.app.get_by_role("region", name=phone.words("price.title"))
    await expect(price).to_contain_text(phone.words("price.stars", count=150))
    await expect(price).to_contain_text(phone.words("price.stars", count=350))
    await expect(price).to_contain_text("≈")
    await phone.app.get_by_role("slider").press("ArrowRight")
    await expect(price).to_contain_text(phone.words("price.stars", count=165))
    await expect(price).to_contain_text(phone.words("price.promise"))


@pytest.mark.parametrize("trainer", TRAINERS.values(), ids=lambda trainer: trainer.id)
async def test_every_trainer_says_what_it_costs(open_app: OpenApp, trainer: Trainer) -> None:
    phone = await open_app()
    stars = price(trainer.default_steps, trainer.price_factor, per_1000_steps=150, minimum=30)
    picker = phone.app.get_by_role("region", name=phone.words("trainer.title"))
    row = picker.locator("label").filter(has_text=trainer.title)
    await expect(row.get_by_text(phone.words.like("trainer.usual", price=stars))).to_be_visible()
    await row.tap()
    await expect(phone.field("steps.label")).to_have_value(str(trainer.default_steps))
    cost = phone.app.get_by_role("region", name=phone.words("price.title"))
    await expect(cost).to_contain_text(phone.words("price.stars", count=stars))
    masks = phone.app.get_by_role("switch", name=phone.words("masks.label"))
    await expect(masks).to_have_count(1 if trainer.masks else 0)


async def test_it_says_how_many_stars_are_missing_and_leads_to_them(
    open_app: OpenApp, broke: Broke, line: Line
) -> None:
    phone = await open_app(await broke())
    await phone.add(photos(4))
    await phone.field("trigger.title").fill("beto")
    await phone.has_photos(4)
    await expect(phone.app.get_by_text(phone.words("price.missing", count=150))).to_be_visible()
    await expect(phone.main).to_have_text(phone.words("packs.get", count=200))
    await phone.field("steps.label").fill("100")
    await expect(phone.app.get_by_text(phone.words("price.missing", count=30))).to_be_visible()
    await expect(phone.main).to_have_text(phone.words("packs.get", count=50))
    await phone.press("packs.all")
    await expect(phone.tab("tab.account")).to_have_attribute("aria-current", "page")
    await expect(phone.app.get_by_role("heading", name=phone.words("packs.title"))).to_be_visible()
    assert line.sent("POST /training/start") == []


async def test_photos_and_stars_that_went_elsewhere_meanwhile_are_told_before_anything_starts(
    open_app: OpenApp, service: Service
) -> None:
    phone = await open_app()
    phone.guard.expects(402)
    await phone.add(photos(4))
    await phone.field("trigger.title").fill("anatok")
    await phone.field("steps.label").fill("3000")
    await phone.has_photos(4)
    upload = await service.call("POST", "/training/upload", phone.person)
    order = {"images_data_url": upload["images_data_url"], "trigger_word": "chat"}
    await service.call("POST", "/training/start", phone.person, json=order)
    await phone.add(photos(4))
    await phone.has_photos(4)
    await phone.main.tap()
    await expect(phone.text("error.draft_changed")).to_be_visible()
    await phone.has_photos(4)
    await phone.main.tap()
    await expect(phone.main).to_have_text(phone.words("packs.get", count=100))


async def test_two_taps_on_the_button_are_one_training(open_app: OpenApp, service: Service) -> None:
    phone = await open_app()
    await phone.add(photos(4))
    await phone.field("trigger.title").fill("once")
    await phone.has_photos(4)
    await phone.main.evaluate("(button) => { button.click(); button.click(); }")
    await expect(phone.app.get_by_role("heading", name="once")).to_be_visible()
    trainings = await service.call("GET", "/training", phone.person)
    assert len(trainings["items"]) == 1


async def test_a_start_whose_answer_is_lost_is_one_training(
    open_app: OpenApp, service: Service, line: Line
) -> None:
    phone = await open_app()
    phone.guard.expects("ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET", 503)
    await phone.add(photos(4))
    await phone.field("trigger.title").fill("lost")
    await phone.has_photos(4)
    line.fault("POST /training/start", "drop_after")
    line.fault("POST /training/start", "answer", status=503)
    line.fault("POST /training/upload", "drop_after")
    await phone.main.tap()
    await expect(phone.app.get_by_role("heading", name="lost")).to_be_visible()
    trainings = await service.call("GET", "/training", phone.person)
    assert len(trainings["items"]) == 1
    assert (await service.call("POST", "/session", phone.person))["balance"] == 350
