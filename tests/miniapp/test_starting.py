"""A training costs stars: it starts once, whatever one does meanwhile, and what stands in its way is told."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest
from playwright.async_api import expect

from tests.miniapp.conftest import OpenApp, Somebody
from tests.miniapp.files import SMALL, File, photos
from tests.miniapp.line import PHOTOS, Line
from tests.miniapp.looks import looks_right
from tests.miniapp.phone import Phone
from tests.photos import portrait
from tests.service.running import Service

PACK = "POST /training/upload"
START = "POST /training/start"
NETWORK = ("ERR_INTERNET_DISCONNECTED", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET", "ERR_CONNECTION_CLOSED")


async def prepared(phone: Phone, word: str, files: Sequence[File] = ()) -> None:
    """All is there that a training needs."""
    await phone.add(files or photos(4))
    await phone.field("trigger.title").fill(word)
    await phone.has_photos(len(files) or 4)
    await expect(phone.main).to_have_text(phone.words.like("train.start"))


async def test_a_start_goes_on_while_one_is_elsewhere_and_stays_one(
    open_app: OpenApp, service: Service, line: Line
) -> None:
    phone = await open_app()
    phone.guard.expects(*NETWORK)
    await prepared(phone, "once")
    await phone.tab("tab.account").tap()
    await expect(phone.app.get_by_role("heading", name=phone.words("packs.title"))).to_be_visible()
    await phone.tab("tab.train").tap()
    await phone.page.context.set_offline(True)
    await phone.main.tap()
    await expect(phone.main).to_have_text(phone.words("train.starting"))
    await phone.asked_for("web_app_setup_closing_behavior", need_confirmation=True)
    await phone.tab("tab.models").tap()
    await phone.tab("tab.train").tap()
    await expect(phone.main).to_have_text(phone.words("train.starting"))
    await phone.main.evaluate("(button) => { button.disabled = false; button.click(); }")
    await phone.page.context.set_offline(False)
    await expect(phone.app.get_by_role("heading", name="once")).to_be_visible()
    assert len(line.sent(START)) == 1
    assert len((await service.call("GET", "/training", phone.person))["items"]) == 1


async def test_a_start_of_which_nothing_was_heard_is_asked_after_and_not_paid_twice(
    open_app: OpenApp, service: Service, line: Line
) -> None:
    phone = await open_app()
    phone.guard.expects(*NETWORK)
    await prepared(phone, "unheard")
    line.fault(START, "drop_after", times=100)
    async with phone.time_flies():
        await phone.main.tap()
        await expect(phone.main).to_have_text(phone.words("train.ask"))
    # Its photos are in the training: other ones make no other training before that is known.
    await phone.comes_back()
    await phone.add([File(f"other{seed}.jpg", portrait(seed, SMALL)) for seed in range(50, 54)])
    await phone.has_photos(4)
    await expect(phone.main).to_have_text(phone.words("train.ask"))
    line.mend()
    await phone.main.tap()
    await expect(phone.app.get_by_role("heading", name="unheard")).to_be_visible()
    assert len((await service.call("GET", "/training", phone.person))["items"]) == 1
    assert (await service.call("POST", "/session", phone.person))["balance"] == 350
    await phone.leave.tap()
    await phone.tab("tab.train").tap()
    await phone.has_photos(4)


async def test_a_photo_that_is_removed_while_it_is_packed_is_in_no_training(
    open_app: OpenApp, line: Line
) -> None:
    phone = await open_app()
    phone.guard.expects(*NETWORK)
    await prepared(phone, "fewer", photos(5))
    await phone.page.context.set_offline(True)
    await phone.main.tap()
    await expect(phone.main).to_have_text(phone.words("train.starting"))
    await phone.app.get_by_role("button", name=phone.words("photos.remove", name="0.jpg")).tap()
    line.fault("DELETE /training/photos/*", "late", seconds=1)
    await phone.page.context.set_offline(False)
    await expect(phone.text("error.draft_changed")).to_be_visible()
    await phone.has_photos(4)
    assert not line.sent(START)


async def test_nobody_is_taken_from_elsewhere_by_a_start_that_ends(open_app: OpenApp, line: Line) -> None:
    phone = await open_app()
    await prepared(phone, "away")
    line.fault(PACK, "late", seconds=1)
    await phone.main.tap()
    await phone.tab("tab.account").tap()
    await phone.asked_for("web_app_trigger_haptic_feedback", notification_type="success")
    await expect(phone.app.get_by_role("heading", name=phone.words("packs.title"))).to_be_visible()
    await expect(phone.leave).to_have_text("Close")


async def test_a_start_that_fails_while_one_is_elsewhere_is_told_on_coming_back(
    open_app: OpenApp, line: Line
) -> None:
    phone = await open_app()
    phone.guard.expects(409)
    await prepared(phone, "fails")
    line.fault(PACK, "late", seconds=1)
    line.fault(START, "answer", status=409)
    await phone.main.tap()
    await phone.tab("tab.account").tap()
    await phone.asked_for("web_app_trigger_haptic_feedback", notification_type="error")
    await phone.tab("tab.train").tap()
    problem = phone.text("error.unknown")
    await expect(problem).to_be_in_viewport()
    await phone.tab("tab.account").tap()
    await phone.tab("tab.train").tap()
    await phone.has_photos(4)
    await expect(problem).to_be_hidden()


async def test_why_a_start_failed_is_in_sight_and_has_the_focus(open_app: OpenApp, line: Line) -> None:
    phone = await open_app()
    phone.guard.expects(409)
    await prepared(phone, "seen", photos(12))
    await (await phone.frame()).evaluate("scrollTo(0, 0)")
    line.fault(START, "answer", status=409)
    await phone.main.tap()
    problem = phone.text("error.unknown")
    await expect(problem).to_be_in_viewport()
    await expect(phone.app.locator("#problem")).to_be_focused()
    await looks_right(phone, "start-failed")


@pytest.mark.parametrize("language", ["en", "es"])
async def test_a_refused_trigger_word_is_told_at_its_field(
    open_app: OpenApp, service: Service, somebody: Somebody, language: str
) -> None:
    phone = await open_app(somebody(language))
    phone.guard.expects(422)
    word = f"zorgon{phone.person.id}"
    connection = await asyncpg.connect(service.env["DATABASE_URL"])
    try:
        await connection.execute(
            "INSERT INTO refused_words (word, added_by, created_at) VALUES ($1, 1, now())", word
        )
    finally:
        await connection.close()
    await prepared(phone, word)
    await phone.main.tap()
    field = phone.field("trigger.title")
    await expect(field).to_be_focused()
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(phone.text("error.word_refused")).to_be_in_viewport()
    await expect(phone.main).to_have_text(phone.words("train.fixTrigger"))
    await looks_right(phone, f"word-refused-{language}")
    await field.fill("blorgon")
    await expect(phone.main).to_have_text(phone.words.like("train.start"))


async def test_photos_that_failed_are_sent_again_or_left_out_before_a_start(
    open_app: OpenApp, line: Line
) -> None:
    phone = await open_app()
    phone.guard.expects(404)
    await prepared(phone, "again")
    for again in (True, False):
        line.fault(PHOTOS, "answer", status=404, times=2)
        await phone.add([File(f"{again}{one.name}", one.content) for one in photos(8)[4 + 2 * again :][:2]])
        await expect(phone.main).to_have_text(phone.words("train.sendAgain", count=2))
        await phone.asked_for("web_app_setup_closing_behavior", need_confirmation=True)
        if again:
            await looks_right(phone, "photos-failed")
            await phone.main.tap()
            await phone.has_photos(6)
        else:
            await phone.button("upload.removeAll").tap()
        await expect(phone.main).to_have_text(phone.words.like("train.start"))
    assert (await phone.asked("web_app_setup_closing_behavior"))[-1] == {"need_confirmation": False}


async def test_photos_added_while_a_training_starts_are_in_the_next_draft(
    open_app: OpenApp, service: Service, line: Line
) -> None:
    phone = await open_app()
    await prepared(phone, "first")
    line.fault(START, "late", seconds=1)
    line.fault(PHOTOS, "late", seconds=2)
    await phone.main.tap()
    async with asyncio.timeout(5):
        while not line.sent(START):
            await asyncio.sleep(0.02)
    await phone.add([File("early.jpg", photos(11)[10].content), File("late.jpg", photos(12)[11].content)])
    await expect(phone.app.get_by_role("heading", name="first")).to_be_visible()
    await phone.leave.tap()
    await phone.tab("tab.train").tap()
    await phone.has_photos(2)
    draft = await service.call("GET", "/training/photos", phone.person)
    assert {photo["fileName"] for photo in draft["photos"]} == {"early.jpg", "late.jpg"}


async def test_a_removed_photo_holds_nobody_up(open_app: OpenApp, service: Service, line: Line) -> None:
    phone = await open_app()
    await prepared(phone, "quick")
    line.fault(PHOTOS, "late", seconds=3)
    await phone.add([File("slow.jpg", photos(5)[4].content)])
    async with asyncio.timeout(10):
        while len(line.sent(PHOTOS)) < 5:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)  # the phone hears later that all of it has left
    await expect(phone.main).to_have_text(phone.words.like("train.uploading"))
    await phone.button("photos.remove", name="slow.jpg").tap()
    await expect(phone.main).to_have_text(phone.words.like("train.start"), timeout=1500)
    # It arrived all the same, and is taken back.
    async with asyncio.timeout(10):
        while not any(one.status for one in line.sent("DELETE /training/photos/*")):
            await asyncio.sleep(0.05)
    draft = await service.call("GET", "/training/photos", phone.person)
    assert len(draft["photos"]) == 4


async def test_a_server_that_asks_for_an_hour_is_told_at_once(open_app: OpenApp, line: Line) -> None:
    phone = await open_app()
    phone.guard.expects(429)
    line.fault(PHOTOS, "answer", status=429, headers={"Retry-After": "3600"})
    await phone.add(photos(1))
    await phone.is_judged("0.jpg", "upload.failed")
    await phone.tile("0.jpg").tap(position={"x": 12, "y": 12})
    await expect(phone.app.get_by_role("dialog")).to_contain_text(phone.words("error.too_often"))


async def test_a_removal_is_seen_at_once(open_app: OpenApp, line: Line) -> None:
    phone = await open_app()
    phone.guard.expects(403)
    await phone.add(photos(2))
    await phone.has_photos(2)
    line.fault("DELETE *", "late", seconds=2)
    await phone.button("photos.remove", name="0.jpg").tap()
    await expect(phone.text("photos.count", have=1)).to_be_visible(timeout=1500)
    await looks_right(phone, "photo-leaving")
    await expect(phone.app.locator(".tile")).to_have_count(1)
    line.fault("DELETE *", "answer", status=403)
    await phone.button("photos.remove", name="1.jpg").tap()
    await expect(phone.text("error.init_data")).to_be_visible()
    await phone.has_photos(1)


async def test_a_draft_that_is_not_known_yet_looks_so(open_app: OpenApp, line: Line) -> None:
    phone = await open_app()
    phone.guard.expects(503)
    await phone.add(photos(4))
    await phone.has_photos(4)
    line.fault("GET /training/photos", "late", seconds=1)
    await phone.reopen()
    await expect(phone.main).to_have_text(phone.words("train.loading"))
    await expect(phone.text("photos.count", have=0)).to_be_hidden()
    await looks_right(phone, "draft-loading")
    await phone.has_photos(4)
    line.fault("GET /training/photos", "answer", status=503, times=100)
    await phone.reopen()
    async with phone.time_flies():
        await expect(phone.text("error.server")).to_be_visible()
    await expect(phone.main).to_have_text(phone.words("app.retry"))
    await looks_right(phone, "draft-unknown")
    line.mend()
    await (await phone.frame()).evaluate("dispatchEvent(new Event('online'))")
    await phone.has_photos(4)


async def test_what_came_from_the_chat_is_there_when_telegram_shows_the_app_again(
    open_app: OpenApp, line: Line
) -> None:
    phone = await open_app()
    await phone.has_photos(0)
    before = len(line.sent("GET /training/photos"))
    await phone.tell("visibility_changed", {"is_visible": True})
    async with asyncio.timeout(5):
        while len(line.sent("GET /training/photos")) == before:
            await asyncio.sleep(0.02)


async def test_steps_are_understood_as_the_app_writes_them(open_app: OpenApp) -> None:
    phone = await open_app()
    await phone.field("steps.label").fill("2,000")
    price = phone.app.get_by_role("region", name=phone.words("price.title"))
    await expect(price).to_contain_text(phone.words("price.stars", count=300))


async def test_photos_stay_in_the_order_in_which_they_were_chosen(open_app: OpenApp, line: Line) -> None:
    phone = await open_app()
    await phone.has_photos(0)
    line.fault(PHOTOS, "late", seconds=1)
    await phone.add(photos(3))
    await phone.has_photos(3)
    chosen = [phone.words.like("photos.details", name=f"{number}.jpg") for number in range(3)]
    tiles = phone.app.locator(".tile .open")
    for again in (False, True):
        if again:
            await phone.reopen()
            await phone.has_photos(3)
        for number, name in enumerate(chosen):
            await expect(tiles.nth(number)).to_have_accessible_name(name)
