"""What operators ask for: giving stars, and looking at a person and at the last days."""

from datetime import UTC, datetime, timedelta

import pytest
from tortoise.backends.base.client import BaseDBAsyncClient

from models import LedgerEntry, Notification, TrainStatus, User
from models.training import move
from tests.bot.chats import Chat, Selfi
from tests.bot.test_delivery import deliver


async def test_a_grant_is_in_the_ledger_with_its_cause_and_the_person_is_told(diego: Chat, ana: Chat) -> None:
    await ana.say("/start")

    said = await diego.say("/grant @ana_sandbox 25 sorry for <the> wait")

    assert said["text"] == "25 stars are Ana's, and they are told, with your reason."
    row = await LedgerEntry.get(kind="grant")
    assert (row.user_id, row.amount, row.balance_after) == (ana.person.id, 25, 65)
    assert row.cause
    assert row.cause.startswith(f"operator:{diego.person.id}/")
    assert row.cause.endswith(" sorry for <the> wait")
    assert await Notification.exists(chat_id=ana.person.id, ledger_id=row.id)


async def test_what_is_granted_is_told_as_the_ledger_has_it(diego: Chat, ana: Chat, selfi: Selfi) -> None:
    await ana.say("/start")
    said = await diego.say("/grant @ana_sandbox 25 sorry")
    await LedgerEntry.filter(kind="grant").update(amount=24)
    sender = {"id": diego.person.id, "is_bot": False, "first_name": "Diego", "language_code": "en"}
    again = {
        "message_id": said["message_id"] - 1,
        "date": 1,
        "chat": {"id": diego.person.id, "type": "private", "first_name": "Diego"},
        "from": sender,
        "text": "/grant @ana_sandbox 25 sorry",
    }
    _, answer = await deliver(selfi, {"update_id": 1_000, "message": again})
    assert answer["text"].startswith("24 stars are Ana's")


@pytest.mark.parametrize(
    "said", ["/refund a\0b\ud800", "/user a\0", "/promo a\0 off", "/promo a\0b 5 5", "/grant 1 5 a\0\ud800"]
)
async def test_what_postgres_does_not_take_is_answered(diego: Chat, selfi: Selfi, said: str) -> None:
    sender = {"id": diego.person.id, "is_bot": False, "first_name": "Diego", "language_code": "en"}
    chat = {"id": diego.person.id, "type": "private", "first_name": "Diego"}
    message = {"message_id": 7, "date": 1, "chat": chat, "from": sender, "text": said}
    status, answer = await deliver(selfi, {"update_id": 1_000, "message": message})
    assert status == 200
    assert answer["text"]


FORM = "/grant USER STARS REASON"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("/grant", f"Something is missing. It is: {FORM}"),
        ("/grant @ana_sandbox 5", f"Something is missing. It is: {FORM}"),
        ("/grant @ana_sandbox five stars", f"“five” is no whole number. It is: {FORM}"),
        ("/grant @ana_sandbox -5 oops", f"“-5” is no whole number. It is: {FORM}"),
        ("/grant @ana_sandbox 1.5 oops", f"“1.5” is no whole number. It is: {FORM}"),
        ("/grant @ana_sandbox 0 oops", "Between 1 and 100,000 stars can be granted at once."),
        ("/grant @ana_sandbox 999999999 oops", "Between 1 and 100,000 stars can be granted at once."),
        (f"/grant @ana_sandbox 5 {'x' * 161}", "The reason may have 160 characters."),
        ("/grant @nobody 5 oops", "I know nobody of this id or name."),
        ("/user", "Something is missing. It is: /user USER"),
        ("/user @nobody", "I know nobody of this id or name."),
        ("/user two words", "I know nobody of this id or name."),
    ],
)
async def test_what_is_wrong_is_said_with_the_right_form(
    diego: Chat, ana: Chat, said: str, answer: str
) -> None:
    await ana.say("/start")
    assert (await diego.say(said))["text"] == answer
    assert not await LedgerEntry.exists(kind="grant")


async def test_a_name_that_two_have_had_is_not_guessed(diego: Chat, ana: Chat, beto: Chat) -> None:
    for chat in (ana, beto):
        await chat.say("/start")
    await User.filter(id=beto.person.id).update(username="Ana_Sandbox")
    text = (await diego.say("/grant @ana_sandbox 5 hello"))["text"]
    assert str(ana.person.id) in text
    assert str(beto.person.id) in text
    assert not await LedgerEntry.exists(kind="grant")


async def test_a_person_is_shown_with_the_newest_of_everything(diego: Chat, ana: Chat, selfi: Selfi) -> None:
    await ana.pay(await ana.invoice("50"))
    await selfi.settled()
    training = await ana.train(name="Ana & <co>", price=60)
    await move(training.id, TrainStatus.FAILED, error_code="x", error="x")
    await User.filter(id=ana.person.id).update(debt=3)

    for reference in (str(ana.person.id), "@ana_sandbox", "ANA_SANDBOX"):
        text = (await diego.say(f"/user {reference}"))["text"]

    charge = selfi.telegram.core.payments.transactions(0, 100)[0]["id"]
    for part in (
        f"Ana · {ana.person.id} · @ana_sandbox",
        "⭐ 90 stars, 3 owed",
        "+60 → 90",
        "Ana & <co> ended without a model: its price came back.",
        "−60 → 30",
        "A pack of stars.",
        f"50 Telegram Stars, {charge}",
        "❌ The training of Ana & <co> did not work out",
    ):
        assert part in text
    assert len(text) <= 4096


async def test_somebody_with_nothing_is_shown_too(diego: Chat, ana: Chat) -> None:
    await ana.say("/start")
    await User.filter(id=ana.person.id).update(username=None, blocked_at=datetime.now(UTC))
    text = (await diego.say(f"/user {ana.person.id}"))["text"]
    for part in (f"Ana · {ana.person.id}\n", "blocked the bot", "No payments.", "No trainings."):
        assert part in text


async def test_the_longest_dossier_fits_into_one_message(
    diego: Chat, ana: Chat, db: BaseDBAsyncClient
) -> None:
    for number in range(6):
        training = await ana.train(name=f"{number}{'&' * 63}", trigger_word="W" * 32, price=1)
        await move(training.id, TrainStatus.COMPLETED, files=("https://files.example.org/w", None))
        await diego.say(f"/grant {ana.person.id} 5 {'&' * 160}")
        await db.execute_query(
            "INSERT INTO payments (user_id, charge_id, amount, problem, created_at)"
            " VALUES ($1, $2, 100000, 'x', now())",
            [ana.person.id, f"{number}{'c' * 254}"],
        )
    text = (await diego.say(f"/user {ana.person.id}"))["text"]
    assert text.startswith("Ana")


async def test_the_last_days_are_told_by_kind(diego: Chat, ana: Chat, selfi: Selfi) -> None:
    await diego.say("/start")
    await LedgerEntry.all().update(created_at=datetime.now(UTC) - timedelta(days=7))
    assert (await diego.say("/stats"))["text"] == "Nothing has moved in the last 7 days."
    await ana.pay(await ana.invoice("50"))
    await selfi.settled()
    await LedgerEntry.filter(kind="purchase").update(created_at=datetime.now(UTC) - timedelta(days=6))
    training = await ana.train(price=60)
    await ana.train(price=10)
    await move(training.id, TrainStatus.FAILED, error_code="x", error="x")
    await diego.say(f"/grant {ana.person.id} 1500 hello")

    today, six_days_ago = (await diego.say("/stats"))["text"].split("\n\n")

    assert today.splitlines()[1:] == [
        "Telegram Stars taken: +50 (1)",
        "Trainings: −70 (2)",
        "Prices back: +60 (1)",
        "Grants: +1,500 (1)",
        "Welcomes: +40 (1)",
    ]
    assert six_days_ago.splitlines()[1:] == ["Credited: +50 (1)"]


async def test_the_last_days_tell_what_telegram_took_and_gave_back(
    diego: Chat, ana: Chat, selfi: Selfi, db: BaseDBAsyncClient
) -> None:
    await diego.say("/start")
    await ana.pay(await ana.invoice("50"))
    await ana.pay(await ana.invoice("100"))
    await selfi.settled()
    await ana.train(price=190)
    await selfi.bot.refund_star_payment(
        ana.person.id, selfi.telegram.core.payments.transactions(0, 1)[0]["id"]
    )
    await selfi.settled()
    await db.execute_query(
        "INSERT INTO payments (user_id, charge_id, amount, problem, created_at)"
        " VALUES ($1, 'x', 7, 'wrong_amount', now())",
        [ana.person.id],
    )
    assert (await diego.say("/stats"))["text"].splitlines()[1:] == [
        "Telegram Stars taken: +157 (3)",
        "Telegram Stars given back: −50 (1)",
        "Credited: +150 (2)",
        "Trainings: −190 (1)",
        "Taken back: 0 (1)",
        "Welcomes: +80 (2)",
    ]


@pytest.mark.parametrize(
    "command", ["/grant @diego_sandbox 5 me", "/user 1", "/stats", "/promo AAA 5 5", "/answer 1 x"]
)
async def test_to_everybody_else_these_commands_are_unknown(ana: Chat, command: str) -> None:
    assert "don't know this command" in (await ana.say(command))["text"]
    assert await LedgerEntry.filter(kind="grant").count() == 0
