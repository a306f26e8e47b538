"""Help with payments: a request reaches operators by the notify job, and their answer the person."""

import pytest
from tortoise.exceptions import IntegrityError

from config import Settings
from jobs.delivery import Delivery
from jobs.messages import MessageJobs
from media.storage import Storage
from models import Notification, Payment, SupportRequest, User
from sandbox.telegram import Json
from tests.bot.chats import Chat, Selfi


def messages(selfi: Selfi) -> MessageJobs:
    return MessageJobs(selfi.settings, Delivery(selfi.bot, 15), Storage.from_url(selfi.settings.storage))


async def work(selfi: Selfi) -> None:
    """What jobs do with the messages that wait."""
    jobs = messages(selfi)
    for note in await Notification.filter(status="queued").exclude(kind="stars").order_by("id"):
        await jobs.notify(str(note.id), 0)


async def ask(chat: Chat, selfi: Selfi, diego: Chat, text: str = "I paid, and <b>no</b> stars came") -> Json:
    """Somebody asks for help; answers what the operator reads."""
    await diego.say("/start")
    await chat.say(f"/paysupport {text}")
    await work(selfi)
    return diego.heard[-1]


async def test_a_request_goes_to_operators_with_the_last_payments_and_the_answer_comes_back(
    ana: Chat, diego: Chat, selfi: Selfi
) -> None:
    await ana.pay(await ana.invoice("50"))
    await ana.pay(await ana.invoice("100"))
    await selfi.settled()
    first, second = [each["id"] for each in selfi.telegram.core.payments.transactions(0, 2)]
    await selfi.bot.refund_star_payment(ana.person.id, first)
    await selfi.settled()

    request = await ask(ana, selfi, diego)

    assert ana.heard[-1]["text"].startswith("A person reads this")
    lines = request["text"].splitlines()
    assert lines[0] == f"🆘 Request 1: Ana ({ana.person.id}) asks for help."
    assert lines[1] == "I paid, and <b>no</b> stars came"
    assert lines[2].endswith(f": 100 Telegram Stars, {second}")
    assert lines[3].endswith(f": 50 Telegram Stars, {first} · refunded")

    said = await diego.say("It was my <fault>: they are there now.", reply_to=request)
    assert said["text"] == "Your answer is on its way to Ana."
    for _ in range(2):
        await work(selfi)

    answers = [message["text"] for message in ana.heard if "💬" in message.get("text", "")]
    assert len(answers) == 1
    assert "It was my <fault>: they are there now." in answers[0]
    row = await SupportRequest.get()
    assert (row.answered_by, row.answer) == (diego.person.id, "It was my <fault>: they are there now.")
    assert row.answered_at


async def test_each_reads_their_own_language(beto: Chat, diego: Chat, selfi: Selfi) -> None:
    request = await ask(beto, selfi, diego, "Pagué dos veces")
    assert "asks for help" in request["text"]
    assert "No payments." in request["text"]
    assert beto.heard[-1]["text"].startswith("Lo lee una persona")
    await Payment.create(user_id=beto.person.id, charge_id="c", amount=5, problem="x")
    selfi.telegram.person("Diego").language = "es"
    await User.filter(id=diego.person.id).update(language="es")
    assert (await diego.say(f"/user {beto.person.id}"))["text"].splitlines()[-3].endswith("c · no abonado")
    await diego.say("Resuelto", reply_to=request)
    await work(selfi)
    assert beto.heard[-1]["text"].startswith("💬 La respuesta a tu petición:\nResuelto")


async def test_the_first_answer_is_the_answer(ana: Chat, diego: Chat, selfi: Selfi) -> None:
    request = await ask(ana, selfi, diego)
    await diego.say("First", reply_to=request)
    assert (await diego.say("Second", reply_to=request))["text"] == "This was answered before: First"
    # Delivered again after a crash, the first is the first still.
    assert (await diego.say("First", reply_to=request))["text"].endswith("on its way to Ana.")
    await work(selfi)
    assert sum("💬" in message["text"] for message in ana.heard) == 1


@pytest.mark.parametrize("text", ["", " ", "…", "?!", "🎁🎁🎁"])
async def test_a_request_without_words_gets_the_form(ana: Chat, text: str) -> None:
    assert "/paysupport I paid, and no stars came" in (await ana.say(f"/paysupport {text}"))["text"]
    assert not await SupportRequest.exists()


async def test_too_long_a_request_or_answer_is_refused_and_the_longest_arrive(
    ana: Chat, diego: Chat, selfi: Selfi
) -> None:
    assert "1,500 characters" in (await ana.say(f"/paysupport {'a' * 1501}"))["text"]
    assert "1,500 characters" in (await ana.say(f"/paysupport {'a🎁' * 501}"))["text"]
    selfi.telegram.person("Ana").first_name = "A" * 64
    ana.name = "A" * 64
    await ana.say("/start")
    for number in range(6):
        await _payment(ana, f"{number}{'c' * 254}")
    request = await ask(ana, selfi, diego, "&" * 1497 + "abc")
    assert request["text"].startswith("🆘")
    assert "3,500 characters" in (await diego.say("a" * 3501, reply_to=request))["text"]
    await diego.say("&" * 3500, reply_to=request)
    await work(selfi)
    assert "&" * 3500 in ana.heard[-1]["text"]


async def _payment(chat: Chat, charge: str) -> None:
    await Payment.create(user_id=chat.person.id, charge_id=charge, amount=100_000, problem="x")


async def test_who_asks_again_and_again_is_told_to_wait(ana: Chat, selfi: Selfi) -> None:
    said = [(await ana.say(f"/paysupport help me {number}"))["text"] for number in range(5)]
    assert said[0].startswith("A person reads this")
    assert said[-1].startswith("That was too often: try again in 10 minutes")
    assert await SupportRequest.all().count() == 3


async def test_one_message_opens_one_request(ana: Chat) -> None:
    await ana.say("/paysupport help me")
    row = await SupportRequest.get()
    with pytest.raises(IntegrityError):
        await SupportRequest.create(user_id=row.user_id, dedupe_key=row.dedupe_key, text="x")
    with pytest.raises(IntegrityError):
        await SupportRequest.all().update(answer="x")


async def test_only_replies_to_requests_are_answers(ana: Chat, diego: Chat, selfi: Selfi) -> None:
    request = await ask(ana, selfi, diego)
    greeting = diego.heard[0]
    assert "Send me photos" in (await diego.say("hello", reply_to=greeting))["text"]
    assert "Send me photos" in (await diego.say("hello"))["text"]
    for command in ("/user", "/help"):
        assert "/user" in (await diego.say(command, reply_to=request))["text"]
    assert (await SupportRequest.get()).answer is None


async def test_an_answer_is_words(ana: Chat, diego: Chat, selfi: Selfi) -> None:
    request = await ask(ana, selfi, diego)
    posted = selfi.telegram.core.hear(
        selfi.telegram.person("Diego"),
        {"sticker": {"file_id": "x", "file_unique_id": "x", "type": "regular", "width": 1, "height": 1,
                     "is_animated": False, "is_video": False}}
        | selfi.telegram.core.state.reply(selfi.telegram.person("Diego"), request["message_id"]),
    )  # fmt: skip
    said = await selfi.telegram.next_message("Diego", after=posted["message_id"])
    assert said["text"] == "An answer is a text: reply to the request in words."


async def test_nobody_else_answers(ana: Chat, beto: Chat, diego: Chat, selfi: Selfi) -> None:
    request = await ask(ana, selfi, diego)
    await beto.say("/start")
    posted = selfi.telegram.core.state.chats[beto.person.id].posted
    posted[request["message_id"]] = selfi.telegram.core.state.chats[diego.person.id].posted[
        request["message_id"]
    ]
    assert "fotos" in (await beto.say("No hay dinero", reply_to=request))["text"]
    assert (await SupportRequest.get()).answer is None


async def test_who_has_blocked_the_bot_meanwhile_gets_no_answer(ana: Chat, diego: Chat, selfi: Selfi) -> None:
    request = await ask(ana, selfi, diego)
    await selfi.telegram.block("Ana")
    await selfi.settled()
    await diego.say("Done", reply_to=request)
    for _ in range(2):
        await work(selfi)
    assert (await Notification.get(kind="support_answer")).status == "dropped"
    told = f"The answer to request 1, for {ana.person.id}, may never be read (blocked)."
    assert [message["text"] for message in diego.heard].count(told) == 1


async def test_an_answer_whose_sending_was_in_doubt_is_told_of(ana: Chat, diego: Chat, selfi: Selfi) -> None:
    await diego.say("Done", reply_to=await ask(ana, selfi, diego))
    await Notification.filter(kind="support_answer").update(status="sending")
    await messages(selfi).notify(str((await Notification.get(kind="support_answer")).id), 0)
    await work(selfi)
    assert diego.heard[-1]["text"].endswith("may never be read (in doubt).")


async def test_a_request_whose_sending_was_in_doubt_is_answered_by_its_number(
    ana: Chat, diego: Chat, selfi: Selfi
) -> None:
    assert "write /answer 1 …, and they get your words" in (await ask(ana, selfi, diego))["text"]
    await Notification.filter(kind="support_request").update(message_id=None)

    assert "It is: /answer REQUEST WORDS" in (await diego.say("/answer 1"))["text"]
    assert "“one” is no whole number" in (await diego.say("/answer one Here"))["text"]
    assert (await diego.say("/answer 2 Here"))["text"] == "There is no request of this number."
    said = await diego.say("/answer 1 Here\nyou <are>")
    assert said["text"] == "Your answer is on its way to Ana."
    await work(selfi)

    assert "Here\nyou <are>" in ana.heard[-1]["text"]
    assert "don't know this command" in (await ana.say("/answer 1 Here"))["text"]


async def test_the_terms_are_told_in_each_language(ana: Chat, beto: Chat) -> None:
    assert "/paysupport" in (await ana.say("/terms"))["text"]
    assert (await beto.say("/terms"))["text"].startswith("Condiciones")


async def test_a_link_leads_to_the_terms(ana: Chat) -> None:
    assert (await ana.say("/start terms"))["text"].startswith("Terms")


class TestWithoutOperators:
    @pytest.fixture
    def bot_settings(self, bot_settings: Settings) -> Settings:
        return bot_settings.model_copy(update={"admin_ids": frozenset()})

    async def test_nobody_is_promised_an_answer(self, ana: Chat) -> None:
        assert "ADMIN_IDS" in (await ana.say("/paysupport I paid twice"))["text"]
        assert not await SupportRequest.exists()
