"""What people hear of pictures, whatever Telegram does: each album once, and nothing is left over."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tortoise.transactions import in_transaction

from jobs.status import Face
from models import Generation, LedgerEntry, LoraModel, Notification, NotificationStatus, Picture
from models import NotificationKind as Kind
from models import generation as generations
from models.db import connection
from models.generation import Origin
from models.notification import notify
from models.picture import NewPicture, picture_id, picture_key
from models.queue import Job, put
from models.send_slot import SendSlot
from models.training import TrainStatus, move
from models.turns import Turns
from models.user import User
from sandbox.fal.lora import pack
from sandbox.telegram import Json
from tests.jobs.conftest import World
from tests.people import ANA, ANAS_STARS, asked_for, ready_model
from tests.photos import portrait

MESSAGES = ("notify", "generation_status", "accompany")


@pytest.fixture
async def model(world: World) -> LoraModel:
    return await ready_model()


async def ask(model: LoraModel, **changes: Any) -> Generation:
    """As /gen does."""
    generation_id = await asked_for(model, ANA, **{"origin": Origin.CHAT} | changes)
    assert generation_id
    return await Generation.get(id=generation_id)


async def make(world: World, generation: Generation, made: int | None = None) -> list[uuid.UUID]:
    """Completes the generation by all of its pictures, or so many of them, with their files."""
    pictures = []
    for position in range(generation.count if made is None else made):
        which = picture_id(generation.id, position)
        file = world.settings.temporary_dir / f"{which}"
        file.write_bytes(portrait(position, (600, 600)))
        await world.storage.put(picture_key(generation.user_id, which), file)
        pictures.append(NewPicture(position, 600, 600, 1000, b"thumbnail %d" % position))
    assert await generations.complete(generation.id, pictures)
    return [picture_id(generation.id, picture.position) for picture in pictures]


async def balance() -> int:
    rows = await LedgerEntry.filter(user_id=ANA.id)
    stars = (await User.get(id=ANA.id)).balance
    assert stars == sum(row.amount for row in rows)
    return stars


def albums(world: World) -> list[Json]:
    return [message for message in world.said() if "photo" in message]


def buttons(message: Json) -> list[str]:
    lines: list[list[Json]] = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["text"] for line in lines for button in line]


async def test_from_a_prompt_to_an_album_with_buttons(world: World) -> None:
    weights = world.settings.temporary_dir / "weights"
    weights.write_bytes(pack({"trigger_word": "anatok"}, seed=1))
    url = await world.fal_client.upload(
        weights, content_type="application/octet-stream", file_name="w", expires_in=timedelta(hours=1)
    )
    model = await ready_model(weights_url=url)
    asked = await world.telegram.send_text(ANA.id, "/gen on a beach --n 2")
    world.change(public_url="https://selfi.example.org")
    async with world.work():
        await ask(model, message_id=asked["message_id"])
        first, second, ways_on = await world.heard(3)
    assert first["media_group_id"] == second["media_group_id"]
    assert first["reply_to_message"]["message_id"] == asked["message_id"]
    assert "caption" not in first
    assert ways_on["text"] == "on a beach\n1:1 · 28 steps · guidance 3.5 · seed 7\nanatok:1"
    assert buttons(ways_on) == [
        "🔁 Again",
        "✨ 4 more like this",
        "🌱 Same seed",
        "⚙️ Use these settings",
        "Open in the app",
    ]
    assert [(each.kind, each.status) for each in await Notification.all().order_by("id")] == [
        (Kind.PICTURES, NotificationStatus.SENT),
        (Kind.PICTURES_BUTTONS, NotificationStatus.SENT),
    ]
    assert any(call.method == "sendChatAction" for call in world.telegram.calls)
    assert (await Generation.get()).status_message_id


async def test_a_single_picture_is_a_photo(world: World, model: LoraModel) -> None:
    async with world.work(*MESSAGES):
        await make(world, await ask(model, count=1, price=3))
        photo, ways_on = await world.heard(2)
    assert "media_group_id" not in photo
    assert photo["photo"][-1]["width"] == 600
    assert "seed" in ways_on["text"]


async def test_who_deleted_their_question_is_answered_all_the_same(world: World, model: LoraModel) -> None:
    async with world.work(*MESSAGES):
        await make(world, await ask(model, message_id=1))
        await world.heard(3)


@pytest.mark.parametrize(
    "fault",
    [
        {"error_code": 500},
        {"error_code": 429, "retry_after": 1},
        {"drop": True},
        {"error_code": 502, "times": 2},
    ],
)
async def test_a_telegram_in_trouble_gets_the_album_later_and_once(
    world: World, model: LoraModel, fault: dict[str, Any]
) -> None:
    world.telegram.fail("sendMediaGroup", **fault)
    async with world.work(*MESSAGES):
        await make(world, await ask(model))
        await world.heard(3)
    assert len(albums(world)) == 2


async def test_a_process_that_died_while_sending_did_send(world: World, model: LoraModel) -> None:
    generation = await ask(model)
    await make(world, generation)
    await Notification.all().update(status=NotificationStatus.SENDING)
    async with world.work(*MESSAGES):
        [ways_on] = await world.heard(1)
    assert "🌱 Same seed" in buttons(ways_on)
    assert "If you don't see these pictures above, they are in the app." in ways_on["text"]
    assert await Notification.filter(status=NotificationStatus.SENT).count() == 2


async def test_a_process_that_died_before_sending_sends_once(world: World, model: LoraModel) -> None:
    """The job is there still, and recovery puts it back as well."""
    await make(world, await ask(model))
    note = await Notification.get()
    async with world.work(*MESSAGES):
        await put(Job("notify", str(note.id), dedupe=False), Job("notify", str(note.id), dedupe=False))
        await world.heard(3)
    assert len(albums(world)) == 2


async def test_an_album_counts_as_many_messages_as_it_has_pictures(world: World, model: LoraModel) -> None:
    await make(world, await ask(model, count=4, price=12))
    before = datetime.now(UTC)
    async with world.work("notify"):
        async with asyncio.timeout(10):
            while len(albums(world)) < 4:
                await asyncio.sleep(0.02)
        slot = await SendSlot.get(key=f"chat:{ANA.id}")
    assert slot.next_at >= before + timedelta(seconds=4)


async def test_what_telegram_has_is_not_sent_up_again(world: World, model: LoraModel) -> None:
    generation = await ask(model)
    first, _ = await make(world, generation)
    async with world.work(*MESSAGES):
        await world.heard(3)
        assert not await Picture.exists(file_id=None)
        await world.storage.delete([picture_key(ANA.id, first)])
        async with in_transaction() as tx:
            await notify(tx, ANA.id, Kind.PICTURES, "send:1", generation_id=generation.id, picture_id=first)
        *_, alone = await world.heard(4)
    assert alone["caption"].startswith("on a beach")
    assert "reply_to_message" not in alone
    assert buttons(alone) == []


async def test_a_file_id_that_telegram_forgot_is_sent_up_again(world: World, model: LoraModel) -> None:
    generation = await ask(model)
    await make(world, generation)
    await Picture.all().update(file_id="AgACAgIAAxkBAAIforgotten")
    async with world.work(*MESSAGES):
        await world.heard(3)
    assert not await Picture.exists(file_id="AgACAgIAAxkBAAIforgotten")


async def test_pictures_deleted_meanwhile_are_dropped(world: World, model: LoraModel) -> None:
    generation = await ask(model)
    first, _ = await make(world, generation)
    await generations.delete(ANA.id, first)
    other = await ask(model)
    await make(world, other)
    await generations.delete(ANA.id, other.id)
    async with in_transaction() as tx:
        await notify(tx, ANA.id, Kind.PICTURES, "send:1", generation_id=other.id)
    async with world.work(*MESSAGES):
        left, ways_on = await world.heard(2)
    assert ("photo" in left, "seed" in ways_on["text"]) == (True, True)
    assert await Notification.filter(status=NotificationStatus.DROPPED).count() == 2


async def test_one_picture_that_is_deleted_before_it_is_sent_is_not_an_album(
    world: World, model: LoraModel
) -> None:
    generation = await ask(model, origin=Origin.APP)
    first, _ = await make(world, generation)
    async with in_transaction() as tx:
        await notify(tx, ANA.id, Kind.PICTURES, "send:1", generation_id=generation.id, picture_id=first)
    await generations.delete(ANA.id, first)
    async with world.work(*MESSAGES):
        await world.quiet()
    assert world.said() == []


async def test_files_that_are_gone_are_dropped(world: World, model: LoraModel) -> None:
    generation = await ask(model)
    await world.storage.delete([picture_key(ANA.id, which) for which in await make(world, generation)])
    async with world.work(*MESSAGES):
        await world.quiet()
    assert world.said() == []
    assert (await Notification.get()).status is NotificationStatus.DROPPED


async def test_what_was_held_back_is_told_with_its_stars(world: World, model: LoraModel) -> None:
    async with world.work(*MESSAGES):
        await make(world, await ask(model, count=4, price=12), made=1)
        _, ways_on = await world.heard(2)
    assert ways_on["text"].endswith(
        "🛡 3 of 4 were held back: the safety checker didn't let them pass. They cost nothing. "
        f"⭐ 9 stars came back. You have {ANAS_STARS - 3} stars."
    )
    assert await balance() == ANAS_STARS - 3


@pytest.mark.parametrize(
    ("code", "said", "hopeful"),
    [
        ("unsafe", "The safety checker held all of it back.", True),
        ("provider_failed", "trouble of its own", True),
        ("model_gone", "was deleted meanwhile", False),
        ("something_new", "A sentence of <fal>'s.", True),
        ("cancelled", "as you wished", True),
    ],
)
async def test_a_failure_is_told_with_its_reason_and_its_stars(
    world: World, model: LoraModel, code: str, said: str, hopeful: bool
) -> None:
    async with world.work(*MESSAGES):
        generation = await ask(model, prompt="a <b>bold</b> idea")
        await world.heard(1)
        await generations.fail(generation.id, code, "A sentence of <fal>'s.")
        [failed] = await gone(world, generation)
    assert said in failed["text"]
    assert "a <b>bold</b> idea" in failed["text"]
    assert f"⭐ 6 stars came back. You have {ANAS_STARS} stars." in failed["text"]
    assert buttons(failed) == (["🔁 Try again"] if hopeful else [])


async def test_what_was_asked_for_in_the_app_is_told_in_chat_only_when_it_fails(
    world: World, model: LoraModel
) -> None:
    async with world.work(*MESSAGES):
        await make(world, await ask(model, origin=Origin.APP))
        await world.quiet()
        assert world.said() == []
        failing = await ask(model, origin=Origin.APP)
        await generations.fail(failing.id, "timed_out", "…")
        [failed] = await world.heard(1)
    assert "took far too long" in failed["text"]


# --- the living message ---


async def gone(world: World, generation: Generation) -> list[Json]:
    """What the bot has said, once the living message is taken away."""
    async with asyncio.timeout(15):
        while (await Generation.get(id=generation.id)).status_version != Face.GONE:
            await asyncio.sleep(0.02)
    await world.quiet()
    return world.said()


async def test_it_waits_is_made_and_is_taken_away(world: World, model: LoraModel) -> None:
    async with world.work(*MESSAGES):
        generation = await ask(model)
        [waiting] = await world.heard(1)
        assert waiting["text"] == "⏳ Your 2 pictures wait for their turn.\nIt comes next."
        assert buttons(waiting) == ["Cancel"]
        await Turns(at_once=5, per_person=5, waiting=5).take()
        await generations.at_fal(generation.id, "request-1")
        await world.quiet()
        [making] = world.said()
        assert making["message_id"] == waiting["message_id"]
        assert making["text"] == "🎨 Your 2 pictures are being made…"
        await make(world, generation)
        left = await gone(world, generation)
    assert making["message_id"] not in {message["message_id"] for message in left}


async def test_places_in_the_queue_are_kept_up_to_date(
    world: World, model: LoraModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.status.PLACE_INTERVAL", 0.2)
    first = await ask(model)
    async with world.work(*MESSAGES):
        second = await ask(model)
        async with asyncio.timeout(15):
            while not any("1 request comes before it." in each["text"] for each in world.said()):
                await asyncio.sleep(0.02)
        await generations.cancel(ANA.id, first.id)
        shown = (await Generation.get(id=second.id)).status_message_id
        async with asyncio.timeout(15):
            while not any(
                each["message_id"] == shown and "It comes next." in each["text"] for each in world.said()
            ):
                await asyncio.sleep(0.02)


async def test_a_turn_that_comes_at_once_is_told_in_one_message(world: World, model: LoraModel) -> None:
    async with world.work(*MESSAGES, "take_turns"):
        await ask(model)
        [making] = await world.heard(1)
    assert "being made" in making["text"]
    edits = [call for call in world.telegram.calls if call.method == "editMessageText"]
    assert edits == []


async def test_activity_is_shown_as_long_as_it_lasts(
    world: World, model: LoraModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.status.ACTION_INTERVAL", timedelta(seconds=0.1))
    world.telegram.fail("sendChatAction", error_code=400)

    def shown() -> int:
        calls = [call for call in world.telegram.calls if call.method == "sendChatAction"]
        return sum(call.parameters["action"] == "upload_photo" for call in calls)

    async with world.work(*MESSAGES, "take_turns"):
        generation = await ask(model)
        async with asyncio.timeout(15):
            while shown() < 3:
                await asyncio.sleep(0.02)
        await generations.fail(generation.id, "timed_out", "…")
        await gone(world, generation)
        until_now = shown()
        await asyncio.sleep(0.5)
        assert shown() == until_now
        left = "SELECT count(*) AS n FROM pgqueuer WHERE entrypoint = 'accompany'"
        assert (await connection().execute_query_dict(left))[0]["n"] == 0


async def test_a_living_message_that_cannot_be_deleted_says_that_it_is_over(
    world: World, model: LoraModel
) -> None:
    world.telegram.fail("deleteMessage", error_code=400, description="message can't be deleted")
    async with world.work(*MESSAGES):
        generation = await ask(model)
        await world.heard(1)
        await make(world, generation)
        living, *_ = await gone(world, generation)
    assert living["text"] == "🏁 This has ended: see below."
    assert buttons(living) == []


async def test_what_ends_while_its_message_is_on_its_way_leaves_none(world: World, model: LoraModel) -> None:
    world.telegram.fail("sendMessage", answer_delay=1)
    async with world.work(*MESSAGES):
        generation = await ask(model)
        async with asyncio.timeout(10):
            while not await Generation.exists(status_until__gt=datetime.now(UTC)):
                await asyncio.sleep(0.02)
        await make(world, generation)
        await gone(world, generation)
    assert not any("turn" in message.get("text", "") for message in world.said())


async def test_what_has_ended_before_anything_was_shown_has_no_living_message(
    world: World, model: LoraModel
) -> None:
    generation = await ask(model)
    await make(world, generation)
    async with world.work(*MESSAGES):
        await world.heard(3)
    assert (await Generation.get()).status_message_id is None


async def test_who_blocked_the_bot_is_left_alone(world: World, model: LoraModel) -> None:
    await world.telegram.block(ANA.id)
    async with world.work(*MESSAGES):
        generation = await ask(model)
        await world.quiet()
        assert (await User.get(id=ANA.id)).blocked_at is not None
        before = len(world.telegram.calls)
        await make(world, generation)
        await world.quiet()
        assert len(world.telegram.calls) == before
    assert (await Notification.get()).status is NotificationStatus.DROPPED


async def test_people_are_told_in_their_language(world: World, model: LoraModel) -> None:
    await User.filter(id=ANA.id).update(language="es")
    async with world.work(*MESSAGES):
        generation = await ask(model)
        [waiting] = await world.heard(1)
        await generations.fail(generation.id, "unsafe", "…")
        [failed] = await gone(world, generation)
    assert "esperan su turno" in waiting["text"]
    assert "control de seguridad" in failed["text"]


# --- samples ---


FILES = ("https://fal.example/weights.safetensors", None)


async def trained(world: World, samples: int) -> Generation:
    """A training that has just brought a model, of which samples are made."""
    training = await world.start()
    await move(training.id, TrainStatus.COMPLETED, files=FILES, samples=samples)
    return await Generation.get(training_id=training.id)


async def test_a_new_model_is_told_with_its_samples_on_one_photo(world: World) -> None:
    world.change(public_url="https://selfi.example.org")
    async with world.work("status", *MESSAGES):
        generation = await trained(world, 2)
        await world.quiet()
        assert not any("ready!" in message.get("text", "") for message in world.said())
        await make(world, generation)
        *_, final = await world.heard(1)
    assert final["caption"].startswith("🎉 Ana in Lisbon is ready!")
    assert buttons(final) == ["🎨 Make pictures", "See the model", "Train another"]
    assert (final["photo"][-1]["width"], final["photo"][-1]["height"]) == (2060, 1024)
    assert (await LoraModel.get()).preview == b"thumbnail 0"
    assert list(world.settings.temporary_dir.glob("*.jpg")) == []


async def test_samples_that_fail_hold_no_message_back(world: World) -> None:
    async with world.work("status", *MESSAGES):
        generation = await trained(world, 2)
        await generations.fail(generation.id, "provider_failed", "…")
        *_, final = await world.heard(1)
    assert "ready!" in final["text"]


async def test_samples_whose_files_are_gone_hold_no_message_back(world: World) -> None:
    generation = await trained(world, 2)
    await world.storage.delete([picture_key(ANA.id, which) for which in await make(world, generation)])
    async with world.work("status", *MESSAGES):
        *_, final = await world.heard(1)
    assert "ready!" in final["text"]


async def test_an_album_that_telegram_refuses_is_told_in_words(world: World, model: LoraModel) -> None:
    world.telegram.fail("sendMediaGroup", error_code=400, description="PHOTO_INVALID_DIMENSIONS")
    async with world.work(*MESSAGES):
        await make(world, await ask(model))
        (words,) = await world.heard(1)
    assert "Telegram didn't take these pictures. They are in the app." in words["text"]
    assert "🔁 Again" in buttons(words)
