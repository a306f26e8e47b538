"""What operators don't allow: refused words, and models that were reported or hidden."""

import asyncio
import uuid

import pytest
from tortoise.backends.base.client import BaseDBAsyncClient

from models import LoraModel, Notification, RefusedWord, Report, SelectedModel
from models import lora as loras
from models.errors import Conflict, Forbidden, Invalid, NotFound, Problems
from models.lora import Edit, Scope, edit, named, page
from models.moderation import (
    REASON_MAX,
    WORD_MAX,
    allow,
    check_words,
    hide,
    refuse,
    refused_word,
    report,
    words,
)
from models.text import folded
from models.user import remember
from models.wish import Named, Wish, order
from tests.people import ANA, BETO, CARLA, OLGA, ready_model, settle_in

OPERATORS = frozenset({OLGA.id, 5_000_000_010})


@pytest.fixture(autouse=True)
async def _people(db: BaseDBAsyncClient) -> None:
    await settle_in()
    await remember(CARLA, 0)


# --- words ---


@pytest.mark.parametrize(
    ("text", "compared"),
    [
        ("Nude", "nude"),
        ("  two   WORDS ", "two words"),
        ("Ñandú café", "nandu cafe"),
        ("Straße", "strasse"),
        ("ＦＵＬＬ ｗｉｄｔｈ", "full width"),
        ("ﬁre", "fire"),
        ("İstanbul", "istanbul"),
        ("Москва", "москва"),
        ("x-ray, (x.ray) x_ray", "x ray x ray x ray"),
        ("nu\u00adde n\u200bu\u200dde nude\ufe0f", "nude nude nude"),
        ("किताब", "किताब"),
        ("a\x00b", "ab"),
        ("𝐧𝐮𝐝𝐞", "nude"),
        ("!?…", ""),
        ("4K", "4k"),
    ],
)
def test_what_is_compared(text: str, compared: str) -> None:
    assert folded(text) == compared
    assert folded(folded(text)) == compared


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a nude on a beach", "nude"),
        ("NUDE", "nude"),
        ("nüdé", "nude"),
        ("so-called (nude)!", "nude"),
        ("nu\u200bde", "nude"),
        ("a denuded hill", None),
        ("nudes", None),
        ("the president of mars", "president of mars"),
        ("The President—of Mars.", "president of mars"),
        ("president of the mars", None),
        ("vicepresident of mars", None),
        ("nude president of mars", "nude"),
        ("", None),
        ("...", None),
    ],
)
async def test_whole_words_and_phrases_are_found(text: str, word: str | None) -> None:
    await refuse(OLGA.id, "Nude")
    await refuse(OLGA.id, "President of Mars")
    assert await refused_word(text) == word


async def test_nothing_is_refused_to_begin_with() -> None:
    assert await refused_word("nude president") is None
    assert await words() == []


async def test_a_word_is_added_once_and_taken_off() -> None:
    assert await refuse(OLGA.id, "  Zebra! ") == "zebra"
    assert await refuse(ANA.id, "ZÉBRA") == "zebra"
    assert await refuse(OLGA.id, "Ape") == "ape"
    assert await words() == ["ape", "zebra"]
    assert (await RefusedWord.get(word="zebra")).added_by == OLGA.id
    assert await allow("Zebra?") == "zebra"
    assert await words() == ["ape"]
    with pytest.raises(NotFound) as raised:
        await allow("zebra")
    assert raised.value.code == "word_not_listed"


@pytest.mark.parametrize("text", ["", "  ", "!?", "\u200b", "a" * (WORD_MAX + 1), "a " * WORD_MAX])
async def test_what_is_no_word(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        await refuse(OLGA.id, text)
    assert (raised.value.field, raised.value.code) == ("text", "word_invalid")
    assert await words() == []


async def test_the_longest_word() -> None:
    assert await refuse(OLGA.id, "a" * WORD_MAX) == "a" * WORD_MAX
    assert await refused_word(f"x {'A' * WORD_MAX} y")


async def test_whoever_uses_one_hears_which() -> None:
    await refuse(OLGA.id, "nude")
    await check_words("a hat", "trigger_word")
    with pytest.raises(Invalid) as raised:
        await check_words("a Nude", "trigger_word")
    assert (raised.value.field, raised.value.code) == ("trigger_word", "word_refused")
    assert raised.value.extra["word"] == "nude"
    model = await ready_model()
    with pytest.raises(Problems) as refused:
        await order(ANA.id, Wish("a Nude", models=[Named(id=model.id)]), 3)
    assert [(problem.field, problem.code) for problem in refused.value.problems] == [
        ("prompt", "word_refused")
    ]


# --- reports ---


async def public_model() -> LoraModel:
    """Ana's."""
    return await ready_model(is_public=True)


async def told() -> list[Notification]:
    return await Notification.filter(chat_id__in=OPERATORS)


async def test_a_report_is_told_to_every_operator_once() -> None:
    model = await public_model()
    for reason in (" this is me ", "again"):
        await report(BETO.id, model.id, reason, OPERATORS)
    [kept] = await Report.all()
    assert kept.reason == "this is me"
    notes = await told()
    assert {note.chat_id for note in notes} == OPERATORS
    assert len(notes) == 2
    for note in notes:
        assert "this is me" in (note.text or "")
        assert f"/hide {model.id}" in (note.text or "")


async def test_reports_of_several_people_are_told_each() -> None:
    model, other = await public_model(), await public_model()
    await report(BETO.id, model.id, "", OPERATORS)
    await report(CARLA.id, model.id, "", OPERATORS)
    await report(BETO.id, other.id, "", OPERATORS)
    assert len(await told()) == 6


async def test_a_doubled_click_is_one_report() -> None:
    model = await public_model()
    await asyncio.gather(*(report(BETO.id, model.id, "bad", OPERATORS) for _ in range(5)))
    assert await Report.all().count() == 1
    assert len(await told()) == 2


async def test_a_reason_is_cut_to_what_is_kept() -> None:
    model = await public_model()
    await report(BETO.id, model.id, f"a\x00{'b' * 1000}", OPERATORS)
    assert len((await Report.get()).reason) == REASON_MAX


async def test_what_cannot_be_reported() -> None:
    private, model = await ready_model(), await public_model()
    for nothing in (uuid.uuid4(), private.id):
        with pytest.raises(NotFound):
            await report(BETO.id, nothing, "", OPERATORS)
    with pytest.raises(Conflict) as raised:
        await report(ANA.id, model.id, "", OPERATORS)
    assert raised.value.code == "own_model"
    await hide(model.id, hidden=True)
    with pytest.raises(NotFound):
        await report(BETO.id, model.id, "", OPERATORS)
    assert not await told()


# --- hidden models ---


async def seen(user_id: int, model: LoraModel) -> set[str]:
    """Where a person meets the model."""
    places = {scope.value for scope in Scope if model in await page(user_id, scope, 10)}
    if await named(user_id, model.id, None):
        places.add("by id")
    if await named(user_id, None, model.trigger_word.upper()):
        places.add("by trigger word")
    try:
        await loras.find(user_id, model.id)
    except NotFound:
        return places
    return places | {"found"}


async def test_a_hidden_model_is_its_owners_alone_until_it_is_shown_again() -> None:
    model = await public_model()
    for person in (ANA, BETO):
        await edit(person.id, model.id, Edit(selected=True))
    everywhere = {"all", "public", "selected", "by id", "by trigger word", "found"}
    assert await seen(BETO.id, model) == everywhere
    assert await seen(ANA.id, model) == everywhere | {"own"}

    assert (await hide(model.id, hidden=True)).hidden_at is not None
    await hide(model.id, hidden=True)
    assert await seen(BETO.id, model) == set()
    assert await seen(ANA.id, model) == (everywhere | {"own"}) - {"public"}
    assert list(await SelectedModel.filter(lora_id=model.id).values_list("user_id")) == [(ANA.id,)]

    assert (await hide(model.id, hidden=False)).hidden_at is None
    assert await seen(BETO.id, model) == everywhere - {"selected"}


async def test_its_owner_uses_a_hidden_model_and_nobody_else_does() -> None:
    model = await public_model()
    await hide(model.id, hidden=True)
    wish = Wish("on a beach", models=[Named(trigger="anatok")])
    assert (await order(ANA.id, wish, 3)).loras[0].id == model.id
    with pytest.raises(Problems) as raised:
        await order(BETO.id, wish, 3)
    assert raised.value.code == "model_unknown"


async def test_a_hidden_model_cannot_be_made_public_again() -> None:
    model = await public_model()
    await hide(model.id, hidden=True)
    await edit(ANA.id, model.id, Edit(name="Other"))
    await edit(ANA.id, model.id, Edit(is_public=False))
    with pytest.raises(Forbidden) as raised:
        await edit(ANA.id, model.id, Edit(name="Third", is_public=True))
    assert raised.value.code == "model_hidden"
    kept = await LoraModel.get(id=model.id)
    assert (kept.name, kept.is_public) == ("Other", False)
    await hide(model.id, hidden=False)
    assert (await edit(ANA.id, model.id, Edit(is_public=True))).is_public
    assert "public" in await seen(BETO.id, model)


async def test_a_private_model_that_is_hidden_and_shown_stays_private() -> None:
    model = await ready_model()
    await hide(model.id, hidden=True)
    await hide(model.id, hidden=False)
    assert await seen(BETO.id, model) == set()


async def test_there_is_nothing_to_hide() -> None:
    model = await public_model()
    await loras.delete(ANA.id, model.id)
    for nothing in (uuid.uuid4(), model.id):
        with pytest.raises(NotFound):
            await hide(nothing, hidden=True)


@pytest.mark.parametrize(
    "between", [".", "-", "'", "\u034f", "\u3164", "\u115f", "\u17b4", "\u180b", "\u2800", "\U000e0101"]
)
async def test_a_word_is_found_however_it_is_spelt(db: BaseDBAsyncClient, between: str) -> None:
    await refuse(OLGA.id, "naughty")
    assert await refused_word(f"a {between.join('naughty')} picture") == "naughty"
    assert await refused_word("a nau ghty picture") is None
