"""Generations over HTTP: asking, what is wrong with a wish, lists, live events, sending, deletion."""

import asyncio
import uuid
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from tortoise.backends.base.client import BaseDBAsyncClient

from models import Generation, LedgerEntry, LoraModel, Notification, Picture, SelectedModel, User
from models.generation import complete, fail, made
from models.moderation import allow, hide, refuse
from models.picture import NewPicture
from models.turns import Turns
from models.user import Person, set_blocked
from tests.people import ANA, BETO, CARLA, DANA, OLGA, asked_for, proof, ready_model
from tests.web.conftest import Client, Serve
from tests.web.test_models import call
from tests.web.test_trainings import events_in
from web import stream

pytestmark = pytest.mark.usefixtures("cast")

JPEG = b"\xff\xd8 a thumbnail"


@pytest.fixture
async def model(cast: None) -> LoraModel:
    """Ana's only one, which a bare prompt is made with."""
    return await ready_model()


async def ask(
    client: Client, who: Person = ANA, key: str | None = None, body: Any = None, **wish: Any
) -> tuple[int, Any]:
    headers = proof(who) | ({"Idempotency-Key": key} if key else {})
    sent = {"prompt": "on a beach"} | wish if body is None else body
    answer = await client.post("/generation", json=sent, headers=headers)
    return answer.status, await answer.json()


async def finished(model: LoraModel, count: int = 2, pictures: int = 2, **changes: Any) -> Generation:
    """One that has ended with pictures, whose files are nowhere."""
    generation_id = await asked_for(model, count=count, price=3 * count, **changes)
    assert generation_id
    await complete(generation_id, [NewPicture(n, 1024, 1024, 5, JPEG) for n in range(pictures)])
    return await Generation.get(id=generation_id)


def wrong(problem: dict[str, Any]) -> dict[str, str | None]:
    """The code of what is wrong, by field."""
    return {one["field"]: one.get("code") for one in problem["errors"]}


# --- asking ---


async def test_pictures_are_asked_for(client: Client, model: LoraModel) -> None:
    status, asked = await ask(client, seed=7, aspect="16:9", count=4, prompt=" on\n a  beach ")
    assert status == 200
    assert asked["createdAt"].endswith("Z")
    assert {**asked, "id": None, "createdAt": None} == {
        "id": None,
        "status": "PENDING",
        "prompt": "on a beach",
        "models": [{"id": str(model.id), "name": "Ana in Lisbon", "triggerWord": "anatok", "scale": 1.0}],
        "trainer": "flux-lora-fast",
        "aspect": "16:9",
        "steps": 28,
        "guidance": 3.5,
        "seed": 7,
        "count": 4,
        "starsSpent": 12,
        "starsRefunded": 0,
        "position": 0,
        "error": None,
        "errorCode": None,
        "origin": "app",
        "createdAt": None,
        "completedAt": None,
        "heldBack": 0,
        "command": "/gen on a beach --ar 16:9 --s 28 --c 3.5 --seed 7 --n 4 --l anatok:1",
        "pictures": [],
    }
    assert await call(client, "GET", f"/generation/{asked['id']}") == (200, asked)
    assert await call(client, "GET", "/generation") == (200, {"items": [asked], "nextCursor": None})
    session = (await call(client, "POST", "/session"))[1]
    assert (session["generations"], session["balance"]) == ([asked], 488)


async def test_what_is_left_out_is_as_it_was_saved(client: Client, model: LoraModel) -> None:
    saved = {"aspect": "3:4", "steps": 20, "guidance": None, "seed": None, "count": 2, "scale": 0.7}
    assert await call(client, "PUT", "/params", json=saved) == (200, saved)
    assert await call(client, "GET", "/params") == (200, saved)
    other = await ready_model(name="Other", trigger_word="othertok")
    named = [{"id": str(model.id)}, {"id": str(other.id), "scale": 1.5}]
    _, asked = await ask(client, models=named, count=1)
    assert (asked["aspect"], asked["steps"], asked["guidance"], asked["count"]) == ("3:4", 20, 3.5, 1)
    assert [one["scale"] for one in asked["models"]] == [0.7, 1.5]
    assert asked["command"].endswith("--l anatok:0.7 --l othertok:1.5")
    assert asked["seed"] is not None


async def test_selected_models_are_used(client: Client, model: LoraModel) -> None:
    other = await ready_model(BETO, is_public=True, name="Beto", trigger_word="betotok")
    await SelectedModel.create(user_id=ANA.id, lora_id=other.id)
    assert [one["name"] for one in (await ask(client))[1]["models"]] == ["Beto"]


async def test_somebody_new_may_ask(client: Client, serve: Serve) -> None:
    public = await ready_model(BETO, is_public=True)
    wish: dict[str, Any] = {"models": [{"id": str(public.id)}]}
    status, problem = await ask(client, DANA, **wish)
    assert (status, problem["code"], problem["price"], problem["balance"]) == (402, "not_enough_stars", 3, 0)
    generous = await serve(welcome_stars=5)
    assert (await ask(generous, CARLA, **wish))[0] == 200


# --- what is wrong ---


async def test_all_that_is_wrong_is_said_at_once(client: Client, model: LoraModel) -> None:
    betos = await ready_model(BETO)
    status, problem = await ask(
        client,
        prompt="x" * 5000,
        models=[{"id": str(betos.id)}, {"id": str(uuid.uuid4())}, {"id": str(model.id), "scale": 7}],
        aspect="16:10",
        steps=0,
        guidance=-1,
        seed=-1,
        count=100,
    )
    assert (status, problem["code"]) == (422, "prompt_too_long")
    assert [(one["field"], one["code"]) for one in problem["errors"]] == [
        ("prompt", "prompt_too_long"),
        ("models", "model_unknown"),
        ("models", "model_unknown"),
        ("models", "scale_out_of_range"),
        ("steps", "steps_out_of_range"),
        ("guidance", "guidance_out_of_range"),
        ("seed", "seed_out_of_range"),
        ("count", "count_out_of_range"),
        ("aspect", "aspect_unknown"),
    ]
    assert all(one["message"] in problem["detail"] for one in problem["errors"])
    assert (problem["errors"][0]["most"], problem["errors"][7]["most"]) == (2000, 4)
    assert not await Generation.exists()


async def test_fields_that_cannot_be_read_are_said_with_the_rest(client: Client, model: LoraModel) -> None:
    body = {"prompt": " ", "count": 100, "steps": "many", "wings": 2, "models": [{"id": "x"}]}
    status, problem = await ask(client, body=body)
    assert status == 422
    assert wrong(problem).keys() == {"prompt", "count", "steps", "wings", "models.0.id"}
    assert wrong(problem)["count"] == "count_out_of_range"
    assert all(one["message"] in problem["detail"] for one in problem["errors"])


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"prompt"}),
        ({"count": 9}, {"prompt", "count"}),
        ({"prompt": None}, {"prompt"}),
        ({"prompt": "x", "count": 1.5}, {"count"}),
        ({"prompt": "x", "count": True}, {"count"}),
        ({"prompt": "x", "count": 10**30}, {"count"}),
        ({"prompt": "x", "seed": 2**31}, {"seed"}),
        ({"prompt": "x", "guidance": float("nan")}, {"guidance"}),
        ({"prompt": "x", "guidance": float("inf"), "steps": 51}, {"guidance", "steps"}),
        ({"prompt": "x", "models": []}, {"models"}),
        ({"prompt": "x", "models": [{"id": str(uuid.uuid4())}] * 21}, {"models"}),
        ({"prompt": "x", "userId": 7}, {"userId"}),
        ([], {"body"}),
        ("x", {"body"}),
    ],
)
async def test_a_wish_that_is_none(client: Client, model: LoraModel, body: Any, fields: set[str]) -> None:
    status, problem = await ask(client, body=body)
    assert (status, set(wrong(problem))) == (422, fields)


async def test_models_that_cannot_be_used(client: Client, model: LoraModel) -> None:
    hidden = await ready_model(BETO, is_public=True)
    wish: dict[str, Any] = {"models": [{"id": str(hidden.id)}]}
    assert (await ask(client, **wish))[0] == 200
    await hide(hidden.id, hidden=True)
    assert wrong((await ask(client, **wish, seed=1))[1]) == {"models": "model_unknown"}
    flux2 = await ready_model(base_model_id="flux-2")
    both = [{"id": str(model.id)}, {"id": str(flux2.id)}]
    assert wrong((await ask(client, models=both))[1]) == {"models": "models_mixed"}
    many = [{"id": str((await ready_model(base_model_id="flux-2")).id)} for _ in range(4)]
    assert wrong((await ask(client, models=many))[1]) == {"models": "too_many_models"}
    assert wrong((await ask(client))[1]) == {"models": "no_model"}, "none selected, and not just one own"


async def test_refused_words(client: Client, model: LoraModel) -> None:
    await refuse(OLGA.id, "Bád word")
    status, problem = await ask(client, prompt="a BAD, Word!", count=9)
    assert (status, wrong(problem)) == (422, {"prompt": "word_refused", "count": "count_out_of_range"})
    assert (await ask(client, prompt="a bad sword"))[0] == 200
    await allow("bad word")
    assert (await ask(client, prompt="a bad word"))[0] == 200


wishes = st.dictionaries(
    st.sampled_from(["prompt", "models", "aspect", "steps", "guidance", "seed", "count", "x"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
)


async def test_any_json_is_a_4xx_or_a_generation(client: Client, model: LoraModel) -> None:
    loop = asyncio.get_running_loop()
    statuses: list[int] = []

    @given(change=wishes)
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    def check(change: dict[str, Any]) -> None:
        asked = ask(client, body={"prompt": "x", **change})
        statuses.append(asyncio.run_coroutine_threadsafe(asked, loop).result(10)[0])
        assert statuses[-1] in {200, 402, 422}

    await asyncio.to_thread(check)
    assert 422 in statuses


# --- stars, repeats, and many at once ---


async def test_no_stars(client: Client) -> None:
    await ready_model(BETO)
    status, problem = await ask(client, BETO, count=2)
    assert (status, problem["code"], problem["price"], problem["balance"]) == (402, "not_enough_stars", 6, 0)
    assert not await Generation.exists()


async def test_only_as_many_as_the_stars_allow(serve: Serve) -> None:
    client = await serve(generations_waiting=300)
    await ready_model(BETO)
    await User.filter(id=BETO.id).update(balance=10)
    answers = await asyncio.gather(*(ask(client, BETO, seed=number) for number in range(200)))
    assert sorted(status for status, _ in answers) == [200] * 3 + [402] * 197
    assert await Generation.all().count() == 3
    assert (await User.get(id=BETO.id)).balance == 1
    assert sum(row.amount for row in await LedgerEntry.filter(user_id=BETO.id)) == -9


async def test_no_more_than_may_wait(serve: Serve, model: LoraModel) -> None:
    client = await serve(generations_waiting=5)
    answers = await asyncio.gather(*(ask(client, seed=number) for number in range(30)))
    refused = [problem for status, problem in answers if status == 422]
    assert len(refused) == 25
    assert {(one["code"], one["limit"]) for one in refused} == {("too_many_waiting", 5)}
    await Turns(at_once=20, per_person=2, waiting=5).take()
    assert [(await ask(client, seed=number))[0] for number in range(100, 103)] == [200, 200, 422]


async def test_a_repeat_answers_the_same(client: Client, model: LoraModel) -> None:
    answers = await asyncio.gather(*(ask(client, key="k") for _ in range(20)))
    assert {status for status, _ in answers} == {200}
    assert len({asked["id"] for _, asked in answers}) == 1
    assert (await User.get(id=ANA.id)).balance == 497
    await fail((await Generation.get()).id, "x", "It broke.")
    await LoraModel.filter(id=model.id).update(is_public=False, hidden_at=None, status="FAILED")
    status, again = await ask(client, key="k")
    assert (status, again["status"]) == (200, "FAILED"), "even where it could not be asked for any more"

    status, problem = await ask(client, key="k", count=2)
    assert (status, problem["code"]) == (422, "idempotency_key_reused")
    for bad in ("", "x" * 201, "a b"):
        answer = await client.post(
            "/generation", json={"prompt": "x"}, headers=proof(ANA) | {"Idempotency-Key": bad}
        )
        assert answer.status == 422


async def test_a_doubled_click_without_a_key_is_one_while_it_runs(client: Client, model: LoraModel) -> None:
    _, first = await ask(client)
    assert (await ask(client))[1]["id"] == first["id"]
    assert (await ask(client, steps=20))[1]["id"] != first["id"]
    await fail(uuid.UUID(first["id"]), "x", "It broke.")
    assert (await ask(client))[1]["id"] != first["id"]


async def test_a_repeat_of_what_was_deleted(client: Client, model: LoraModel) -> None:
    _, asked = await ask(client, key="k")
    assert (await call(client, "DELETE", f"/generation/{asked['id']}"))[0] == 204
    assert (await ask(client, key="k"))[0] == 404


async def test_the_position_in_the_queue(client: Client, model: LoraModel) -> None:
    asked = [(await ask(client, seed=number))[1] for number in range(3)]
    page = (await call(client, "GET", "/generation"))[1]
    assert [one["position"] for one in page["items"]] == [2, 1, 0]
    await Turns(at_once=20, per_person=1, waiting=5).take()
    places = [(await call(client, "GET", f"/generation/{one['id']}"))[1]["position"] for one in asked]
    assert places == [None, 0, 1]


# --- lists ---


async def test_the_gallery_page_by_page(client: Client, model: LoraModel) -> None:
    rows = [await finished(model) for _ in range(5)]
    failed = await asked_for(model)
    assert failed
    await fail(failed, "x", "It broke.")
    await Generation.all().update(started_at=rows[0].started_at)  # all at once: the id decides
    for scope, expected in (("made", {row.id for row in rows}), ("all", {failed, *(row.id for row in rows)})):
        seen: list[str] = []
        cursor = ""
        while True:
            status, page = await call(client, "GET", f"/generation?scope={scope}&limit=2{cursor}")
            assert status == 200
            seen += [one["id"] for one in page["items"]]
            assert all(len(one["pictures"]) == 2 for one in page["items"] if one["status"] == "COMPLETED")
            if page["nextCursor"] is None:
                break
            cursor = f"&cursor={page['nextCursor']}"
        assert sorted(seen) == sorted(str(one) for one in expected)
    assert (await call(client, "GET", "/generation", BETO))[1] == {"items": [], "nextCursor": None}


async def test_a_page_takes_as_many_queries_however_long_it_is(
    client: Client, model: LoraModel, caplog: pytest.LogCaptureFixture
) -> None:
    counts = []
    for _ in range(2):
        for _ in range(5):
            await finished(model)
            await asked_for(model)
        caplog.clear()
        with caplog.at_level("DEBUG", "tortoise.db_client"):
            assert (await call(client, "GET", "/generation?limit=100"))[0] == 200
        counts.append(sum(1 for message in caplog.messages if "SELECT" in message))
        assert not any('"thumbnail"' in message for message in caplog.messages)
    assert counts[0] == counts[1]


@pytest.mark.parametrize("query", ["scope=mine", "limit=0", "limit=101", "cursor=x"])
async def test_a_page_that_is_none(client: Client, query: str) -> None:
    status, problem = await call(client, "GET", f"/generation?{query}")
    assert (status, problem["errors"][0]["field"]) == (422, query.partition("=")[0])


async def test_what_was_held_back(client: Client, model: LoraModel) -> None:
    row = await finished(model, count=4, pictures=3)
    shown = (await call(client, "GET", f"/generation/{row.id}"))[1]
    assert (shown["heldBack"], shown["starsSpent"], shown["starsRefunded"]) == (1, 12, 3)
    assert (await call(client, "DELETE", f"/generation/{shown['pictures'][0]['id']}"))[0] == 204
    shown = (await call(client, "GET", f"/generation/{row.id}"))[1]
    assert (len(shown["pictures"]), shown["heldBack"], shown["starsRefunded"]) == (2, 1, 3)
    (back, spent, _) = (await call(client, "GET", "/account"))[1]["history"]
    assert (back["kind"], back["amount"], back["generation"]) == (
        "refund",
        3,
        {"id": str(row.id), "count": 4},
    )
    assert (spent["kind"], spent["amount"], spent["training"]) == ("generation", -12, None)
    assert "could not be made" in back["reason"]
    await call(client, "DELETE", f"/generation/{row.id}")
    back = (await call(client, "GET", "/account"))[1]["history"][0]
    assert back["generation"] == {"id": None, "count": 4}


async def test_models_that_are_not_there_any_more(client: Client, model: LoraModel) -> None:
    public = await ready_model(BETO, is_public=True, name="Beto", trigger_word="betotok")
    _, asked = await ask(client, models=[{"id": str(model.id)}, {"id": str(public.id)}])
    await LoraModel.filter(id=public.id).update(is_public=False, name="Beto's secret")
    assert (await call(client, "DELETE", f"/models/{model.id}"))[0] == 204
    shown = (await call(client, "GET", f"/generation/{asked['id']}"))[1]
    assert [(one["id"], one["name"]) for one in shown["models"]] == [
        (None, "Ana in Lisbon"),
        (None, "betotok"),
    ]


# --- one ---


@pytest.mark.parametrize("what", ["", "/events", "/cancel", "/send", "DELETE"])
async def test_somebody_elses_pictures_are_not_there(client: Client, model: LoraModel, what: str) -> None:
    row = await finished(model)
    picture = await Picture.filter(generation_id=row.id).first()
    assert picture
    method = {"/cancel": "POST", "/send": "POST", "DELETE": "DELETE"}.get(what, "GET")
    for any_id in (row.id, picture.id, uuid.uuid4(), "x", "%00"):
        path = f"/generation/{any_id}{what.removeprefix('DELETE')}"
        status, problem = await call(client, method, path, BETO, {} if what == "/send" else None)
        assert (status, problem["code"]) == (404, "generation_not_found")
    assert await Picture.filter(generation_id=row.id).count() == 2


async def test_requests_log_the_generations_id(client: Client, model: LoraModel) -> None:
    row = await finished(model)
    picture = await Picture.filter(generation_id=row.id).first()
    assert picture
    with capture_logs([structlog.contextvars.merge_contextvars]) as logs:
        for any_id in (row.id, picture.id):
            await call(client, "GET", f"/generation/{any_id}")
    lines = [entry for entry in logs if entry["event"] == "request"]
    assert [line["generation_id"] for line in lines] == [str(row.id)] * 2


async def test_cancelling_gives_the_stars_back_once(client: Client, model: LoraModel) -> None:
    _, asked = await ask(client, count=4)
    for _ in range(2):
        status, cancelled = await call(client, "POST", f"/generation/{asked['id']}/cancel")
        assert (status, cancelled["status"], cancelled["errorCode"]) == (200, "FAILED", "cancelled")
        assert (cancelled["starsSpent"], cancelled["starsRefunded"]) == (12, 12)
    assert (await User.get(id=ANA.id)).balance == 500
    row = await finished(model)
    status, problem = await call(client, "POST", f"/generation/{row.id}/cancel")
    assert (status, problem["code"]) == (409, "generation_ended")


async def test_deleting_one_picture_and_all(client: Client, model: LoraModel, db: BaseDBAsyncClient) -> None:
    row = await finished(model, count=3, pictures=3)
    one, *rest = await Picture.filter(generation_id=row.id).order_by("position")
    assert await call(client, "DELETE", f"/generation/{one.id}") == (204, None)
    assert (await call(client, "DELETE", f"/generation/{one.id}"))[0] == 404
    shown = (await call(client, "GET", f"/generation/{rest[0].id}"))[1]
    assert [picture["id"] for picture in shown["pictures"]] == [str(picture.id) for picture in rest]
    assert await call(client, "DELETE", f"/generation/{row.id}") == (204, None)
    assert (await call(client, "GET", f"/generation/{row.id}"))[0] == 404
    assert (await Generation.get(id=row.id)).prompt == ""
    jobs = await db.execute_query_dict("SELECT payload FROM pgqueuer WHERE entrypoint = 'delete_file'")
    assert {job["payload"].decode() for job in jobs} == {picture.storage_key for picture in (one, *rest)}


# --- live ---


async def test_a_stream_tells_each_change_until_the_end(client: Client, model: LoraModel) -> None:
    _, asked = await ask(client, count=2)
    generation_id = uuid.UUID(asked["id"])
    async with asyncio.timeout(10):
        answer = await client.get(f"/generation/{generation_id}/events", headers=proof(ANA))
        assert answer.content_type == "text/event-stream"
        live = events_in(answer)
        assert await anext(live) == ("0", asked)
        await made(generation_id, {"images": []}, "r")
        assert (await anext(live))[1]["status"] == "RUNNING"
        await complete(generation_id, [NewPicture(0, 1024, 1024, 5, JPEG)])
        last = (await anext(live))[1]
        assert (last["status"], len(last["pictures"]), last["heldBack"]) == ("COMPLETED", 1, 1)
        with pytest.raises(StopAsyncIteration):
            await anext(live)


async def test_a_stream_tells_how_the_queue_moves(
    client: Client, model: LoraModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "PLACE_SECONDS", 0.02)
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.01)
    asked = [(await ask(client, seed=number))[1]["id"] for number in range(2)]
    async with asyncio.timeout(10):
        live = events_in(await client.get(f"/generation/{asked[1]}/events", headers=proof(ANA)))
        turns = Turns(at_once=20, per_person=1, waiting=5)
        assert (await anext(live))[1]["position"] == 1
        await turns.take()
        assert (await anext(live))[1]["position"] == 0
        await fail(uuid.UUID(asked[0]), "x", "It broke.")
        await turns.take()
        assert (await anext(live))[1]["position"] is None


# --- into the chat ---


async def send(client: Client, any_id: object, key: str | None = None) -> tuple[int, Any]:
    headers = proof(ANA) | ({"Idempotency-Key": key} if key else {})
    answer = await client.post(f"/generation/{any_id}/send", json={}, headers=headers)
    return answer.status, await answer.json() if answer.status != 202 else None


async def test_pictures_are_sent_into_the_chat(client: Client, model: LoraModel) -> None:
    row = await finished(model)
    picture = await Picture.filter(generation_id=row.id).first()
    assert picture
    for any_id, key in ((row.id, "a"), (row.id, "a"), (picture.id, "a"), (picture.id, "a"), (row.id, "b")):
        assert await send(client, any_id, key) == (202, None)
    sent = await Notification.filter(generation_id=row.id, kind="pictures").order_by("id")
    assert [(note.chat_id, note.picture_id) for note in sent] == [
        (ANA.id, None),
        (ANA.id, picture.id),
        (ANA.id, None),
    ]
    assert {(await send(client, row.id))[0] for _ in range(2)} == {202}
    assert await Notification.filter(generation_id=row.id, kind="pictures").count() == 5


async def test_nobody_is_promised_what_the_bot_may_not_send(client: Client, model: LoraModel) -> None:
    row = await finished(model)
    await set_blocked(ANA.id, blocked=True)
    status, problem = await send(client, row.id)
    assert (status, problem["code"]) == (409, "bot_blocked")
    assert not await Notification.filter(generation_id=row.id, kind="pictures", chat_id=ANA.id).exists()


async def test_nothing_to_send(client: Client, model: LoraModel) -> None:
    _, asked = await ask(client)
    status, problem = await send(client, asked["id"])
    assert (status, problem["code"]) == (409, "no_pictures")


async def test_too_many_are_on_their_way(client: Client, model: LoraModel) -> None:
    row = await finished(model)
    statuses = [(await send(client, row.id))[0] for _ in range(21)]
    assert statuses == [202] * 20 + [429]
    await Notification.filter(kind="pictures").update(status="sent")
    assert (await send(client, row.id))[0] == 202


# --- parameters ---


async def test_parameters_are_replaced(client: Client) -> None:
    nothing = dict.fromkeys(("aspect", "steps", "guidance", "seed", "count", "scale"))
    assert await call(client, "GET", "/params") == (200, nothing)
    assert await call(client, "PUT", "/params", json={"count": 3}) == (200, {**nothing, "count": 3})
    assert await call(client, "PUT", "/params", json={"seed": 5}) == (200, {**nothing, "seed": 5})
    assert await call(client, "GET", "/params") == (200, {**nothing, "seed": 5})
    assert await call(client, "PUT", "/params", CARLA, {"steps": 4}) == (200, {**nothing, "steps": 4})
    assert (await call(client, "GET", "/params", BETO))[1] == nothing


async def test_parameters_that_are_none(client: Client) -> None:
    body = {"aspect": "1:9", "steps": 0, "guidance": 99, "seed": 2**40, "count": 100, "scale": 2.5}
    status, problem = await call(client, "PUT", "/params", json=body)
    assert (status, set(wrong(problem))) == (422, set(body))
    unreadable: list[Any] = [{"x": 1}, {"steps": "7"}, {"guidance": "x"}, []]
    for bad in unreadable:
        assert (await call(client, "PUT", "/params", json=bad))[0] == 422
    assert (await call(client, "GET", "/params"))[1]["steps"] is None


# --- the session ---


async def test_a_session_has_what_the_create_screen_needs(client: Client) -> None:
    session = (await call(client, "POST", "/session"))[1]
    assert session["prices"]["starsPerPicture"] == 3
    assert "16:9" in session["aspects"]
    limits = session["limits"]
    assert (limits["promptMax"], limits["scaleMax"], limits["seedMax"]) == (2000, 2.0, 2**31 - 1)
    painters = {trainer["id"]: trainer["painter"] for trainer in session["trainers"]}
    assert painters["flux-lora-fast"] == painters["flux-lora-portrait"]
    assert painters["flux-2"] == {
        "kind": "fal-ai/flux-2/lora",
        "defaultSteps": 28,
        "minSteps": 4,
        "maxSteps": 50,
        "defaultGuidance": 2.5,
        "minGuidance": 0.0,
        "maxGuidance": 20.0,
        "maxModels": 3,
        "maxPictures": 4,
        "priceFactor": 0.6,
    }
