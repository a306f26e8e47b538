"""The three proofs, and the claim that proves nothing."""

import hashlib
import hmac
import json
import time
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from models.errors import Unauthenticated
from models.user import Person, User
from tests.conftest import BOT_TOKEN
from tests.people import ANA, BETO, CARLA, DANA, init_data, proof
from tests.web.conftest import Client, Serve
from web.identity import CLOCK_SKEW, RENEWABLE_SECONDS, Claim, InitData, Sessions
from web.keys import SESSIONS

NOW = 1_800_000_000.0
INIT_DATA = InitData(BOT_TOKEN, 86_400)
OURS = Sessions("secret", 3600)

# A field of init data: JSON and tokens, so no raw control characters.
words = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30)
people = st.builds(Person, st.integers(1, 2**63 - 1), words)
extra_fields = st.dictionaries(
    words.filter(lambda name: name and name not in {"user", "auth_date", "hash"}), words, max_size=5
)


@given(someone=people, extra=extra_fields, age=st.integers(-CLOCK_SKEW, 86_400))
def test_whatever_telegram_signed_is_taken(someone: Person, extra: dict[str, str], age: int) -> None:
    raw = init_data(someone, auth_date=NOW - age, **extra)
    person = INIT_DATA.person(raw, NOW)
    assert (person.id, person.first_name) == (someone.id, someone.first_name)


@given(data=st.data(), someone=people)
def test_any_changed_byte_is_refused(data: st.DataObject, someone: Person) -> None:
    raw = init_data(someone, auth_date=NOW)
    place = data.draw(st.integers(0, len(raw) - 1))
    other = data.draw(st.characters(min_codepoint=0x21, max_codepoint=0x7E).filter(lambda c: c != raw[place]))
    changed = raw[:place] + other + raw[place + 1 :]
    assume(other not in "+%" and raw[place] not in "+%")
    assume(changed.lower() != raw.lower())  # %2F is %2f
    with pytest.raises(Unauthenticated) as refused:
        INIT_DATA.person(changed, NOW)
    assert refused.value.code == "init_data_invalid"


@given(st.text())
@example("hash=ü&user=x")
@example("=")
@example("%ff=%ff")
@example("a=1&a=2&hash=3")
@example("\udcff")
def test_garbage_is_refused(raw: str) -> None:
    with pytest.raises(Unauthenticated):
        INIT_DATA.person(raw, NOW)
    with pytest.raises(Unauthenticated):
        OURS.claim(raw, NOW)


def signed(fields: dict[str, str]) -> str:
    """Any fields, signed as Telegram would."""
    secret = hmac.new(b"WebAppData", BOT_TOKEN.encode(), hashlib.sha256).digest()
    lines = "\n".join(f"{name}={value}" for name, value in sorted(fields.items()))
    return urlencode({**fields, "hash": hmac.new(secret, lines.encode(), hashlib.sha256).hexdigest()})


def test_a_field_that_comes_twice_is_refused() -> None:
    raw = init_data(ANA, auth_date=NOW)
    with pytest.raises(Unauthenticated):
        INIT_DATA.person(f"{raw}&auth_date=1", NOW)


def test_a_line_break_cannot_turn_one_field_into_two() -> None:
    raw = init_data(ANA, auth_date=NOW, start_param=f'x\nuser={{"id":{CARLA.id}}}')
    with pytest.raises(Unauthenticated):
        INIT_DATA.person(raw, NOW)


@pytest.mark.parametrize("auth_date", ["", "-1", "1e9", "١٢٣", "9" * 5000])
def test_a_date_that_is_none_is_refused(auth_date: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        INIT_DATA.person(signed({"user": '{"id":7}', "auth_date": auth_date}), NOW)
    assert refused.value.code == "init_data_invalid"


@pytest.mark.parametrize(
    "user",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"id":"7"}',
        '{"id":0}',
        '{"id":true}',
        f'{{"id":{2**63}}}',
        '{"id":7.5}',
        "{" * 9000,
    ],
)
def test_a_user_that_is_none_is_refused(user: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        INIT_DATA.person(init_data(ANA, auth_date=NOW, user=user), NOW)
    assert refused.value.code == "init_data_invalid"


@pytest.mark.parametrize(
    ("age", "code"),
    [(86_401, "init_data_expired"), (-CLOCK_SKEW - 1, "init_data_invalid")],
)
def test_age(age: int, code: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        INIT_DATA.person(init_data(ANA, auth_date=NOW - age), NOW)
    assert refused.value.code == code


@given(user_id=st.integers(1, 2**63 - 1))
def test_a_session_is_its_persons_until_it_is_over(user_id: int) -> None:
    claim = Claim(user_id, int(NOW))
    session = OURS.open(claim, NOW)
    assert session.expires_at.timestamp() == NOW + 3600
    assert OURS.claim(session.token, NOW + 3599) == claim
    with pytest.raises(Unauthenticated) as over:
        OURS.claim(session.token, NOW + 3600)
    assert over.value.code == "session_expired"


def test_a_session_is_renewed_for_seven_days_after_the_proof() -> None:
    claim = Claim(ANA.id, int(NOW))
    last = NOW + RENEWABLE_SECONDS - 1
    over_for_long = OURS.open(claim, NOW).token
    assert OURS.claim(over_for_long, last, renewing=True) == claim, "renewing proves nothing anew"
    renewed = OURS.open(claim, last)
    assert renewed.expires_at.timestamp() == NOW + RENEWABLE_SECONDS
    assert OURS.claim(renewed.token, last) == claim
    for renewing in (False, True):
        with pytest.raises(Unauthenticated) as refused:
            OURS.claim(renewed.token, NOW + RENEWABLE_SECONDS, renewing=renewing)
        assert refused.value.code == "session_expired"


@given(data=st.data())
def test_any_changed_byte_of_a_session_is_refused(data: st.DataObject) -> None:
    token = OURS.open(Claim(ANA.id, int(NOW)), NOW).token
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda c: c != token[place]))
    for renewing in (False, True):
        with pytest.raises(Unauthenticated) as refused:
            OURS.claim(token[:place] + other + token[place + 1 :], NOW, renewing=renewing)
        assert refused.value.code == "session_invalid"


def test_another_secret_makes_other_sessions() -> None:
    with pytest.raises(Unauthenticated):
        OURS.claim(Sessions("other", 3600).open(Claim(ANA.id, int(NOW)), NOW).token, NOW)


# --- over HTTP ---


async def refusal(client: Client, headers: dict[str, str]) -> tuple[int, str]:
    answer = await client.get("/training", headers=headers)
    assert answer.content_type == "application/problem+json" or answer.status == 200
    return answer.status, (await answer.json()).get("code", "")


async def test_each_proof_is_taken(client: Client, cast: None) -> None:
    raw = init_data(ANA)
    token = (await (await client.post("/session", headers=proof(ANA))).json())["token"]
    for headers in (
        {"Authorization": f"tma {raw}"},
        {"authorization": f"TMA {raw}"},
        {"x-telegram-init-data": raw},
        {"Authorization": f"Bearer {token}"},
        {"Authorization": f"Bearer {token}", "x-telegram-init-data": raw, "x-telegram-user-id": str(ANA.id)},
    ):
        assert (await client.get("/training", headers=headers)).status == 200


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "identity_missing"),
        ({"x-telegram-user-id": str(ANA.id)}, 401, "identity_missing"),
        ({"Authorization": "Basic YW5hOmFuYQ=="}, 401, "identity_missing"),
        ({"Authorization": "tma"}, 401, "init_data_invalid"),
        ({"Authorization": "tma hash=00"}, 401, "init_data_invalid"),
        ({"x-telegram-init-data": ""}, 401, "identity_missing"),
        ({"Authorization": f"tma {init_data(ANA, 'another:token')}"}, 401, "init_data_invalid"),
        ({"Authorization": f"tma {init_data(ANA, auth_date=1)}"}, 401, "init_data_expired"),
        ({"Authorization": "Bearer "}, 401, "session_invalid"),
        ({"Authorization": "Bearer 1.2.3.4"}, 401, "session_invalid"),
        ({"Authorization": "tma hash=\xff"}, 401, "init_data_invalid"),
        ({**proof(ANA), "x-telegram-user-id": str(BETO.id)}, 403, "identity_mismatch"),
        ({**proof(ANA), "x-telegram-user-id": "abc"}, 403, "identity_mismatch"),
        ({**proof(ANA), "x-telegram-init-data": init_data(BETO)}, 403, "identity_mismatch"),
        ({**proof(ANA), "x-telegram-init-data": "forged"}, 401, "init_data_invalid"),
    ],
)
async def test_everything_else_is_refused(
    client: Client, cast: None, headers: dict[str, str], status: int, code: str
) -> None:
    assert await refusal(client, headers) == (status, code)


async def test_the_refusal_says_what_would_be_right(client: Client) -> None:
    answer = await client.get("/training", headers={"x-telegram-user-id": "1"})
    assert answer.headers["WWW-Authenticate"] == "tma"
    problem = await answer.json()
    assert "Authorization: tma" in problem["detail"]
    assert problem["detail"] == problem["error"] == problem["message"]


async def test_an_expired_session(serve: Serve, cast: None) -> None:
    client = await serve(session_seconds=-1)
    token = (await (await client.post("/session", headers=proof(ANA))).json())["token"]
    assert await refusal(client, {"Authorization": f"Bearer {token}"}) == (401, "session_expired")


# --- POST /session ---


async def test_a_session_brings_all_that_the_first_screen_needs(serve: Serve) -> None:
    client = await serve(welcome_stars=300)
    raw = init_data(replace(DANA, language_code="es-MX"))
    answer = await client.post("/session", headers={"x-telegram-init-data": raw})
    assert answer.status == 200
    session = await answer.json()
    assert session["user"] == {"id": DANA.id, "firstName": "Dana", "language": "es"}
    assert session["balance"] == 300
    assert session["botUsername"] == "selfi_test_bot"
    assert session["prices"] == {"starsPer1000Steps": 150, "minimumStars": 30, "starsPerPicture": 3}
    assert session["trainers"][0]["id"] == "flux-lora-fast"
    assert session["limits"]["photosMin"] == 4
    assert session["trainings"] == session["generations"] == []
    again = await (await client.post("/session", headers={"x-telegram-init-data": raw})).json()
    assert again["balance"] == 300, "the welcome comes once"


@pytest.mark.parametrize("age", [0, 2 * 86_400], ids=["valid", "over for long"])
async def test_a_session_is_renewed_by_itself(client: Client, cast: None, age: int) -> None:
    opened = await (await client.post("/session", headers=proof(ANA))).json()
    claim = Claim(ANA.id, int(time.time()) - age)
    token = client.app[SESSIONS].open(claim, claim.proven_at).token
    answer = await client.post("/session", headers={"Authorization": f"Bearer {token}"})
    assert answer.status == 200
    renewed = await answer.json()
    assert client.app[SESSIONS].claim(renewed["token"]) == claim
    assert {**renewed, "token": "", "expiresAt": ""} == {**opened, "token": "", "expiresAt": ""}
    assert (await refusal(client, {"Authorization": f"Bearer {renewed['token']}"}))[0] == 200


async def test_after_seven_days_only_init_data_will_do(client: Client, cast: None) -> None:
    claim = Claim(ANA.id, int(time.time()) - RENEWABLE_SECONDS)
    token = client.app[SESSIONS].open(claim).token
    answer = await client.post("/session", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status, (await answer.json())["code"]) == (401, "session_expired")


async def test_a_name_that_postgres_would_refuse_is_cleaned(client: Client) -> None:
    user = json.dumps({"id": 78, "first_name": "D\x00a", "username": "x" * 200})
    answer = await client.post("/session", headers={"x-telegram-init-data": init_data(ANA, user=user)})
    assert answer.status == 200
    row = await User.get(id=78)
    assert row.first_name == "Da"
    assert row.username == "x" * 64


async def test_a_session_of_somebody_forgotten_is_refused(client: Client) -> None:
    token = client.app[SESSIONS].open(Claim(999, int(time.time()))).token
    for path in ("/session", "/training/photos", "/training/upload"):
        answer = await client.post(path, data=b"x", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status, (await answer.json())["code"]) == (401, "session_invalid")
