"""The person's stars with their reasons, and their language."""

from typing import Any

import pytest

from models import LedgerEntry, Notification, PromoCode, SupportRequest, TrainStatus, User, promo
from models.training import cancel, move
from models.user import Person
from tests.people import ANA, ANAS_STARS, BETO, DANA, proof, started
from tests.web.conftest import Client, Serve

pytestmark = pytest.mark.usefixtures("cast")


async def account(client: Client, who: Person = ANA, query: str = "") -> tuple[int, Any]:
    answer = await client.get(f"/account{query}", headers=proof(who))
    return answer.status, await answer.json()


async def test_every_star_has_its_reason(client: Client) -> None:
    kept, cancelled = await started(name="Sea", price=150), await started(name="Hills", price=30)
    await move(kept.id, TrainStatus.COMPLETED, files=("https://f/w", None))
    await cancel(ANA.id, cancelled.id)
    status, answer = await account(client)
    assert (status, answer["balance"], answer["nextCursor"]) == (200, ANAS_STARS - 150, None)
    told = [(row["kind"], row["amount"], row["balanceAfter"], row["reason"]) for row in answer["history"]]
    assert told == [
        ("refund", 30, 350, "Hills ended without a model: its price came back."),
        ("training", -30, 320, "The training of Hills."),
        ("training", -150, 350, "The training of Sea."),
        ("welcome", 500, 500, "A welcome gift."),
    ]
    assert answer["history"][2]["training"] == {"id": str(kept.lora_id), "name": "Sea"}
    assert answer["history"][3]["training"] is None
    assert answer["history"][0]["createdAt"].endswith("Z")


async def test_somebody_new_has_an_account(serve: Serve) -> None:
    client = await serve(welcome_stars=7)
    _, answer = await account(client, DANA)
    assert (answer["balance"], [row["amount"] for row in answer["history"]]) == (7, [7])


async def test_a_debt_is_said(client: Client) -> None:
    await User.filter(id=BETO.id).update(debt=60)
    session = await (await client.post("/session", headers=proof(BETO))).json()
    _, answer = await account(client, BETO)
    assert [(said["balance"], said["debt"]) for said in (session, answer)] == [(0, 60), (0, 60)]


async def test_the_history_page_by_page_is_ones_own(client: Client) -> None:
    for _ in range(3):
        await started(price=10)
    await started(BETO, price=0)
    seen: list[int] = []
    query = "?limit=2"
    while True:
        status, answer = await account(client, ANA, query)
        assert status == 200
        seen += [row["id"] for row in answer["history"]]
        if answer["nextCursor"] is None:
            break
        query = f"?limit=2&cursor={answer['nextCursor']}"
    rows = await LedgerEntry.filter(user_id=ANA.id).order_by("-id")
    assert seen == [row.id for row in rows]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "cursor=-1", "cursor=x", f"cursor={'9' * 19}"])
async def test_a_page_that_is_none(client: Client, query: str) -> None:
    status, answer = await account(client, ANA, f"?{query}")
    assert (status, answer["errors"][0]["field"]) == (422, query.partition("=")[0])


async def test_a_language_is_kept_and_spoken_everywhere(client: Client) -> None:
    answer = await client.patch("/account", json={"language": "es"}, headers=proof(ANA))
    assert (answer.status, await answer.json()) == (
        200,
        {"id": ANA.id, "firstName": "Ana", "language": "es"},
    )
    assert (await User.get(id=ANA.id)).language == "es"
    session = await (await client.post("/session", headers=proof(ANA))).json()
    assert session["user"]["language"] == "es"


@pytest.mark.parametrize(
    "body", [{}, {"language": "fr"}, {"language": None}, {"language": "en", "balance": 9}]
)
async def test_an_edit_that_is_none(client: Client, body: dict[str, Any]) -> None:
    answer = await client.patch("/account", json=body, headers=proof(ANA))
    assert answer.status == 422
    assert (await User.get(id=ANA.id)).language == "en"


# --- codes, invitations, help ---


async def post(client: Client, path: str, body: Any, **headers: str) -> tuple[int, Any]:
    answer = await client.post(f"/account/{path}", json=body, headers=proof(ANA) | headers)
    return answer.status, await answer.json() if answer.content_length else None


async def test_a_code_gives_its_stars_once(client: Client) -> None:
    await promo.make(BETO.id, "HELLO", 25, 10, None)
    assert await post(client, "code", {"code": " hello "}) == (
        200,
        {"stars": 25, "balance": ANAS_STARS + 25},
    )
    status, problem = await post(client, "code", {"code": "HELLO"})
    assert (status, problem["code"]) == (409, "promo_redeemed")
    _, told = await account(client)
    assert (told["balance"], told["history"][0]["kind"]) == (ANAS_STARS + 25, "bonus")


async def test_codes_that_give_nothing(client: Client) -> None:
    await promo.make(BETO.id, "GONE", 25, 1, None)
    await PromoCode.filter(code="GONE").update(uses=1)
    codes = {"GONE": (409, "promo_used_up"), "NOSUCH": (404, "promo_unknown"), "\0": (404, "promo_unknown")}
    for code, expected in codes.items():
        status, problem = await post(client, "code", {"code": code})
        assert (status, problem["code"]) == expected
    assert (await User.get(id=ANA.id)).balance == ANAS_STARS


async def test_whoever_guesses_codes_is_told_to_wait(client: Client) -> None:
    answers = [await post(client, "code", {"code": f"GUESS{number}"}) for number in range(6)]
    assert [status for status, _ in answers] == [404] * 5 + [429]


async def test_an_invitation_where_it_brings_something(client: Client, serve: Serve) -> None:
    _, answer = await account(client)
    assert answer["invitation"] is None
    generous = await serve(referral_stars=30, referred_stars=10, referral_max=5)
    _, answer = await account(generous)
    assert answer["invitation"] == {
        "link": f"https://t.me/selfi_test_bot?start=ref_{ANA.id}",
        "inviterStars": 30,
        "invitedStars": 10,
        "most": 5,
    }


async def test_a_request_for_help_reaches_operators_once(serve: Serve) -> None:
    client = await serve(admin_ids=frozenset({DANA.id}))
    for _ in range(5):  # its answer got lost, again and again
        assert (await post(client, "support", {"text": "No stars came"}, **{"Idempotency-Key": "k"}))[
            0
        ] == 202
    (request,) = await SupportRequest.all()
    assert (request.user_id, request.text) == (ANA.id, "No stars came")
    (note,) = await Notification.all()
    assert (note.chat_id, note.support_id) == (DANA.id, request.id)


async def test_requests_for_help_that_nobody_could_answer(client: Client, serve: Serve) -> None:
    attended = await serve(admin_ids=frozenset({DANA.id}))
    for text, code in {" .": "support_empty", "a" * 1501: "support_too_long"}.items():
        status, problem = await post(attended, "support", {"text": text})
        assert (status, problem["code"], problem["errors"][0]["field"]) == (422, code, "text")
    status, problem = await post(client, "support", {"text": "Is anybody there?"})
    assert (status, problem["code"]) == (503, "support_nobody")
    assert not await SupportRequest.exists()


async def test_whoever_asks_for_help_again_and_again_is_told_to_wait(serve: Serve) -> None:
    client = await serve(admin_ids=frozenset({DANA.id}))
    answers = [(await post(client, "support", {"text": f"Help me {number}"}))[0] for number in range(4)]
    assert answers == [202, 202, 202, 429]
