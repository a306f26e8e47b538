"""Pictures asked for in chat: by the command, by its question, and by the buttons under an album."""

import itertools
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiogram.types import InlineKeyboardMarkup

from bot.app import create_dispatcher
from bot.errors import _SENTENCES
from bot.keyboards import Again, MakeWith, SameSeed, UseSettings, rows, says
from bot.wishes import FORM
from models import (
    Dialogue,
    Generation,
    GenStatus,
    LedgerEntry,
    LoraModel,
    SavedParams,
    SelectedModel,
    User,
    moderation,
    params,
)
from models import generation as generations
from models.params import Params
from models.payment import Till
from models.photo import Drafts
from models.picture import NewPicture
from models.styles import Styles
from sandbox.telegram import Json
from tests.bot.chats import Chat, Selfi, button, labels
from tests.people import ready_model
from tests.photos import portrait


@pytest.fixture
async def model(ana: Chat) -> LoraModel:
    await ana.say("/start")
    return await ready_model(ana.person)


async def write(chat: Chat, selfi: Selfi, text: str) -> Json:
    """Writes something that nobody has to answer at once; answers what was written."""
    sent = await chat.telegram.send_text(chat.name, text)
    await selfi.settled()
    return sent


async def stars(chat: Chat) -> int:
    rows = await LedgerEntry.filter(user_id=chat.person.id)
    balance = (await User.get(id=chat.person.id)).balance
    assert balance == sum(row.amount for row in rows)
    return balance


# --- the command ---


async def test_a_bare_prompt_uses_the_only_model_and_its_defaults(
    ana: Chat, selfi: Selfi, model: LoraModel
) -> None:
    asked = await write(ana, selfi, "/gen  a fox\nat night")

    generation = await Generation.get()
    assert (generation.prompt, generation.origin) == ("a fox at night", "chat")
    assert generation.loras == [{"id": str(model.id), "scale": 1.0}]
    assert (generation.aspect, generation.steps, generation.guidance, generation.count) == ("1:1", 28, 3.5, 1)
    assert (generation.message_id, generation.stars_spent) == (asked["message_id"], 3)
    assert await stars(ana) == 37
    assert len(ana.heard) == 1, "the living message is a job's"


async def test_everything_can_be_said_at_once_by_phones_too(
    ana: Chat, selfi: Selfi, model: LoraModel
) -> None:
    await ready_model(ana.person, trigger_word="dogtok")

    await write(ana, selfi, "/gen a fox —ar 16x9 –s 30 --c 4,5 --seed 42 —n 4 --l ANATOK:0.8, dogtok")

    generation = await Generation.get()
    assert [lora["scale"] for lora in generation.loras] == [0.8, 1.0]
    assert (generation.aspect, generation.steps, generation.guidance) == ("16:9", 30, 4.5)
    assert (generation.seed, generation.count, generation.stars_spent) == (42, 4, 12)


async def test_the_same_message_delivered_again_is_the_same_generation(
    ana: Chat, selfi: Selfi, model: LoraModel
) -> None:
    asked = await write(ana, selfi, "/gen a fox")
    again = {"message": asked, "update_id": 999_999_999}
    selfi.telegram.core.updates.add_hand_made(again)
    await selfi.settled()

    assert await Generation.all().count() == 1
    assert await stars(ana) == 37


KNOWN = "1:1, 4:5, 5:4, 3:4, 4:3, 2:3, 3:2, 9:16, 16:9, 9:21, 21:9"


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("a fox --zoom 3", ["There is no parameter --zoom."]),
        ("a fox --n", ["--n needs a value after it."]),
        ("a fox --n 2 --n 3", ["--n is there twice: which one is meant?"]),
        ("a fox --n many", ["--n takes a whole number, and “many” is none."]),
        ("a fox --c <b>", ["--c takes a number, and “<b>” is none."]),
        (
            "a fox --l anatok:big",
            ["--l takes trigger words, each perhaps with a colon and its scale, and not “anatok:big”."],
        ),
        ("a fox --n 100", ["The number of pictures (--n) is between 1 and 4."]),
        ("a fox --n 0", ["The number of pictures (--n) is between 1 and 4."]),
        ("a fox --s 51", ["Steps (--s) are between 1 and 50."]),
        ("a fox --c 35.1", ["Guidance (--c) is between 0 and 35."]),
        ("a fox --seed -1", ["A seed (--seed) is between 0 and 2,147,483,647."]),
        ("a fox --seed 2147483648", ["A seed (--seed) is between 0 and 2,147,483,647."]),
        ("a fox --scale 2.5", ["The scale of a model is between 0 and 2."]),
        ("a fox --l anatok:2.5", ["The scale of a model is between 0 and 2."]),
        ("a fox --l nobodys", ["There is no model “nobodys” that you may use."]),
        ("a fox --l betostok", ["There is no model “betostok” that you may use."]),
        (f"a fox --l {uuid.UUID(int=7)}", [f"There is no model “{uuid.UUID(int=7)}” that you may use."]),
        ("a fox --ar 5:1", [f"The aspect ratio (--ar) is one of {KNOWN}."]),
        ("--n 2", ["A prompt is missing: say what the pictures shall show."]),
        ("a N\u0301AUGHTY fox", ["“naughty” is not allowed here."]),
        ("x" * 2001, ["The prompt has 2,001 characters: at most 2,000 are taken."]),
        (
            "a fox --l anatok, klein",
            [
                (
                    "These models are of different kinds, and can't be used together: "
                    "anatok (FLUX.1 fast), klein (FLUX.2)."
                )
            ],
        ),
        (
            "naughty —n 100 —s many —ar wide —zoom —l nobodys",
            [
                "• --s takes a whole number, and “many” is none.",
                f"• --ar takes one of {KNOWN}, and not “wide”.",
                "• There is no parameter --zoom.",
                "• “naughty” is not allowed here.",
                "• There is no model “nobodys” that you may use.",
                "• The number of pictures (--n) is between 1 and 4.",
            ],
        ),
    ],
)
async def test_all_that_is_wrong_is_said_in_one_message_with_the_right_form(
    ana: Chat, beto: Chat, model: LoraModel, *, text: str, sentences: list[str]
) -> None:
    await beto.say("/start")
    await ready_model(beto.person, trigger_word="betostok")
    await ready_model(ana.person, trigger_word="klein", base_model_id="flux-2")
    await moderation.refuse(1, "naughty")
    await SelectedModel.create(user_id=ana.person.id, lora_id=model.id)

    said = await ana.say(f"/gen {text}")

    assert said["text"].splitlines() == [*sentences, "", "It goes like this:", FORM]
    assert "reply_to_message" in said
    assert not await Generation.exists()


async def test_the_longest_message_is_refused_in_few_words(ana: Chat, model: LoraModel) -> None:
    said = await ana.say(f"/gen {'x' * 4000} --{'y' * 80}")
    assert len(said["text"]) < 600


async def test_in_spanish_too(beto: Chat) -> None:
    await beto.say("/start")
    said = await beto.say("/gen un zorro --n 100 --c mucha")
    assert said["text"].splitlines()[:3] == [
        "• --c lleva un número, y «mucha» no lo es.",
        "• ¿Con qué modelo? Elige uno en la app, o nómbralo por su palabra clave detrás de --l.",
        "• El número de imágenes (--n) está entre 1 y 4.",
    ]


async def test_without_a_model_selected_it_asks_which(ana: Chat, model: LoraModel) -> None:
    await ready_model(ana.person, trigger_word="dogtok")
    said = await ana.say("/gen a fox")
    assert said["text"].startswith("Which model? Select one in the app, or name it by its trigger word")


async def test_saved_parameters_lie_below(ana: Chat, selfi: Selfi, model: LoraModel) -> None:
    await ana.say("/settings --ar 3:4 --n 2 --scale 0.5")
    await write(ana, selfi, "/gen a fox --n 3")
    generation = await Generation.get()
    assert (generation.aspect, generation.count, generation.loras[0]["scale"]) == ("3:4", 3, 0.5)


async def test_without_stars_the_smallest_pack_that_is_enough_is_offered(
    beto: Chat, selfi: Selfi, till: Till
) -> None:
    await beto.say("/start")
    await ready_model(beto.person)
    rows = LedgerEntry.filter(user_id=beto.person.id)
    await rows.delete()
    await User.filter(id=beto.person.id).update(balance=0, debt=45)

    said = await beto.say("/gen un zorro --n 4")

    assert said["text"].splitlines() == [
        "Esto cuesta 12 estrellas.",
        "⭐ Tienes 0 estrellas.",
        "Debes 45 estrellas de un pago devuelto: se descontarán de las próximas que lleguen.",
        "Faltan 57 más.",
    ]
    assert labels(said) == ["⭐ Conseguir 100 estrellas"]
    assert not await Generation.exists()
    await beto.tap(said, "Conseguir")
    assert beto.heard[-1]["invoice"]["total_amount"] == 100


async def test_too_many_waiting_are_refused_by_name(ana: Chat, selfi: Selfi, model: LoraModel) -> None:
    await User.filter(id=ana.person.id).update(balance=40)
    rates = selfi.dispatcher["rates"]
    selfi.dispatcher["rates"] = type(rates)(0, type(rates.turns)(at_once=1, per_person=1, waiting=1))
    await write(ana, selfi, "/gen a fox")
    said = await ana.say("/gen a hare")
    assert said["text"].startswith("1 requests of yours are waiting already")


@pytest.fixture
def till(selfi: Selfi) -> Till:
    found: Till = selfi.dispatcher["till"]
    return found


# --- the question ---


async def test_by_itself_it_asks_and_the_next_text_is_the_prompt(
    ana: Chat, selfi: Selfi, model: LoraModel
) -> None:
    asked = await ana.say("/gen")
    assert asked["text"].splitlines() == [
        "✍️ What shall the pictures show?",
        "Write it as your next message.",
        "",
        "🎭 With Ana in Lisbon",
        "⭐ 3 stars for 1 picture",
    ]
    assert labels(asked) == ["📐 1:1", "🔢 1 picture", "🎭 Models", "🖌 Style", "Never mind"]

    answer = await write(ana, selfi, "a fox at night --seed 9")

    generation = await Generation.get()
    assert (generation.prompt, generation.seed) == ("a fox at night", 9)
    assert generation.message_id == answer["message_id"]
    assert labels(now(ana, asked)) == [], "it can't be answered twice"
    assert "/help" in (await ana.say("thanks!"))["text"], "and what is written then is no prompt"
    assert await Generation.all().count() == 1


def now(chat: Chat, message: Json) -> Json:
    """The message as it stands in the chat."""
    return next(each for each in chat.heard if each["message_id"] == message["message_id"])


async def test_everything_can_be_chosen_by_buttons(ana: Chat, selfi: Selfi, model: LoraModel) -> None:
    other = await ready_model(ana.person, name="My dog", trigger_word="dogtok")
    asked = await ana.say("/gen")
    assert "🎭 With which model? Choose it below." in asked["text"]

    await ana.tap(asked, "1:1")
    assert {"✓ 1:1", "16:9", "9:21", "‹ Back"} <= set(labels(now(ana, asked)))
    await ana.tap(now(ana, asked), "16:9")
    await ana.tap(now(ana, asked), "1 picture")
    assert labels(now(ana, asked)) == ["✓ 1", "2", "3", "4", "‹ Back"]
    await ana.tap(now(ana, asked), "3")
    await ana.tap(now(ana, asked), "Models")
    assert sorted(labels(now(ana, asked))) == ["Ana in Lisbon", "My dog", "‹ Back"]
    await ana.tap(now(ana, asked), "Ana in Lisbon")
    await ana.tap(now(ana, asked), "My dog")
    await ana.tap(now(ana, asked), "✓ Ana in Lisbon")
    await ana.tap(now(ana, asked), "Back")
    await ana.tap(now(ana, asked), "Style")
    await ana.tap(now(ana, asked), "Watercolour")

    assert now(ana, asked)["text"].splitlines()[3:] == [
        "🎭 With My dog",
        "🖌 In the style Watercolour",
        "⭐ 9 stars for 3 pictures",
    ]
    await write(ana, selfi, "a fox")
    generation = await Generation.get()
    assert generation.prompt.startswith("a fox, loose watercolour painting")
    assert (generation.aspect, generation.count) == ("16:9", 3)
    assert generation.lora_ids == [other.id]


async def test_a_style_says_enough_by_itself(ana: Chat, selfi: Selfi, model: LoraModel) -> None:
    asked = await ana.say("/gen")
    await ana.tap(asked, "Style")
    await ana.tap(now(ana, asked), "Cinematic")
    await ana.tap(now(ana, asked), "Just the style")
    generation = await Generation.get()
    assert generation.prompt.startswith("cinematic film still")
    assert not await Dialogue.exists()


async def test_what_is_written_wins_over_what_was_chosen(ana: Chat, selfi: Selfi, model: LoraModel) -> None:
    asked = await ana.say("/gen")
    await ana.tap(asked, "1 picture")
    await ana.tap(now(ana, asked), "4")
    await write(ana, selfi, "a fox --n 2")
    assert (await Generation.get()).count == 2


async def test_a_command_and_a_photo_in_between_are_no_answers(
    ana: Chat, selfi: Selfi, model: LoraModel
) -> None:
    await ana.say("/gen")
    assert "stars" in (await ana.say("/balance"))["text"]
    await ana.send_photos(portrait(1), caption="a photo of me")
    await selfi.settled()
    assert not await Generation.exists()
    await write(ana, selfi, "a fox")
    assert (await Generation.get()).prompt == "a fox"


async def test_it_outlives_a_restart(
    ana: Chat, selfi: Selfi, model: LoraModel, *, drafts: Drafts, tmp_path: Path
) -> None:
    asked = await ana.say("/gen")
    await ana.tap(asked, "1:1")
    await ana.tap(now(ana, asked), "3:4")

    reborn = create_dispatcher(selfi.settings, drafts, tmp_path, Styles(selfi.settings.styles))
    update = {"update_id": 999_999_998, "message": message_by(ana, "a fox")}
    await reborn.feed_raw_update(selfi.bot, update)

    generation = await Generation.get()
    assert (generation.prompt, generation.aspect) == ("a fox", "3:4")


def message_by(chat: Chat, text: str) -> Json:
    person = chat.telegram.person(chat.name)
    return {"message_id": 5, "date": 1, "chat": person.chat, "from": person.user, "text": text}


async def test_an_answer_delivered_again_is_no_second_one(ana: Chat, selfi: Selfi, model: LoraModel) -> None:
    await ana.say("/gen")
    answer = await write(ana, selfi, "a fox")
    heard = len(ana.heard)
    selfi.telegram.core.updates.add_hand_made({"message": answer, "update_id": 999_999_999})
    await selfi.settled()
    assert await Generation.all().count() == 1
    assert len(ana.heard) == heard


async def test_after_a_while_a_text_is_no_answer_any_more(ana: Chat, selfi: Selfi, model: LoraModel) -> None:
    asked = await ana.say("/gen")
    await selfi.settled()
    await Dialogue.all().update(asked_at=datetime.now(UTC) - timedelta(minutes=16))
    assert "/help" in (await ana.say("a fox"))["text"]
    assert (await ana.tap(asked, "1:1"))["text"] == "This question is over: /gen asks it anew."
    assert not await Generation.exists()


async def test_a_wrong_answer_can_be_given_again(ana: Chat, selfi: Selfi, model: LoraModel) -> None:
    await ana.say("/gen")
    assert "between 1 and 4" in (await ana.say("a fox --n 9"))["text"]
    await write(ana, selfi, "a fox --n 3")
    assert (await Generation.get()).count == 3


async def test_it_can_be_withdrawn(ana: Chat, model: LoraModel) -> None:
    asked = await ana.say("/gen")
    await ana.tap(asked, "Never mind")
    assert now(ana, asked)["text"] == "Another time, then."
    assert "/help" in (await ana.say("a fox"))["text"]
    again = await ana.say("/gen")
    assert (await ana.say("/cancel"))["text"] == "Another time, then."
    assert (await ana.tap(again, "1:1"))["text"] == "This question is over: /gen asks it anew."


async def test_a_newer_question_takes_the_place_of_an_older_one(ana: Chat, model: LoraModel) -> None:
    older = await ana.say("/gen")
    newer = await ana.say("/gen")
    assert (await ana.tap(older, "1:1"))["text"] == "This question is over: /gen asks it anew."
    assert (await ana.tap(newer, "1:1"))["text"] == ""


async def test_a_finished_command_ends_the_question(ana: Chat, selfi: Selfi, model: LoraModel) -> None:
    await ana.say("/gen")
    await write(ana, selfi, "/gen a fox")
    assert "/help" in (await ana.say("nice, thanks"))["text"]
    assert await Generation.all().count() == 1


async def test_who_has_no_model_is_led_to_the_first(ana: Chat) -> None:
    assert (await ana.say("/gen"))["text"].startswith("There is no model yet")
    assert not await Dialogue.exists()


@pytest.mark.parametrize("data", ["pick|count|x", "pick|models|x", "pick|main|x", "pick|count|99999"])
async def test_buttons_that_we_never_made_do_nothing(
    ana: Chat, selfi: Selfi, model: LoraModel, data: str
) -> None:
    asked = await ana.say("/gen")
    await ana.telegram.press(ana.name, asked["message_id"], button(asked, "1:1")["callback_data"])
    await selfi.settled()
    update = {
        "update_id": 999_999_997,
        "callback_query": {
            "id": "1",
            "from": ana.telegram.person(ana.name).user,
            "chat_instance": "1",
            "message": now(ana, asked),
            "data": data,
        },
    }
    selfi.telegram.core.updates.add_hand_made(update)
    await selfi.settled()
    assert not await Generation.exists()


# --- the buttons under an album ---


async def made(chat: Chat, selfi: Selfi, text: str = "/gen a fox --ar 3:4 --seed 42 --n 2") -> Generation:
    await write(chat, selfi, text)
    generation = await Generation.all().order_by("-started_at").first()
    assert generation
    pictures = [NewPicture(n, 600, 600, 1000, b"jpeg") for n in range(generation.count)]
    assert await generations.complete(generation.id, pictures)
    return await Generation.get(id=generation.id)


async def under_album(chat: Chat, selfi: Selfi, **named: Any) -> Json:
    """The message with these buttons, by their labels."""
    keyboard = rows([says(label, data) for label, data in named.items()])
    assert isinstance(keyboard, InlineKeyboardMarkup)
    sent = await selfi.bot.send_message(chat.person.id, "buttons", reply_markup=keyboard)
    return now(chat, {"message_id": sent.message_id})


async def test_again_is_the_same_with_another_seed(ana: Chat, selfi: Selfi, model: LoraModel) -> None:
    earlier = await made(ana, selfi)
    await params.save(ana.person.id, Params(seed=42))
    ways_on = await under_album(
        ana, selfi, again=Again(id=earlier.id, count=0), more=Again(id=earlier.id, count=4)
    )

    assert (await ana.tap(ways_on, "again"))["text"] == "They are on their way."
    assert (await ana.tap(ways_on, "more"))["text"] == "They are on their way."

    one, other = await Generation.exclude(id=earlier.id).order_by("started_at")
    assert (one.prompt, one.aspect, one.count, one.loras) == ("a fox", "3:4", 2, earlier.loras)
    assert 42 not in {one.seed, other.seed}, "which is the one before, and the saved one"
    assert one.message_id == ways_on["message_id"], "its album replies to the buttons"
    assert other.count == 4
    assert await stars(ana) == 40 - 6 - 6 - 12


async def test_a_tap_without_stars_offers_them(ana: Chat, selfi: Selfi, model: LoraModel) -> None:
    earlier = await made(ana, selfi)
    for _ in range(2):
        await write(ana, selfi, "/gen a fox --n 4")
    await write(ana, selfi, "/gen a fox --n 3")
    ways_on = await under_album(ana, selfi, again=Again(id=earlier.id, count=0))
    await ana.tap(ways_on, "again")
    assert labels(ana.heard[-1]) == ["⭐ Get 50 stars"]


async def test_the_same_seed_asks_for_another_prompt(ana: Chat, selfi: Selfi, model: LoraModel) -> None:
    earlier = await made(ana, selfi, "/gen a fox --ar 3:4 --seed 42 --n 2 --l anatok:0.7")
    ways_on = await under_album(ana, selfi, seed=SameSeed(id=earlier.id))
    await ana.tap(ways_on, "seed")
    assert "🌱 With the seed 42 and the settings of before" in ana.heard[-1]["text"]
    await write(ana, selfi, "a hare")
    generation = await Generation.get(prompt="a hare")
    assert (generation.seed, generation.aspect, generation.count) == (42, "3:4", 2)
    assert generation.loras == earlier.loras


async def test_settings_can_be_kept_without_the_seed(ana: Chat, selfi: Selfi, model: LoraModel) -> None:
    await ana.say("/settings --scale 0.9 --n 1")
    earlier = await made(ana, selfi, "/gen a fox --ar 3:4 --s 20 --c 5 --seed 42 --n 2")
    ways_on = await under_album(ana, selfi, use=UseSettings(id=earlier.id))
    answer = await ana.tap(ways_on, "use")
    assert answer["showAlert"] is True
    row = await SavedParams.get()
    assert (row.aspect, row.steps, row.guidance, row.seed, row.count) == ("3:4", 20, 5.0, None, 2)
    assert row.scale == 0.9


async def test_buttons_of_what_is_gone_say_so(ana: Chat, beto: Chat, selfi: Selfi, model: LoraModel) -> None:
    earlier = await made(ana, selfi)
    everything = {
        "again": Again(id=earlier.id, count=0),
        "seed": SameSeed(id=earlier.id),
        "use": UseSettings(id=earlier.id),
        "with": MakeWith(id=model.id),
    }
    ways_on = await under_album(ana, selfi, **everything)
    await LoraModel.filter(id=model.id).update(deleted_at=datetime.now(UTC))
    for label in ("again", "seed"):
        said = await ana.tap(ways_on, label)
        assert said["text"] == "A model of these pictures can't be used any more."
    assert (await ana.tap(ways_on, "with"))["text"] == "There is no such model any more."
    await generations.delete(ana.person.id, earlier.id)
    for label in ("again", "seed", "use"):
        assert (await ana.tap(ways_on, label))["text"] == "These pictures are not there any more."
    await beto.say("/start")
    theirs = await under_album(beto, selfi, again=Again(id=earlier.id, count=0))
    assert (await beto.tap(theirs, "again"))["text"] == "Estas imágenes ya no están."


async def test_a_new_models_button_asks_for_a_prompt(ana: Chat, selfi: Selfi, model: LoraModel) -> None:
    other = await ready_model(ana.person, name="My dog", trigger_word="dogtok")
    final = await under_album(ana, selfi, make=MakeWith(id=other.id))
    await ana.tap(final, "make")
    assert "🎭 With My dog" in ana.heard[-1]["text"]
    await write(ana, selfi, "a fox")
    assert (await Generation.get()).lora_ids == [other.id]


# --- saved parameters ---


async def test_settings_are_shown_saved_and_forgotten(beto: Chat, ana: Chat) -> None:
    shown = (await ana.say("/settings"))["text"].splitlines()
    assert shown[1:7] == [
        "Aspect ratio (--ar): 1:1",
        "Steps (--s): as the model likes it",
        "Guidance (--c): as the model likes it",
        "Seed (--seed): another one each time",
        "Number of pictures (--n): 1",
        "Scale of models (--scale): 1",
    ]
    saved = (await ana.say("/settings —ar 1920x1080 --c 3,5 --seed 1234567"))["text"]
    assert "Aspect ratio (--ar): 16:9" in saved
    assert "Seed (--seed): 1234567" in saved
    assert "Guidance (--c): 3.5" in (await ana.say("/settings --n 4"))["text"], "one by one"
    assert (await SavedParams.get()).seed == 1234567
    assert "Aspect ratio (--ar): 1:1" in (await ana.say("/settings RESET"))["text"]
    assert Params(None) == Params(*[getattr(await SavedParams.get(), name) for name in PARAMS])
    assert "Proporción (--ar): 1:1" in (await beto.say("/settings"))["text"]


PARAMS = ("aspect", "steps", "guidance", "seed", "count", "scale")


async def test_what_can_not_be_saved_is_all_said(ana: Chat) -> None:
    said = (await ana.say("/settings what? --n 99 --ar wide --l anatok"))["text"].splitlines()
    assert said[:4] == [
        f"• --ar takes one of {KNOWN}, and not “wide”.",
        "• “what?” is no setting: a prompt goes after /gen.",
        "• Models aren't saved here: select them in the app.",
        "• The number of pictures (--n) is between 1 and 4.",
    ]
    assert said[-1].startswith("/settings --ar")
    assert not await SavedParams.exists()


# --- stopping them, and how they are ---


async def test_cancel_offers_pictures_too(ana: Chat, selfi: Selfi, model: LoraModel) -> None:
    await write(ana, selfi, "/gen a <b>fox</b> --n 2")
    asked = await ana.say("/cancel")
    assert asked["text"].splitlines() == [
        "Cancel these 2 pictures?",
        "a <b>fox</b>",
        "Your 6 stars come back.",
    ]
    await ana.tap(asked, "No, go on")
    assert (await Generation.get()).status is GenStatus.PENDING

    training = await ana.train(price=0, name="Ana in Rome")
    asked = await ana.say("/cancel")
    assert labels(asked) == ["Ana in Rome", "🖼 a <b>fox</b>"]
    await ana.tap(asked, "fox")
    await ana.tap(now(ana, asked), "Yes")
    assert (await Generation.get()).error_code == "cancelled"
    assert now(ana, asked)["text"] == "✋ These pictures are being stopped."
    assert await stars(ana) == 40
    assert (await type(training).get(id=training.id)).is_active


async def test_what_has_ended_cannot_be_cancelled(ana: Chat, selfi: Selfi, model: LoraModel) -> None:
    await write(ana, selfi, "/gen a fox")
    asked = await ana.say("/cancel")
    generation = await Generation.get()
    await generations.complete(generation.id, [NewPicture(0, 600, 600, 1000, b"jpeg")])
    assert (await ana.tap(asked, "Yes"))["text"] == "This has ended already."


async def test_status_shows_pictures_with_their_place(ana: Chat, selfi: Selfi, model: LoraModel) -> None:
    await write(ana, selfi, "/gen a <b>fox</b>")
    await write(ana, selfi, "/gen a hare --n 2")
    text = (await ana.say("/status"))["text"]
    assert "⏳ Your picture waits for its turn.\nIt comes next.\na <b>fox</b>" in text
    assert "⏳ Your 2 pictures wait for their turn.\n1 request comes before it.\na hare" in text


async def test_history_names_pictures_and_what_came_back(ana: Chat, selfi: Selfi, model: LoraModel) -> None:
    await write(ana, selfi, f"/gen {'long ' * 30} --n 2")
    await generations.fail((await Generation.get()).id, "timed_out", "…")
    await write(ana, selfi, "/gen a <b>fox</b> --n 4")
    generation = await Generation.get(prompt="a <b>fox</b>")
    await generations.complete(generation.id, [NewPicture(0, 600, 600, 1000, b"jpeg")])
    await generations.delete(ana.person.id, generation.id)

    parts = [part.split("\n")[1:] for part in (await ana.say("/history"))["text"].split("\n\n")[1:]]

    assert parts[:2] == [
        ["3 pictures were held back by the safety checker: their price came back."],
        ["4 pictures."],
    ]
    assert parts[2][0] == "2 pictures were not made: their price came back."
    assert parts[3][0] == "2 pictures."
    assert parts[3][1].endswith("…")


def test_whatever_is_wrong_with_a_wish_has_its_words() -> None:
    codes = {
        "prompt_empty", "prompt_too_long", "word_refused", "model_unknown", "no_model", "scale_out_of_range",
        "models_mixed", "too_many_models", "steps_out_of_range", "guidance_out_of_range", "seed_out_of_range",
        "count_out_of_range", "aspect_unknown", "too_many_waiting",
    }  # fmt: skip
    assert codes <= set(_SENTENCES)


async def test_however_much_is_wrong_there_is_an_answer(ana: Chat, selfi: Selfi, model: LoraModel) -> None:
    names = itertools.islice(itertools.product("abcdefgh", repeat=3), 200)
    said = await ana.say("/gen a fox " + " ".join(f"--x{''.join(name)}" for name in names))
    assert "… and 188 more." in said["text"]
    assert "It goes like this" in said["text"]


async def test_a_double_tap_makes_them_once(ana: Chat, selfi: Selfi, model: LoraModel) -> None:
    earlier = await made(ana, selfi)
    ways_on = await under_album(ana, selfi, again=Again(id=earlier.id, count=0))
    for _ in range(2):
        assert (await ana.tap(ways_on, "again"))["text"] == "They are on their way."
    assert await Generation.all().count() == 2
