"""The sandbox's own parts: the guide, the sample photos, and an emulator that goes away and comes back."""

import asyncio
import contextlib
import io

from PIL import Image
from playwright.async_api import BrowserContext, expect

from .conftest import ChatPage, Twin


async def test_the_guides_first_step_says_hello(chat: ChatPage) -> None:
    await chat.page.get_by_role("button", name="Send /start").click()
    await expect(chat.bubble("Hello!")).to_be_visible()
    await expect(chat.page.locator("#guide-links a")).to_have_attribute("href", "http://127.0.0.1:9/")


async def test_the_guide_stays_as_it_was_left(chat: ChatPage) -> None:
    guide = chat.page.locator("#guide")
    await expect(guide).to_have_attribute("open", "")
    await guide.locator("summary").click()
    await expect(guide).not_to_have_attribute("open", "")
    await chat.page.reload()
    await expect(chat.page.locator(".person.current")).to_be_visible()
    await expect(guide).not_to_have_attribute("open", "")


async def test_six_sample_photos_are_real_and_different(chat: ChatPage, twin: Twin) -> None:
    await chat.start()
    await chat.page.get_by_role("button", name="Sample photos").click()
    await expect(chat.dialog.locator("img")).to_have_count(6)
    async with chat.page.expect_download() as first:
        await chat.dialog.locator("a").first.click()
    path = await (await first.value).path()
    with Image.open(path) as photo:
        assert (photo.format, photo.size) == ("JPEG", (1024, 1280))
    await chat.dialog.get_by_role("button", name="Send to the chat").click()
    await expect(chat.page.locator(".row.out .photo")).to_have_count(6)
    sent = [message for message in twin.telegram.messages("Ana") if "photo" in message]
    thumbs = []
    for message in sent:
        stored = twin.telegram.core.files.get(message["photo"][-1]["file_id"])
        assert stored
        with Image.open(io.BytesIO(stored.content)) as photo:
            thumbs.append(photo.convert("L").resize((8, 8)).tobytes())
    for at, one in enumerate(thumbs):
        for other in thumbs[at + 1 :]:
            assert sum(abs(a - b) for a, b in zip(one, other, strict=True)) / 64 > 20


class Line:
    """A TCP line to a server, which can be cut and joined again at the same port."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._pumps: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def join(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        if self._server:
            self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        for source, target in ((reader, far_writer), (far_reader, writer)):
            pump = asyncio.create_task(self._pump(source, target))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            try:
                while data := await source.read(65_536):
                    target.write(data)
                    await target.drain()
            finally:
                target.close()


async def test_the_page_says_when_the_emulator_is_away_and_catches_up(
    context: BrowserContext, twin: Twin
) -> None:
    line = Line(int(twin.url.rpartition(":")[2]))
    await line.join()
    chat = ChatPage(await context.new_page())
    await chat.open(f"http://127.0.0.1:{line.port}")
    await chat.start()
    await line.cut()
    await expect(chat.page.locator("#notice")).to_contain_text("Trying again")
    ana = twin.telegram.person("Ana").id
    await twin.bot.call("sendMessage", chat_id=ana, text="Said meanwhile")
    await line.join()
    await expect(chat.page.locator("#notice")).to_be_hidden()
    await expect(chat.bubble("Said meanwhile")).to_be_visible()
    await expect(chat.bubble("Hello!")).to_have_count(1)
    await line.cut()
