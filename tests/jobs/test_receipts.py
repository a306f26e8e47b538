"""Receipts: what people hear of stars that came or went, with every amount from the ledger."""

import pytest
from tortoise.transactions import in_transaction

from models import ledger
from models.grant import grant
from models.notification import tell_of_stars
from models.payment import Bill, Promise, Till
from models.training import cancel
from models.user import Person
from tests.jobs.conftest import World
from tests.people import ANA, ANAS_STARS, BETO, OLGA, started


@pytest.fixture
def till(world: World) -> Till:
    return Till(**world.settings.till)


async def buy(till: Till, person: Person, price: int, stars: int, charge: str = "charge") -> None:
    bill = Bill(person.id, "XTR", price, till.payload(Promise(person.id, price, stars)))
    assert await till.receive(bill, charge)


async def said(world: World, person: Person) -> list[str]:
    """What the person has heard when all is said, without a training's living message."""
    await world.quiet()
    texts = [message["text"] for message in world.said(person)]
    return [text for text in texts if "⏳" not in text]


async def test_a_purchase(world: World, till: Till) -> None:
    await buy(till, ANA, 1000, 1200)
    await buy(till, BETO, 50, 50, "other")
    async with world.work("notify"):
        (receipt,) = await world.heard(1)
        (recibo,) = await world.heard(1, BETO)
    assert receipt["text"] == (
        "⭐ 1,200 stars are yours. Thank you!\n200 of them are a bonus.\nPayment: charge\n"
        f"You have {ANAS_STARS + 1200:,} stars."
    )
    assert recibo["text"] == ("⭐ 50 estrellas son tuyas. ¡Gracias!\nPago: other\nTienes 50 estrellas.")


async def test_a_chargeback_of_spent_stars_and_the_purchase_that_settles_it(world: World, till: Till) -> None:
    await buy(till, BETO, 100, 100, "first")
    await started(BETO, price=80)
    await till.take_back("first")
    await buy(till, BETO, 100, 100, "second")
    async with world.work("notify", "status"):
        texts = await said(world, BETO)
        (told,) = await world.heard(1, OLGA)
    assert (
        "↩️ Se ha devuelto un pago tuyo.\nSus 20 estrellas se han retirado.\n"
        "80 estrellas ya estaban gastadas: se descontarán de las próximas que consigas.\n"
        "Pago: first\nTienes 0 estrellas."
    ) in texts
    assert (
        "⭐ 100 estrellas son tuyas. ¡Gracias!\nPago: second\n"
        "80 se han ido en un pago devuelto cuyas estrellas ya estaban gastadas. Tienes 20 estrellas."
    ) in texts
    assert told["text"] == f"Charge first was refunded: 100 XTR to {BETO.id}."


async def test_a_chargeback_that_finds_nothing_left(world: World, till: Till) -> None:
    await buy(till, BETO, 100, 100)
    training = await started(BETO, price=100)
    await till.take_back("charge")
    await cancel(BETO.id, training.id)
    async with world.work("notify", "status"):
        texts = await said(world, BETO)
    (taken,) = [text for text in texts if "↩️" in text]
    (cancelled,) = [text for text in texts if "✋" in text]
    assert "retirado" not in taken
    assert "100 estrellas ya estaban gastadas" in taken
    assert "Han vuelto 100 estrellas. 100 se han ido en un pago devuelto" in cancelled
    assert "Tienes 0 estrellas." in cancelled


@pytest.mark.parametrize(
    ("cause", "why"),
    [
        ("promo:HELLO", "The code HELLO."),
        ("referral:7", "Somebody whom you invited has bought stars."),
        ("referred:7", "For your first stars, because you were invited."),
    ],
)
async def test_a_bonus_says_why(world: World, cause: str, why: str) -> None:
    async with in_transaction() as tx:
        await tell_of_stars(tx, ANA.id, await ledger.bonus(tx, ANA.id, cause, 1))
    async with world.work("notify"):
        (told,) = await world.heard(1)
    assert told["text"] == f"🎁 1 star is yours.\n{why}\nYou have 501 stars."


async def test_a_grant_says_the_operators_words(world: World) -> None:
    await grant(OLGA.id, 7, ANA.id, 20, "for <b>waiting</b>: sorry")
    async with world.work("notify"):
        (told,) = await world.heard(1)
    assert told["text"] == (
        "🎁 20 stars are yours.\nA gift of the house: for <b>waiting</b>: sorry\nYou have 520 stars."
    )
