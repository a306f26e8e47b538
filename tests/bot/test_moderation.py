"""What operators don't allow: words, and models that they hide."""

import uuid

import pytest

from models import LoraModel, RefusedWord
from models.moderation import refuse
from tests.bot.chats import Chat
from tests.people import ready_model


async def test_words_are_added_listed_and_taken_off(diego: Chat) -> None:
    assert (await diego.say("/words"))["text"].startswith("0 words are refused")
    assert (await diego.say("/words add <Naughty>  Thing"))[
        "text"
    ] == "“naughty thing” is refused from now on."
    assert (await diego.say("/words ADD naughty thing"))["text"] == "“naughty thing” is refused from now on."
    listed = (await diego.say("/words"))["text"].splitlines()
    assert listed[:2] == ["1 word is refused in prompts and trigger words.", "naughty thing"]
    assert (await diego.say("/words remove Naughty-thing"))["text"] == "“naughty thing” is allowed again."
    assert not await RefusedWord.exists()


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("/words add", "Something is missing. It is: /words add|remove WORD"),
        ("/words list all", "Something is missing. It is: /words add|remove WORD"),
        ("/words add !!!", "A word has 1 to 64 letters and digits."),
        (f"/words add {'x' * 65}", "A word has 1 to 64 letters and digits."),
        ("/words remove never", "This word isn't on the list."),
        ("/hide", "Something is missing. It is: /hide MODEL"),
        ("/hide anatok", "“anatok” is no model's id. It is: /hide MODEL"),
        ("/show <b>", "“<b>” is no model's id. It is: /show MODEL"),
        (f"/hide {uuid.UUID(int=1)}", "There is no such model any more."),
    ],
)
async def test_what_is_wrong_is_said_with_the_right_form(diego: Chat, said: str, answer: str) -> None:
    assert (await diego.say(said))["text"] == answer


async def test_a_long_list_fits_into_a_message(diego: Chat) -> None:
    for number in range(120):
        await refuse(1, f"{'long' * 12} {number}")
    text = (await diego.say("/words"))["text"]
    assert len(text) <= 4096
    assert "And " in text


async def test_a_model_is_hidden_and_shown_again(diego: Chat, ana: Chat) -> None:
    await ana.say("/start")
    model = await ready_model(ana.person, name="<Ana>", is_public=True)
    said = await diego.say(f"/hide {model.id}")
    assert said["text"] == f"<Ana> is hidden from everybody but its owner. /show {model.id} shows it again."
    assert (await LoraModel.get()).hidden_at
    assert (await diego.say(f"/show {model.id}"))["text"] == "<Ana> is shown again."
    assert (await LoraModel.get()).hidden_at is None


async def test_nobody_else_has_these_commands(ana: Chat) -> None:
    for command in ("/words", "/words add fox", f"/hide {uuid.UUID(int=1)}"):
        assert "don't know this command" in (await ana.say(command))["text"]
    assert not await RefusedWord.exists()
