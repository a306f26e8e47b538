"""Models: what people do with those they have trained, and with others' public ones."""

import asyncio
import uuid
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
from playwright.async_api import Locator, expect

from tests.miniapp.conftest import Models, OpenApp, Somebody
from tests.miniapp.line import Line
from tests.miniapp.looks import looks_right
from tests.miniapp.phone import Phone
from tests.service.running import Service

languages = pytest.mark.parametrize("language", ["en", "es"])


async def fetch(service: Service, statement: str, *values: object) -> object:
    connection = await asyncpg.connect(service.env["DATABASE_URL"])
    try:
        return await connection.fetchval(statement, *values)
    finally:
        await connection.close()


def row(phone: Phone, name: str) -> Locator:
    return phone.app.get_by_role("button", name=name)


def tick(phone: Phone, name: str) -> Locator:
    return phone.app.get_by_role("checkbox", name=phone.words("models.select", name=name))


def label_of(box: Locator) -> Locator:
    """What a finger meets; the box itself is out of sight."""
    return box.locator("xpath=ancestor::label")


async def at_the_models(phone: Phone) -> None:
    await phone.tab("tab.models").tap()
    await expect(phone.app.get_by_role("heading", name=phone.words("tab.models")).first).to_be_attached()


async def test_a_model_has_a_picture_and_gets_another_name(
    open_app: OpenApp, somebody: Somebody, models: Models
) -> None:
    person = somebody()
    await models(person, trigger_word="anatok")
    phone = await open_app(person)
    await at_the_models(phone)
    await row(phone, "anatok").locator("img").evaluate("image => image.decode()")
    await row(phone, "anatok").tap()
    await phone.press("model.rename")
    await phone.field("model.name").fill("  ")
    await expect(phone.text("model.nameEmpty")).to_be_visible()
    await phone.field("model.name").fill("Ana by the sea")
    await phone.press("model.save", by_key="Enter")
    await expect(phone.app.get_by_role("heading", name="Ana by the sea")).to_be_visible()
    await phone.leave.tap()
    await expect(row(phone, "Ana by the sea")).to_be_visible()
    await phone.tab("tab.account").tap()
    await expect(phone.text("history.training", name="Ana by the sea")).to_be_visible()


async def test_public_with_consent_used_by_others_and_private_again(
    open_app: OpenApp, somebody: Somebody, models: Models
) -> None:
    ana, beto = somebody(), somebody("es")
    (model,) = await models(ana, trigger_word=f"tok{ana.id}")
    phone = await open_app(ana, path=f"/app/?model={model}", wait=False)
    public = phone.app.get_by_role("switch", name=phone.words("model.public"))
    await public.tap()
    await expect(phone.text("model.publishText")).to_be_visible()
    await phone.press("model.keepPrivate")
    await expect(public).not_to_be_checked()
    await public.tap()
    await phone.press("model.publishYes")
    await expect(public).to_be_checked()

    other = await open_app(beto)
    await at_the_models(other)
    await other.app.get_by_text(other.words("models.public"), exact=True).tap()
    await label_of(tick(other, f"tok{ana.id}")).tap()
    await expect(other.text("models.selected", have=1, maximum=5)).to_be_visible()
    await row(other, f"tok{ana.id}").tap()
    await expect(other.text("model.others")).to_be_visible()
    await expect(other.button("model.delete")).to_have_count(0)

    await public.tap()
    await expect(public).not_to_be_checked()
    other.guard.expects(404)
    await other.open(start_param=f"model_{model}")
    await expect(other.text("error.model_not_found")).to_be_visible()


async def test_up_to_five_are_selected(open_app: OpenApp, somebody: Somebody, models: Models) -> None:
    person = somebody()
    ids = await models(person, 6, trigger_word="six")
    assert len(ids) == 6
    phone = await open_app(person)
    await at_the_models(phone)
    boxes = tick(phone, "six")
    await expect(boxes).to_have_count(6)
    for number in range(5):
        await label_of(boxes.nth(number)).tap()
    await expect(phone.text("models.selected", have=5, maximum=5)).to_be_visible()
    await label_of(boxes.nth(5)).tap()
    await expect(phone.text("error.too_many_selected")).to_be_visible()
    await expect(boxes.nth(5)).not_to_be_checked()
    await label_of(boxes.nth(0)).tap()
    await label_of(boxes.nth(5)).tap()
    await expect(boxes.nth(5)).to_be_checked()
    await phone.reload()
    await expect(boxes.nth(0)).not_to_be_checked()
    await expect(boxes.nth(5)).to_be_checked()


async def test_a_change_that_fails_is_taken_back_in_words(
    open_app: OpenApp, somebody: Somebody, models: Models, line: Line
) -> None:
    person = somebody()
    (model,) = await models(person, trigger_word="anatok")
    phone = await open_app(person)
    await at_the_models(phone)
    line.fault("PATCH /models/*", "answer", status=409)
    phone.guard.expects(409)
    await label_of(tick(phone, "anatok")).tap()
    await expect(phone.app.get_by_role("status").filter(has_text=".")).to_be_visible()
    await expect(tick(phone, "anatok")).not_to_be_checked()
    # A dropped answer is asked for again, and ends as it was meant.
    line.fault("PATCH /models/*", "drop_after")
    phone.guard.expects("ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET")
    await label_of(tick(phone, "anatok")).tap()
    await expect(phone.text("models.selected", have=1, maximum=5)).to_be_visible()
    async with phone.time_flies(), asyncio.timeout(10):
        while line.sent("PATCH /models/*")[-1].status != 200:
            await asyncio.sleep(0.02)
    await row(phone, "anatok").tap()
    await expect(phone.app.get_by_role("switch", name=phone.words("model.use"))).to_be_checked()
    assert model


async def test_deleting_asks_first_and_leaves_nothing_but_the_reason(
    open_app: OpenApp, somebody: Somebody, models: Models, service: Service
) -> None:
    person = somebody("es")
    await models(person, trigger_word="adios")
    phone = await open_app(person)
    await at_the_models(phone)
    await row(phone, "adios").tap()
    await phone.press("model.delete")
    await phone.press("model.keep")
    await expect(phone.app.get_by_role("dialog")).to_be_hidden()
    await phone.press("model.delete")
    await phone.press("model.deleteYes")
    await expect(phone.text("models.empty")).to_be_visible()
    assert (await service.call("GET", "/models?scope=own", person))["items"] == []
    await phone.tab("tab.account").tap()
    await expect(phone.text("history.training", name="adios")).to_be_visible()


async def test_a_shared_link_opens_the_model(open_app: OpenApp, somebody: Somebody, models: Models) -> None:
    ana, beto = somebody(), somebody()
    (model,) = await models(ana, trigger_word="shared")
    phone = await open_app(ana, path=f"/app/?model={model}", wait=False)
    await phone.press("model.share")
    await phone.press("model.publishAndShare")
    await expect(phone.app.get_by_role("dialog")).to_be_hidden()
    (call,) = await phone.asked("web_app_open_tg_link")
    shared = parse_qs(urlsplit(call["path_full"]).query)
    assert "shared" in shared["text"][0]
    link = urlsplit(shared["url"][0])
    assert (link.netloc, link.path) == ("t.me", "/selfi_sandbox_bot")
    other = await open_app(beto, start_param=parse_qs(link.query)["startapp"][0], wait=False)
    await expect(other.app.get_by_role("heading", name="shared")).to_be_visible()
    await other.leave.tap()
    await expect(other.tab("tab.models")).to_be_visible()


async def test_links_that_lead_nowhere_say_so(open_app: OpenApp, somebody: Somebody) -> None:
    phone = await open_app(somebody("es"), start_param="song_42", wait=False)
    await expect(phone.text("link.unknown")).to_be_visible()
    await phone.press("link.start")
    await phone.ready()
    phone.guard.expects(404)
    for kind, key in (
        ("training", "error.not_found"),
        ("model", "error.model_not_found"),
        ("picture", "error.pictures_gone"),
    ):
        await phone.open(start_param=f"{kind}_00000000-0000-4000-8000-000000000000")
        await expect(phone.text(key)).to_be_visible()


async def test_back_finds_the_list_where_it_was_left(
    open_app: OpenApp, somebody: Somebody, models: Models
) -> None:
    person = somebody()
    await models(person, 12, trigger_word="many")
    phone = await open_app(person)
    await at_the_models(phone)
    await expect(row(phone, "many")).to_have_count(12)
    frame = await phone.frame()
    await frame.evaluate("scrollTo(0, 300)")
    await row(phone, "many").nth(9).dispatch_event("click")  # a tap would scroll it into sight first
    await expect(phone.text("model.ownPrivate")).to_be_visible()
    assert await frame.evaluate("scrollY") == 0
    await phone.leave.tap()
    await expect(row(phone, "many")).to_have_count(12)
    assert await frame.evaluate("scrollY") == 300


@languages
async def test_a_public_model_is_reported(
    open_app: OpenApp, somebody: Somebody, models: Models, service: Service, language: str
) -> None:
    ana, beto = somebody(), somebody(language)
    (model,) = await models(ana, trigger_word="famous")
    await service.call("PATCH", f"/models/{model}", ana, json={"isPublic": True})
    phone = await open_app(beto, wait=False, path=f"/app/?model={model}")
    await phone.button("report.title").tap()
    await phone.field("report.reason").fill("That's me, and nobody asked.")
    await looks_right(phone, "model-report")
    await phone.button("report.send").tap()
    await expect(phone.text("report.thanksText")).to_be_visible()
    reason = await fetch(service, "SELECT reason FROM reports WHERE user_id = $1", beto.id)
    assert reason == "That's me, and nobody asked."


@languages
async def test_a_hidden_model_says_so_to_its_owner(
    open_app: OpenApp, somebody: Somebody, models: Models, service: Service, language: str
) -> None:
    person = somebody(language)
    (model,) = await models(person, trigger_word="unseen")
    await fetch(service, "UPDATE lora_models SET hidden_at = now() WHERE id = $1", uuid.UUID(model))
    phone = await open_app(person, wait=False, path=f"/app/?model={model}")
    await expect(phone.text("model.hidden")).to_be_visible()
    await expect(phone.app.get_by_role("switch", name=phone.words("model.public"))).to_have_count(0)
    await expect(phone.secondary).to_be_hidden()
    await looks_right(phone, "model-hidden")
    await phone.press("model.make")
    await expect(phone.field("create.prompt")).to_be_visible()
