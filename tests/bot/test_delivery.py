"""Updates as Telegram delivers them: proven, in turn, once, again after a failure, and never for ever."""

import asyncio
import io
import json
from typing import Any

import aiohttp
import pytest
from aiogram import Bot
from tortoise.backends.base.client import BaseDBAsyncClient

from bot.middlewares import InTurn, Once
from bot.webhook import MAX_BODY, SECRET_HEADER
from models import LedgerEntry, Notification, Payment, SeenUpdate, Training, User
from models.user import set_blocked
from tests.bot.chats import Chat, Selfi, button
from tests.bot.conftest import OPERATOR


@pytest.fixture
def time_scale() -> float:
    """The pauses before the third to the fifth delivery, 2, 4 and 8 s, are 0.3 s together."""
    return 0.02


def message(update_id: int, text: str | None = "/start", **changes: Any) -> dict[str, Any]:
    """An update as Telegram sends it: Ana writes."""
    person = {"id": 7_100_000_001, "is_bot": False, "first_name": "Ana", "language_code": "en"}
    chat = {"id": person["id"], "type": "private", "first_name": "Ana"}
    body = {"message_id": 7, "date": 1, "chat": chat, "from": person, "text": text}
    return {"update_id": update_id, "message": body | changes}


async def post(selfi: Selfi, body: bytes, secret: str | None = None) -> tuple[int, Any]:
    headers = {SECRET_HEADER: selfi.settings.webhook_secret if secret is None else secret}
    async with (
        aiohttp.ClientSession() as http,
        http.post(selfi.url, data=io.BytesIO(body), headers=headers) as answer,
    ):
        return answer.status, await answer.json(content_type=None)


async def deliver(selfi: Selfi, update: dict[str, Any]) -> tuple[int, Any]:
    return await post(selfi, json.dumps(update).encode())


# --- the secret ---


@pytest.mark.parametrize("secret", ["", "wrong", "señal", "\udcff\udcfe"])
async def test_without_the_secret_nothing_happens_but_a_401(
    selfi: Selfi, log: io.StringIO, secret: str
) -> None:
    status, problem = await post(selfi, json.dumps(message(1)).encode(), secret)

    assert (status, problem["code"]) == (401, "webhook_secret_wrong")
    assert await User.all().count() == 0
    assert await SeenUpdate.all().count() == 0
    assert "webhook_secret_wrong" in log.getvalue()


async def test_a_header_of_raw_bytes_is_a_401_too(selfi: Selfi) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(selfi.url.split(":")[2].split("/")[0]))
    writer.write(
        b"POST /telegram/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
        + SECRET_HEADER.encode()
        + b": \xff\xfe\xe9\r\n\r\n{}"
    )
    assert b" 401 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


# --- garbage ---


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"1" * 5000])
async def test_what_is_no_json_is_refused(selfi: Selfi, body: bytes) -> None:
    assert (await post(selfi, body))[0] == 422


async def test_too_large_a_body_is_a_413_that_names_the_limit(selfi: Selfi) -> None:
    status, problem = await post(selfi, b" " * (MAX_BODY + 1))
    assert status == 413
    assert problem["limit"] == MAX_BODY


@pytest.mark.parametrize(
    "update",
    [
        [],
        "update",
        None,
        {},
        {"update_id": "x"},
        {"update_id": 5},
        {"update_id": 5, "message": {"text": "my secret plan"}},
        {"update_id": 5, "from_the_future": {"text": "my secret plan"}},
        {"update_id": 10**30, "message": {}},
        message(2**63),
        message(-1),
    ],
)
async def test_an_update_that_cannot_be_read_is_done_with_and_its_words_are_not_logged(
    selfi: Selfi, log: io.StringIO, update: Any
) -> None:
    assert await post(selfi, json.dumps(update).encode()) == (200, {})
    assert "update_" in log.getvalue()
    assert "my secret plan" not in log.getvalue()


async def test_garbage_does_not_hold_up_the_chat(ana: Chat, selfi: Selfi) -> None:
    for garbage in ({}, [1], {"update_id": 1, "message": 2}, {"update_id": 1, "new_kind": {}}):
        selfi.telegram.deliver(garbage)
    await selfi.settled()

    assert "Hi, Ana" in (await ana.say("/start"))["text"]


# --- once ---


async def test_the_answer_travels_in_the_webhooks_own(selfi: Selfi) -> None:
    status, call = await deliver(selfi, message(1))

    assert (status, call["method"], call["chat_id"]) == (200, "sendMessage", "7100000001")
    assert call["parse_mode"] == "HTML"
    assert json.loads(call["reply_markup"])["inline_keyboard"]
    assert [each.method for each in selfi.telegram.calls] == ["setWebhook"]


async def test_a_message_deleted_meanwhile_is_answered_all_the_same(selfi: Selfi) -> None:
    huge = {"file_id": "f", "file_unique_id": "u", "file_name": "a.jpg", "file_size": 30 * 1024**2}
    _, call = await deliver(selfi, message(1, text=None, document=huge))

    assert "20 MB at most" in call["text"]
    assert json.loads(call["reply_parameters"])["allow_sending_without_reply"] is True


async def test_a_redelivery_changes_nothing_and_says_nothing(selfi: Selfi) -> None:
    first = await deliver(selfi, message(1))
    second = await deliver(selfi, message(1))

    assert first[1]["method"] == "sendMessage"
    assert second == (200, {})
    assert await LedgerEntry.all().count() == 1


async def test_one_person_is_served_one_update_at_a_time(selfi: Selfi, db: BaseDBAsyncClient) -> None:
    answers = await asyncio.gather(*(deliver(selfi, message(7)) for _ in range(6)))

    assert sorted(call.get("method", "") for _, call in answers) == [""] * 5 + ["sendMessage"]
    (seen,) = await SeenUpdate.all()
    assert (seen.attempts, seen.done) == (1, True)


async def test_a_turn_that_does_not_come_is_left_for_the_next_delivery(
    selfi: Selfi,
) -> None:
    hurry(selfi, InTurn)
    release = asyncio.Event()
    selfi.dispatcher.message.outer_middleware(
        lambda handler, event, data: _held(release, handler, event, data)
    )
    slow = asyncio.create_task(deliver(selfi, message(1)))
    async with asyncio.timeout(5):
        while not await SeenUpdate.exists(id=1):  # the first has its turn
            await asyncio.sleep(0.01)

    assert (await deliver(selfi, message(2)))[0] == 503
    release.set()
    assert (await slow)[0] == 200
    assert (await deliver(selfi, message(2)))[1]["method"] == "sendMessage"


def hurry(selfi: Selfi, kind: type[InTurn | Once]) -> None:
    """Gives a middleware much less time than it has."""
    for middleware in selfi.dispatcher.update.outer_middleware:
        if isinstance(middleware, kind):
            middleware.seconds = 0.05


async def _held(release: asyncio.Event, handler: Any, event: Any, data: Any) -> Any:
    await release.wait()
    return await handler(event, data)


# --- again, and given up ---


async def test_after_a_failure_the_update_comes_again_and_is_answered(
    ana: Chat, selfi: Selfi, log: io.StringIO
) -> None:
    failures = iter([RuntimeError("my secret plan"), RuntimeError("again")])
    break_messages(selfi, failures)

    assert "Hi, Ana" in (await ana.say("/start my secret plan"))["text"]
    (seen,) = await SeenUpdate.all()
    assert (seen.attempts, seen.done, seen.error) == (3, True, None)
    assert f'"update_id": {seen.id}' in log.getvalue()


def break_messages(selfi: Selfi, failures: Any) -> None:
    """Makes the handling of messages raise whatever `failures` yields, until it ends."""

    async def fail(handler: Any, event: Any, data: Any) -> Any:
        for failure in failures:
            raise failure
        return await handler(event, data)

    selfi.dispatcher.message.outer_middleware(fail)


async def test_what_fails_again_and_again_is_set_aside_and_stops_blocking(
    beto: Chat, selfi: Selfi, log: io.StringIO
) -> None:
    await beto.say("/start")
    break_messages(selfi, (RuntimeError("no") for _ in range(5)))

    apology = await beto.say("/status my secret plan")
    after = await beto.say("/help")

    assert apology["text"].startswith("Lo siento")
    assert "/balance" in after["text"]
    aside = await SeenUpdate.get(error="RuntimeError")
    assert (aside.attempts, aside.done) == (5, True)
    told = await Notification.get(chat_id=OPERATOR)
    assert told.text
    assert str(aside.id) in told.text
    assert "message" in told.text
    assert "my secret plan" not in told.text + log.getvalue()


async def test_a_handler_that_hangs_is_given_up_too(ana: Chat, selfi: Selfi) -> None:
    hurry(selfi, Once)
    never = asyncio.Event()
    selfi.dispatcher.message.outer_middleware(lambda handler, event, data: _held(never, handler, event, data))

    assert "Sorry" in (await ana.say("/start"))["text"]
    assert (await SeenUpdate.get(done=True)).error == "TimeoutError"


async def test_a_payment_is_never_given_up(selfi: Selfi) -> None:
    payment = {
        "currency": "XTR",
        "total_amount": 100,
        "invoice_payload": "pack",
        "telegram_payment_charge_id": "c1",
        "provider_payment_charge_id": "",
    }
    break_messages(selfi, (RuntimeError("no") for _ in range(7)))

    statuses = [(await deliver(selfi, message(1, successful_payment=payment)))[0] for _ in range(8)]

    assert statuses == [500] * 7 + [200]
    assert (await Payment.get(charge_id="c1")).problem == "invoice_unknown"
    told = [note.text or "" for note in await Notification.all().order_by("id")]
    assert ["again and again" in text for text in told] == [True, False]  # the other is of the problem


async def test_a_database_that_is_away_leaves_the_update_with_telegram(
    selfi: Selfi, db: BaseDBAsyncClient
) -> None:
    await db.execute_query("ALTER TABLE seen_updates RENAME TO away")
    try:
        assert (await deliver(selfi, message(1)))[0] == 500
    finally:
        await db.execute_query("ALTER TABLE away RENAME TO seen_updates")
    assert (await deliver(selfi, message(1)))[1]["method"] == "sendMessage"


# --- Telegram's own troubles, while an answer is sent ---


@pytest.mark.parametrize("fault", [{"error_code": 429, "retry_after": 1}, {"drop": True}])
async def test_an_answer_is_sent_once_more_where_the_line_or_a_limit_refused_it(
    ana: Chat, selfi: Selfi, fault: dict[str, Any]
) -> None:
    await ana.train()
    question = await ana.say("/cancel")
    selfi.telegram.fail("editMessageText", **fault)

    await selfi.telegram.press("Ana", question["message_id"], button(question, "No")["callback_data"])
    await selfi.settled()

    assert ana.heard[-1]["text"] == "It goes on."
    assert [seen.attempts for seen in await SeenUpdate.all()] == [1, 1]


async def test_who_blocks_the_bot_is_remembered_until_they_come_back(ana: Chat, selfi: Selfi) -> None:
    await ana.say("/start")
    await selfi.telegram.block("Ana")
    await selfi.settled()
    assert (await User.get(id=ana.person.id)).blocked_at

    await selfi.telegram.block("Ana", blocked=False)
    await selfi.settled()
    assert (await User.get(id=ana.person.id)).blocked_at is None


async def test_who_writes_has_not_blocked_us(ana: Chat) -> None:
    await ana.say("/start")
    await set_blocked(ana.person.id, blocked=True)

    await ana.say("/help")

    assert (await User.get(id=ana.person.id)).blocked_at is None


async def test_a_block_found_while_answering_is_remembered_and_not_tried_again(
    ana: Chat, selfi: Selfi
) -> None:
    await ana.train()
    question = await ana.say("/cancel")
    selfi.telegram.fail("editMessageText", error_code=403)

    await selfi.telegram.press("Ana", question["message_id"], button(question, "No")["callback_data"])
    await selfi.settled()

    assert (await User.get(id=ana.person.id)).blocked_at
    assert [seen.attempts for seen in await SeenUpdate.all()] == [1, 1]


async def test_a_message_that_cannot_be_rewritten_is_no_reason_to_fail(ana: Chat, selfi: Selfi) -> None:
    training = await ana.train()
    question = await ana.say("/cancel")
    yes = button(question, "Yes")["callback_data"]
    selfi.telegram.fail("editMessageText", error_code=400, description="Bad Request: message can't be edited")

    await selfi.telegram.press("Ana", question["message_id"], yes)
    await selfi.settled()

    assert not (await Training.get(id=training.id)).is_active
    assert [seen.attempts for seen in await SeenUpdate.all()] == [1, 1]


# --- where we aren't spoken to ---


async def test_in_a_group_only_start_is_answered_and_nobody_is_remembered(selfi: Selfi) -> None:
    group = {"id": -100_500, "type": "supergroup", "title": "Friends"}

    assert "private chat" in (await deliver(selfi, message(1, "/start", chat=group)))[1]["text"]
    for update_id, text in enumerate(("hello", "/status", "/cancel", "/startle"), start=2):
        assert await deliver(selfi, message(update_id, text, chat=group)) == (200, {})
    assert await User.all().count() == 0


async def test_telegrams_own_notices_get_no_answer(selfi: Selfi) -> None:
    notice = message(1, text=None, pinned_message=message(0)["message"])
    assert await deliver(selfi, notice) == (200, {})


async def test_only_what_has_a_handler_is_asked_for(selfi: Selfi, bot: Bot) -> None:
    info = await bot.get_webhook_info()
    assert info.allowed_updates == ["callback_query", "message", "my_chat_member", "pre_checkout_query"]
    assert info.url == selfi.url.replace("localhost", "127.0.0.1")
