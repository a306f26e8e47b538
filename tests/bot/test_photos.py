"""Photos sent in chat, as photos, as files and as albums."""

import io
import os
from collections.abc import Callable

import pytest
from tortoise.backends.base.client import BaseDBAsyncClient

from bot.errors import _SENTENCES, words
from bot.i18n import speaking
from bot.views import draft_message, rest_of_burst
from models import photo as drafts
from models.photo import refusal
from models.seen_update import SeenUpdate
from tests import photos as made
from tests.bot.chats import Chat, Selfi


async def summaries(db: BaseDBAsyncClient) -> list[tuple[str, str]]:
    """The jobs that will say what a draft holds."""
    rows = await db.execute_query_dict("SELECT entrypoint, payload FROM pgqueuer ORDER BY id")
    return [(row["entrypoint"], bytes(row["payload"]).decode()) for row in rows]


async def test_an_album_fills_the_draft_and_is_answered_once(
    ana: Chat, selfi: Selfi, db: BaseDBAsyncClient
) -> None:
    await ana.send_photos(*(made.portrait(seed) for seed in range(4)), caption="me, last summer")
    await selfi.settled()

    kept = await drafts.draft(ana.person.id)
    assert len(kept) == 4
    assert {photo.source for photo in kept} == {"chat"}
    assert [photo.caption for photo in kept] == ["me, last summer", None, None, None]
    assert await summaries(db) == [("draft", str(ana.person.id))]
    assert ana.heard == []


async def test_heic_comes_as_a_file_under_its_name(ana: Chat, selfi: Selfi, db: BaseDBAsyncClient) -> None:
    await selfi.telegram.send_documents("Ana", [("IMG_0001.HEIC", made.heic())])
    await selfi.settled()

    (kept,) = await drafts.draft(ana.person.id)
    assert (kept.file_name, kept.width, kept.height) == ("IMG_0001.HEIC", 768, 1024)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("tiny.jpg", made.small, "480×600 pixels: its shorter side must have at least 512"),
        ("broken.png", lambda: made.png()[:2000], "damaged"),
        ("fake.jpg", lambda: b"hello" * 100, "This is no photo"),
        ("moving.gif", lambda: b"GIF89a" + bytes(100), "This is a GIF file"),
    ],
)
async def test_a_refused_photo_is_answered_at_once_with_the_reason(
    ana: Chat, db: BaseDBAsyncClient, name: str, content: Callable[[], bytes], said: str
) -> None:
    answer = await ana.send_file(name, content())

    assert said in answer["text"]
    assert answer["reply_to_message"]["document"]["file_name"] == name
    assert await drafts.draft(ana.person.id) == []
    assert await summaries(db) == []


async def test_the_reason_is_in_the_persons_language(beto: Chat) -> None:
    assert "480×600 píxeles" in (await beto.send_file("mini.jpg", made.small()))["text"]


async def test_in_an_album_only_the_refused_are_answered_and_the_rest_is_kept(
    ana: Chat, selfi: Selfi, db: BaseDBAsyncClient
) -> None:
    files = [("a.jpg", made.portrait(1)), ("b.jpg", made.small(2)), ("c.jpg", made.portrait(3))]
    await selfi.telegram.send_documents("Ana", files)
    await selfi.settled()

    assert [photo.file_name for photo in await drafts.draft(ana.person.id)] == ["a.jpg", "c.jpg"]
    (refused,) = ana.heard
    assert refused["reply_to_message"]["document"]["file_name"] == "b.jpg"
    assert await summaries(db) == [("draft", str(ana.person.id))]


async def test_the_same_photo_again_is_refused_in_words(ana: Chat, selfi: Selfi) -> None:
    await selfi.telegram.send_documents("Ana", [("a.jpg", made.portrait(1))])
    await selfi.settled()

    assert "in your draft already" in (await ana.send_file("a.jpg", made.portrait(1)))["text"]
    assert len(await drafts.draft(ana.person.id)) == 1


async def test_over_20_mb_telegram_gives_bots_nothing_and_the_answer_says_so(ana: Chat, selfi: Selfi) -> None:
    huge = made.portrait(1) + os.urandom(20 * 1024**2)

    answer = await ana.send_file("huge.jpg", huge)

    assert "20 MB at most" in answer["text"]
    assert "getFile" not in [call.method for call in selfi.telegram.calls]


async def test_telegrams_own_refusal_of_a_large_file_reads_the_same(ana: Chat, selfi: Selfi) -> None:
    selfi.telegram.fail("getFile", error_code=400, description="Bad Request: file is too big")

    assert "20 MB at most" in (await ana.send_file("huge.jpg", made.portrait(1)))["text"]


async def test_a_full_draft_is_told_once_in_the_summary(
    ana: Chat, selfi: Selfi, db: BaseDBAsyncClient
) -> None:
    selfi.dispatcher["drafts"] = type(selfi.dispatcher["drafts"])(
        **{**vars(selfi.dispatcher["drafts"]), "maximum": 2}
    )
    await ana.send_photos(*(made.portrait(seed) for seed in range(4)))
    await selfi.settled()

    kept = await drafts.draft(ana.person.id)
    assert (len(kept), ana.heard) == (2, [])
    assert await summaries(db) == [("draft", str(ana.person.id))]
    text = draft_message(kept, "en", selfi.settings.app_url, 2, 2).text
    assert "as many as a training takes" in text


async def test_a_download_that_breaks_off_is_tried_again_and_leaves_no_file(ana: Chat, selfi: Selfi) -> None:
    selfi.telegram.fail("getFile", times=2, drop=True)

    await ana.send_photos(made.portrait(1))
    await selfi.settled()

    assert len(await drafts.draft(ana.person.id)) == 1
    assert list(selfi.settings.temporary_dir.iterdir()) == []


@pytest.mark.parametrize("time_scale", [0.02])
async def test_a_file_server_that_refuses_puts_no_secret_into_the_log(
    ana: Chat, selfi: Selfi, log: io.StringIO
) -> None:
    """The address that it refuses has the bot's token in it."""
    (content,) = await selfi.telegram.send_photos("Ana", [made.portrait(1)])
    selfi.telegram.core.files._by_path.clear()
    apology = await selfi.telegram.next_message("Ana", after=content["message_id"])

    assert "Sorry" in apology["text"]
    assert "DownloadFailed" in log.getvalue()
    assert "emulated-bot" not in log.getvalue()


async def test_a_photo_taken_by_an_attempt_that_failed_afterwards_is_no_duplicate(
    ana: Chat, selfi: Selfi, db: BaseDBAsyncClient
) -> None:
    await selfi.telegram.send_documents("Ana", [("a.jpg", made.portrait(1))])
    await selfi.settled()
    (seen,) = await SeenUpdate.all()
    await SeenUpdate.filter(id=seen.id).update(done=False)
    await db.execute_query("DELETE FROM pgqueuer")

    document = selfi.telegram.messages("Ana")[-1]
    selfi.telegram.deliver({"update_id": seen.id, "message": document})
    await selfi.settled()

    assert ana.heard == []
    assert len(await drafts.draft(ana.person.id)) == 1
    assert await summaries(db) == [("draft", str(ana.person.id))]


async def test_the_summary_counts_warns_and_says_what_is_missing(
    ana: Chat, selfi: Selfi, db: BaseDBAsyncClient
) -> None:
    files = [("a.jpg", made.portrait(1)), ("b.jpg", made.blurred(2)), ("c.jpg", made.portrait(1, quality=80))]
    await selfi.telegram.send_documents("Ana", files)
    await selfi.settled()

    photos = await drafts.draft(ana.person.id)
    english = draft_message(photos, "en", selfi.settings.app_url, 4, 12)
    spanish = draft_message(photos, "es", selfi.settings.app_url, 3, 12)

    assert english.text.splitlines() == [
        "📸 Your draft has 3 photos.",
        "⚠️ 1 looks blurred; a sharper one would teach more.",
        "⚠️ 1 looks almost like another; variety teaches more.",
        "",
        "1 more is needed for a training.",
    ]
    assert "Tu borrador tiene 3 fotos" in spanish.text
    assert "Bastan para un entrenamiento" in spanish.text
    assert english.keyboard
    assert english.keyboard.inline_keyboard[0][0].web_app
    assert 0 < rest_of_burst(photos).total_seconds() <= 1.5
    assert rest_of_burst([]).total_seconds() < 0


def test_every_reason_to_refuse_a_photo_has_its_words() -> None:
    params = {
        "format": "GIF",
        "width": 1,
        "height": 2,
        "min_side": 3,
        "max_pixels": 4,
        "max_bytes": 20 * 1024**2,
    }
    for code in drafts._SENTENCES:
        assert code in _SENTENCES
        with speaking("es"):
            assert "{" not in words(refusal(code, params))
    with speaking("es"):
        assert "20 MB" in words(refusal("file_too_large", params))
