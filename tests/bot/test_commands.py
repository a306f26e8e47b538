"""What people type and tap, and what they read then."""

import pytest
from aiogram.types import BotCommandScopeAllPrivateChats
from tortoise.backends.base.client import BaseDBAsyncClient

from bot.announce import announce
from models import LedgerEntry, Training, TrainStatus, User
from models.training import cancel, move
from tests.bot.chats import Chat, Selfi, button, labels

PEOPLES = {
    "start",
    "help",
    "gen",
    "settings",
    "status",
    "cancel",
    "balance",
    "stars",
    "history",
    "code",
    "paysupport",
    "terms",
}


async def test_start_greets_by_name_with_the_app_and_the_welcome_stars_once(ana: Chat, selfi: Selfi) -> None:
    first = await ana.say("/start campaign_42")
    again = await ana.say("/start")

    assert first["text"].startswith("👋 Hi, Ana!")
    assert "🎁 40 stars are yours" in first["text"]
    assert "at least 4 photos" in first["text"]
    assert button(first, "Open Selfi")["web_app"]["url"] == f"{selfi.settings.public_url}/app/"
    assert "🎁" not in again["text"]
    assert (await User.get(id=ana.person.id)).balance == 40
    assert await LedgerEntry.filter(user_id=ana.person.id).count() == 1


async def test_everybody_is_spoken_to_in_their_own_language(ana: Chat, beto: Chat) -> None:
    assert "Hi, Ana" in (await ana.say("/start"))["text"]
    assert "¡Hola, Beto!" in (await beto.say("/start"))["text"]
    assert "Tienes 40 estrellas." in (await beto.say("/balance"))["text"]


async def test_the_language_that_somebody_chose_wins_over_that_of_their_app(ana: Chat) -> None:
    await ana.say("/start")
    await User.filter(id=ana.person.id).update(language="es")

    assert "Tienes 40 estrellas." in (await ana.say("/balance"))["text"]


async def test_a_name_is_never_markup(selfi: Selfi) -> None:
    selfi.telegram.person("Carla").first_name = "<i>C</i> & <a href='https://evil.example'>x</a>"
    carla = Chat(selfi.telegram, "carla_sandbox")

    greeting = await carla.say("/start")

    assert greeting["text"].startswith("👋 Hi, <i>C</i> & <a href='https://evil.example'>x</a>!")
    kinds = {entity["type"] for entity in greeting["entities"]}
    assert "bold" in kinds
    assert kinds.isdisjoint({"italic", "text_link"})


async def test_help_lists_the_commands_that_the_menu_has(ana: Chat, beto: Chat, selfi: Selfi) -> None:
    await announce(selfi.bot, selfi.settings)

    for chat in (ana, beto):
        menu = selfi.telegram.core.state.bot.commands_for(selfi.telegram.person(chat.name))
        text = (await chat.say("/help"))["text"]
        for command in menu:
            assert f"/{command['command']} – {command['description']}" in text
        assert {each["command"] for each in menu} == PEOPLES


async def test_operators_see_their_own_commands_too_in_their_chat_alone(
    ana: Chat, diego: Chat, selfi: Selfi
) -> None:
    operators = {
        *("grant", "user", "stats", "promo", "refund", "answer", "pause", "resume"),
        *("words", "hide", "show"),
    }
    await announce(selfi.bot, selfi.settings)

    menu = selfi.telegram.core.state.bot.commands_for(selfi.telegram.person("Diego"))

    assert {each["command"] for each in menu} == PEOPLES | operators
    text = (await diego.say("/help"))["text"]
    assert all(f"/{command['command']} – {command['description']}" in text for command in menu)
    assert "/grant" not in (await ana.say("/help"))["text"]


async def test_the_bot_introduces_itself_in_both_languages(selfi: Selfi) -> None:
    await announce(selfi.bot, selfi.settings)

    twin = selfi.telegram.core.state.bot
    spanish = await selfi.bot.get_my_commands(scope=BotCommandScopeAllPrivateChats(), language_code="es")
    assert "tus estrellas" in {command.description for command in spanish}
    assert twin.text("description", "es").startswith("Convierto")
    assert twin.text("description", "de").startswith("I turn")
    assert twin.text("short_description", "en").startswith("Turns")
    menu = twin.menu_button_for(selfi.telegram.person("Ana"))
    assert menu["web_app"]["url"] == f"{selfi.settings.public_url}/app/"


async def test_a_refused_announcement_keeps_nothing_else_from_being_announced(selfi: Selfi) -> None:
    selfi.telegram.fail("setMyCommands", error_code=429, times=2)

    await announce(selfi.bot, selfi.settings)

    assert selfi.telegram.core.state.bot.text("description", "es")


async def test_without_a_public_address_nothing_opens_and_the_greeting_says_why(
    selfi: Selfi, ana: Chat
) -> None:
    private = selfi.settings.model_copy(update={"public_url": None})
    selfi.dispatcher["settings"] = private
    await announce(selfi.bot, private)

    greeting = await ana.say("/start")

    assert "PUBLIC_URL" in greeting["text"]
    assert labels(greeting) == []
    assert selfi.telegram.core.state.bot.menu_button_for(selfi.telegram.person("Ana"))["type"] == "commands"


async def test_balance_tells_the_stars_and_what_they_buy(ana: Chat) -> None:
    await ana.train(price=150)

    text = (await ana.say("/balance"))["text"]

    assert "You have 350 stars." in text
    assert "1,000 steps costs 150 stars" in text


async def test_status_shows_what_runs_and_what_has_ended(ana: Chat) -> None:
    assert "no trainings yet" in (await ana.say("/status"))["text"]
    done = await ana.train(name="Old <i>me</i>", trigger_word="OLDME", price=0)
    await move(done.id, TrainStatus.COMPLETED, files=("https://files.example.org/w", None))
    failed = await ana.train(name="Broken", price=0)
    await move(failed.id, TrainStatus.FAILED, error_code="no_result", error="…")
    running = await ana.train(name="Ana in Lisbon", steps=2000, price=0)
    await move(running.id, TrainStatus.TRAINING, progress=50, step=1000)

    text = (await ana.say("/status"))["text"]

    assert (
        text.index("Ana in Lisbon is in training")
        < text.index("Broken")
        < text.index("Old <i>me</i> is ready")
    )
    assert "▰▰▰▰▰▰▱▱▱▱▱▱ 50%" in text
    assert "1,000 of 2,000 steps" in text
    assert "OLDME" in text


async def test_status_of_many_trainings_fits_into_one_message(ana: Chat) -> None:
    for number in range(25):
        await ana.train(name=f"{number} {'&' * 60}", price=0)

    assert len((await ana.say("/status"))["text"]) <= 4096


async def test_cancel_asks_then_ends_the_training_and_gives_the_stars_back(ana: Chat) -> None:
    training = await ana.train(name="Ana <3", price=150)

    question = await ana.say("/cancel")
    assert question["text"].startswith("Cancel the training of Ana <3?")
    assert "150 stars come back" in question["text"]
    answer = await ana.tap(question, "Yes")

    assert answer["text"] == "Cancelled"
    assert (await Training.get(id=training.id)).error_code == "cancelled"
    assert (await User.get(id=ana.person.id)).balance == 500
    assert ana.heard[-1]["text"] == "✋ Ana <3 is being stopped."
    assert labels(ana.heard[-1]) == []


async def test_cancel_can_be_thought_better_of(ana: Chat) -> None:
    training = await ana.train()

    await ana.tap(await ana.say("/cancel"), "No")

    assert (await Training.get(id=training.id)).is_active
    assert ana.heard[-1]["text"] == "It goes on."


async def test_cancel_lets_one_of_several_be_picked(beto: Chat) -> None:
    first = await beto.train(name="Primero")
    second = await beto.train(name="Segundo")

    choice = await beto.say("/cancel")
    assert labels(choice) == ["Segundo", "Primero"]
    await beto.tap(choice, "Primero")
    assert "¿Cancelar el entrenamiento de Primero?" in beto.heard[-1]["text"]
    await beto.tap(beto.heard[-1], "Sí")

    assert not (await Training.get(id=first.id)).is_active
    assert (await Training.get(id=second.id)).is_active


async def test_cancel_without_a_training_says_so(ana: Chat) -> None:
    assert (await ana.say("/cancel"))["text"] == "Nothing of yours is running."


@pytest.mark.parametrize("label", ["Cancel me", "Yes"])
async def test_what_has_ended_meanwhile_is_told_in_an_alert(ana: Chat, label: str) -> None:
    first = await ana.train(name="Cancel me")
    question = await ana.say("/cancel")
    if label != "Yes":
        await ana.train(name="Another")
        question = await ana.say("/cancel")
    await move(first.id, TrainStatus.COMPLETED, files=("https://files.example.org/w", None))

    answer = await ana.tap(question, label)

    assert (answer["text"], answer["showAlert"]) == ("This training has ended already.", True)
    assert (await Training.get(id=first.id)).status is TrainStatus.COMPLETED


async def test_nobody_cancels_somebody_elses_training(ana: Chat, beto: Chat, selfi: Selfi) -> None:
    betos = await beto.train()
    await ana.train()
    question = await ana.say("/cancel")
    yes = button(question, "Yes")["callback_data"]
    posted = selfi.telegram.core.state.find(selfi.telegram.person("Ana"), question["message_id"])
    assert posted
    forged = yes.replace(yes.split(":")[1], betos.id.hex)
    posted.message["reply_markup"]["inline_keyboard"][0][0]["callback_data"] = forged

    answer = await ana.tap(posted.message, "Yes")

    assert answer["text"] == "There is no such training."
    assert (await Training.get(id=betos.id)).is_active


async def test_a_second_tap_on_yes_changes_nothing_more(ana: Chat) -> None:
    training = await ana.train(price=150)
    await cancel(ana.person.id, training.id)
    await ana.train(name="Other")
    question = await ana.say("/cancel")
    assert "Other" in question["text"]

    await ana.tap(question, "Yes")

    assert (await User.get(id=ana.person.id)).balance == 500
    assert await LedgerEntry.filter(user_id=ana.person.id, kind="refund").count() == 2


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("/generate", "I don't know this command"),
        ("hello there", "Send me photos"),
        ("/startle", "I don't know this command"),
    ],
)
async def test_anything_else_gets_a_short_way_on(ana: Chat, said: str, answer: str) -> None:
    assert answer in (await ana.say(said))["text"]


async def test_a_file_that_is_no_photo_gets_the_formats(ana: Chat) -> None:
    assert "JPEG, PNG, WebP or HEIC" in (await ana.send_file("cv.pdf", b"%PDF-1.7 nothing"))["text"]


async def test_a_button_of_another_age_is_answered(ana: Chat, selfi: Selfi, db: BaseDBAsyncClient) -> None:
    await ana.train()
    question = await ana.say("/cancel")
    posted = selfi.telegram.core.state.find(selfi.telegram.person("Ana"), question["message_id"])
    assert posted
    posted.message["reply_markup"]["inline_keyboard"][0][0]["callback_data"] = "gone:1"

    assert (await ana.tap(posted.message, "Yes"))["text"] == "This button does nothing any more."
