"""Buying stars in chat: packs, invoices, Telegram's question before a payment, and the payment itself."""

import asyncio
import io
import json
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tortoise.backends.base.client import BaseDBAsyncClient

from bot.app import create_bot, create_dispatcher
from bot.middlewares import MAX_ATTEMPTS
from bot.webhook import PATH, webhook
from config import Settings
from models import LedgerEntry, Notification, Payment, SeenUpdate, User
from models.payment import Promise, Till
from models.photo import Drafts
from models.styles import Styles
from models.switch import SwitchName, is_on, turn
from sandbox.telegram import Json
from tests.bot.chats import Chat, Selfi, button, hang_up, labels
from tests.bot.conftest import OPERATOR
from tests.bot.test_delivery import deliver
from tests.people import started

WELCOME = 40
PACKS = {50: 50, 500: 550}


@pytest.fixture
def bot_settings(bot_settings: Settings) -> Settings:
    return bot_settings.model_copy(update={"star_packs": PACKS})


async def stars(chat: Chat) -> int:
    """The balance, which is the sum of the ledger's rows."""
    user = await User.get(id=chat.person.id)
    assert user.balance == sum(row.amount for row in await LedgerEntry.filter(user_id=user.id))
    return user.balance


def till(selfi: Selfi) -> Till:
    found = selfi.dispatcher["till"]
    assert isinstance(found, Till)
    return found


def sell(selfi: Selfi, packs: dict[int, int]) -> None:
    """From now on, other packs are on sale."""
    selfi.dispatcher["till"] = replace(till(selfi), packs=packs)


async def test_a_pack_is_chosen_paid_and_credited(ana: Chat, selfi: Selfi) -> None:
    offer = await ana.say("/stars")
    assert "You have 40 stars." in offer["text"]
    assert labels(offer) == ["⭐ 50 stars", "⭐ 500 + 50 as a bonus"]

    await ana.tap(offer, "500")
    invoice = ana.heard[-1]
    assert invoice["invoice"]["title"] == "550 stars"
    assert await ana.pay(invoice) == "paid"
    await selfi.settled()

    assert await stars(ana) == WELCOME + 550
    payment = await Payment.get()
    assert (payment.user_id, payment.amount, payment.stars) == (ana.person.id, 500, 550)
    assert await Notification.exists(ledger=await LedgerEntry.get(kind="purchase"))


async def test_it_is_sold_in_each_language(beto: Chat) -> None:
    invoice = await beto.invoice("500 + 50 de regalo")
    assert invoice["invoice"]["title"] == "550 estrellas"
    assert invoice["invoice"]["description"].startswith("Para tus entrenamientos")


async def test_a_copy_of_an_invoice_that_was_passed_on_leads_to_the_packs(beto: Chat, selfi: Selfi) -> None:
    await beto.invoice("50")
    (call,) = [call for call in selfi.telegram.calls if call.method == "sendInvoice"]
    assert call.parameters["start_parameter"] == "stars"
    assert labels(await beto.say("/start stars"))[0] == "⭐ 50 estrellas"


async def test_a_pack_that_is_gone_is_refused_before_and_at_the_payment(beto: Chat, selfi: Selfi) -> None:
    offer = await beto.say("/stars")
    invoice = await beto.invoice("50")
    sell(selfi, {50: 60})

    assert "ya no se vende" in await beto.pay(invoice)
    sell(selfi, {})
    assert "ya no se vende" in (await beto.tap(offer, "50"))["text"]
    assert await stars(beto) == WELCOME
    assert not await Payment.exists()


async def test_while_purchases_are_paused_nothing_is_offered_or_taken(ana: Chat) -> None:
    offer = await ana.say("/stars")
    invoice = await ana.invoice("50")
    await turn(SwitchName.PURCHASES_PAUSED, on=True)

    assert "can't be bought just now" in (await ana.say("/stars"))["text"]
    assert "can't be bought just now" in (await ana.tap(offer, "50"))["text"]
    assert "can't be bought just now" in await ana.pay(invoice)
    assert await stars(ana) == WELCOME


async def test_an_invoice_is_for_one_person(ana: Chat, beto: Chat, selfi: Selfi) -> None:
    await beto.say("/start")
    link = await selfi.bot.create_invoice_link(
        title="x",
        description="x",
        currency="XTR",
        payload=till(selfi).payload(Promise(ana.person.id, 50, 50)),
        prices=[{"label": "x", "amount": 50}],  # type: ignore[list-item]
    )
    outcome = await selfi.telegram.pay("Beto", slug=link)
    assert "de otra persona" in outcome["reason"]
    assert await stars(beto) == WELCOME


def question(selfi: Selfi, chat: Chat, **changes: Any) -> Json:
    """What Telegram asks before a payment."""
    person = chat.person
    sender = {"id": person.id, "is_bot": False, "first_name": person.first_name, "language_code": "en"}
    bill = {
        "currency": "XTR",
        "total_amount": 50,
        "invoice_payload": till(selfi).payload(Promise(person.id, 50, 50)),
    }
    return {"update_id": 77, "pre_checkout_query": {"id": "q", "from": sender, **bill, **changes}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"currency": "USD"}, "Only Telegram Stars"),
        ({"total_amount": 49}, "not valid any more"),
        ({"total_amount": 0}, "not valid any more"),
        ({"invoice_payload": "1:1:50:50:0"}, "not valid any more"),
        ({"invoice_payload": "señal"}, "not valid any more"),
    ],
)
async def test_what_was_edited_is_refused_with_words(
    ana: Chat, selfi: Selfi, changes: Json, words: str
) -> None:
    status, answer = await deliver(selfi, question(selfi, ana, **changes))
    assert (status, answer["method"]) == (200, "answerPreCheckoutQuery")
    assert answer["ok"] == "false"
    assert words in answer["error_message"]


async def test_telegrams_question_is_answered_each_time_in_its_own_answer(ana: Chat, selfi: Selfi) -> None:
    for _ in range(2):
        status, answer = await deliver(selfi, question(selfi, ana))
        assert (status, answer) == (
            200,
            {"method": "answerPreCheckoutQuery", "pre_checkout_query_id": "q", "ok": "true"},
        )
    assert not await SeenUpdate.exists()


async def test_telegrams_question_does_not_wait_for_what_the_person_did_before(
    ana: Chat, selfi: Selfi
) -> None:
    await ana.say("/start")
    never = asyncio.Event()
    selfi.dispatcher.message.outer_middleware(lambda handler, event, data: never.wait())
    await selfi.telegram.send_text("Ana", "something slow")
    assert (await deliver(selfi, question(selfi, ana)))[1]["ok"] == "true"
    never.set()
    await selfi.settled()


def payment(selfi: Selfi, chat: Chat, charge: str, **changes: Any) -> Json:
    """The message of a payment."""
    asked = question(selfi, chat)["pre_checkout_query"]
    bill = {name: asked[name] for name in ("currency", "total_amount", "invoice_payload")}
    paid = bill | {"telegram_payment_charge_id": charge, "provider_payment_charge_id": ""} | changes
    return {
        "message_id": 5,
        "date": 1,
        "chat": {"id": chat.person.id, "type": "private", "first_name": "x"},
        "from": asked["from"],
        "successful_payment": paid,
    }


@pytest.mark.parametrize(
    "changes",
    [{"currency": "USD"}, {"total_amount": 5}, {"invoice_payload": "1:7100000001:50:5000:" + "0" * 32}],
)
async def test_a_payment_that_fits_no_invoice_is_recorded_told_and_not_credited(
    ana: Chat, selfi: Selfi, changes: Json
) -> None:
    for update_id in (1, 2):
        message = payment(selfi, ana, "charge", **changes)
        assert (await deliver(selfi, {"update_id": update_id, "message": message}))[0] == 200
    assert await stars(ana) == WELCOME
    assert (await Payment.get()).problem
    told = await Notification.get(chat_id=OPERATOR)
    assert "/refund charge" in (told.text or "")


async def test_a_replayed_payload_is_a_payment_for_each_charge(ana: Chat, selfi: Selfi) -> None:
    for update_id, charge in enumerate(["a", "b", "a", "b"]):
        message = payment(selfi, ana, charge)
        await deliver(selfi, {"update_id": update_id, "message": message})
    assert await stars(ana) == WELCOME + 100


async def test_a_payment_made_in_a_group_counts(ana: Chat, selfi: Selfi) -> None:
    message = payment(selfi, ana, "charge") | {"chat": {"id": -100, "type": "supergroup", "title": "x"}}
    await deliver(selfi, {"update_id": 1, "message": message})
    assert await stars(ana) == WELCOME + 50


async def test_a_refund_by_telegram_takes_the_stars_back_once(ana: Chat, selfi: Selfi) -> None:
    await ana.pay(await ana.invoice("500"))
    await selfi.settled()
    charge = (await Payment.get()).charge_id
    await selfi.bot.refund_star_payment(ana.person.id, charge)
    await selfi.settled()
    assert await stars(ana) == WELCOME
    repeated = payment(selfi, ana, charge)
    repeated["refunded_payment"] = repeated.pop("successful_payment")
    await deliver(selfi, {"update_id": 9_999, "message": repeated})
    assert await stars(ana) == WELCOME
    assert await Notification.filter(chat_id=OPERATOR).count() == 1


async def test_a_payment_delivered_three_times_at_once_to_two_replicas_is_credited_once(
    ana: Chat, selfi: Selfi, drafts: Drafts, db: BaseDBAsyncClient
) -> None:
    other_bot = create_bot(selfi.settings)
    other = create_dispatcher(
        selfi.settings, drafts, selfi.settings.temporary_dir, Styles(selfi.settings.styles)
    )
    app = web.Application()
    app.router.add_post(PATH, webhook(other_bot, other, selfi.settings))
    async with TestServer(app) as server:
        replica = Selfi(selfi.telegram, other_bot, other, selfi.settings, str(server.make_url(PATH)))
        await ana.say("/start")
        for round_ in range(10):
            message = payment(selfi, ana, f"charge {round_}")
            # With ids of their own, so that it is the charge that makes them one.
            updates = [{"update_id": 1000 + 3 * round_ + n, "message": message} for n in range(3)]
            answers = await asyncio.gather(
                *(
                    deliver(where, json.loads(json.dumps(update)))
                    for where, update in zip((selfi, replica, replica), updates, strict=True)
                )
            )
            assert [status for status, _ in answers] == [200, 200, 200]
    await hang_up(other_bot)
    assert await stars(ana) == WELCOME + 10 * 50
    assert await Payment.all().count() == 10


async def test_asking_for_invoices_without_end_is_refused(ana: Chat, selfi: Selfi) -> None:
    offer = await ana.say("/stars")
    answers = [await ana.tap(offer, "50") for _ in range(12)]
    assert "try again in" in answers[-1]["text"]
    assert 10 <= sum("invoice" in message for message in ana.heard) <= 11
    assert button(offer, "50")


async def test_refused_payments_without_end_are_refused_for_that_and_good_ones_are_not(
    ana: Chat, selfi: Selfi, log: io.StringIO
) -> None:
    forged = question(selfi, ana, invoice_payload="forged")
    said = [(await deliver(selfi, forged))[1]["error_message"] for _ in range(12)]
    assert "not valid any more" in said[9]
    assert "try again in" in said[11]
    assert (await deliver(selfi, question(selfi, ana)))[1]["ok"] == "true"
    refusals = [json.loads(line) for line in log.getvalue().splitlines() if '"refused"' in line]
    assert {(line["code"], line["user_id"]) for line in refusals} == {
        ("invoice_unknown", ana.person.id),
        ("too_often", ana.person.id),
    }


async def test_packs_that_are_gone_are_not_asked_for_without_end(ana: Chat, selfi: Selfi) -> None:
    offer = await ana.say("/stars")
    sell(selfi, {})
    answers = [await ana.tap(offer, "50") for _ in range(12)]
    assert "not sold any more" in answers[9]["text"]
    assert "try again in" in answers[11]["text"]


async def test_a_payment_that_cannot_be_handled_is_told_once_and_never_given_up(
    ana: Chat, selfi: Selfi
) -> None:
    await ana.say("/start")
    await User.filter(id=ana.person.id).update(balance=2**31 - 1)
    update = {"update_id": 1, "message": payment(selfi, ana, "too much")}
    for attempt in range(1, 8):
        assert (await deliver(selfi, update))[0] == 500
        assert await Notification.filter(chat_id=OPERATOR).count() == (attempt >= MAX_ATTEMPTS)
    told = await Notification.get(chat_id=OPERATOR)
    assert "charge too much fails again and again" in (told.text or "")
    await User.filter(id=ana.person.id).update(balance=WELCOME)
    assert (await deliver(selfi, update))[0] == 200
    assert await stars(ana) == WELCOME + 50


@pytest.mark.parametrize("where", ["a group", "nowhere"])
async def test_a_button_elsewhere_is_answered(ana: Chat, selfi: Selfi, where: str) -> None:
    tapped = {"id": "1", "from": question(selfi, ana)["pre_checkout_query"]["from"], "chat_instance": "1"}
    chat = {"id": -100, "type": "supergroup", "title": "x"}
    place = {"message": {"message_id": 5, "date": 1, "chat": chat, "text": "x"}}
    if where == "nowhere":
        place = {"inline_message_id": "x"}  # type: ignore[dict-item]
    for number, data in enumerate(("buy:50", "history:0", "x")):
        query = tapped | place | {"data": data}
        status, answer = await deliver(selfi, {"update_id": number, "callback_query": query})
        assert (status, answer["text"]) == (200, "This button does nothing any more.")


# --- operators ---


async def test_an_operator_refunds_a_charge_once(
    diego: Chat, ana: Chat, selfi: Selfi, db: BaseDBAsyncClient
) -> None:
    await ana.pay(await ana.invoice("50"))
    await selfi.settled()
    charge = (await Payment.get()).charge_id

    assert "/refund CHARGE" in (await diego.say("/refund"))["text"]
    assert "no such payment" in (await diego.say("/refund nothing"))["text"]
    assert "50 Telegram Stars are on their way back to Ana" in (await diego.say(f"/refund {charge}"))["text"]

    jobs = await db.execute_query_dict("SELECT payload FROM pgqueuer WHERE entrypoint = 'refund'")
    assert [bytes(job["payload"]).decode() for job in jobs] == [str((await Payment.get()).id)]
    await till(selfi).take_back(charge)
    assert "refunded before" in (await diego.say(f"/refund {charge}"))["text"]


async def test_a_refund_of_spent_stars_can_be_forbidden(diego: Chat, ana: Chat, selfi: Selfi) -> None:
    await ana.pay(await ana.invoice("500"))
    await selfi.settled()
    training = await started(ana.person, price=WELCOME + 100)
    assert training.is_active
    selfi.dispatcher["till"] = replace(till(selfi), refund_spent=False)

    text = (await diego.say(f"/refund {(await Payment.get()).charge_id}"))["text"]

    assert text == "100 of its stars are spent, and REFUND_SPENT_STARS doesn't allow a debt."


async def test_operators_pause_and_resume_purchases(diego: Chat, ana: Chat) -> None:
    invoice = await ana.invoice("50")
    assert "are paused." in (await diego.say("/pause"))["text"]
    assert "paused already" in (await diego.say("/pause"))["text"]
    assert "can't be bought just now" in await ana.pay(invoice)
    assert "can buy again" in (await diego.say("/resume"))["text"]
    assert "weren't paused" in (await diego.say("/resume"))["text"]
    assert await ana.pay(invoice) == "paid"


@pytest.mark.parametrize("command", ["/refund charge", "/pause", "/resume"])
async def test_to_everybody_else_these_commands_are_unknown(ana: Chat, command: str) -> None:
    assert "don't know this command" in (await ana.say(command))["text"]
    assert not await is_on(SwitchName.PURCHASES_PAUSED)
