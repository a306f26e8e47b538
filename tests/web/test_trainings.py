"""Status, live events, the list, and cancelling."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from aiohttp import ClientResponse

from models.training import Training, TrainStatus, move
from models.user import Person, User
from tests.people import ANA, BETO, proof
from tests.people import started as begin
from tests.web.conftest import Client, Serve
from web import stream
from web.events import RunEvents

pytestmark = pytest.mark.usefixtures("cast")


async def get(client: Client, path: str, who: Person = ANA) -> tuple[int, dict[str, Any]]:
    answer = await client.get(path, headers=proof(who))
    return answer.status, await answer.json()


# --- status ---


async def test_a_status_by_either_id(client: Client) -> None:
    training = await begin()
    by_training = await get(client, f"/training/{training.id}/status")
    assert by_training == await get(client, f"/training/{training.lora_id}/status")
    assert by_training == (
        200,
        {
            "status": "PENDING",
            "metadata": {
                "progress": 0,
                "step": None,
                "totalSteps": 1000,
                "etaSeconds": None,
                "queuePosition": None,
                "files": None,
                "starsSpent": 150,
                "refunded": False,
                "errorCode": None,
            },
            "error": None,
            "completedAt": None,
        },
    )


async def test_the_status_of_what_runs_and_of_what_is_done(client: Client) -> None:
    training = await begin()
    await move(training.id, TrainStatus.PENDING, request_id="r", queue_position=3)
    _, status = await get(client, f"/training/{training.id}/status")
    assert status["metadata"]["queuePosition"] == 3
    await move(training.id, TrainStatus.TRAINING, request_id="r", progress=5, step=50)
    _, status = await get(client, f"/training/{training.id}/status")
    assert (status["status"], status["metadata"]["step"]) == ("TRAINING", 50)
    assert 230 <= status["metadata"]["etaSeconds"] <= 240, "the declared 240 seconds for 1,000 steps"
    await move(training.id, TrainStatus.COMPLETED, files=("https://f/w.safetensors", None))
    _, status = await get(client, f"/training/{training.id}/status")
    assert (status["status"], status["metadata"]["progress"]) == ("COMPLETED", 100)
    assert status["metadata"]["files"] == {"weights": "https://f/w.safetensors", "config": None}
    assert status["metadata"]["etaSeconds"] is None
    assert status["completedAt"].endswith("Z")
    assert datetime.fromisoformat(status["completedAt"]) <= datetime.now(UTC)


async def test_the_eta_knows_what_trainings_took_before(client: Client) -> None:
    for _ in range(3):
        done = await begin(price=1)
        await move(done.id, TrainStatus.COMPLETED, files=("https://f/w", None))
        now = datetime.now(UTC)
        await Training.filter(id=done.id).update(running_at=now - timedelta(seconds=100), completed_at=now)
    training = await begin(steps=2000)
    await move(training.id, TrainStatus.TRAINING, request_id="r")
    _, status = await get(client, f"/training/{training.id}/status")
    assert 190 <= status["metadata"]["etaSeconds"] <= 200


@pytest.mark.parametrize("what", ["status", "events", "cancel"])
async def test_somebody_elses_training_is_not_there(client: Client, what: str) -> None:
    training = await begin()
    method = "POST" if what == "cancel" else "GET"
    for any_id in (training.id, training.lora_id, uuid.uuid4(), "x", "%00", "%ff", "9" * 500):
        answer = await client.request(method, f"/training/{any_id}/{what}", headers=proof(BETO))
        assert (answer.status, (await answer.json())["code"]) == (404, "training_not_found")
    assert (await Training.get(id=training.id)).status is TrainStatus.PENDING


# --- cancel ---


async def test_cancelling_gives_the_stars_back_once(client: Client) -> None:
    training = await begin()
    for _ in range(2):
        answer = await client.post(f"/training/{training.lora_id}/cancel", headers=proof(ANA))
        status = await answer.json()
        assert (answer.status, status["status"]) == (200, "FAILED")
        assert (status["metadata"]["errorCode"], status["metadata"]["refunded"]) == ("cancelled", True)
    assert (await User.get(id=ANA.id)).balance == 500


async def test_cancelling_looks_for_the_training_once(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    training = await begin()
    with caplog.at_level("DEBUG", "tortoise.db_client"):
        assert (await client.post(f"/training/{training.lora_id}/cancel", headers=proof(ANA))).status == 200
    found = [sql for sql in caplog.messages if '"trainings"."user_id"=$' in sql]
    assert len(found) == 1, caplog.messages


async def test_what_has_ended_cannot_be_cancelled(client: Client) -> None:
    training = await begin()
    await move(training.id, TrainStatus.COMPLETED, files=("https://f/w", None))
    answer = await client.post(f"/training/{training.id}/cancel", headers=proof(ANA))
    assert (answer.status, (await answer.json())["code"]) == (409, "training_ended")


# --- the list ---


async def test_the_list_page_by_page(client: Client) -> None:
    made = [await begin(price=1) for _ in range(5)]
    await Training.all().update(started_at=made[0].started_at)  # all at once: the id decides
    seen: list[str] = []
    cursor = ""
    while True:
        status, page = await get(client, f"/training?limit=2{cursor}")
        assert status == 200
        seen += [item["trainingId"] for item in page["items"]]
        if page["nextCursor"] is None:
            break
        cursor = f"&cursor={page['nextCursor']}"
    assert sorted(seen) == sorted(str(training.id) for training in made)
    assert len(page["items"]) == 1
    item = page["items"][0]
    assert (item["name"], item["triggerWord"], item["trainer"]) == (
        "Ana in Lisbon",
        "anatok",
        "flux-lora-fast",
    )
    assert item["startedAt"].endswith("Z")
    assert (await get(client, "/training", BETO))[1] == {"items": [], "nextCursor": None}


async def test_a_session_shows_what_has_not_ended(client: Client) -> None:
    active, done = await begin(), await begin()
    await move(done.id, TrainStatus.COMPLETED, files=("https://f/w", None))
    session = await (await client.post("/session", headers=proof(ANA))).json()
    assert [training["trainingId"] for training in session["trainings"]] == [str(active.id)]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        (f"limit={'9' * 5000}", "limit"),
        ("limit=%00", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=%ff", "cursor"),
        (f"cursor={'A' * 32}", None),
        (f"cursor={'_' * 32}", None),
        (f"cursor={'f_' * 16}", "cursor"),
        (f"cursor={'a' * 300}", "cursor"),
    ],
)
async def test_a_page_that_is_none(client: Client, query: str, field: str | None) -> None:
    status, answer = await get(client, f"/training?{query}")
    if field is None:
        assert (status, answer["items"]) == (200, [])
    else:
        assert (status, answer["errors"][0]["field"]) == (422, field)


# --- live ---


async def events_in(answer: ClientResponse) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """The id and the data of each event, and comments under the id `:`."""
    event: dict[str, str] = {}
    async for raw in answer.content:
        line = raw.decode().rstrip("\n")
        if line.startswith(":"):
            yield ":", {}
        elif line:
            name, _, value = line.partition(": ")
            event[name] = value
        elif event:
            assert event["event"] == "status"
            yield event["id"], json.loads(event["data"])
            event = {}


async def watch(client: Client, training: Training) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    answer = await client.get(f"/training/{training.id}/events", headers=proof(ANA))
    assert answer.status == 200
    assert answer.content_type == "text/event-stream"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.headers["X-Request-ID"]
    return events_in(answer)


async def test_a_stream_tells_each_change_until_the_end(client: Client) -> None:
    training = await begin()
    async with asyncio.timeout(10):
        live = await watch(client, training)
        first = await anext(live)
        assert (first[0], first[1]["status"]) == ("0", "PENDING")
        for progress in (10, 20):
            await move(training.id, TrainStatus.TRAINING, request_id="r", progress=progress)
            assert (await anext(live))[1]["metadata"]["progress"] == progress
        await move(training.id, TrainStatus.COMPLETED, files=("https://f/w", None))
        assert (await anext(live))[1]["status"] == "COMPLETED"
        with pytest.raises(StopAsyncIteration):
            await anext(live)


async def test_a_stream_of_what_has_ended_ends_at_once(client: Client) -> None:
    training = await begin()
    await move(training.id, TrainStatus.FAILED, error_code="x", error="It broke.")
    async with asyncio.timeout(10):
        told = [status async for _, status in await watch(client, training)]
    assert [status["error"] for status in told] == ["It broke."]


async def test_a_change_in_another_replica_arrives(serve: Serve) -> None:
    one, other = await serve(), await serve()
    training = await begin()
    async with asyncio.timeout(10):
        live = await watch(one, training)
        await anext(live)
        await other.post(f"/training/{training.id}/cancel", headers=proof(ANA))
        assert (await anext(live))[1]["metadata"]["errorCode"] == "cancelled"


async def test_nothing_is_missed_while_the_listener_is_cut_off(serve: Serve, dsn: str) -> None:
    async with RunEvents(dsn, retry_seconds=0.02) as events:
        await events.until_listening()
        client = await serve(events=events)
        training = await begin()
        async with asyncio.timeout(10):
            live = await watch(client, training)
            await anext(live)
            await cut_listeners(dsn)
            await move(training.id, TrainStatus.TRAINING, request_id="r", progress=7)
            assert (await anext(live))[1]["metadata"]["progress"] == 7


async def cut_listeners(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE query LIKE 'LISTEN%' AND datname = current_database()"
    )
    await connection.close()


async def test_an_idle_stream_shows_that_it_lives(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.02)
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.01)
    async with asyncio.timeout(10):
        live = await watch(client, await begin())
        assert (await anext(live))[0] == "0"
        assert [(await anext(live))[0] for _ in range(3)] == [":", ":", ":"]


async def test_a_client_that_leaves_is_noticed(serve: Serve, dsn: str) -> None:
    async with RunEvents(dsn) as events:
        client = await serve(events=events)
        training = await begin()
        answer = await client.get(f"/training/{training.id}/events", headers=proof(ANA))
        await answer.content.readline()
        assert events.watched == 1
        answer.close()
        async with asyncio.timeout(5):
            while events.watched:
                await asyncio.sleep(0.02)


async def test_shutting_down_is_not_held_up_by_streams(serve: Serve) -> None:
    client = await serve()
    live = await watch(client, await begin())
    await anext(live)
    loop = asyncio.get_running_loop()
    before = loop.time()
    await client.server.close()
    assert loop.time() - before < 1
