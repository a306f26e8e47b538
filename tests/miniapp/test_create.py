"""Pictures are made: from a prompt to what comes of it, and what stands in the way."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from playwright.async_api import Locator, expect

from tests.miniapp.conftest import Broke, Models, OpenApp, Somebody, Train
from tests.miniapp.line import Line
from tests.miniapp.looks import looks_right
from tests.miniapp.phone import Phone
from tests.service.running import Service
from tests.waiting import until

GENERATION = "POST /generation"
EVENTS = "GET /generation/*/events"

Creating = Callable[..., Awaitable[Phone]]


@pytest.fixture
def creating(open_app: OpenApp, somebody: Somebody, models: Models) -> Creating:
    """Opens the app as somebody who has one model, `anatok`: it begins with Create."""

    async def creating(language: str = "en", **launch: Any) -> Phone:
        person = somebody(language)
        await models(person, trigger_word="anatok")
        phone = await open_app(person, **launch)
        await expect(scale(phone, "anatok")).to_be_visible()
        return phone

    return creating


def scale(phone: Phone, name: str) -> Locator:
    return phone.app.get_by_role("slider", name=phone.words("create.scale", name=name))


def card(phone: Phone, prompt: str) -> Locator:
    """What has become of a wish."""
    return phone.app.get_by_role("article", name=prompt)


def pictures(phone: Phone, prompt: str) -> Locator:
    return card(phone, prompt).get_by_role("button", name=phone.words.like("making.open"))


async def balance(service: Service, phone: Phone) -> int:
    return int((await service.call("POST", "/session", phone.person))["balance"])


async def made(service: Service, phone: Phone) -> list[dict[str, object]]:
    page = await service.call("GET", "/generation?scope=all", phone.person)
    return list(page["items"])


@asynccontextmanager
async def sql(service: Service, statement: str, *values: object) -> AsyncIterator[None]:
    connection = await asyncpg.connect(service.env["DATABASE_URL"])
    try:
        await connection.execute(statement, *values)
        yield
    finally:
        await connection.close()


async def test_a_prompt_becomes_pictures(creating: Creating, service: Service, line: Line) -> None:
    phone = await creating()
    await expect(phone.tab("tab.create")).to_have_attribute("aria-current", "page")
    await expect(phone.main).to_have_text(phone.words("create.addPrompt"))
    await phone.field("create.prompt").fill("anatok at the beach")
    await expect(phone.main).to_have_text(phone.words("create.make", count=1, price=3))
    await phone.app.get_by_text("3:4", exact=True).tap()
    await phone.button("create.more").tap()
    await scale(phone, "anatok").fill("0.8")
    await expect(phone.main).to_have_text(phone.words("create.make", count=2, price=6))
    await phone.main.tap()
    await expect(card(phone, "anatok at the beach")).to_be_visible()
    await expect(pictures(phone, "anatok at the beach")).to_have_count(2)
    await pictures(phone, "anatok at the beach").first.locator("img").evaluate("image => image.decode()")
    await phone.asked_for("web_app_trigger_haptic_feedback", notification_type="success")
    assert await balance(service, phone) == 500 - 30 - 6
    (generation,) = await made(service, phone)
    assert (generation["aspect"], generation["count"], generation["steps"]) == ("3:4", 2, 28)
    assert generation["models"][0]["scale"] == 0.8  # type: ignore[index]
    assert len(line.sent(EVENTS)) == 1
    assert not line.sent(f"GET /generation/{generation['id']}")
    # The same wish again is another picture.
    await expect(phone.field("create.prompt")).to_have_value("anatok at the beach")
    await phone.main.tap()
    await expect(phone.app.get_by_role("article")).to_have_count(2)
    await expect(phone.button("making.open", total=2)).to_have_count(4)
    one, other = await made(service, phone)
    assert one["seed"] != other["seed"]


async def test_styles_fill_the_prompt_one_at_a_time(creating: Creating) -> None:
    phone = await creating()
    prompt = phone.field("create.prompt")
    styles = phone.app.get_by_role("group", name=phone.words("create.styles")).get_by_role("button")
    await styles.first.locator("img").evaluate("image => image.decode()")
    await styles.nth(0).tap()
    await expect(styles.nth(0)).to_have_attribute("aria-pressed", "true")
    only = await prompt.input_value()
    await styles.nth(0).tap()
    await expect(prompt).to_have_value("")
    await prompt.fill("anatok on a horse")
    await styles.nth(0).tap()
    await expect(prompt).to_have_value(f"anatok on a horse, {only}")
    await styles.nth(1).tap()
    await expect(styles.nth(0)).to_have_attribute("aria-pressed", "false")
    assert only not in await prompt.input_value()
    await phone.button("create.clear").tap()
    await expect(prompt).to_have_value("")
    await expect(prompt).to_be_focused()


async def test_the_button_leads_to_what_is_wrong(creating: Creating) -> None:
    phone = await creating()
    prompt = phone.field("create.prompt")
    await phone.main.tap()
    await expect(prompt).to_be_focused()
    await phone.asked_for("web_app_trigger_haptic_feedback", notification_type="warning")
    await prompt.fill("x" * 1990)
    await expect(phone.text("create.left", left=10)).to_be_visible()
    await prompt.fill("x" * 2001)
    await expect(phone.text("create.tooLong", count=1)).to_be_visible()
    await expect(phone.main).to_have_text(phone.words("create.shorten"))
    await prompt.fill("anatok")
    await phone.text("create.settings").tap()
    for field, wrong, right in (("steps.label", "51", "20"), ("create.guidance", "36", "7.5")):
        await phone.field(field).fill(wrong)
        await expect(phone.field(field)).to_have_attribute("aria-invalid", "true")
        await expect(phone.main).to_have_text(phone.words("create.fixSettings"))
        await phone.text("create.settings").tap()
        await phone.main.tap()
        await expect(phone.field(field)).to_be_focused()
        await phone.field(field).fill(right)
    seed = phone.field("create.seed")
    await seed.fill("-1")
    await expect(seed).to_have_attribute("aria-invalid", "true")
    await phone.button("create.roll").tap()
    await expect(seed).to_have_attribute("aria-invalid", "false")
    kept = await seed.input_value()
    assert 0 <= int(kept) < 2**31
    await phone.button("create.lock").tap()
    await expect(seed).to_have_value("")
    await expect(phone.main).to_have_text(phone.words("create.make", count=1, price=3))


async def test_what_the_server_refuses_is_said_at_its_field(creating: Creating, service: Service) -> None:
    phone = await creating("es")
    phone.guard.expects(422)
    word = f"palabrota{phone.person.id}"
    async with sql(
        service, "INSERT INTO refused_words (word, added_by, created_at) VALUES ($1, 1, now())", word
    ):
        prompt = phone.field("create.prompt")
        await prompt.fill(f"anatok con {word}")
        await phone.main.tap()
        await expect(phone.text("create.refusedWord", word=word)).to_be_visible()
        await expect(prompt).to_be_focused()
        await prompt.fill("anatok con flores")
        await expect(phone.text("create.refusedWord", word=word)).to_have_count(0)
        await phone.main.tap()
        await expect(pictures(phone, "anatok con flores")).to_have_count(1)


async def test_models_of_different_kinds_are_told_at_once(
    open_app: OpenApp, somebody: Somebody, train: Train, service: Service
) -> None:
    person = somebody()
    for trainer, word in (("flux-lora-fast", "fluxana"), ("z-image", "zana")):
        (training,) = await train(person, trainer=trainer, steps=100, trigger_word=word)
        await service.reached(training, "COMPLETED", person=person)
    phone = await open_app(person)
    await phone.field("create.prompt").fill("two of a kind")
    await expect(phone.main).to_have_text(phone.words("create.pick"))
    await phone.main.tap()
    sheet = phone.app.get_by_role("dialog")
    for word in ("fluxana", "zana"):
        await sheet.get_by_text(word, exact=True).tap()
    said = phone.words("create.mixed", kinds="FLUX.1 fast, Z-Image")
    await expect(sheet.get_by_text(said)).to_be_visible()
    await phone.press("photos.done")
    await expect(phone.app.get_by_text(said)).to_be_visible()
    await expect(phone.main).to_have_text(phone.words("create.fixModels"))
    await phone.button("create.removeModel", name="fluxana").tap()
    await expect(phone.app.get_by_text(said)).to_have_count(0)
    await phone.main.tap()
    await expect(pictures(phone, "two of a kind")).to_have_count(1)
    # What is ticked among the models afterwards is the newer wish.
    await phone.tab("tab.models").tap()
    tick = phone.app.get_by_role("checkbox", name=phone.words("models.select", name="fluxana"))
    await tick.locator("xpath=ancestor::label").tap()
    await phone.tab("tab.create").tap()
    await expect(scale(phone, "fluxana")).to_be_visible()
    await expect(scale(phone, "zana")).to_have_count(0)


async def test_stars_are_bought_on_the_way_with_a_public_model(
    open_app: OpenApp, somebody: Somebody, broke: Broke, models: Models, service: Service
) -> None:
    ana = somebody()
    (model,) = await models(ana, trigger_word=f"pub{ana.id}")
    await service.call("PATCH", f"/models/{model}", ana, json={"isPublic": True})
    phone = await open_app(await broke("en"))
    await expect(phone.tab("tab.train")).to_have_attribute("aria-current", "page")
    await phone.tab("tab.create").tap()
    await phone.button("create.addPublic").tap()
    await phone.app.get_by_role("dialog").get_by_text(f"pub{ana.id}", exact=True).tap()
    await phone.press("photos.done")
    await phone.field("create.prompt").fill("somebody famous")
    await expect(phone.text("price.missing", count=3)).to_be_visible()
    await phone.press("packs.all")
    await expect(phone.text("packs.missingPictures", count=3)).to_be_visible()
    await phone.tab("tab.create").tap()
    await expect(phone.main).to_have_text(phone.words("packs.get", count=50))
    await looks_right(phone, "create-stars-missing")
    await phone.main.tap()
    await phone.pay()
    await expect(phone.main).to_have_text(phone.words("create.make", count=1, price=3))
    await expect(phone.field("create.prompt")).to_have_value("somebody famous")
    await phone.main.tap()
    await expect(pictures(phone, "somebody famous")).to_have_count(1)
    assert await balance(service, phone) == 47
    await phone.tab("tab.account").tap()
    await expect(phone.text("history.generation", count=1)).to_be_visible()


async def test_stars_that_went_elsewhere_are_told(creating: Creating, train: Train) -> None:
    phone = await creating()
    phone.guard.expects(402)
    await phone.field("create.prompt").fill("anatok")
    await phone.button("create.more").tap()
    await train(phone.person, steps=3100)  # for 465 of 470 stars
    await phone.main.tap()
    await expect(phone.main).to_have_text(phone.words("packs.get", count=50))
    await expect(phone.app.locator("#price")).to_be_focused()


async def test_parameters_are_saved_for_the_chat_and_every_device(
    creating: Creating, open_app: OpenApp, service: Service
) -> None:
    phone = await creating()
    await expect(phone.button("create.save")).to_have_count(0)
    await phone.app.get_by_text("16:9", exact=True).tap()
    await phone.button("create.more").tap()
    await phone.text("create.settings").tap()
    await phone.field("steps.label").fill("20")
    await phone.button("create.save").tap()
    await expect(phone.button("create.save")).to_have_count(0)
    saved = await service.call("GET", "/params", phone.person)
    assert (saved["aspect"], saved["count"], saved["steps"]) == ("16:9", 2, 20)
    assert (saved["guidance"], saved["seed"], saved["scale"]) == (None, None, None)
    other = await open_app(phone.person)
    await expect(other.app.get_by_role("radio", name="16:9")).to_be_checked()
    await other.app.get_by_text("1:1", exact=True).tap()
    await other.button("create.fewer").tap()
    await other.button("create.reset").tap()
    await expect(other.app.get_by_role("radio", name="16:9")).to_be_checked()
    await other.field("create.prompt").fill("anatok")
    await expect(other.main).to_have_text(other.words("create.make", count=2, price=6))


@pytest.mark.parametrize("again", ["reload", "reopen"])
async def test_a_wish_outlives_the_page(creating: Creating, again: str) -> None:
    phone = await creating()
    await phone.field("create.prompt").fill("anatok under water")
    await phone.app.get_by_text("9:16", exact=True).tap()
    await scale(phone, "anatok").fill("1.3")
    assert await phone.asked("web_app_setup_closing_behavior") == [{"need_confirmation": False}]
    await getattr(phone, again)()
    await expect(phone.field("create.prompt")).to_have_value("anatok under water")
    await expect(phone.app.get_by_role("radio", name="9:16")).to_be_checked()
    await expect(scale(phone, "anatok")).to_have_value("1.3")


async def test_several_at_once_wait_for_their_turn_and_are_cancelled(
    creating: Creating, service: Service
) -> None:
    phone = await creating()
    service.fal.fault("run", "never_ends", times=2)
    for prompt in ("first", "second", "third", "fourth"):
        await phone.field("create.prompt").fill(prompt)
        await phone.main.tap()
        await expect(card(phone, prompt)).to_be_visible()
    async with phone.time_flies():
        await expect(card(phone, "first").get_by_text(phone.words("making.painting"))).to_be_visible()
        await expect(card(phone, "third").get_by_text(phone.words("making.next"))).to_be_visible()
        queued = phone.words("making.queue", count=1)
        await expect(card(phone, "fourth").get_by_text(queued)).to_be_visible()
        await phone.reopen()  # they are here again
        await card(phone, "first").get_by_role("button", name=phone.words("making.cancel")).tap()
        await expect(card(phone, "first")).to_contain_text(phone.words("making.cancelled"))
        await expect(card(phone, "first")).to_contain_text(phone.words("progress.refunded", count=3))
        await expect(pictures(phone, "third")).to_have_count(1)
        await expect(pictures(phone, "fourth")).to_have_count(1)
        await card(phone, "first").get_by_role("button", name=phone.words("making.dismiss")).tap()
        await expect(card(phone, "first")).to_have_count(0)
        await card(phone, "second").get_by_role("button", name=phone.words("making.cancel")).tap()
        await expect(card(phone, "second")).to_contain_text(phone.words("making.cancelled"))
    assert await balance(service, phone) == 500 - 30 - 6


@pytest.mark.parametrize("language", ["en", "es"])
async def test_what_fails_or_is_held_back_says_why_and_gives_the_stars_back(
    creating: Creating, service: Service, language: str
) -> None:
    phone = await creating(language)
    service.fal.fault("run", "model_error", error="content_policy_violation")
    await phone.field("create.prompt").fill("against the rules")
    await phone.main.tap()
    await expect(card(phone, "against the rules")).to_contain_text(phone.words("making.unsafe"))
    await phone.field("create.prompt").fill("anatok nsfw")
    await phone.main.tap()
    await expect(card(phone, "anatok nsfw")).to_contain_text(phone.words("making.unsafe"))
    await expect(card(phone, "anatok nsfw")).to_contain_text(phone.words("progress.refunded", count=3))
    await phone.asked_for("web_app_trigger_haptic_feedback", notification_type="error")
    assert await balance(service, phone) == 470
    await phone.tab("tab.account").tap()
    await expect(phone.text("history.notMade")).to_have_count(2)


async def test_without_live_events_it_asks(creating: Creating, service: Service, line: Line) -> None:
    phone = await creating()
    phone.guard.expects(502)
    line.fault(EVENTS, "answer", status=502, times=1000)
    await phone.field("create.prompt").fill("anatok")
    await phone.main.tap()
    async with phone.time_flies():
        await expect(pictures(phone, "anatok")).to_have_count(1)
    assert line.sent("GET /generation/*-*")


async def test_a_wish_whose_answer_is_lost_is_one_generation(
    creating: Creating, service: Service, line: Line
) -> None:
    phone = await creating()
    phone.guard.expects("ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET", 503)
    line.fault(GENERATION, "drop_after")
    line.fault(GENERATION, "answer", status=503)
    await phone.field("create.prompt").fill("only once")
    await phone.main.evaluate("(button) => { button.click(); button.click(); }")
    async with phone.time_flies():
        await expect(pictures(phone, "only once")).to_have_count(1)
    assert len(line.sent(GENERATION)) == 3
    assert len(await made(service, phone)) == 1


async def test_what_it_builds_on_is_tried_again_where_it_couldnt_be_read(
    open_app: OpenApp, somebody: Somebody, models: Models, line: Line
) -> None:
    person = somebody()
    await models(person, trigger_word="anatok")
    phone = await open_app(person, wait=False)
    phone.guard.expects(409)
    await phone.ready()
    line.fault("GET /models", "answer", status=409, times=2)
    await phone.reload()
    await phone.app.get_by_role("alert").get_by_role("button", name=phone.words("app.retry")).tap()
    await expect(scale(phone, "anatok")).to_be_visible()
    await until(lambda: not line.sent("PATCH *"))


async def test_a_new_model_leads_to_its_pictures(open_app: OpenApp, somebody: Somebody, train: Train) -> None:
    person = somebody()
    (training,) = await train(person, steps=10)
    phone = await open_app(person, wait=False, path=f"/app/?training={training}")
    await phone.press("model.make")
    await expect(scale(phone, "anatok")).to_be_visible()
    await expect(phone.tab("tab.create")).to_have_attribute("aria-current", "page")


async def test_pictures_are_made_by_keyboard(creating: Creating) -> None:
    phone = await creating()
    press = phone.page.keyboard.press
    prompt = phone.field("create.prompt")
    await phone.tab_to(prompt)
    await phone.focus_shows(prompt)
    await phone.page.keyboard.type("anatok by hand")
    styles = phone.app.get_by_role("group", name=phone.words("create.styles")).get_by_role("button")
    await phone.tab_to(styles.first)
    await phone.focus_shows(styles.first)
    await press("Space")
    await press("Space")
    await phone.tab_to(scale(phone, "anatok"))
    await phone.focus_shows(scale(phone, "anatok"))
    await press("ArrowLeft")
    await expect(scale(phone, "anatok")).to_have_value("0.95")
    await phone.tab_to(phone.app.get_by_role("radio", name="1:1"))
    await press("ArrowRight")
    chosen = phone.app.get_by_role("radio", name="4:5")
    await expect(chosen).to_be_checked()
    await phone.focus_shows(chosen)
    await phone.tab_to(phone.button("create.more"))
    await phone.focus_shows(phone.button("create.more"))
    await press("Enter")
    settings = phone.app.locator("summary")
    await phone.tab_to(settings)
    await phone.focus_shows(settings)
    await press("Enter")
    await phone.tab_to(phone.button("create.lock"))
    await press("Space")
    await expect(phone.button("create.lock")).to_have_attribute("aria-pressed", "true")
    await phone.main.press("Enter")
    await expect(pictures(phone, "anatok by hand")).to_have_count(2)
