"""/balance and /history: how many stars there are, and where they came from and went."""

import pytest
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.transactions import in_transaction

from bot.receipts import _REASONS, reason
from models import LedgerEntry, LedgerKind, LoraModel, TrainStatus, User, ledger
from models.training import move
from tests.bot.chats import Chat, Selfi, labels


async def test_an_empty_history_leads_to_the_packs(ana: Chat, selfi: Selfi) -> None:
    await ana.say("/start")
    await LedgerEntry.all().delete()
    assert "/stars" in (await ana.say("/history"))["text"]


async def test_every_kind_has_its_reason(ana: Chat, beto: Chat, selfi: Selfi) -> None:
    await beto.pay(await beto.invoice("50"))
    await selfi.settled()
    training = await beto.train(name="<Ana>", price=90)
    await selfi.bot.refund_star_payment(
        beto.person.id, selfi.telegram.core.payments.transactions(0, 1)[0]["id"]
    )
    await selfi.settled()
    await move(training.id, TrainStatus.FAILED, error_code="x", error="x")
    async with in_transaction() as tx:
        await ledger.grant(tx, beto.person.id, "operator:9/7 por <b>esperar</b>", 5)
        await ledger.bonus(tx, beto.person.id, "promo:HOLA", 1200)

    said = await beto.say("/history")

    parts = [part.split("\n") for part in said["text"].split("\n\n")]
    assert parts[0] == ["⭐ Tienes 1.245 estrellas."]
    assert [(moved.split(" · ")[0], why) for moved, why in parts[1:]] == [
        ("+1.200 → 1.245", "El código HOLA."),
        ("+5 → 45", "Un regalo de la casa: por <b>esperar</b>"),
        ("−50 → 40", "Estrellas de un pago devuelto que ya estaban gastadas."),
        ("+90 → 90", "<Ana> terminó sin modelo: su precio volvió."),
        ("0 → 0", "Se devolvió un pago: sus estrellas se retiraron."),
        ("−90 → 0", "El entrenamiento de <Ana>."),
        ("+50 → 90", "Un paquete de estrellas."),
        ("+40 → 40", "Un regalo de bienvenida."),
    ]
    assert labels(said) == []


def test_no_kind_is_without_words() -> None:
    assert set(_REASONS) == set(LedgerKind)
    entry = LedgerEntry(kind=LedgerKind.DEBT, cause="promo:HELLO", amount=-5, balance_after=0)
    assert reason(entry) == "Stars of a refunded payment that had been spent."


async def test_its_balance_is_that_of_the_rows_shown(ana: Chat) -> None:
    await ana.say("/start")
    await User.filter(id=ana.person.id).update(balance=7)
    assert (await ana.say("/history"))["text"].startswith("⭐ You have 40 stars.")


async def test_it_is_paged_there_and_back(ana: Chat, selfi: Selfi) -> None:
    await ana.say("/start")
    async with in_transaction() as tx:
        for number in range(19):
            await ledger.grant(tx, ana.person.id, f"operator:9/{number} gift {number}", 1)
    seen: list[str] = []
    page = await ana.say("/history")
    assert labels(page) == ["Older"]
    for last in (False, False, True):
        page = ana.heard[-1]
        seen.extend(part.split("\n")[1] for part in page["text"].split("\n\n")[1:])
        assert ("Older" in labels(page)) != last
        if not last:
            await ana.tap(page, "Older")
    assert seen == [f"A gift of the house: gift {n}" for n in reversed(range(19))] + ["A welcome gift."]
    assert labels(page) == ["Newest"]

    await ana.tap(page, "Newest")

    assert "gift 18" in ana.heard[-1]["text"]
    assert len(ana.heard) == 2


async def test_nobody_turns_to_somebody_elses_page(ana: Chat, beto: Chat, selfi: Selfi) -> None:
    await beto.say("/start")
    await ana.say("/start")
    async with in_transaction() as tx:
        for number in range(9):
            await ledger.grant(tx, ana.person.id, f"operator:9/{number} gift", 1)
            await ledger.grant(tx, beto.person.id, f"operator:9/{number} secret", 1)
    page = await ana.say("/history")
    posted = selfi.telegram.core.state.find(selfi.telegram.person("Ana"), page["message_id"])
    assert posted
    newest = 1 + max([row.id for row in await LedgerEntry.all()])
    posted.message["reply_markup"]["inline_keyboard"][0][0]["callback_data"] = f"history:{newest}"
    await ana.tap(posted.message, "Older")
    assert "gift" in ana.heard[-1]["text"]
    assert "secret" not in ana.heard[-1]["text"]


@pytest.mark.parametrize("data", ["history:x", "history:", "history:" + "9" * 40, "history:-1"])
async def test_a_made_up_page_is_answered(ana: Chat, selfi: Selfi, data: str) -> None:
    await ana.say("/start")
    async with in_transaction() as tx:
        for number in range(9):
            await ledger.grant(tx, ana.person.id, f"operator:9/{number} gift", 1)
    page = await ana.say("/history")
    posted = selfi.telegram.core.state.find(selfi.telegram.person("Ana"), page["message_id"])
    assert posted
    posted.message["reply_markup"]["inline_keyboard"][0][0]["callback_data"] = data
    await ana.tap(posted.message, "Older")


async def test_a_training_whose_model_is_deleted_keeps_its_row(ana: Chat, db: BaseDBAsyncClient) -> None:
    await ana.say("/start")
    await ana.train(price=10)
    await LoraModel.all().update(name="")
    assert "The training of a deleted model." in (await ana.say("/history"))["text"]


async def test_the_balance_says_the_debt_too(ana: Chat) -> None:
    await ana.say("/start")
    assert "owe" not in (await ana.say("/balance"))["text"]
    await User.filter(id=ana.person.id).update(debt=7)
    for command in ("/balance", "/stars"):
        assert "You owe 7 stars of a refunded payment" in (await ana.say(command))["text"]
