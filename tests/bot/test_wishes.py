"""What is written after /gen, read: the form, how phones and people change it, and everything else."""

import time
import uuid
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import _SENTENCES
from bot.wishes import FORM, SETTINGS_FORM, read
from fal.pictures import ASPECTS, SEED_MAX
from models import Generation
from models.command import gen_command
from models.db import storable
from models.params import Params
from models.wish import Named

SOME_ID = uuid.UUID("0b9d0e0a-0000-4000-8000-000000000000")


def problems(text: str) -> list[tuple[str, str, str]]:
    return [(each.code, each.extra["name"], each.extra["value"]) for each in read(text).problems]


def test_the_forms_that_people_are_shown_are_right() -> None:
    gen, settings = read(FORM.removeprefix("/gen ")), read(SETTINGS_FORM.removeprefix("/settings "))
    assert (gen.problems, settings.problems) == ([], [])
    assert gen.wish.prompt == "prompt"
    assert gen.wish.params == Params("16:9", 28, 3.5, 42, 4)
    assert gen.wish.models == [Named(trigger="trigger", scale=0.8)]
    assert settings.wish.params == Params("16:9", 28, 3.5, 42, 4, 0.8)


@pytest.mark.parametrize("dash", ["--", "—", "–", "—-", "---", "——"])
def test_phones_make_long_dashes_of_two(dash: str) -> None:
    read_so = read(f"a fox {dash}n 4 {dash}ar 3:4")
    assert (read_so.wish.prompt, read_so.wish.params) == ("a fox", Params("3:4", count=4))


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("--ar 16:9", Params("16:9")),
        ("--aspect 16x9", Params("16:9")),
        ("--ar 16 : 9", Params("16:9")),
        ("--ar 1920×1080", Params("16:9")),
        ("--AR 9/21", Params("9:21")),
        ("--ar 3:7", Params("9:21")),
        ("--s 28", Params(steps=28)),
        ("--steps=28", Params(steps=28)),
        ("--S28", Params(steps=28)),
        ("--c 3.5", Params(guidance=3.5)),
        ("--cfg 3,5", Params(guidance=3.5)),
        ("--guidance 4", Params(guidance=4)),
        ("--seed 0", Params(seed=0)),
        ("--seed:42", Params(seed=42)),
        ("--n 4", Params(count=4)),
        ("--count = 4", Params(count=4)),
        ("--scale .5", Params(scale=0.5)),
        ("--n\n4\n--s\t9", Params(count=4, steps=9)),
    ],
)
def test_each_parameter(text: str, params: Params) -> None:
    assert (read(f"a fox {text}").wish.params, problems(text)) == (params, [])


@pytest.mark.parametrize(
    ("text", "models"),
    [
        ("--l ana", [Named(trigger="ana")]),
        ("--l ana:0.8", [Named(trigger="ana", scale=0.8)]),
        ("--lora ana:0,8", [Named(trigger="ana", scale=0.8)]),
        ("--model ana:1, beto:0.5", [Named(trigger="ana", scale=1), Named(trigger="beto", scale=0.5)]),
        ("--l ana:1,beto", [Named(trigger="ana", scale=1), Named(trigger="beto")]),
        ("--l ana --l beto:2", [Named(trigger="ana"), Named(trigger="beto", scale=2)]),
        ("--l two words:1", [Named(trigger="two words", scale=1)]),
        ('--l "a: b, --n 5":0.5', [Named(trigger="a: b, --n 5", scale=0.5)]),
        ("--l “so:so”:1", [Named(trigger="so:so", scale=1)]),
        (r'--l "a \"b\" \\ c"', [Named(trigger=r'a "b" \ c')]),
        (f"--l {SOME_ID}:1", [Named(id=SOME_ID, scale=1)]),
        ("--l ana,", [Named(trigger="ana")]),
    ],
)
def test_each_way_to_name_models(text: str, models: list[Named]) -> None:
    assert (read(text).wish.models, problems(text)) == (models, [])


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("--zoom 3", [("param_unknown", "zoom", "")]),
        ("--no hats", [("param_unknown", "no", "")]),
        ("--n", [("param_missing", "n", "")]),
        ("--n --s 4", [("param_missing", "n", "")]),
        ("--l", [("param_missing", "l", "")]),
        ("--n many", [("param_no_whole_number", "n", "many")]),
        ("--n 4 5", [("param_no_whole_number", "n", "4 5")]),
        ("--n 1.5", [("param_no_whole_number", "n", "1.5")]),
        ("--n ٤", [("param_no_whole_number", "n", "٤")]),
        ("--s 1e2", [("param_no_whole_number", "s", "1e2")]),
        ("--seed 0x1", [("param_no_whole_number", "seed", "0x1")]),
        ("--c high", [("param_no_number", "c", "high")]),
        ("--c nan", [("param_no_number", "c", "nan")]),
        ("--scale 1.2.3", [("param_no_number", "scale", "1.2.3")]),
        ("--ar wide", [("param_no_aspect", "ar", "wide")]),
        ("--ar 16:9 a fox", [("param_no_aspect", "ar", "16:9 a fox")]),
        ("--l ,", [("param_no_model", "l", ",")]),
        ("--l ana:big", [("param_no_model", "l", "ana:big")]),
        ("--l ana:1:2", [("param_no_model", "l", "ana:1:2")]),
        ('--l "ana', [("param_no_model", "l", '"ana')]),
        ("--ar 1:1 --ar 3:4", [("param_twice", "ar", "")]),
        ("--s 9 --steps 10", [("param_twice", "steps", "")]),
        (
            "--n x --n 4 --zoom",
            [("param_no_whole_number", "n", "x"), ("param_twice", "n", ""), ("param_unknown", "zoom", "")],
        ),
        (f"--n {'9' * 50}x", [("param_no_whole_number", "n", "9" * 39 + "…")]),
    ],
)
def test_each_wrong_one_is_named(text: str, wrong: list[tuple[str, str, str]]) -> None:
    assert problems(f"a fox {text}") == wrong


@pytest.mark.parametrize(
    "prompt",
    [
        "a well-known fox",
        "a fox — at night",
        "rock -n roll",
        "1 -- 2",
        "fox--l",
        "a fox –5 degrees",
        "—",
        "--",
    ],
)
def test_other_dashes_are_part_of_the_prompt(prompt: str) -> None:
    assert (read(prompt).wish.prompt, problems(prompt)) == (prompt, [])


def test_a_backslash_keeps_dashes_in_the_prompt() -> None:
    assert read(r"a sign \--no entry \\—x --n 2").wish.prompt == r"a sign --no entry \—x"


def test_numbers_beyond_every_range_are_still_numbers() -> None:
    params = read(f"x --seed {'9' * 4000} --s -5 --n {'0' * 30}").wish.params
    assert params.seed is not None
    assert params.seed > SEED_MAX
    assert params.steps == -5


pieces = st.sampled_from(["--", "—", "–", " ", "l", "n", "ar", '"', "\\", ":", ",", "1", "é", "\n"])


@given(st.text() | st.lists(pieces).map("".join))
@example('--l """"":":,')
@example("--" * 2000)
@example('--l "' + "\\" * 3000)
def test_whatever_is_written_is_read(text: str) -> None:
    reading = read(text)
    assert "\0" not in reading.wish.prompt
    for problem in reading.problems:
        assert problem.code in _SENTENCES


def stored(text: str) -> str:
    """As a prompt is in a generation."""
    return " ".join(storable(text).split())


words = st.text(min_size=1, max_size=12)
dashes = st.sampled_from(["--", "—", "\\--", "\\\\–", "-"])
dashed = st.tuples(dashes, st.sampled_from(["l", "ar 1:1", "x", "5"])).map("".join)
prompts = st.lists(words | dashed, min_size=1, max_size=5).map(" ".join).map(stored).filter(bool)
triggers = st.text(min_size=1, max_size=12).filter(
    lambda word: word.isprintable() and any(c.isalnum() for c in word) and word == word.strip()
)


@given(
    prompt=prompts,
    models=st.lists(st.tuples(triggers, st.floats(0, 2)), max_size=3),
    aspect=st.sampled_from(sorted(ASPECTS)),
    guidance=st.floats(0, 35),
    numbers=st.tuples(st.integers(1, 50), st.integers(0, SEED_MAX), st.integers(1, 10)),
)
def test_a_command_that_we_write_is_read_as_the_same_wish(
    prompt: str, models: list[tuple[str, float]], aspect: str, guidance: float, numbers: tuple[int, int, int]
) -> None:
    steps, seed, count = numbers
    generation: Any = Generation(
        prompt=prompt, aspect=aspect, steps=steps, guidance=guidance, seed=seed, count=count
    )
    reading = read(gen_command(generation, models).removeprefix("/gen "))
    assert reading.problems == []
    assert reading.wish.prompt == prompt
    assert reading.wish.params == Params(aspect, steps, guidance, seed, count)
    named = [Named(trigger=trigger, scale=scale) for trigger, scale in models]
    assert list(reading.wish.models or []) == named


@pytest.mark.parametrize("trigger", [SOME_ID.hex, str(SOME_ID), "a" * 64])
def test_a_trigger_word_that_looks_like_an_id_is_none(trigger: str) -> None:
    generation: Any = Generation(prompt="x", aspect="1:1", steps=1, guidance=1.0, seed=1, count=1)
    reading = read(gen_command(generation, [(trigger, 1.0)]).removeprefix("/gen "))
    assert reading.wish.models == [Named(trigger=trigger, scale=1)]


def test_every_aspect_is_told_from_every_other() -> None:
    assert len({Fraction(*map(int, name.split(":"))) for name in ASPECTS}) == len(ASPECTS)


@pytest.mark.parametrize("unit", ["x,  ", " a", '"', "\\", "--l ", ": ", '" "', "—", "a:1,5 "])
def test_a_long_text_is_read_at_once(unit: str) -> None:
    began = time.perf_counter()
    for end in ("", '"', "a" + " " * 1900 + '"'):
        read(f"a --l x,{unit * (4000 // len(unit))}{end}")
        read("a --l x," + " " * 1900 + "a" + " " * 1900 + end)
    assert time.perf_counter() - began < 5, "not a matter of the machine: it took minutes"


def test_more_models_than_any_take_are_not_looked_for() -> None:
    reading = read("a --l " + ",".join(f"m{number}" for number in range(400)))
    assert len(reading.wish.models or ()) == 20
