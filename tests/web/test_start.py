"""POST /training/start: what is bought, once, and what is refused."""

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.db import connection
from models.ledger import LedgerEntry, LedgerKind
from models.lora import LoraModel
from models.photo import Photo, Upload
from models.training import Training, TrainStatus, move
from models.user import Person, User
from tests.people import ANA, BETO, CARLA, DANA, proof
from tests.web.conftest import Client, Serve
from web.identity import Claim
from web.keys import SESSIONS
from web.public_url import why_not_public
from web.schemas import TrainingStart

pytestmark = pytest.mark.usefixtures("cast")

BODY = {
    "steps": 1000,
    "is_style": False,
    "create_masks": True,
    "trigger_word": "TOK",
    "images_data_url": "https://example.com/photos.zip",
}


async def start(
    client: Client, body: Any = None, who: Person = ANA, **headers: str
) -> tuple[int, dict[str, Any]]:
    data = body if isinstance(body, bytes) else json.dumps({**BODY, **(body or {})})
    answer = await client.post(
        "/training/start", data=data, headers={"Content-Type": "application/json", **proof(who), **headers}
    )
    return answer.status, await answer.json()


async def upload_of(who: Person, *, photos: int = 0, expires_in: float = 60, url: str | None = None) -> str:
    ids = [uuid.uuid4() for _ in range(photos)]
    expires_at = datetime.now(UTC) + timedelta(days=1)
    for photo_id in ids:
        await Photo.create(
            id=photo_id,
            user_id=who.id,
            file_name="a.jpg",
            sha256="0" * 64,
            dhash="0" * 16,
            width=1,
            height=1,
            bytes=1,
            thumbnail=b"x",
            source="app",
            expires_at=expires_at,
        )
    url = url or f"http://127.0.0.1:9/cdn/{uuid.uuid4()}.zip"
    await Upload.create(
        id=uuid.uuid4(),
        user_id=who.id,
        url=url,
        photo_ids=ids,
        expires_at=datetime.now(UTC) + timedelta(seconds=expires_in),
    )
    return url


async def queued() -> list[tuple[str, str]]:
    rows = await connection().execute_query_dict("SELECT entrypoint, payload FROM pgqueuer ORDER BY id")
    return [(row["entrypoint"], row["payload"].decode()) for row in rows]


async def test_a_start_answers_as_the_existing_app_expects(client: Client) -> None:
    status, begun = await start(client)
    assert status == 200
    assert begun.keys() == {"id", "trainingId"}
    training = await Training.get(id=begun["trainingId"]).select_related("lora")
    assert str(training.lora_id) == begun["id"]
    assert (training.status, training.steps, training.instance_prompt) == (TrainStatus.PENDING, 1000, "TOK")
    assert (training.stars_spent, training.lora.name) == (150, "TOK")
    assert (await User.get(id=ANA.id)).balance == 350
    assert await queued() == [("submit", begun["trainingId"]), ("status", begun["trainingId"])]


async def test_what_may_be_left_out(client: Client) -> None:
    body = {"trigger_word": " TOK ", "images_data_url": BODY["images_data_url"], "name": "Ana at sea"}
    status, begun = await start(client, json.dumps(body).encode())
    assert status == 200
    training = await Training.get(id=begun["trainingId"]).select_related("lora")
    assert (training.steps, training.is_style, training.create_masks) == (1000, False, True)
    assert (training.instance_prompt, training.lora.name) == ("TOK", "Ana at sea")


async def test_an_upload_of_theirs_uses_up_its_draft(client: Client) -> None:
    url = await upload_of(ANA, photos=3)
    assert (await start(client, {"images_data_url": url}))[0] == 200
    draft = await (await client.get("/training/photos", headers=proof(ANA))).json()
    assert draft["photos"] == []


# --- money ---


async def test_not_enough_stars(client: Client) -> None:
    url = await upload_of(BETO, photos=2)
    status, problem = await start(client, {"images_data_url": url}, BETO)
    assert (status, problem["code"], problem["price"], problem["balance"]) == (
        402,
        "not_enough_stars",
        150,
        0,
    )
    assert await Training.all().count() == await LoraModel.all().count() == 0
    assert await queued() == []
    draft = await (await client.get("/training/photos", headers=proof(BETO))).json()
    assert len(draft["photos"]) == 2, "the draft is as it was"


async def test_a_doubled_click_is_one_training(client: Client) -> None:
    url = await upload_of(ANA, photos=4)
    answers = await asyncio.gather(*(start(client, {"images_data_url": url}) for _ in range(20)))
    assert {status for status, _ in answers} == {200}
    assert len({answer["trainingId"] for _, answer in answers}) == 1
    assert await Training.all().count() == 1
    assert await LedgerEntry.filter(user_id=ANA.id, kind=LedgerKind.TRAINING).count() == 1
    assert (await User.get(id=ANA.id)).balance == 350
    assert len(await queued()) == 2


async def test_stars_that_are_held_for_a_refund_buy_nothing(client: Client) -> None:
    await User.filter(id=ANA.id).update(held=351)
    status, problem = await start(client)
    assert (status, problem["code"], problem["balance"]) == (402, "not_enough_stars", 149)


async def test_200_starts_at_once_with_stars_for_three_are_three_trainings(client: Client) -> None:
    answers = await asyncio.gather(*(start(client, {"name": f"model {n}"}) for n in range(200)))
    assert sorted(status for status, _ in answers) == [200] * 3 + [402] * 197
    row = await User.get(id=ANA.id)
    ledger = await LedgerEntry.filter(user_id=ANA.id)
    assert row.balance == sum(entry.amount for entry in ledger) == 50
    assert await Training.all().count() == 3


async def test_the_same_may_be_asked_for_again_once_it_has_ended(client: Client) -> None:
    _, first = await start(client)
    await move(uuid.UUID(first["trainingId"]), TrainStatus.FAILED, error_code="x", error="x")
    _, second = await start(client)
    assert first["trainingId"] != second["trainingId"]


async def test_an_idempotency_key_answers_the_same_for_ever(client: Client) -> None:
    key = {"Idempotency-Key": "a-key"}
    _, first = await start(client, None, ANA, **key)
    await move(uuid.UUID(first["trainingId"]), TrainStatus.FAILED, error_code="x", error="x")
    await User.filter(id=ANA.id).update(balance=0)
    assert await start(client, {"name": "TOK"}, ANA, **key) == (200, first), (
        "the default spelled out is the same"
    )
    status, problem = await start(client, {"steps": 999}, ANA, **key)
    assert (status, problem["code"]) == (422, "idempotency_key_reused")
    assert (await start(client, None, CARLA, **key))[0] == 402, "a key is its person's own"


async def test_two_keys_are_two_trainings(client: Client) -> None:
    _, first = await start(client, None, ANA, **{"Idempotency-Key": "1"})
    _, second = await start(client, None, ANA, **{"Idempotency-Key": "2"})
    assert first["trainingId"] != second["trainingId"]


@pytest.mark.parametrize("key", ["", "a" * 201, "with blank", "\xe9"])
async def test_a_key_that_is_none(client: Client, key: str) -> None:
    status, problem = await start(client, None, ANA, **{"Idempotency-Key": key})
    assert (status, problem["errors"][0]["field"]) == (422, "Idempotency-Key")


# --- who ---


async def test_somebody_new_is_let_in_with_their_welcome(serve: Serve) -> None:
    client = await serve(welcome_stars=200)
    assert (await start(client, None, DANA))[0] == 200
    assert (await User.get(id=DANA.id)).balance == 50
    status, problem = await start(client, {"steps": 10_000}, CARLA)
    assert (status, problem["balance"]) == (402, 200)


async def test_a_session_of_somebody_unknown(client: Client) -> None:
    token = client.app[SESSIONS].open(Claim(44, int(time.time()))).token
    answer = await client.post(
        "/training/start",
        json=BODY,
        headers={"Authorization": f"Bearer {token}"},
    )
    assert (answer.status, (await answer.json())["code"]) == (401, "session_invalid")


# --- bad input ---


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"steps": 0}, "steps"),
        ({"steps": -1}, "steps"),
        ({"steps": 10_001}, "steps"),
        ({"steps": 10**30}, "steps"),
        ({"steps": 1000.5}, "steps"),
        ({"steps": "1000"}, "steps"),
        ({"steps": True}, "steps"),
        ({"steps": float("nan")}, "steps"),
        ({"is_style": "no"}, "is_style"),
        ({"create_masks": 1}, "create_masks"),
        ({"create_masks": None}, "create_masks"),
        ({"trigger_word": ""}, "trigger_word"),
        ({"trigger_word": " \t\n "}, "trigger_word"),
        ({"trigger_word": "\u200b\u2060"}, "trigger_word"),
        ({"trigger_word": "!?"}, "trigger_word"),
        ({"trigger_word": "a\nb"}, "trigger_word"),
        ({"trigger_word": "a\x00b"}, "trigger_word"),
        ({"trigger_word": "a\u202eb"}, "trigger_word"),
        ({"trigger_word": "a" * 65}, "trigger_word"),
        ({"trigger_word": "a" * 10_000}, "trigger_word"),
        ({"trigger_word": "\ud800"}, "body"),
        ({"trigger_word": 7}, "trigger_word"),
        ({"name": ""}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "a" * 65}, "name"),
        ({"trainer": "none-such"}, "trainer"),
        ({"trainer": "a\x00b"}, "trainer"),
        ({"images_data_url": ""}, "images_data_url"),
        ({"images_data_url": "a" * 3000}, "images_data_url"),
        ({"images_data_url": "https://example.com/\x00"}, "images_data_url"),
        ({"images_data_url": "https://exämple.com/"}, "images_data_url"),
        ({"images_data_url": "http://example.com/a.zip"}, "images_data_url"),
        ({"images_data_url": "https://127.0.0.1/a.zip"}, "images_data_url"),
        ({"images_data_url": None}, "images_data_url"),
        ({"learning_rate": 1}, "learning_rate"),
        ({"user_id": 7}, "user_id"),
    ],
)
async def test_a_wrong_field_is_named(client: Client, change: dict[str, Any], field: str) -> None:
    status, problem = await start(client, change)
    assert status == 422, problem
    assert problem["errors"][0]["field"] == field
    assert problem["detail"]
    assert (await User.get(id=ANA.id)).balance == 500


def test_a_trigger_word_is_one_here_and_in_the_mini_app_alike() -> None:
    cases = Path(__file__).parents[2] / "miniapp" / "tests" / "trigger_words.json"
    words = json.loads(cases.read_text(encoding="utf-8"))
    for word in words["taken"]:
        TrainingStart(images_data_url="x", trigger_word=word)
    for word in words["refused"]:
        with pytest.raises(ValidationError, match="trigger_word"):
            TrainingStart(images_data_url="x", trigger_word=word)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no JSON",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe{}",
        b'{"steps": \xff}',
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"steps": ' + b"9" * 50_000 + b"}",
        b'{"steps": NaN}',
        b'{"trigger_word": "\\ud800"}',
        json.dumps({str(n): n for n in range(3000)}).encode(),
    ],
)
async def test_a_body_that_is_none(client: Client, body: bytes) -> None:
    status, problem = await start(client, body)
    assert (status, problem["code"]) == (422, "invalid")
    assert problem["errors"]


async def test_a_body_that_is_too_large(client: Client) -> None:
    status, problem = await start(client, b'{"trigger_word": "' + b"a" * 70_000 + b'"}')
    assert (status, problem["code"], problem["limit"]) == (413, "too_large", 65_536)


async def test_an_upload_that_is_not_theirs_or_is_over(client: Client) -> None:
    somebodys = await upload_of(BETO)
    public = await upload_of(BETO, url="https://v3.fal.media/files/x/photos.zip")
    over = await upload_of(ANA, expires_in=-1)
    for url in (somebodys, public, over):
        status, problem = await start(client, {"images_data_url": url})
        assert (status, problem["code"]) == (422, "upload_expired")
        assert problem["errors"][0]["field"] == "images_data_url"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.zip",
        "ftp://example.com/a.zip",
        "//example.com/a.zip",
        "example.com/a.zip",
        "https://",
        "https:///a.zip",
        "https://ana:secret@example.com/a.zip",
        "https://@example.com/a.zip",
        "https://example.com:8443/a.zip",
        "https://example.com:99999/a.zip",
        "https://example.com:x/a.zip",
        "https://example.com\\@127.0.0.1/",
        "https://exa\tmple.com/",
        "https://localhost/a.zip",
        "https://LOCALHOST./a.zip",
        "https://api.localhost/a.zip",
        "https://intranet/a.zip",
        "https://nas.local/a.zip",
        "https://metadata.google.internal/a.zip",
        "https://router.home.arpa/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.0.0.1./",
        "https://0/",
        "https://0.0.0.0/",
        "https://10.1.2.3/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:8.8.8.8]/",
        "https://[::127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1]/",
        "https://[fe80::1%25eth0]/",
        "https://[fc00::1]/",
        "https://[ff02::1]/",
        "https://[2001:db8::1]/",
        "https://[/",
        "https://%31%32%37.0.0.1/",
        "https://exa_mple..com/",
        "https://１２７.0.0.1/",
        "https://127。0。0。1/",
        "https://-/",
    ],
)
def test_an_address_that_is_not_public(url: str) -> None:
    assert why_not_public(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.zip",
        "HTTPS://Example.COM:443/a.zip?token=%20#x",
        "https://v3.fal.media/files/lion/abc.zip",
        "https://xn--exmple-cua.com/",
        "https://8.8.8.8/a.zip",
        "https://[2606:4700:4700::1111]/a.zip",
        "https://my_bucket.s3.eu-west-1.amazonaws.com/a.zip",
        "https://localhost.example.com/",
    ],
)
def test_an_address_that_is_public(url: str) -> None:
    assert why_not_public(url) is None


@given(st.text())
def test_no_address_breaks_the_check(text: str) -> None:
    why_not_public(text)
    why_not_public(f"https://{text}")


# --- round trips ---


@pytest.fixture
def statements(cast: None) -> Iterator[list[str]]:
    """What the pool's connections send to Postgres, in order, the transaction's own commands included."""
    sent: list[str] = []
    pool = connection()._pool  # Tortoise has no public way to its pool

    def remember(query: asyncpg.connection.LoggedQuery) -> None:
        sent.append(" ".join(query.query.split())[:40])

    held = [holder._con for holder in pool._holders if holder._con is not None]
    for one in held:
        one.add_query_logger(remember)
    yield sent
    for one in held:
        one.remove_query_logger(remember)


async def test_a_start_takes_three_round_trips_beside_begin_and_commit(
    client: Client, statements: list[str]
) -> None:
    await start(client)  # statements get prepared once a connection
    statements.clear()
    assert (await start(client, {"steps": 999}))[0] == 200
    assert statements[0].startswith("BEGIN")
    assert statements[-1].startswith("COMMIT")
    assert len(statements) == 5, statements
