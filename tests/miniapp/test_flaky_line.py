"""Photos over a bad line: all of them arrive, and none twice."""

import pytest
from playwright.async_api import expect

from config import Settings
from models.user import Person
from tests.miniapp.conftest import OpenApp
from tests.miniapp.files import photos
from tests.miniapp.line import PHOTOS, Line
from tests.service.running import Service
from web.identity import Claim, Sessions

DROPPED = ("ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET", "ERR_CONNECTION_CLOSED")


async def names(service: Service, person: Person) -> list[str]:
    draft = await service.call("GET", "/training/photos", person)
    return sorted(photo["fileName"] for photo in draft["photos"])


async def test_dropped_connections_5xx_and_429_lose_and_double_nothing(
    open_app: OpenApp, line: Line, service: Service
) -> None:
    phone = await open_app()
    phone.guard.expects(*DROPPED, 422, 429, 500, 502, 503)
    for _ in range(3):
        line.fault(PHOTOS, "drop")
        line.fault(PHOTOS, "drop_after")
        line.fault(PHOTOS, "answer", status=502)
        line.fault(PHOTOS, "answer", status=429, headers={"Retry-After": "1"})
        line.fault(PHOTOS, "answer", status=500)
    async with phone.time_flies():
        await phone.add(photos(12))
        await phone.has_photos(12)
    for number in range(12):
        await phone.is_judged(f"{number}.jpg", "verdict.ok")
    assert await names(service, phone.person) == sorted(f"{number}.jpg" for number in range(12))


async def test_what_never_comes_through_says_so_and_is_sent_again_on_demand(
    open_app: OpenApp, line: Line, service: Service
) -> None:
    phone = await open_app()
    phone.guard.expects(404)
    line.fault(PHOTOS, "answer", status=404, times=2)
    await phone.add(photos(2))
    for name in ("0.jpg", "1.jpg"):
        await phone.is_judged(name, "upload.failed")
    await phone.button("upload.retryAll").tap()
    await phone.has_photos(2)
    assert await names(service, phone.person) == ["0.jpg", "1.jpg"]


@pytest.mark.parametrize("how", ["over", "never ours", "says the line"])
async def test_a_session_that_ends_midway_is_renewed_without_a_word(
    open_app: OpenApp, line: Line, service: Service, settings: Settings, how: str
) -> None:
    phone = await open_app()
    phone.guard.expects(401)
    sessions = Sessions(settings.derived_secret("session"), seconds=1)
    over = sessions.open(Claim(phone.person.id, proven_at=1_000_000_000), now=1_000_000_000)
    bearers = {"over": over.token, "never ours": "1.2.3." + "0" * 64}
    if how in bearers:
        line.fault(PHOTOS, "rewrite", headers={"Authorization": f"Bearer {bearers[how]}"})
    else:
        line.fault(PHOTOS, "answer", status=401)
    await phone.add(photos(6))
    await phone.has_photos(6)
    assert len(await names(service, phone.person)) == 6
    assert [one.status for one in line.sent(PHOTOS)].count(401) == 1
    assert len(line.sent("POST /session")) == 2


async def test_offline_is_a_state_and_uploads_go_on_when_it_ends(
    open_app: OpenApp, line: Line, service: Service
) -> None:
    phone = await open_app()
    # 422: what had arrived when the network went is sent again, and found there.
    phone.guard.expects("ERR_INTERNET_DISCONNECTED", 422, *DROPPED)
    line.fault(PHOTOS, "late", seconds=0.1, times=50)
    async with phone.time_flies():
        await phone.add(photos(12))
        await phone.is_judged("0.jpg", "verdict.ok")
        await phone.page.context.set_offline(True)
        await expect(phone.text("app.offline")).to_be_visible()
        await phone.minutes_pass(3)  # longer than anything is tried for
        await expect(phone.text("app.offline")).to_be_visible()
        await phone.page.context.set_offline(False)
        await expect(phone.text("app.offline")).to_be_hidden()
        await phone.has_photos(12)
    assert await names(service, phone.person) == sorted(f"{number}.jpg" for number in range(12))


async def test_opening_survives_a_line_that_is_bad_at_first(open_app: OpenApp, line: Line) -> None:
    line.fault("POST /session", "drop")
    line.fault("POST /session", "answer", status=503)
    line.fault("GET /training/photos", "answer", status=502)
    phone = await open_app(wait=False)
    phone.guard.expects(*DROPPED, 502, 503)
    await phone.ready()
    await phone.add(photos(1))
    await phone.has_photos(1)


async def test_a_line_that_stays_bad_is_said_in_words_with_another_try(open_app: OpenApp, line: Line) -> None:
    line.fault("POST /session", "answer", status=503, times=100)
    phone = await open_app(wait=False)
    phone.guard.expects(503)
    async with phone.time_flies():
        await expect(phone.text("error.server")).to_be_visible()
    line.mend()
    await phone.button("app.retry").tap()
    await phone.ready()
