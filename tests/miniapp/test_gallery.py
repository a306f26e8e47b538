"""What was made: looked through, kept, sent on, used again, deleted."""

import io
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from PIL import Image
from playwright.async_api import Locator, expect

from models.user import Person
from sandbox.telegram import Json
from tests.miniapp.conftest import Models, OpenApp, Paint, Somebody
from tests.miniapp.line import Line
from tests.miniapp.looks import looks_right
from tests.miniapp.phone import Phone
from tests.service.running import Service
from tests.waiting import until

Fill = Callable[[Person, int], Awaitable[None]]


@pytest.fixture
def fill(service: Service) -> Fill:
    """Gives somebody so many pictures, four of each prompt; their files are nowhere, their thumbnails are."""

    async def fill(person: Person, pictures: int) -> None:
        await service.call("POST", "/session", person)
        square = io.BytesIO()
        Image.new("RGB", (192, 192), "teal").save(square, "JPEG")
        begun = datetime.now(UTC) - timedelta(days=30)
        ids = [uuid.uuid4() for _ in range(pictures // 4)]
        connection = await asyncpg.connect(service.env["DATABASE_URL"])
        try:
            await connection.executemany(
                "INSERT INTO generations (id, user_id, base_model_id, origin, prompt, loras, aspect, steps,"
                " guidance, seed, count, held_back, stars_spent, status, version, status_version,"
                " submits_in_doubt, started_at, completed_at, idempotency_key, idempotency_body)"
                " VALUES ($1, $2, 'flux-lora-fast', 'app', $3, '[]', '1:1', 28,"
                " 3.5, 7, 4, 0, 12, 'COMPLETED', 0, 0, 0, $4, $4, $5, '')",
                [
                    (one, person.id, f"prompt {at}", begun - timedelta(minutes=at), str(one))
                    for at, one in enumerate(ids)
                ],
            )
            await connection.executemany(
                "INSERT INTO pictures"
                " (id, user_id, generation_id, position, width, height, bytes, thumbnail, created_at)"
                " VALUES ($1, $2, $3, $4, 1024, 1024, 1000, $5, now())",
                [
                    (uuid.uuid4(), person.id, one, position, square.getvalue())
                    for one in ids
                    for position in range(4)
                ],
            )
        finally:
            await connection.close()

    return fill


@pytest.fixture
async def painted(somebody: Somebody, models: Models, paint: Paint) -> tuple[Person, Json]:
    """Somebody, and three pictures that they have made."""
    person = somebody()
    await models(person, trigger_word="anatok")
    return person, await paint(person, "anatok at the beach", count=3, aspect="3:4")


def tiles(phone: Phone) -> Locator:
    return phone.app.get_by_role("listitem")


def shown(phone: Phone) -> Locator:
    """The picture that fills the screen; its neighbours wait beside it."""
    return phone.app.locator(".slide[aria-hidden=false] img")


async def at_the_gallery(phone: Phone, count: int) -> None:
    await phone.tab("tab.gallery").tap()
    await expect(tiles(phone)).to_have_count(count)


async def place(phone: Phone, number: int, total: int) -> None:
    await expect(
        phone.app.get_by_text(phone.words("viewer.place", number=number, total=total))
    ).to_be_visible()


async def test_pictures_are_looked_through(open_app: OpenApp, painted: tuple[Person, Json]) -> None:
    person, generation = painted
    phone = await open_app(person)
    await at_the_gallery(phone, 3)
    await tiles(phone).first.locator("img").evaluate("image => image.decode()")
    await tiles(phone).nth(1).tap()
    await place(phone, 2, 3)
    await shown(phone).evaluate("image => image.decode()")
    assert await shown(phone).evaluate("image => image.naturalWidth") == 864
    await phone.asked_for("web_app_set_header_color", color="#000000")
    await phone.page.keyboard.press("ArrowRight")
    await place(phone, 3, 3)
    await expect(phone.button("viewer.next")).to_be_hidden()
    # As a finger does.
    for number in (2, 1):
        await phone.app.locator(".strip").evaluate(
            "strip => strip.scrollBy({ left: -390, behavior: 'instant' })"
        )
        await place(phone, number, 3)
    await phone.app.get_by_role("button", name=phone.words("viewer.details")).tap()
    sheet = phone.app.get_by_role("dialog")
    for said in ("anatok at the beach", "FLUX.1 fast", "3:4 · 864 × 1152", str(generation["seed"])):
        await expect(sheet).to_contain_text(said)
    await phone.leave.tap()
    await expect(sheet).to_be_hidden()
    await phone.leave.tap()
    await expect(tiles(phone)).to_have_count(3)
    await phone.asked_for("web_app_set_header_color", color_key="secondary_bg_color")


async def test_the_command_for_the_chat_is_copied(open_app: OpenApp, painted: tuple[Person, Json]) -> None:
    person, generation = painted
    phone = await open_app(person, wait=False, path=f"/app/?picture={generation['pictures'][0]['id']}")
    await phone.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await phone.page.locator("#app").evaluate("frame => frame.allow = 'clipboard-write'")
    await phone.reload()
    await phone.app.get_by_role("button", name=phone.words("viewer.details")).tap()
    await phone.app.get_by_role("button", name=phone.words("model.copy", text=generation["command"])).tap()
    await expect(phone.text("model.copied")).to_be_attached()
    assert await phone.page.evaluate("navigator.clipboard.readText()") == generation["command"]


async def test_again_with_a_new_seed_and_with_the_same_settings(
    open_app: OpenApp, painted: tuple[Person, Json], service: Service
) -> None:
    person, generation = painted
    phone = await open_app(person, wait=False, path=f"/app/?generation={generation['id']}")
    await phone.button("viewer.again").tap()
    await expect(phone.tab("tab.create")).to_have_attribute("aria-current", "page")
    await expect(phone.button("making.open", total=3)).to_have_count(3)
    newest, _ = (await service.call("GET", "/generation", person))["items"]
    settings = ("prompt", "aspect", "steps", "guidance", "count", "models")
    assert [newest[name] for name in settings] == [generation[name] for name in settings]
    assert newest["seed"] != generation["seed"]
    await phone.button("making.open", number=1, total=3).tap()
    await phone.button("viewer.useShort").tap()
    await expect(phone.field("create.prompt")).to_have_value("anatok at the beach")
    await expect(phone.app.get_by_role("radio", name="3:4")).to_be_checked()
    await expect(phone.main).to_have_text(phone.words("create.make", count=3, price=9))
    await phone.text("create.settings").tap()
    await expect(phone.field("create.seed")).to_have_value(str(newest["seed"]))


async def test_again_without_enough_stars_leads_to_where_they_are_bought(
    open_app: OpenApp, painted: tuple[Person, Json], service: Service
) -> None:
    person, generation = painted
    begun = {"images_data_url": "https://example.com/photos.zip", "trigger_word": "dear", "steps": 3040}
    service.fal.fault("run", "never_ends")
    training = await service.call("POST", "/training/start", person, json=begun)  # for 456 of 461 stars
    phone = await open_app(person, wait=False, path=f"/app/?generation={generation['id']}")
    phone.guard.expects(402)
    await phone.button("viewer.again").tap()
    await expect(phone.field("create.prompt")).to_have_value("anatok at the beach")
    await expect(phone.main).to_have_text(phone.words("packs.get", count=50))
    await service.call("POST", f"/training/{training['trainingId']}/cancel", person)


async def test_a_picture_is_sent_to_the_chat(
    open_app: OpenApp, painted: tuple[Person, Json], service: Service, line: Line
) -> None:
    person, generation = painted
    phone = await open_app(person, wait=False, path=f"/app/?picture={generation['pictures'][1]['id']}")
    phone.guard.expects(503)
    line.fault("POST /generation/*/send", "answer", status=503)
    await phone.button("viewer.send").tap()
    await expect(phone.text("viewer.sent")).to_be_visible()

    def photos() -> list[Json]:
        return [message for message in service.telegram.messages(person.id) if "photo" in message]

    await until(lambda: len(photos()) == 1)
    assert len(line.sent("POST /generation/*/send")) == 2


async def test_a_picture_is_downloaded(open_app: OpenApp, painted: tuple[Person, Json]) -> None:
    person, generation = painted
    which = generation["pictures"][0]["id"]
    phone = await open_app(person, wait=False, path=f"/app/?picture={which}")
    await phone.button("viewer.save").tap()
    await phone.popup.get_by_role("button", name="Save").tap()
    await until(lambda: phone.saved)
    with Image.open(io.BytesIO(phone.saved[f"selfi-{which[:8]}.jpg"])) as picture:
        assert (picture.format, picture.size) == ("JPEG", (864, 1152))


async def test_an_older_client_opens_the_file_outside(
    open_app: OpenApp, painted: tuple[Person, Json]
) -> None:
    person, generation = painted
    phone = await open_app(
        person, wait=False, version="6.0", path=f"/app/?picture={generation['pictures'][0]['id']}"
    )
    await phone.button("viewer.save").tap()
    await phone.asked_for("web_app_open_link")
    (call,) = await phone.asked("web_app_open_link")
    answer = await phone.page.context.request.get(call["url"])
    assert answer.headers["content-disposition"].startswith("attachment")
    assert await phone.unknown() == []
    await phone.page.keyboard.press("Escape")
    await expect(tiles(phone)).to_have_count(3)


async def test_deleting_asks_first_and_goes_on_to_the_next(
    open_app: OpenApp, painted: tuple[Person, Json], service: Service
) -> None:
    person, generation = painted
    phone = await open_app(person)
    await at_the_gallery(phone, 3)
    await tiles(phone).nth(2).tap()
    await phone.button("viewer.delete").tap()
    await phone.press("model.keep")
    await expect(phone.app.get_by_role("dialog")).to_be_hidden()
    for left in (2, 1):
        await phone.button("viewer.delete").tap()
        await phone.press("model.deleteYes")
        await expect(phone.app.get_by_role("dialog")).to_be_hidden()
        page = await service.call("GET", "/generation", person)
        first = [picture["id"] for picture in generation["pictures"]][:left]
        assert [picture["id"] for picture in page["items"][0]["pictures"]] == first
    await phone.button("viewer.delete").tap()
    await phone.press("model.deleteYes")
    await expect(phone.text("gallery.empty")).to_be_visible()
    assert (await service.call("GET", "/generation", person))["items"] == []


async def test_a_gallery_of_hundreds(open_app: OpenApp, somebody: Somebody, fill: Fill, line: Line) -> None:
    person = somebody()
    await fill(person, 800)
    phone = await open_app(person)
    await phone.tab("tab.gallery").tap()
    await expect(phone.app.get_by_role("button", name="1: prompt 0")).to_be_visible()
    frame = await phone.frame()
    last = phone.app.get_by_role("button", name="800: prompt 199")
    for _ in range(40):
        await frame.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        if await last.count():
            break
        await phone.page.wait_for_timeout(100)
    await expect(last).to_be_visible()
    assert len(line.sent("GET /generation")) == 7
    assert await tiles(phone).count() < 150
    await last.locator("img").evaluate("image => image.decode()")
    assert not line.sent("GET /pictures/*/file")
    await frame.evaluate("scrollBy(0, -3000)")
    await expect(last).to_have_count(0)
    at = await frame.evaluate("scrollY")
    middle = tiles(phone).nth(await tiles(phone).count() // 2)
    number = int(str(await middle.get_attribute("aria-posinset")))
    phone.guard.expects(404)  # the file itself is nowhere
    await middle.get_by_role("button").dispatch_event("click")  # a tap would scroll it into sight first
    await place(phone, number, 800)
    assert await phone.app.locator(".slide").count() == 3
    await phone.leave.tap()
    await expect(tiles(phone).first).to_be_visible()
    assert await frame.evaluate("scrollY") == at


async def test_a_page_that_fails_is_asked_for_again(
    open_app: OpenApp, somebody: Somebody, fill: Fill, line: Line
) -> None:
    person = somebody()
    await fill(person, 400)
    phone = await open_app(person)
    phone.guard.expects(409)
    await phone.tab("tab.gallery").tap()
    await expect(phone.app.get_by_role("button", name="1: prompt 0")).to_be_visible()
    line.fault("GET /generation", "answer", status=409)
    frame = await phone.frame()
    await frame.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    await phone.button("app.retry").tap()
    await expect(phone.button("app.retry")).to_have_count(0)
    await until(lambda: len(line.sent("GET /generation")) == 4)


@pytest.mark.parametrize("by", ["start_param", "picture", "generation"])
async def test_links_lead_to_the_picture(open_app: OpenApp, painted: tuple[Person, Json], by: str) -> None:
    person, generation = painted
    picture = generation["pictures"][1]["id"]
    where: dict[str, str] = {
        "start_param": {"start_param": f"picture_{picture}"},
        "picture": {"path": f"/app/?picture={picture}"},
        "generation": {"path": f"/app/?generation={generation['id']}"},
    }[by]
    phone = await open_app(person, wait=False, **where)
    await place(phone, 1 if by == "generation" else 2, 3)
    await phone.leave.tap()
    await expect(phone.tab("tab.gallery")).to_have_attribute("aria-current", "page")


@pytest.mark.parametrize("language", ["en", "es"])
async def test_a_link_to_what_is_being_made_or_failed_shows_that(
    open_app: OpenApp, somebody: Somebody, models: Models, service: Service, language: str
) -> None:
    person = somebody(language)
    await models(person, trigger_word="anatok")
    service.fal.fault("run", "never_ends")
    begun = await service.call("POST", "/generation", person, json={"prompt": "anatok waits"})
    phone = await open_app(person, wait=False, path=f"/app/?generation={begun['id']}")
    await expect(phone.text("making.painting")).to_be_visible()
    await looks_right(phone, "picture-running")
    await phone.leave.tap()
    await expect(phone.app.get_by_role("article", name="anatok waits")).to_be_visible()
    await phone.open(path=f"/app/?generation={begun['id']}")
    await phone.button("making.cancel").tap()
    await expect(phone.text("making.cancelled")).to_be_visible()
    await phone.reopen()
    await expect(phone.text("making.cancelled")).to_be_visible()
    await looks_right(phone, "picture-cancelled")
    await phone.press("viewer.use")
    await expect(phone.field("create.prompt")).to_have_value("anatok waits")


async def test_what_was_held_back_is_said_with_the_picture(
    open_app: OpenApp, painted: tuple[Person, Json], service: Service
) -> None:
    person, generation = painted
    connection = await asyncpg.connect(service.env["DATABASE_URL"])
    try:
        await connection.execute(
            "UPDATE generations SET count = 4, held_back = 1 WHERE id = $1", uuid.UUID(generation["id"])
        )
    finally:
        await connection.close()
    phone = await open_app(person, wait=False, path=f"/app/?generation={generation['id']}")
    await phone.app.get_by_role("button", name=phone.words("viewer.details")).tap()
    held = phone.words("making.heldBack", count=1)
    await expect(phone.app.get_by_role("dialog").get_by_text(held)).to_be_visible()


async def test_pictures_by_keyboard(open_app: OpenApp, painted: tuple[Person, Json]) -> None:
    person, _ = painted
    phone = await open_app(person)
    press = phone.page.keyboard.press
    await at_the_gallery(phone, 3)
    tile = tiles(phone).first.get_by_role("button")
    await phone.tab_to(tile)
    await phone.focus_shows(tile)
    await press("Enter")
    await place(phone, 1, 3)
    await phone.tab_to(phone.button("viewer.next"))
    await phone.focus_shows(phone.button("viewer.next"))
    await press("Enter")
    await place(phone, 2, 3)
    await press("ArrowLeft")
    await place(phone, 1, 3)
    await phone.tab_to(phone.button("viewer.delete"))
    await phone.focus_shows(phone.button("viewer.delete"))
    await press("Enter")
    await expect(phone.app.get_by_role("dialog")).to_be_visible()
    await press("Escape")
    await expect(phone.app.get_by_role("dialog")).to_be_hidden()
    await press("Escape")
    await expect(tiles(phone)).to_have_count(3)
