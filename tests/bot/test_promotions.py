"""Codes and invitations in chat, for people and for the operators who make them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.app import create_bot, create_dispatcher
from bot.webhook import PATH, webhook
from config import Settings
from models import LedgerEntry, Notification, PromoCode, SeenUpdate, SendSlot, User, promo
from models.photo import Drafts
from models.styles import Styles
from sandbox.telegram import Json
from tests.bot.chats import Chat, Selfi, button, hang_up
from tests.bot.test_delivery import deliver

WELCOME = 40
OLGA = 9


@pytest.fixture
def bot_settings(bot_settings: Settings) -> Settings:
    changes = {"referral_stars": 30, "referred_stars": 10, "referral_max": 5}
    return bot_settings.model_copy(update=changes)


@pytest.fixture
def carla(selfi: Selfi) -> Chat:
    """Speaks English."""
    return Chat(selfi.telegram, "Carla")


async def stars(chat: Chat) -> int:
    user = await User.get(id=chat.person.id)
    assert user.balance == sum(row.amount for row in await LedgerEntry.filter(user_id=user.id))
    return user.balance


# --- codes ---


async def test_a_code_is_typed_and_good_once(ana: Chat, beto: Chat) -> None:
    await promo.make(OLGA, "HELLO", 25, 10, None)
    assert (await ana.say("/code hello"))["text"] == "✅ The code is good: 25 stars."
    assert (await beto.say("/code HELLO"))["text"] == "✅ El código vale: 25 estrellas."
    assert (await ana.say("/code Hello"))["text"] == "You have had the stars of this code."
    assert await stars(ana) == WELCOME + 25
    assert await Notification.filter(chat_id=ana.person.id, kind="stars").count() == 1


async def test_a_code_delivered_again_is_good_still(ana: Chat, selfi: Selfi) -> None:
    await ana.say("/start")
    for update_id, text in ((7, "/code first"), (8, "/start promo_OTHER")):
        await promo.make(OLGA, text[-5:], 25, 10, None)
        for _ in range(2):
            _, answer = await deliver(selfi, typed(ana, update_id, text))
            assert answer["text"] == "✅ The code is good: 25 stars."
            await SeenUpdate.all().update(done=False)  # a process died before it knew
    assert (await ana.say("/code First"))["text"] == "You have had the stars of this code."
    assert await stars(ana) == WELCOME + 50


async def test_a_bare_or_wrong_code_gets_words_and_many_get_a_pause(ana: Chat) -> None:
    assert "/code HELLO" in (await ana.say("/code"))["text"]
    for _ in range(5):
        assert (await ana.say("/code <b>garbage</b> 🎁"))["text"] == "I know of no such code."
    said = [(await ana.say("/code again"))["text"] for _ in range(3)]
    assert "That was too often: try again in" in said[-1]
    assert await stars(ana) == WELCOME


async def test_a_link_with_a_code_greets_who_is_new_and_gives_its_stars(ana: Chat, selfi: Selfi) -> None:
    await promo.make(OLGA, "WEB_24-a", 25, 10, None)
    await ana.say("/start promo_web_24-A")
    await selfi.settled()
    greeting, good = ana.heard
    assert greeting["text"].startswith("👋 Hi, Ana!")
    assert "🎁 40 stars" in greeting["text"]
    assert good["text"] == "✅ The code is good: 25 stars."
    assert (await ana.say("/start promo_web_24-A"))["text"] == "You have had the stars of this code."
    assert (await ana.say("/start promo_"))["text"] == "I know of no such code."
    assert await stars(ana) == WELCOME + 25


@pytest.fixture
async def replica(selfi: Selfi, drafts: Drafts) -> AsyncIterator[Selfi]:
    """Another one of the same bot."""
    bot = create_bot(selfi.settings)
    dispatcher = create_dispatcher(
        selfi.settings, drafts, selfi.settings.temporary_dir, Styles(selfi.settings.styles)
    )
    app = web.Application()
    app.router.add_post(PATH, webhook(bot, dispatcher, selfi.settings))
    async with TestServer(app) as server:
        yield Selfi(selfi.telegram, bot, dispatcher, selfi.settings, str(server.make_url(PATH)))
    await hang_up(bot)


def typed(chat: Chat, update_id: int, text: str) -> Json:
    sender = {"id": chat.person.id, "is_bot": False, "first_name": chat.name, "language_code": "en"}
    message = {
        "message_id": update_id,
        "date": 1,
        "chat": {"id": chat.person.id, "type": "private", "first_name": chat.name},
        "from": sender,
        "text": text,
    }
    return {"update_id": update_id, "message": message}


async def test_two_replicas_give_the_last_use_of_a_code_to_one(
    ana: Chat, beto: Chat, selfi: Selfi, replica: Selfi
) -> None:
    for chat in (ana, beto):
        await chat.say("/start")
    for round_ in range(10):
        await SendSlot.all().delete()
        await promo.make(OLGA, f"LAST{round_}", 1, 1, None)
        answers = await asyncio.gather(
            deliver(selfi, typed(ana, 2 * round_ + 1, f"/code LAST{round_}")),
            deliver(replica, typed(beto, 2 * round_ + 2, f"/code LAST{round_}")),
        )
        good = [body["text"] for _, body in answers if body["text"].startswith("✅")]
        refused = [body["text"] for _, body in answers if not body["text"].startswith("✅")]
        assert len(good) == 1
        assert refused in (["This code is used up."], ["Este código está agotado."])
    assert await stars(ana) + await stars(beto) == 2 * WELCOME + 10


# --- invitations ---


async def test_a_link_brings_somebody_new_and_both_are_rewarded_when_they_buy(
    ana: Chat, carla: Chat, selfi: Selfi
) -> None:
    said = await ana.say("/invite")
    start = said["text"].split("?start=")[1].split()[0]
    assert start == f"ref_{ana.person.id}"
    assert "gets 10 stars" in said["text"]
    assert "You get 30 stars then, for up to 5 people." in said["text"]
    assert start in button(said, "Pass it on")["url"]

    greeting = await carla.say(f"/start {start}")
    assert "🎁 10 more come with the first that you buy, because you were invited." in greeting["text"]
    assert "10 more" not in (await carla.say(f"/start {start}"))["text"]
    for _ in range(2):
        await carla.pay(await carla.invoice("50"))
        await selfi.settled()

    assert await stars(carla) == WELCOME + 100 + 10
    assert await stars(ana) == WELCOME + 30
    assert await Notification.filter(chat_id=ana.person.id, kind="stars").count() == 1


@pytest.mark.parametrize("who", ["themselves", "somebody who is known", "nobody"])
async def test_a_link_counts_for_nobody_else(ana: Chat, carla: Chat, selfi: Selfi, who: str) -> None:
    inviter = {"themselves": carla.person.id, "nobody": 7}.get(who, ana.person.id)
    await ana.say("/start")
    if who == "somebody who is known":
        await carla.say("/start")
    assert "👋 Hi, Carla!" in (await carla.say(f"/start ref_{inviter}"))["text"]
    await carla.pay(await carla.invoice("50"))
    await selfi.settled()
    assert await stars(carla) == WELCOME + 50
    assert await stars(ana) == WELCOME


async def test_garbage_after_start_is_a_greeting(ana: Chat) -> None:
    for text in ("ref_", "ref_x", "ref_" + "9" * 60, "ref_-1", "promo", "🎁"):
        assert "👋 Hi, Ana!" in (await ana.say(f"/start {text}"))["text"]


class TestTurnedOff:
    @pytest.fixture
    def bot_settings(self, bot_settings: Settings) -> Settings:
        return bot_settings.model_copy(update={"referral_stars": 0, "referred_stars": 0})

    async def test_there_is_no_command_and_nobody_is_remembered_as_brought(
        self, ana: Chat, carla: Chat
    ) -> None:
        assert "don't know this command" in (await ana.say("/invite"))["text"]
        await carla.say(f"/start ref_{ana.person.id}")
        assert (await User.get(id=carla.person.id)).referred_by_id is None


# --- operators ---


async def test_an_operator_makes_lists_and_ends_codes(diego: Chat, ana: Chat) -> None:
    assert (await diego.say("/promo"))["text"] == (
        "There are no codes.\n\nA new one: /promo CODE STARS USES [LAST-DAY]"
    )
    assert (await diego.say("/promo hello 25 2"))["text"] == "HELLO: ⭐ 25, used 0 of 2 times"
    assert (await diego.say("/promo SUMMER 1000 5000 2090-08-31"))["text"] == (
        "SUMMER: ⭐ 1,000, used 0 of 5,000 times · until Aug 31, 2090"
    )
    await ana.say("/code hello")
    assert "HELLO gives nothing" in (await diego.say("/promo hello off"))["text"]
    assert (await diego.say("/promo"))["text"].splitlines()[:2] == [
        "SUMMER: ⭐ 1,000, used 0 of 5,000 times · until Aug 31, 2090",
        "HELLO: ⭐ 25, used 1 of 2 times · over",
    ]
    assert (await PromoCode.get(code="SUMMER")).created_by == diego.person.id


async def test_the_last_day_of_a_code_is_its_own(diego: Chat, ana: Chat) -> None:
    today = datetime.now(UTC).date()
    await diego.say(f"/promo TODAY 25 2 {today}")
    assert "✅" in (await ana.say("/code TODAY"))["text"]
    assert "This day is over." in (await diego.say(f"/promo PAST 25 2 {today - timedelta(days=1)}"))["text"]


FORM = "/promo CODE STARS USES [LAST-DAY]"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("/promo X", f"Something is missing. It is: {FORM}"),
        ("/promo CODE 5", f"Something is missing. It is: {FORM}"),
        ("/promo CODE five 5", f"“five” is no whole number. It is: {FORM}"),
        ("/promo CODE 5 -5", f"“-5” is no whole number. It is: {FORM}"),
        ("/promo CODE 5 5 <b>", f"“<b>” is no day such as 2030-12-31. It is: {FORM}"),
        ("/promo CODE 5 5 2090-01-01 x", f"“2090-01-01 x” is no day such as 2030-12-31. It is: {FORM}"),
        ("/promo CODE 5 5 9999-12-31", f"“9999-12-31” is no day such as 2030-12-31. It is: {FORM}"),
        ("/promo C 5 5", "A code has 3 to 32 of A-Z, 0-9, _ and -."),
        ("/promo CODE 0 5", "A code gives between 1 and 100,000 stars."),
        ("/promo CODE 5 0", "A code can be used between 1 and 1,000,000 times."),
        ("/promo NONE off", "I know of no such code."),
    ],
)
async def test_wrong_arguments_get_what_is_wrong_and_the_form(diego: Chat, said: str, answer: str) -> None:
    assert (await diego.say(said))["text"] == answer
    assert not await PromoCode.exists()
