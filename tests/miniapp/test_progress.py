"""Trainings as they go on, end, or are ended; watched live, and over a line that doesn't let that through."""

import pytest
from playwright.async_api import expect

from tests.miniapp.conftest import OpenApp, Somebody, Train
from tests.miniapp.line import EVENTS, Line
from tests.miniapp.phone import Phone
from tests.service.running import Service
from tests.waiting import until

LONG = 3000
"""Steps: 4.5 seconds here."""


async def balance(service: Service, phone: Phone) -> int:
    return int((await service.call("POST", "/session", phone.person))["balance"])


async def test_progress_is_live_until_the_model_is_ready(
    open_app: OpenApp, somebody: Somebody, train: Train, line: Line
) -> None:
    person = somebody()
    (training,) = await train(person, steps=LONG)
    phone = await open_app(person, wait=False, path=f"/app/?training={training}")
    ring = phone.app.get_by_role("progressbar", name=phone.words("progress.label"))
    await expect(phone.text("progress.stepOf", total="3,000")).to_be_visible()
    half = await ring.get_attribute("aria-valuenow")
    assert half is not None
    assert 0 <= float(half) < 100
    await expect(phone.text("progress.closable")).to_be_visible()
    await expect(phone.text("progress.readyText", word="anatok")).to_be_visible()
    await expect(ring).to_have_attribute("aria-valuenow", "100")
    assert len(line.sent(EVENTS)) == 1
    assert line.sent("GET /training/*/status") == []
    await phone.asked_for("web_app_trigger_haptic_feedback", notification_type="success")


async def test_closed_in_the_middle_it_is_there_again(
    open_app: OpenApp, somebody: Somebody, train: Train, service: Service
) -> None:
    person = somebody()
    service.fal.fault("run", "never_ends")
    (training,) = await train(person)
    phone = await open_app(person, wait=False)
    await expect(phone.app.get_by_role("heading", name="anatok")).to_be_visible()
    await phone.reopen()
    await expect(phone.text("progress.closable")).to_be_visible()
    await phone.reload()
    await expect(phone.text("progress.closable")).to_be_visible()
    await service.call("POST", f"/training/{training}/cancel", person)
    await expect(phone.text("status.cancelled")).to_be_visible()


async def test_a_button_in_the_chat_leads_to_its_training(
    open_app: OpenApp, somebody: Somebody, train: Train
) -> None:
    person = somebody()
    (first,) = await train(person)
    await train(person, trigger_word="second")
    phone = await open_app(person, wait=False, path=f"/app/?training={first}")
    await expect(phone.app.get_by_role("heading", name="anatok")).to_be_visible()


async def test_several_at_once_are_listed_live(
    open_app: OpenApp, somebody: Somebody, train: Train, service: Service
) -> None:
    person = somebody()
    service.fal.fault("run", "never_ends", times=3)
    trainings = await train(person, times=3)
    phone = await open_app(person, wait=False)
    running = phone.app.get_by_role("region", name=phone.words("trainings.running"))
    rows = running.get_by_role("button", name="anatok")
    await expect(rows).to_have_count(3)
    async with phone.time_flies():
        for number, training in enumerate(trainings, start=1):
            await service.call("POST", f"/training/{training}/cancel", person)
            await expect(rows).to_have_count(3 - number)


@pytest.mark.parametrize("how", ["a proxy refuses them", "they break off"])
async def test_without_live_events_it_asks_and_still_learns_of_the_end(
    open_app: OpenApp, somebody: Somebody, train: Train, service: Service, line: Line, *, how: str
) -> None:
    person = somebody()
    service.fal.fault("run", "never_ends")
    (training,) = await train(person)
    if how == "they break off":
        line.fault(EVENTS, "cut", times=1000)
    else:
        line.fault(EVENTS, "answer", status=502, times=1000)
    phone = await open_app(person, wait=False, path=f"/app/?training={training}")
    phone.guard.expects(502, "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET")
    await expect(phone.app.get_by_role("heading", name="anatok")).to_be_visible()
    async with phone.time_flies():
        await until(lambda: len(line.sent("GET /training/*/status")) > 1)
        await service.call("POST", f"/training/{training}/cancel", person)
        await expect(phone.text("status.cancelled")).to_be_visible()


async def test_a_line_that_has_gone_dead_is_said_until_it_lives_again(
    open_app: OpenApp, somebody: Somebody, train: Train, service: Service, line: Line
) -> None:
    person = somebody()
    service.fal.fault("run", "never_ends")
    (training,) = await train(person)
    phone = await open_app(person, wait=False, path=f"/app/?training={training}")
    await expect(phone.text("progress.closable")).to_be_visible()
    line.fault(EVENTS, "answer", status=502, times=1000)
    line.fault("GET /training/*/status", "answer", status=502, times=1000)
    phone.guard.expects(502)
    await phone.comes_back()
    async with phone.time_flies():
        await expect(phone.text("progress.lost")).to_be_visible()
        line.mend()
        await expect(phone.text("progress.lost")).to_have_count(0)


async def test_what_takes_long_to_begin_is_said(
    open_app: OpenApp, somebody: Somebody, train: Train, service: Service
) -> None:
    person = somebody()
    service.fal.fault("submit", "answer", status=403, times=100)
    (training,) = await train(person)
    phone = await open_app(person, wait=False, path=f"/app/?training={training}")
    await expect(phone.text("status.pending")).to_be_visible()
    await expect(phone.text("progress.slow")).to_have_count(0)
    await phone.minutes_pass(3)
    await expect(phone.text("progress.slow")).to_be_visible()
    service.fal.clear_faults()
    await service.call("POST", f"/training/{training}/cancel", person)


async def test_nobody_is_asked_whether_to_cancel_what_has_ended(
    open_app: OpenApp, somebody: Somebody, train: Train, service: Service
) -> None:
    person = somebody()
    service.fal.fault("run", "never_ends")
    (training,) = await train(person)
    phone = await open_app(person, wait=False, path=f"/app/?training={training}")
    await phone.press("cancel.button")
    await expect(phone.app.get_by_role("dialog")).to_be_visible()
    await service.call("POST", f"/training/{training}/cancel", person)
    await expect(phone.text("status.cancelled")).to_be_visible()
    await expect(phone.app.get_by_role("dialog")).to_have_count(0)


async def test_cancelling_asks_first_and_the_stars_come_back(
    open_app: OpenApp, somebody: Somebody, train: Train, service: Service
) -> None:
    person = somebody()
    service.fal.fault("run", "never_ends")
    (training,) = await train(person)
    phone = await open_app(person, wait=False, path=f"/app/?training={training}")
    await phone.press("cancel.button")
    await phone.press("cancel.keep")
    await expect(phone.app.get_by_role("dialog")).to_be_hidden()
    assert await balance(service, phone) == 350
    await phone.press("cancel.button")
    await phone.app.get_by_role("dialog").get_by_text(phone.words("cancel.confirm"), exact=True).tap()
    await expect(phone.text("status.cancelled")).to_be_visible()
    async with phone.time_flies():
        await expect(phone.text("progress.refunded", count=150)).to_be_visible()
    assert await balance(service, phone) == 500
    await phone.main.tap()
    await expect(phone.adder).to_be_visible()


async def test_a_cancel_over_a_bad_line_says_so_and_can_be_repeated(
    open_app: OpenApp, somebody: Somebody, train: Train, service: Service, line: Line
) -> None:
    person = somebody()
    service.fal.fault("run", "never_ends")
    (training,) = await train(person)
    phone = await open_app(person, wait=False, path=f"/app/?training={training}")
    phone.guard.expects(503)
    line.fault("POST /training/*/cancel", "answer", status=503)
    await phone.press("cancel.button")
    await phone.app.get_by_role("dialog").get_by_text(phone.words("cancel.confirm"), exact=True).tap()
    await expect(phone.text("error.server")).to_be_visible()
    await phone.press("app.retry")
    await expect(phone.text("status.cancelled")).to_be_visible()
    await expect(phone.text("error.server")).to_be_hidden()


@pytest.mark.parametrize(
    ("error", "said"),
    [("content_policy_violation", "failure.policy"), ("invalid_archive", "failure.archive")],
)
async def test_a_failure_is_told_in_words_with_the_refund(
    open_app: OpenApp, somebody: Somebody, train: Train, service: Service, *, error: str, said: str
) -> None:
    person = somebody("es")
    service.fal.fault("run", "model_error", error=error)
    (training,) = await train(person)
    phone = await open_app(person, wait=False, path=f"/app/?training={training}")
    await expect(phone.text("status.failed")).to_be_visible()
    await expect(phone.text(said)).to_be_visible()
    async with phone.time_flies():
        await expect(phone.text("progress.refunded", count=150)).to_be_visible()
    assert await balance(service, phone) == 500


async def test_somebody_elses_training_does_not_exist(
    open_app: OpenApp, somebody: Somebody, train: Train
) -> None:
    (theirs,) = await train(somebody())
    phone = await open_app(wait=False, path=f"/app/?training={theirs}")
    phone.guard.expects(404)
    await expect(phone.text("error.not_found")).to_be_visible()
