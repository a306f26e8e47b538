"""The living message and the one at the end, as jobs send them."""

from datetime import timedelta
from typing import Any

import pytest
from aiogram import Bot
from tortoise.backends.base.client import BaseDBAsyncClient

from bot.views import View, final_message, status_message
from models.ledger import Cause, refund_of
from models.settlement import _SENTENCES as STORED
from models.training import Training, TrainStatus, cancel, move
from tests.bot.chats import Chat, Selfi
from tests.people import ANA, settle_in, started

APP = "https://selfi.example.org/app/"


@pytest.fixture
async def training(db: BaseDBAsyncClient) -> Training:
    await settle_in()
    return await started(ANA, name="Ana <3 & me", trigger_word="ANA<3", steps=1000, price=150)


async def shown(training: Training, **changes: Any) -> Training:
    """The training as a view wants it, with `changes` that no move makes."""
    row = await Training.get(id=training.id).select_related("lora")
    return row.update_from_dict(changes)


def buttons(view: View) -> list[tuple[str, str]]:
    """Each button's label, and what it opens or says."""
    rows = view.keyboard.inline_keyboard if view.keyboard else []
    return [
        (each.text, each.web_app.url if each.web_app else (each.callback_data or ""))
        for row in rows
        for each in row
    ]


async def test_a_queued_training_shows_its_place_and_can_be_cancelled(training: Training) -> None:
    view = status_message(await shown(training, queue_position=3), "en", APP)

    assert view.text == (
        "⏳ <b>Ana &lt;3 &amp; me</b> is waiting for its turn\n"
        "<code>▱▱▱▱▱▱▱▱▱▱▱▱</code> 0%\n"
        "3 trainings are ahead of it."
    )
    assert buttons(view) == [
        ("Open in the app", f"{APP}?training={training.id}"),
        ("Cancel", f"cancel:{training.id.hex}:0"),
    ]
    first = status_message(await shown(training), "es", None)
    assert "Empieza en cuanto quede libre" in first.text
    assert [label for label, _ in buttons(first)] == ["Cancelar"]


@pytest.mark.parametrize(
    ("percent", "bar"), [(0, "▱" * 12), (8, "▱" * 12), (50, "▰" * 6 + "▱" * 6), (99, "▰" * 11 + "▱")]
)
async def test_the_bar_never_shows_more_than_there_is(training: Training, percent: int, bar: str) -> None:
    row = await shown(training, status=TrainStatus.TRAINING, progress=percent, step=percent * 10)
    assert f"<code>{bar}</code> {percent}%" in status_message(row, "en", APP).text


async def test_a_running_training_shows_steps_and_what_is_left(training: Training) -> None:
    row = await shown(training, status=TrainStatus.TRAINING, progress=40, step=400)

    assert status_message(row, "en", APP, eta=125).text.splitlines()[2:] == [
        "400 of 1,000 steps",
        "About 2 minutes left",
    ]
    assert "400 de 1.000 pasos" in status_message(row, "es", APP).text
    assert "left" not in status_message(row, "en", APP).text


async def test_what_has_ended_can_no_longer_be_cancelled(training: Training) -> None:
    done = await shown(training, status=TrainStatus.COMPLETED)
    failed = await shown(training, status=TrainStatus.FAILED, error_code="no_result")
    cancelled = await shown(training, status=TrainStatus.FAILED, error_code="cancelled")

    assert "✅ <b>Ana &lt;3 &amp; me</b> is ready" in status_message(done, "en", APP).text
    assert "did not work out" in status_message(failed, "en", APP).text
    assert "is cancelled" in status_message(cancelled, "en", APP).text
    for row in (done, failed, cancelled):
        assert [label for label, _ in buttons(status_message(row, "en", APP))] == ["Open in the app"]


async def test_the_end_of_a_good_one_names_the_word_the_steps_and_the_time(training: Training) -> None:
    await move(training.id, TrainStatus.TRAINING, progress=1)
    await move(training.id, TrainStatus.COMPLETED, files=("https://files.example.org/w", None))
    row = await shown(training)
    assert row.completed_at
    row.running_at = row.completed_at - timedelta(minutes=4)

    view = final_message(row, "en", APP)

    assert view.text == (
        "🎉 <b>Ana &lt;3 &amp; me</b> is ready!\n\n"
        "Trigger word: <code>ANA&lt;3</code>\n"
        "Trained for 1,000 steps in 4 minutes"
    )
    assert buttons(view) == [
        ("🎨 Make pictures", f"with:{training.lora_id.hex}"),
        ("See the model", f"{APP}?model={training.lora_id}"),
        ("Train another", APP),
    ]
    assert "4 minutos" in final_message(row, "es", APP).text


async def test_the_end_of_a_bad_one_names_the_reason_and_the_stars_that_came_back(training: Training) -> None:
    await move(training.id, TrainStatus.FAILED, error_code="timed_out", error="It timed out.")
    row = await shown(training)

    refund = await refund_of(Cause(training.id))
    english = final_message(row, "en", APP, refund=refund)
    spanish = final_message(row, "es", None, refund=refund)

    assert english.text == (
        "😔 <b>Ana &lt;3 &amp; me</b> could not be trained.\n"
        "It took far too long, so it was stopped. It is worth another try.\n\n"
        "⭐ 150 stars came back. You have 500 stars."
    )
    assert buttons(english) == [("Try again", APP)]
    assert "Tardaba demasiado" in spanish.text
    assert "Han vuelto 150 estrellas. Tienes 500 estrellas." in spanish.text
    assert spanish.keyboard is None


async def test_a_cancelled_one_has_friendly_words_of_its_own(training: Training) -> None:
    await cancel(ANA.id, training.id)

    refund = await refund_of(Cause(training.id))
    text = final_message(await shown(training), "en", APP, refund=refund).text

    assert text == (
        "✋ <b>Ana &lt;3 &amp; me</b> is cancelled, as you wished.\n\n"
        "⭐ 150 stars came back. You have 500 stars."
    )


async def test_what_was_free_says_so(db: BaseDBAsyncClient) -> None:
    await settle_in()
    free = await started(ANA, price=0)
    await move(free.id, TrainStatus.FAILED, error_code="no_result", error="…")

    assert "cost you nothing" in final_message(await shown(free), "en", APP).text


async def test_a_code_that_nobody_knows_is_told_in_the_stored_words_quoted(training: Training) -> None:
    row = await shown(training, status=TrainStatus.FAILED, error_code="http_418", error="<i>I'm a teapot</i>")
    assert "&lt;i&gt;I'm a teapot&lt;/i&gt;" in final_message(row, "es", APP).text
    row.update_from_dict({"error": None})
    assert "El servicio de entrenamiento" in final_message(row, "es", APP).text


@pytest.mark.parametrize(
    "code",
    sorted(
        {*STORED, "no_media_generated", "bad_request", "validation_error", "provider_failed", "timed_out"}
    ),
)
async def test_every_reason_that_we_store_is_told_in_spanish(training: Training, code: str) -> None:
    row = await shown(training, status=TrainStatus.FAILED, error_code=code, error="English words.")
    assert "English words." not in final_message(row, "es", APP).text


async def test_telegram_takes_every_one_of_them(selfi: Selfi, bot: Bot) -> None:
    """The twin parses the markup and checks the buttons as Telegram does."""
    ana = Chat(selfi.telegram, "Ana")
    await ana.say("/start")
    training = await ana.train(name="<b>Ana</b> & co", trigger_word="<code>", price=0)
    ended = {"status": TrainStatus.FAILED, "error_code": "http_500", "error": "<oops>"}
    for changes in (
        {},
        {"status": TrainStatus.TRAINING, "progress": 50},
        {"status": TrainStatus.COMPLETED},
        ended,
    ):
        row = await shown(training, **changes)
        views = [status_message(row, language, selfi.settings.app_url, eta=60) for language in ("en", "es")]
        if not row.is_active:
            views.append(final_message(row, "en", selfi.settings.app_url))
        for view in views:
            sent = await bot.send_message(ana.person.id, view.text, reply_markup=view.keyboard)
            assert "<b>Ana</b> & co" in (sent.text or "")
