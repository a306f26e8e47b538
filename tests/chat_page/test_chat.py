"""The chat: writing, tapping, edits, albums, keyboards, commands, people, and what a hostile text may do."""

import re
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, expect

from .conftest import PHONE, ChatPage, Twin
from .scripted_bot import EVIL, jpeg


async def test_start_then_words_in_both_directions(chat: ChatPage) -> None:
    await expect(chat.page.locator("#welcome")).to_contain_text("I turn your photos into a model of you.")
    await chat.start()
    await expect(chat.page.locator("#welcome")).to_be_hidden()
    await chat.send("  two\nlines ")
    await expect(chat.page.locator(".row.out").last).to_contain_text("two\nlines")
    await expect(chat.last).to_contain_text("You said: two")


async def test_enter_sends_and_shift_enter_breaks_the_line(chat: ChatPage) -> None:
    await chat.start()
    box = chat.page.get_by_role("textbox", name="Message")
    await box.press_sequentially("one")
    await box.press("Shift+Enter")
    await box.press_sequentially("two")
    await box.press("Enter")
    await expect(chat.page.locator(".row.out").last).to_contain_text("one\ntwo")
    await expect(box).to_have_value("")


async def test_a_double_click_on_a_message_replies_to_it(chat: ChatPage) -> None:
    await chat.start()
    replying = chat.page.locator("#replying")
    await chat.send("a long story " * 30)
    await chat.bubble("a long story").first.dblclick()
    await expect(replying).to_contain_text("a long story")
    assert await replying.evaluate("banner => banner.getBoundingClientRect().right") <= 1280
    await replying.click()
    await chat.bubble("Hello!").dblclick(position={"x": 5, "y": 5})
    await expect(replying).to_contain_text("Hello!")
    await replying.click()
    await expect(replying).to_be_hidden()
    await chat.bubble("Hello!").dblclick(position={"x": 5, "y": 5})
    await chat.send("yes")
    await expect(chat.page.locator(".row.out").last.locator(".reply")).to_contain_text("Hello!")
    await expect(replying).to_be_hidden()
    await chat.send("and no")
    await expect(chat.page.locator(".row.out").last.locator(".reply")).to_have_count(0)


async def test_entities_become_elements_at_utf16_offsets(chat: ChatPage) -> None:
    await chat.start()
    text = chat.bubble("Hello!").locator(".text")
    await expect(text.locator("strong")).to_have_text("Hello!")
    await expect(text.locator("em")).to_have_text("six photos")  # behind an emoji of four UTF-16 units
    await expect(text.locator("em u")).to_have_text("photos")
    spoiler = text.locator(".spoiler")
    await expect(spoiler).not_to_have_class(re.compile("shown"))
    await spoiler.press("Enter")
    await expect(spoiler).to_have_class(re.compile("shown"))


async def test_a_bots_text_is_never_markup(chat: ChatPage) -> None:
    await chat.start()
    await chat.send("/evil")
    await expect(chat.bubble("onerror").locator(".text")).to_contain_text(EVIL)
    await expect(chat.button("<img src=x")).to_be_visible()
    await chat.page.wait_for_timeout(100)
    assert await chat.page.evaluate("window.hacked") is None
    assert await chat.page.locator(".messages script, .messages img").count() == 0


async def test_links_that_could_run_scripts_are_plain_text(chat: ChatPage, twin: Twin) -> None:
    await chat.start()
    ana = twin.telegram.person("Ana").id
    link = {"type": "text_link", "offset": 0, "length": 4, "url": "https://example.com/"}
    message = await twin.bot.call("sendMessage", chat_id=ana, text="here", entities=[link])
    await expect(chat.bubble("here").locator("a")).to_have_attribute("href", "https://example.com/")
    script = {**message, "text": "there", "entities": [{**link, "length": 5, "url": "javascript:alert(1)"}]}
    twin.telegram.core.state.replace(twin.telegram.person("Ana"), script)
    await expect(chat.bubble("there")).to_be_visible()
    assert await chat.bubble("there").locator("a").count() == 0


async def test_a_callback_edits_the_message_in_place(chat: ChatPage) -> None:
    await chat.start()
    row = chat.page.locator(".row", has_text="Hello!")
    number = await row.get_attribute("data-id")
    await chat.button("Train").click()
    edited = chat.page.locator(f".row[data-id='{number}']")
    await expect(edited).to_contain_text("▰▰▰▱▱▱ 50%")
    await expect(edited.locator(".edited")).to_be_visible()
    await expect(edited.locator(".inline-button")).to_have_text(["Cancel"])
    await expect(edited.locator(".inline-button")).to_have_class(re.compile("danger"))
    await expect(chat.toasts).to_contain_text("Started")


async def test_an_edit_leaves_the_button_one_is_about_to_press(chat: ChatPage, twin: Twin) -> None:
    """The progress message is edited every second; its Cancel must not be swapped under the finger."""
    await chat.start()
    ana = twin.telegram.person("Ana").id
    keyboard = {"inline_keyboard": [[{"text": "Stop", "callback_data": "alert"}]]}
    sent = await twin.bot.call("sendMessage", chat_id=ana, text="1%", reply_markup=keyboard)
    await chat.button("Stop").focus()
    await twin.bot.call(
        "editMessageText", chat_id=ana, message_id=sent["message_id"], text="2%", reply_markup=keyboard
    )
    await expect(chat.bubble("2%")).to_be_visible()
    await expect(chat.button("Stop")).to_be_focused()


async def test_an_alert_waits_to_be_read(chat: ChatPage) -> None:
    await chat.start()
    await chat.button("Warn").click()
    await expect(chat.dialog).to_contain_text("Careful.")
    await chat.dialog.get_by_role("button", name="OK").click()
    await expect(chat.dialog).to_have_count(0)
    await expect(chat.button("Warn")).not_to_have_class(re.compile("busy"))


async def test_a_button_waits_visibly_for_its_answer(chat: ChatPage, twin: Twin) -> None:
    await chat.start()
    twin.telegram.fail("answerCallbackQuery", delay=0.5)
    await chat.button("Warn").click()
    await expect(chat.button("Warn")).to_have_class(re.compile("busy"))
    await expect(chat.dialog).to_contain_text("Careful.")


async def test_an_album_is_one_bubble_with_its_caption(chat: ChatPage) -> None:
    await chat.start()
    await chat.send("/album")
    album = chat.bubble("Four of you")
    await expect(album.locator(".photo")).to_have_count(4)
    await album.locator(".photo").nth(1).click()
    await expect(chat.dialog.locator(".viewer-count")).to_have_text("2 of 4")
    await chat.page.keyboard.press("ArrowRight")
    await expect(chat.dialog.locator(".viewer-count")).to_have_text("3 of 4")
    await chat.page.keyboard.press("Escape")
    await expect(chat.dialog).to_have_count(0)


async def test_a_wide_photo_by_itself_is_shown_whole(chat: ChatPage, twin: Twin) -> None:
    await chat.start()
    await twin.telegram.send_photos("Ana", [jpeg("#735", (1200, 500))])
    photo = chat.page.locator(".photos.single .photo").last
    await expect(photo).to_be_visible()
    box = await photo.bounding_box()
    assert box
    assert abs(box["width"] / box["height"] - 2.4) < 0.05


async def test_deleted_messages_disappear(chat: ChatPage, twin: Twin) -> None:
    await chat.start()
    ana = twin.telegram.person("Ana").id
    sent = await twin.bot.call("sendMessage", chat_id=ana, text="Not for long")
    await expect(chat.bubble("Not for long")).to_be_visible()
    await twin.bot.call("deleteMessage", chat_id=ana, message_id=sent["message_id"])
    await expect(chat.bubble("Not for long")).to_have_count(0)


async def test_typing_shows_in_the_header_until_the_message_comes(chat: ChatPage, twin: Twin) -> None:
    await chat.start()
    ana = twin.telegram.person("Ana").id
    await twin.bot.call("sendChatAction", chat_id=ana, action="upload_photo")
    await expect(chat.page.locator("#bot-status")).to_have_text("sending a photo")
    await twin.bot.call("sendMessage", chat_id=ana, text="There")
    await expect(chat.page.locator("#bot-status")).to_have_text("bot")


async def test_commands_complete_by_keyboard(chat: ChatPage) -> None:
    await chat.start()
    box = chat.page.get_by_role("textbox", name="Message")
    await box.press_sequentially("/sta")
    options = chat.page.get_by_role("option")
    await expect(options).to_have_count(3)
    await box.press_sequentially("t")
    await expect(options).to_have_count(1)
    await box.press("Enter")
    await expect(chat.last).to_contain_text("You said: /status")


async def test_a_reply_keyboard_sends_its_words(chat: ChatPage) -> None:
    await chat.start()
    await chat.send("/keys")
    await chat.page.locator(".reply-button", has_text="Later").click()
    await expect(chat.last).to_contain_text("You said: Later")


async def test_copying_needs_no_bot(chat: ChatPage, context: BrowserContext) -> None:
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    await chat.start()
    await chat.button("Copy").click()
    await expect(chat.toasts).to_contain_text("Copied")
    assert await chat.page.evaluate("navigator.clipboard.readText()") == "sks"


async def test_the_web_opens_only_after_a_question(chat: ChatPage, context: BrowserContext) -> None:
    await context.route("https://example.com/", lambda route: route.fulfill(body="outside"))
    await chat.start()
    await chat.button("Website").click()
    await expect(chat.dialog).to_contain_text("https://example.com/")
    async with context.expect_page() as opened:
        await chat.dialog.get_by_role("button", name="Open").click()
    outside = await opened.value
    assert await outside.evaluate("opener") is None


async def test_everybody_has_a_chat_of_their_own(chat: ChatPage) -> None:
    await chat.start()
    await chat.page.get_by_role("button", name="Beto").first.click()
    await expect(chat.bubbles).to_have_count(0)
    await expect(chat.page.locator("#big-button")).to_have_text("Start")
    await chat.page.get_by_role("button", name="Ana").first.click()
    await expect(chat.bubble("Hello!")).to_be_visible()


async def test_somebody_new(chat: ChatPage, twin: Twin) -> None:
    await chat.page.locator("#add-person").click()
    await chat.dialog.get_by_label("Name").fill("Elena")
    await chat.dialog.get_by_label("Telegram’s language").select_option("es")
    await chat.dialog.get_by_role("button", name="Add").click()
    await expect(chat.page.locator(".person.current")).to_contain_text("Elena")
    assert twin.telegram.person("Elena").language == "es"


async def test_blocking_and_coming_back(chat: ChatPage, twin: Twin) -> None:
    await chat.start()
    await chat.page.get_by_role("button", name="Options for Ana").click()
    await chat.page.get_by_role("menuitem", name="Block the bot").click()
    await expect(chat.page.locator("#big-button")).to_have_text("Restart bot")
    assert twin.telegram.person("Ana").blocked
    await chat.page.locator("#big-button").click()
    await expect(chat.bubble("Hello!")).to_have_count(2)
    await expect(chat.page.locator("#composer")).to_be_visible()


async def test_photos_are_looked_at_and_sent_as_an_album(chat: ChatPage, twin: Twin, tmp_path: Path) -> None:
    await chat.start()
    files = []
    for at, color in enumerate(("#933", "#393", "#339")):
        files.append(tmp_path / f"{at}.jpg")
        files[-1].write_bytes(jpeg(color))
    await chat.page.locator("#files").set_input_files(files)
    await expect(chat.dialog).to_contain_text("Send 3 photos")
    await chat.dialog.get_by_role("button", name="Leave out 1.jpg").click()
    await chat.dialog.get_by_label("Caption").fill("Ana at sea")
    await chat.dialog.get_by_role("button", name="Send", exact=True).click()
    album = chat.page.locator(".row.out", has_text="Ana at sea")
    await expect(album.locator(".photo")).to_have_count(2)
    sent = [message for message in twin.telegram.messages("Ana") if "photo" in message]
    assert len({message["media_group_id"] for message in sent}) == 1
    assert [message.get("caption") for message in sent] == ["Ana at sea", None]


async def test_photos_sent_as_files_keep_their_names(chat: ChatPage, twin: Twin, tmp_path: Path) -> None:
    await chat.start()
    photo = tmp_path / "portrait.jpg"
    photo.write_bytes(jpeg("#735"))
    await chat.page.locator("#files").set_input_files(photo)
    await chat.dialog.get_by_text("Files").click()
    await chat.dialog.get_by_role("button", name="Send", exact=True).click()
    await expect(chat.page.locator(".row.out .file-name")).to_have_text("portrait.jpg")
    assert any("document" in message for message in twin.telegram.messages("Ana"))


async def test_what_is_no_picture_goes_as_a_file(chat: ChatPage, tmp_path: Path) -> None:
    await chat.start()
    notes = tmp_path / "notes.jpg"
    notes.write_text("This is no photo.")
    await chat.page.locator("#files").set_input_files(notes)
    await expect(chat.dialog).to_contain_text("Send 1 file")
    await expect(chat.dialog.get_by_text("Photos")).to_be_hidden()


async def test_dropped_photos_are_offered_for_sending(chat: ChatPage) -> None:
    await chat.start()
    transfer = await chat.page.evaluate_handle(
        """async () => {
            const canvas = Object.assign(document.createElement('canvas'), {width: 64, height: 64});
            canvas.getContext('2d').fillRect(0, 0, 64, 64);
            const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg'));
            const transfer = new DataTransfer();
            transfer.items.add(new File([blob], 'dropped.jpg', {type: 'image/jpeg'}));
            return transfer;
        }"""
    )
    await chat.page.dispatch_event("#messages", "dragenter", {"dataTransfer": transfer})
    await expect(chat.page.locator(".drop-target")).to_be_visible()
    await chat.page.dispatch_event("#messages", "drop", {"dataTransfer": transfer})
    await expect(chat.dialog).to_contain_text("Send 1 photo")
    await expect(chat.page.locator(".drop-target")).to_be_hidden()


async def test_new_messages_do_not_pull_a_reader_away(chat: ChatPage, twin: Twin) -> None:
    await chat.start()
    ana = twin.telegram.person("Ana").id
    for number in range(25):
        await twin.bot.call("sendMessage", chat_id=ana, text=f"Line {number}")
    await expect(chat.bubble("Line 24")).to_be_in_viewport()
    await chat.page.locator("#scroller").hover()
    await chat.page.mouse.wheel(0, -3000)
    jump = chat.page.get_by_role("button", name="To the latest message")
    await expect(jump).to_be_visible()
    await twin.bot.call("sendMessage", chat_id=ana, text="Newest")
    await expect(jump).to_have_class(re.compile("news"))
    await expect(chat.bubble("Newest")).not_to_be_in_viewport()
    await jump.click()
    await expect(chat.bubble("Newest")).to_be_in_viewport()
    await expect(jump).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_theme_follows_the_system_until_it_is_chosen(chat: ChatPage, scheme: str) -> None:
    root = chat.page.locator("html")
    await chat.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await expect(root).to_have_attribute("data-theme", scheme)
    await chat.page.locator("#theme").click()
    other = "light" if scheme == "dark" else "dark"
    await expect(root).to_have_attribute("data-theme", other)
    await chat.page.reload()
    await expect(root).to_have_attribute("data-theme", other)


async def test_on_a_phone_the_people_are_in_a_drawer(context: BrowserContext, twin: Twin) -> None:
    chat = ChatPage(await context.new_page())
    await chat.open_phone(twin.url)
    await expect(chat.page.locator("#drawer")).to_be_hidden()
    await chat.page.get_by_role("button", name="People and settings").click()
    await chat.page.get_by_role("button", name="Carla").first.click()
    await expect(chat.page.locator("#drawer")).to_be_hidden()
    await chat.start()
    assert twin.telegram.person("Carla").started
    wide = await chat.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE["width"]
