"""Messages: sent, edited, copied and deleted by the bot, and what people see of it."""

import io
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError, TelegramRetryAfter
from aiogram.types import (
    BotCommand,
    BotCommandScopeChat,
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    LinkPreviewOptions,
    MediaUnion,
    MenuButtonWebApp,
    ReactionTypeEmoji,
    ReplyParameters,
    WebAppInfo,
)
from aiohttp import web
from aiohttp.test_utils import TestServer
from PIL import Image

from sandbox.telegram import Limits, TelegramEmulator
from tests.photos import portrait

from .conftest import served

GO_ON = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Go on", callback_data="go")]])


def jpeg(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, "JPEG")
    return file.getvalue()


def upload(content: bytes, name: str = "photo.jpg") -> BufferedInputFile:
    return BufferedInputFile(content, name)


def last(telegram: TelegramEmulator) -> dict[str, Any]:
    return telegram.messages("Ana")[-1]


async def test_a_text_with_everything(telegram: TelegramEmulator, bot: Bot, ana: int) -> None:
    original = telegram.messages("Ana")[0]
    sent = await bot.send_message(
        ana,
        "<b>Done</b>",
        parse_mode="HTML",
        reply_markup=GO_ON,
        reply_parameters=ReplyParameters(message_id=original["message_id"]),
        link_preview_options=LinkPreviewOptions(is_disabled=True),
        message_effect_id="5104841245755180586",
        disable_notification=True,
        protect_content=True,
    )
    assert (sent.text, sent.html_text, sent.from_user and sent.from_user.id) == (
        "Done",
        "<b>Done</b>",
        bot.id,
    )
    assert sent.message_id > original["message_id"]
    assert sent.reply_to_message
    assert sent.reply_to_message.text == "/start"
    assert (sent.has_protected_content, sent.effect_id) == (True, "5104841245755180586")
    assert last(telegram)["reply_markup"]["inline_keyboard"][0][0]["text"] == "Go on"


async def test_message_ids_increase_over_all_chats(telegram: TelegramEmulator, bot: Bot, ana: int) -> None:
    beto = (await telegram.send_text("Beto", "/start"))["chat"]["id"]
    ids = [(await bot.send_message(chat, "hi")).message_id for chat in (ana, beto, ana)]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x" * 4097, "message is too long"),
        ("", "message text is empty"),
        ("   ", "text must be non-empty"),
        ("<b>x", "can't parse entities: Can't find end tag"),
    ],
)
async def test_texts_that_are_refused(bot: Bot, ana: int, text: str, complaint: str) -> None:
    with pytest.raises(TelegramBadRequest, match=f"Bad Request: {complaint}"):
        await bot.send_message(ana, text, parse_mode="HTML")


async def test_the_longest_text_counts_without_its_tags(bot: Bot, ana: int) -> None:
    assert (await bot.send_message(ana, f"<b>{'x' * 4096}</b>", parse_mode="HTML")).text == "x" * 4096


async def test_who_can_be_written_to(telegram: TelegramEmulator, bot: Bot, ana: int) -> None:
    with pytest.raises(TelegramBadRequest, match="chat not found"):
        await bot.send_message(4242, "hi")
    with pytest.raises(TelegramForbiddenError, match="bot can't initiate conversation with a user"):
        await bot.send_message(telegram.person("Carla").id, "hi")
    await telegram.block("Ana")
    for refused in (bot.send_message(ana, "hi"), bot.send_chat_action(ana, "typing")):
        with pytest.raises(TelegramForbiddenError, match="bot was blocked by the user"):
            await refused
    await telegram.restart("Ana")
    await bot.send_message(ana, "hi again")


async def test_a_photo_in_telegrams_sizes(
    telegram: TelegramEmulator, address: str, bot: Bot, ana: int
) -> None:
    sent = await bot.send_photo(ana, upload(portrait(1)), caption="<i>You</i>", parse_mode="HTML")
    assert sent.photo
    assert [(size.width, size.height) for size in sent.photo] == [
        (72, 90),
        (256, 320),
        (640, 800),
        (1024, 1280),
    ]
    assert (sent.caption, sent.html_text) == ("You", "<i>You</i>")
    file = await bot.get_file(sent.photo[-1].file_id)
    stored = telegram.core.files.get(sent.photo[-1].file_id)
    assert stored
    assert file.file_size == len(stored.content)
    downloaded = await bot.download(sent.photo[-1])
    assert downloaded
    with Image.open(downloaded) as image:
        assert (image.format, image.size) == ("JPEG", (1024, 1280))
    again = await bot.send_photo(ana, sent.photo[0].file_id)
    assert again.photo == sent.photo


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (jpeg(9000, 1001), "PHOTO_INVALID_DIMENSIONS"),
        (jpeg(2100, 100), "PHOTO_INVALID_DIMENSIONS"),
        (b"not an image", "IMAGE_PROCESS_FAILED"),
        (portrait(1)[:2000], "IMAGE_PROCESS_FAILED"),
        (b"", "file must be non-empty"),
        (bytes(10 * 1024 * 1024 + 1), "file of size 10485761 bytes is too big for a photo"),
    ],
)
async def test_photos_that_are_refused(bot: Bot, ana: int, content: bytes, complaint: str) -> None:
    with pytest.raises(TelegramBadRequest, match=f"Bad Request: {complaint}"):
        await bot.send_photo(ana, upload(content))


async def test_photos_by_address(bot: Bot, ana: int) -> None:
    async def serve(request: web.Request) -> web.Response:
        served = {
            "photo.jpg": (portrait(1), "image/jpeg"),
            "page": (b"<html>", "text/html"),
            "large.jpg": (bytes(5 * 1024 * 1024 + 1), "image/jpeg"),
        }
        body, content_type = served[request.match_info["name"]]
        return web.Response(body=body, content_type=content_type)

    app = web.Application()
    app.router.add_get("/{name}", serve)
    async with TestServer(app) as server:
        sent = await bot.send_photo(ana, str(server.make_url("/photo.jpg")))
        assert sent.photo
        with pytest.raises(TelegramBadRequest, match="wrong type of the web page content"):
            await bot.send_photo(ana, str(server.make_url("/page")))
        with pytest.raises(TelegramBadRequest, match="failed to get HTTP URL content"):
            await bot.send_photo(ana, str(server.make_url("/large.jpg")))
        nobody = str(server.make_url("/photo.jpg"))
    with pytest.raises(TelegramBadRequest, match="failed to get HTTP URL content"):
        await bot.send_photo(ana, nobody)


async def test_documents_stay_as_they_are(bot: Bot, ana: int) -> None:
    sent = await bot.send_document(ana, upload(b"weights \x00\xff", "ana.safetensors"), caption="Yours")
    assert sent.document
    assert (sent.document.file_name, sent.document.file_size) == ("ana.safetensors", 10)
    downloaded = await bot.download(sent.document)
    assert downloaded
    assert downloaded.read() == b"weights \x00\xff"
    with pytest.raises(TelegramBadRequest, match="can't use file of type Document as Photo"):
        await bot.send_photo(ana, sent.document.file_id)
    with pytest.raises(TelegramBadRequest, match="wrong remote file identifier"):
        await bot.send_photo(ana, "nonsense")
    with pytest.raises(TelegramBadRequest, match="wrong file_id"):
        await bot.get_file("nonsense")


async def test_a_file_over_20_mb_cannot_be_downloaded(telegram: TelegramEmulator, bot: Bot, ana: int) -> None:
    [small] = await telegram.send_documents("Ana", [("20.zip", bytes(20 * 1024 * 1024))])
    [large] = await telegram.send_documents("Ana", [("20+.zip", bytes(20 * 1024 * 1024 + 1))])
    assert (await bot.get_file(small["document"]["file_id"])).file_path
    with pytest.raises(TelegramBadRequest, match="Bad Request: file is too big"):
        await bot.get_file(large["document"]["file_id"])


async def test_an_album(bot: Bot, ana: int) -> None:
    photos: list[MediaUnion] = [
        InputMediaPhoto(media=upload(portrait(seed, (600, 600))), caption=caption)
        for seed, caption in enumerate(("Three", None, None))
    ]
    sent = await bot.send_media_group(ana, photos)
    assert len({message.media_group_id for message in sent}) == 1
    assert [message.caption for message in sent] == ["Three", None, None]
    ids = [message.message_id for message in sent]
    assert ids == list(range(ids[0], ids[0] + 3))
    assert sent[0].photo
    assert sent[0].photo[-1].width == 600


async def test_albums_that_are_refused(bot: Bot, ana: int) -> None:
    photo, document = (
        InputMediaPhoto(media=upload(portrait(1, (600, 600)))),
        InputMediaDocument(media=upload(b"x")),
    )
    with pytest.raises(TelegramBadRequest, match="there are no messages to send"):
        await bot.send_media_group(ana, [photo])
    with pytest.raises(TelegramBadRequest, match="too many messages to send as an album"):
        await bot.send_media_group(ana, [photo] * 11)
    with pytest.raises(TelegramBadRequest, match="document can't be mixed with other media types"):
        await bot.send_media_group(ana, [photo, document])
    with pytest.raises(TelegramBadRequest, match="there is no photo in the request"):
        await bot.send_media_group(ana, [InputMediaPhoto(media="attach://nowhere")] * 2)


async def test_a_living_message(telegram: TelegramEmulator, bot: Bot, ana: int) -> None:
    sent = await bot.send_message(ana, "Queued", reply_markup=GO_ON)
    edited = await bot.edit_message_text(
        "Training <b>40 %</b>", chat_id=ana, message_id=sent.message_id, parse_mode="HTML"
    )
    assert not isinstance(edited, bool)
    assert (edited.text, edited.message_id, edited.reply_markup) == ("Training 40 %", sent.message_id, None)
    assert edited.edit_date
    assert last(telegram)["text"] == "Training 40 %"
    assert (await telegram.event("Ana", "edit"))["message_id"] == sent.message_id
    with pytest.raises(TelegramBadRequest, match="message is not modified: specified new message content"):
        await bot.edit_message_text(
            "Training <b>40 %</b>", chat_id=ana, message_id=sent.message_id, parse_mode="HTML"
        )
    await bot.edit_message_reply_markup(chat_id=ana, message_id=sent.message_id, reply_markup=GO_ON)
    assert last(telegram)["reply_markup"]
    with pytest.raises(TelegramBadRequest, match="message is not modified"):
        await bot.edit_message_reply_markup(chat_id=ana, message_id=sent.message_id, reply_markup=GO_ON)


async def test_edits_of_media(telegram: TelegramEmulator, bot: Bot, ana: int) -> None:
    sent = await bot.send_photo(ana, upload(portrait(1, (600, 600))), caption="First")
    await bot.edit_message_caption(chat_id=ana, message_id=sent.message_id, caption="Second")
    assert last(telegram)["caption"] == "Second"
    media = InputMediaPhoto(media=upload(portrait(2, (640, 800))), caption="Third")
    await bot.edit_message_media(media, chat_id=ana, message_id=sent.message_id)
    assert (last(telegram)["caption"], last(telegram)["photo"][-1]["height"]) == ("Third", 800)
    with pytest.raises(TelegramBadRequest, match="there is no text in the message to edit"):
        await bot.edit_message_text("text", chat_id=ana, message_id=sent.message_id)
    with pytest.raises(TelegramBadRequest, match="message caption is too long"):
        await bot.edit_message_caption(chat_id=ana, message_id=sent.message_id, caption="x" * 1025)


async def test_edits_that_are_refused(telegram: TelegramEmulator, bot: Bot, ana: int) -> None:
    hers = telegram.messages("Ana")[0]["message_id"]
    with pytest.raises(TelegramBadRequest, match="message to edit not found"):
        await bot.edit_message_text("x", chat_id=ana, message_id=hers + 1000)
    with pytest.raises(TelegramBadRequest, match="message can't be edited"):
        await bot.edit_message_text("x", chat_id=ana, message_id=hers)
    sent = await bot.send_message(ana, "text")
    with pytest.raises(TelegramBadRequest, match="there is no caption in the message to edit"):
        await bot.edit_message_caption(chat_id=ana, message_id=sent.message_id, caption="x")


async def test_deletion(telegram: TelegramEmulator, bot: Bot, ana: int) -> None:
    ids = [(await bot.send_message(ana, str(each))).message_id for each in range(3)]
    await bot.delete_message(ana, ids[0])
    assert await telegram.event("Ana", "delete") == {"message_ids": [ids[0]]}
    with pytest.raises(TelegramBadRequest, match="message to delete not found"):
        await bot.delete_message(ana, ids[0])
    await bot.delete_messages(ana, ids)
    assert [message["text"] for message in telegram.messages("Ana")] == ["/start"]


async def test_copies_and_forwards(telegram: TelegramEmulator, bot: Bot, ana: int) -> None:
    beto = (await telegram.send_text("Beto", "/start"))["chat"]["id"]
    [photo] = await telegram.send_photos("Ana", [portrait(1, (600, 600))], "Mine")
    await bot.copy_message(beto, ana, photo["message_id"], caption="Hers")
    copied = telegram.messages("Beto")[-1]
    assert (copied["caption"], copied["photo"], "forward_origin" in copied) == ("Hers", photo["photo"], False)
    forwarded = await bot.forward_message(beto, ana, photo["message_id"])
    assert forwarded.forward_origin
    assert forwarded.caption == "Mine"
    with pytest.raises(TelegramBadRequest, match="message to copy not found"):
        await bot.copy_message(beto, ana, 1)


async def test_small_signs(telegram: TelegramEmulator, bot: Bot, ana: int) -> None:
    hers = telegram.messages("Ana")[0]["message_id"]
    await bot.send_chat_action(ana, "upload_photo")
    assert await telegram.event("Ana", "chat_action") == {"action": "upload_photo"}
    await bot.set_message_reaction(ana, hers, [ReactionTypeEmoji(emoji="🔥")])
    assert telegram.messages("Ana")[0]["reactions"] == [{"type": "emoji", "emoji": "🔥"}]
    await bot.pin_chat_message(ana, hers)
    assert last(telegram)["pinned_message"]["message_id"] == hers
    chat = await bot.get_chat(ana)
    assert chat.pinned_message
    assert (chat.first_name, chat.pinned_message.message_id) == ("Ana", hers)
    assert (await bot.get_chat_member(ana, ana)).status == "member"


async def test_what_the_bot_tells_about_itself(telegram: TelegramEmulator, bot: Bot, ana: int) -> None:
    await bot.set_my_commands([BotCommand(command="start", description="Begin")])
    await bot.set_my_commands([BotCommand(command="start", description="Empezar")], language_code="es")
    hers = [BotCommand(command="stats", description="Numbers")]
    await bot.set_my_commands(hers, scope=BotCommandScopeChat(chat_id=ana))
    commands = {
        name: telegram.core.state.bot.commands_for(telegram.person(name)) for name in ("Ana", "Beto", "Carla")
    }
    assert {name: found[0]["description"] for name, found in commands.items()} == {
        "Ana": "Numbers",
        "Beto": "Empezar",
        "Carla": "Begin",
    }
    [command] = await bot.get_my_commands(scope=BotCommandScopeChat(chat_id=ana))
    assert (command.command, command.description) == ("stats", "Numbers")
    await bot.delete_my_commands(language_code="es")
    assert await bot.get_my_commands(language_code="es") == []

    button = MenuButtonWebApp(text="Open", web_app=WebAppInfo(url="http://127.0.0.1:3001/app/"))
    await bot.set_chat_menu_button(menu_button=button)
    assert (await bot.get_chat_menu_button()).model_dump() == button.model_dump()
    menu = await telegram.event("Ana", "menu", lambda data: data["menuButton"]["type"] == "web_app")
    assert menu["menuButton"]["text"] == "Open"
    with pytest.raises(TelegramBadRequest, match="Only HTTPS links are allowed"):
        await bot.set_chat_menu_button(
            menu_button=MenuButtonWebApp(text="Open", web_app=WebAppInfo(url="http://example.com"))
        )

    await bot.set_my_description("Makes models", language_code="en")
    await bot.set_my_short_description("Models")
    assert (await bot.get_my_description(language_code="en")).description == "Makes models"
    assert (await bot.get_my_short_description()).short_description == "Models"


async def test_flood_limits_of_one_chat(connect: Callable[[TelegramEmulator, str], Bot]) -> None:
    telegram = TelegramEmulator(limits=Limits(chat_per_second=0.1, chat_burst=3))
    async with served(telegram) as url:
        bot = connect(telegram, url)
        ana, beto = [(await telegram.send_text(name, "/start"))["chat"]["id"] for name in ("Ana", "Beto")]
        sent = await bot.send_message(ana, "1")
        await bot.edit_message_text("2", chat_id=ana, message_id=sent.message_id)
        await bot.send_message(ana, "3")
        with pytest.raises(TelegramRetryAfter) as flood:
            await bot.send_message(ana, "4")
        assert flood.value.retry_after in (9, 10)
        assert f"Too Many Requests: retry after {flood.value.retry_after}" in flood.value.message
        await bot.send_message(beto, "another chat has its own limit")
        await bot.send_chat_action(ana, "typing")


async def test_flood_limits_over_all_chats(connect: Callable[[TelegramEmulator, str], Bot]) -> None:
    telegram = TelegramEmulator(limits=Limits(per_second=0.1, burst=2))
    async with served(telegram) as url:
        bot = connect(telegram, url)
        chats = [(await telegram.send_text(person, "/start"))["chat"]["id"] for person in telegram.people]
        for chat in chats[:2]:
            await bot.send_message(chat, "hi")
        with pytest.raises(TelegramRetryAfter) as flood:
            await bot.send_message(chats[2], "hi")
        assert flood.value.retry_after in (9, 10)


async def test_no_limits(connect: Callable[[TelegramEmulator, str], Bot]) -> None:
    telegram = TelegramEmulator(limits=None)
    async with served(telegram) as url:
        bot = connect(telegram, url)
        ana = (await telegram.send_text("Ana", "/start"))["chat"]["id"]
        for number in range(40):
            await bot.send_message(ana, str(number))


async def test_media_objects_that_are_none(
    telegram: TelegramEmulator, address: str, http: aiohttp.ClientSession, ana: int
) -> None:
    """What aiogram would never send, but another client might."""
    calls: list[tuple[str, dict[str, Any]]] = [
        ("sendMediaGroup", {"media": "x"}),
        ("sendMediaGroup", {"media": [1, 2]}),
        ("sendMediaGroup", {"media": [{"type": "voice", "media": "a"}, {"type": "voice", "media": "b"}]}),
        ("sendMediaGroup", {"media": [{"type": "photo"}, {"type": "photo"}]}),
        ("sendMessage", {"text": {"a": 1}, "entities": [{"type": "bold"}]}),
        ("sendMessage", {"text": "x", "reply_parameters": "x"}),
        ("sendMessage", {"text": "x", "reply_parameters": {"message_id": 1}}),
        ("sendMessage", {"text": "x", "parse_mode": "Word"}),
        ("sendInvoice", {"prices": "x"}),
        ("editMessageMedia", {"media": 1, "message_id": telegram.messages(ana)[0]["message_id"]}),
        ("deleteMessages", {"message_ids": "x"}),
        ("setMyCommands", {"commands": [1]}),
        ("setMyCommands", {"commands": [], "scope": {"type": "galaxy"}}),
        ("setChatMenuButton", {"menu_button": {"type": "web_app", "text": "x", "web_app": 1}}),
        ("sendChatAction", {"action": "sleep"}),
    ]
    for method, values in calls:
        async with http.post(
            f"{address}/bot{telegram.token}/{method}", json={"chat_id": ana, **values}
        ) as response:
            assert response.status == 400, (method, values)
