"""Every state of every screen in both languages and themes: axe-core, tap targets, nothing sticks out.

With SCREENSHOTS=<folder> each of them is kept there as a picture.
"""

import pytest
from playwright.async_api import expect

from tests.miniapp.conftest import Broke, Models, OpenApp, Paint, Somebody, Train
from tests.miniapp.files import SMALL, File, photos, video
from tests.miniapp.line import PHOTOS, Line
from tests.miniapp.looks import looks_right
from tests.photos import blurred, portrait, small
from tests.service.running import Service

languages = pytest.mark.parametrize("language", ["en", "es"])


@languages
async def test_train(open_app: OpenApp, somebody: Somebody, line: Line, language: str) -> None:
    phone = await open_app(somebody(language))
    phone.guard.expects(404, 422)
    await looks_right(phone, "train-empty")
    await phone.add(
        [
            *(File(f"ana-{seed}.jpg", portrait(seed)) for seed in range(21, 26)),
            File("soft.jpg", blurred(32)),
            File("tiny.jpg", small(33)),
            video("clip.mp4"),
        ]
    )
    await phone.is_judged("soft.jpg", "verdict.blurred")
    await phone.is_judged("tiny.jpg", "verdict.too_small")
    await phone.has_photos(6)
    await looks_right(phone, "train-photos")
    await phone.field("trigger.title").fill("x" * 101)
    await phone.field("steps.label").fill("many")
    await expect(phone.text("steps.range", minimum=1)).to_be_visible()
    await looks_right(phone, "train-mistakes")
    await phone.field("trigger.title").fill("anatok")
    await phone.field("steps.label").fill("1000")
    await phone.app.get_by_role("heading", name=phone.words("price.title")).scroll_into_view_if_needed()
    await looks_right(phone, "train-price")
    await phone.tile("soft.jpg").tap()
    await expect(phone.app.get_by_role("dialog")).to_be_visible()
    await looks_right(phone, "train-photo")
    await phone.page.keyboard.press("Escape")
    line.fault(PHOTOS, "answer", status=404)
    await phone.add(photos(1))
    await phone.is_judged("0.jpg", "upload.failed")
    line.fault(PHOTOS, "late", seconds=60)
    await phone.add([File("slow.jpg", portrait(41, SMALL))])
    await phone.is_judged("slow.jpg", "upload.sending")
    await looks_right(phone, "train-uploading")


@languages
async def test_not_enough_stars(open_app: OpenApp, broke: Broke, language: str) -> None:
    phone = await open_app(await broke(language))
    missing = phone.app.get_by_text(phone.words("price.missing", count=150))
    await missing.scroll_into_view_if_needed()
    await looks_right(phone, "train-stars-missing")


@languages
async def test_offline(open_app: OpenApp, somebody: Somebody, language: str) -> None:
    phone = await open_app(somebody(language))
    phone.guard.expects("ERR_INTERNET_DISCONNECTED")
    await phone.page.context.set_offline(True)
    await expect(phone.text("app.offline")).to_be_visible()
    await looks_right(phone, "offline")


@languages
async def test_a_training(
    open_app: OpenApp, somebody: Somebody, train: Train, service: Service, language: str
) -> None:
    person = somebody(language)
    (done,) = await train(person, steps=10)
    await service.reached(done, "COMPLETED", person=person)
    service.fal.fault("run", "model_error", error="content_policy_violation")
    (failed,) = await train(person, steps=10)
    await service.reached(failed, "FAILED", person=person)
    service.fal.fault("run", "never_ends", times=2)
    (running,) = await train(person, steps=10)
    await train(person, steps=10)
    phone = await open_app(person, wait=False)
    await expect(phone.app.get_by_role("button", name="anatok").first).to_be_visible()
    await looks_right(phone, "trainings")
    await phone.open(path=f"/app/?training={running}")
    await expect(phone.text("status.training")).to_be_visible()
    await looks_right(phone, "training-running")
    await phone.press("cancel.button")
    await expect(phone.app.get_by_role("dialog")).to_be_visible()
    await looks_right(phone, "training-cancel")
    await phone.open(path=f"/app/?training={done}")
    await expect(phone.text("status.completed")).to_be_visible()
    await looks_right(phone, "training-completed")
    await phone.open(path=f"/app/?training={failed}")
    await expect(phone.text("progress.refunded", count=30)).to_be_visible()
    await looks_right(phone, "training-failed")


@languages
async def test_models_and_account(
    open_app: OpenApp, somebody: Somebody, train: Train, service: Service, language: str
) -> None:
    person = somebody(language)
    (training,) = await train(person, steps=10)
    await service.reached(training, "COMPLETED", person=person)
    phone = await open_app(person)
    await phone.tab("tab.account").tap()
    await expect(phone.text("history.training", name="anatok")).to_be_visible()
    await looks_right(phone, "account")
    await phone.tab("tab.models").tap()
    row = phone.app.get_by_role("button", name="anatok")
    await expect(row).to_be_visible()
    await looks_right(phone, "models")
    await row.tap()
    await expect(phone.text("model.ownPrivate")).to_be_visible()
    await looks_right(phone, "model")
    for key in ("model.rename", "model.delete", "model.share"):
        await phone.press(key)
        await expect(phone.app.get_by_role("dialog")).to_be_visible()
        await looks_right(phone, key.replace(".", "-"))
        await phone.leave.tap()
        await expect(phone.app.get_by_role("dialog")).to_be_hidden()


@languages
async def test_no_models(open_app: OpenApp, somebody: Somebody, language: str) -> None:
    phone = await open_app(somebody(language))
    await phone.tab("tab.models").tap()
    await expect(phone.text("models.empty")).to_be_visible()
    await looks_right(phone, "models-empty")


@languages
async def test_a_start_that_fails(open_app: OpenApp, somebody: Somebody, line: Line, language: str) -> None:
    line.fault("POST /session", "answer", status=401, times=10)
    phone = await open_app(somebody(language), wait=False)
    phone.guard.expects(401)
    await expect(phone.text("error.init_data")).to_be_visible()
    await looks_right(phone, "failure")


@languages
async def test_create(
    open_app: OpenApp, somebody: Somebody, models: Models, service: Service, language: str
) -> None:
    person = somebody(language)
    (model,) = await models(person, trigger_word="anatok")
    await service.call("PATCH", f"/models/{model}", person, json={"name": "Ana by the sea"})
    phone = await open_app(person)
    await expect(phone.button("create.addModel")).to_be_visible()
    await looks_right(phone, "create-empty")
    await phone.field("create.prompt").fill("anatok reading in a café, golden hour")
    await phone.app.get_by_role("group", name=phone.words("create.styles")).get_by_role("button").first.tap()
    await phone.app.get_by_text("3:4", exact=True).tap()
    await phone.button("create.more").tap()
    await looks_right(phone, "create")
    await phone.press("create.addModel")
    await expect(phone.app.get_by_role("dialog")).to_be_visible()
    await looks_right(phone, "create-models")
    await phone.press("photos.done")
    await phone.text("create.settings").tap()
    await phone.field("steps.label").fill("900")
    await phone.button("create.lock").tap()
    await phone.text("create.settings").evaluate("(line) => line.scrollIntoView()")
    await looks_right(phone, "create-settings")
    await phone.field("steps.label").fill("30")
    service.fal.fault("run", "never_ends")
    await phone.main.tap()
    await expect(phone.text("making.painting")).to_be_visible()
    await expect(phone.button("making.cancel")).to_be_in_viewport(ratio=1)
    await looks_right(phone, "create-running")
    await phone.button("making.cancel").tap()
    await expect(phone.text("making.cancelled")).to_be_visible()


@languages
async def test_create_without_models(open_app: OpenApp, broke: Broke, language: str) -> None:
    phone = await open_app(await broke(language))
    await phone.tab("tab.create").tap()
    await expect(phone.text("create.noModels")).to_be_visible()
    await looks_right(phone, "create-no-models")
    await phone.tab("tab.gallery").tap()
    await expect(phone.text("gallery.empty")).to_be_visible()
    await looks_right(phone, "gallery-empty")


@languages
async def test_pictures(
    open_app: OpenApp, somebody: Somebody, models: Models, paint: Paint, language: str
) -> None:
    person = somebody(language)
    await models(person, trigger_word="anatok")
    for number, aspect in enumerate(("1:1", "3:4", "16:9", "9:16")):
        await paint(person, f"anatok by the sea, picture {number}", aspect=aspect, count=4)
    phone = await open_app(person)
    await phone.field("create.prompt").fill("anatok in the rain")
    await phone.app.get_by_text("4:5", exact=True).tap()
    await phone.button("create.more").tap()
    await phone.main.tap()
    await expect(phone.button("making.open", number=2, total=2)).to_be_visible()
    await looks_right(phone, "create-made")
    await phone.field("create.prompt").fill("nsfw")
    await phone.main.tap()
    await expect(phone.text("making.unsafe")).to_be_visible()
    await looks_right(phone, "create-held-back")
    await phone.tab("tab.gallery").tap()
    await expect(phone.app.get_by_role("listitem")).to_have_count(18)
    await looks_right(phone, "gallery")
    await phone.app.get_by_role("listitem").nth(3).tap()
    await expect(phone.app.get_by_role("img").first).to_be_visible()
    await looks_right(phone, "viewer")
    await phone.button("viewer.delete").tap()
    await expect(phone.app.get_by_role("dialog")).to_be_visible()
    await looks_right(phone, "viewer-delete")
    await phone.press("model.keep")
    await phone.app.get_by_role("button", name=phone.words("viewer.details")).tap()
    await expect(phone.app.get_by_role("dialog")).to_be_visible()
    await looks_right(phone, "viewer-details")
