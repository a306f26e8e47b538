"""A phone with a Telegram client on it, and what a person sees and does there."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from playwright.async_api import Browser, ConsoleMessage, FloatRect, Frame, Locator, Page, expect

from models.user import Person
from sandbox.telegram import Json, TelegramEmulator
from sandbox.telegram.initdata import THEMES
from tests.miniapp.files import File
from tests.miniapp.words import Words

Theme = Literal["light", "dark"]

FIRST_TO_HAVE_ALL = "8.0"
"""The oldest client with all that the app makes use of."""

_NETWORK = "Failed to load resource"

# Radio buttons are out of sight: their labels stand for them.
_SHOWN = """(goal) => {
    const own = goal.getBoundingClientRect();
    return own.width > 1 ? own.toJSON() : goal.closest('label').getBoundingClientRect().toJSON();
}"""


class Guard:
    """Listens for what a page complains about: exceptions, console errors, breaches of its security policy.

    A request that fails is such an error, too. Where one is meant to, the test says so by `expects`, with its
    status or the name of Chromium's error.
    """

    def __init__(self, page: Page) -> None:
        self._problems: list[str] = []
        self._expected: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self._problems.append(str(error)))

    def expects(self, *failures: int | str) -> None:
        self._expected += [f"status of {one} " if isinstance(one, int) else one for one in failures]

    @property
    def problems(self) -> list[str]:
        return [line for line in self._problems if not self._is_expected(line)]

    def _heard(self, line: ConsoleMessage) -> None:
        if line.type == "error":
            self._problems.append(f"{line.text} ({line.location['url']})")

    def _is_expected(self, line: str) -> bool:
        return line.startswith(_NETWORK) and any(failure in line for failure in self._expected)


@asynccontextmanager
async def screen(browser: Browser, language: str, **options: Any) -> AsyncIterator[tuple[Page, Guard]]:
    """A page on a phone without a past, which in the end must not have complained."""
    context = await browser.new_context(
        viewport={"width": 390, "height": 844},
        device_scale_factor=2,
        is_mobile=True,
        has_touch=True,
        locale=language,
        reduced_motion="reduce",
        **options,
    )
    await context.clock.install()  # time goes on by itself, and can be made to fly
    page = await context.new_page()
    guard = Guard(page)
    yield page, guard
    await context.close()
    assert not guard.problems, "\n".join(guard.problems)


class Phone:
    """One person's client. `app` is the Mini App; the buttons around it are the client's own.

    `album` is the folder of what the person chooses from; `saved` are files that the client has downloaded.
    """

    def __init__(
        self, page: Page, guard: Guard, person: Person, *, telegram: TelegramEmulator, selfi: str, album: Path
    ) -> None:
        self.page = page
        self.person = person
        self.words = Words(person.language)
        self.guard = guard
        self.app = page.frame_locator("#app")
        self.main = page.locator("#main")
        self.secondary = page.locator("#secondary")
        self.leave = page.locator("#leave")
        self.popup = page.locator("#popup")
        self.invoice = page.locator("#invoice")
        self.saved: dict[str, bytes] = {}
        self._unpaid: list[str] | None = None
        self._telegram = telegram
        self._selfi = selfi
        self._album = album
        self._chosen = 0
        self.theme: Theme = "light"
        self._opened: dict[str, Any] = {}

    async def pick_up(self, host: str) -> None:
        """Takes the phone in hand: its client is the page at `host`, and pays in the person's name."""
        await self.page.expose_function("invoiceOf", self._invoice)
        await self.page.expose_function("pay", self._pay)
        await self.page.expose_function("download", self._download)
        await self.page.goto(host)

    async def open(
        self,
        *,
        path: str = "/app/",
        theme: Theme = "light",
        version: str = FIRST_TO_HAVE_ALL,
        start_param: str | None = None,
        init_data: str | None = None,
        **client: Any,
    ) -> None:
        """Opens the app, or opens it anew. `client` holds its `safeArea` and `contentSafeArea`."""
        self.theme = theme
        self._opened = {
            "path": path,
            "theme": theme,
            "version": version,
            "start_param": start_param,
            **client,
        }
        launch = self._telegram.web_app(self.person.id, self._selfi + path, theme, start_param)
        address = re.sub(r"(?<=tgWebAppVersion=)[\d.]+", version, launch["url"])
        if init_data is not None:
            address = re.sub(r"(?<=tgWebAppData=)[^&]+", quote(init_data, safe=""), address)
        await self.page.evaluate(
            "([address, client]) => openApp(address, client)",
            [address, {"version": version, "theme": THEMES[theme], **client}],
        )

    async def reopen(self, **changes: Any) -> None:
        """Closes the app as one swipes it away, and opens it from the chat again."""
        await self.page.evaluate("closeApp()")
        await self.open(**self._opened | changes)

    @asynccontextmanager
    async def time_flies(self) -> AsyncIterator[None]:
        """For the app a second passes in a moment, so that nobody waits for its waits."""
        flying = asyncio.create_task(self._fly())
        try:
            yield
        finally:
            flying.cancel()
            with suppress(asyncio.CancelledError):
                await flying

    async def minutes_pass(self, minutes: int) -> None:
        """While time flies: so many more of them, in steps that let the app act in between."""
        for _ in range(minutes * 4):
            await self.page.clock.fast_forward(15_000)
            await asyncio.sleep(0.03)

    async def _fly(self) -> None:
        while True:
            await self.page.clock.fast_forward(1000)
            await asyncio.sleep(0.05)

    async def comes_back(self) -> None:
        """The person was in the chat for a moment, with the app out of sight but open."""
        await (await self.frame()).evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    async def reload(self) -> None:
        """As Android does with a page that it had thrown out of memory: same address, new document."""
        frame = await self.frame()
        await frame.evaluate("location.reload()")
        await frame.wait_for_load_state()

    async def frame(self) -> Frame:
        handle = await self.page.locator("#app").element_handle()
        frame = await handle.content_frame()
        assert frame
        return frame

    # --- the client ---

    async def wear(self, theme: Theme) -> None:
        """Changes Telegram's theme under the running app."""
        self.theme = self._opened["theme"] = theme
        await self.page.evaluate("wear", THEMES[theme])
        await self.tell("theme_changed", {"theme_params": THEMES[theme]})
        await expect(self.app.locator("html")).to_have_attribute("data-theme", theme)

    async def tell(self, event: str, data: Any = None) -> None:
        await self.page.evaluate("([event, data]) => tell(event, data)", [event, data])

    async def pay(self) -> None:
        """In the client's payment sheet."""
        await self.invoice.get_by_role("button", name="Confirm and pay").tap()

    def pays_late(self) -> None:
        """From now on the client says that it has paid before Telegram has: that is when `payments_land`."""
        self._unpaid = []

    async def payments_land(self) -> None:
        slugs, self._unpaid = self._unpaid or [], None
        for slug in slugs:
            await self._pay(slug)

    async def _invoice(self, slug: str) -> Json:
        return self._telegram.invoice(self.person.id, slug=slug)

    async def _pay(self, slug: str) -> Json:
        if self._unpaid is None:
            return await self._telegram.pay(self.person.id, slug=slug)
        self._unpaid.append(slug)
        return {"status": "paid"}

    async def _download(self, url: str, name: str) -> None:
        """As Telegram's clients do: outside of the page, whose session they don't have."""
        answer = await self.page.context.request.get(url)
        assert answer.headers["content-disposition"].startswith("attachment")
        self.saved[name] = await answer.body()

    async def asked(self, method: str) -> list[dict[str, Any]]:
        """What the app called this method with, each time since it was opened."""
        found: list[dict[str, Any]] = await self.page.evaluate("callsOf", method)
        return found

    async def asked_for(self, method: str, **fields: Any) -> None:
        """Waits until the app has called the method with these fields."""
        async with asyncio.timeout(10):
            while not any(fields.items() <= one.items() for one in await self.asked(method)):
                await asyncio.sleep(0.02)

    async def unknown(self) -> list[str]:
        """Methods that the app called although this client is too old for them."""
        found: list[str] = await self.page.evaluate("callsTooNew()")
        return found

    # --- by keyboard ---

    async def tab_to(self, goal: Locator, *, back: bool = False, most: int = 40) -> None:
        """Presses Tab until the goal has the focus."""
        for _ in range(most):
            await self.page.keyboard.press("Shift+Tab" if back else "Tab")
            if await goal.evaluate("(goal) => goal === document.activeElement"):
                return
        raise AssertionError(f"Tab never reaches {goal}")

    async def focus_shows(self, goal: Locator) -> None:
        """Who works by keyboard sees where they are: with the focus, it looks different from without."""
        frame = await self.page.locator("#app").bounding_box()
        box = await goal.evaluate(_SHOWN)
        assert frame
        clip: FloatRect = {
            "x": frame["x"] + box["left"] - 6,
            "y": frame["y"] + box["top"] - 6,
            "width": box["width"] + 12,
            "height": box["height"] + 12,
        }
        focused = await self.page.screenshot(clip=clip, animations="disabled")
        await goal.evaluate("(goal) => goal.blur()")
        without = await self.page.screenshot(clip=clip, animations="disabled")
        await goal.evaluate("(goal) => goal.focus({ preventScroll: true })")
        assert focused != without, f"The focus can't be seen on {goal}"

    # --- the app ---

    def button(self, key: str, **values: object) -> Locator:
        return self.app.get_by_role("button", name=self.words.like(key, **values))

    def text(self, key: str, **values: object) -> Locator:
        return self.app.get_by_text(self.words.like(key, **values))

    async def press(self, key: str, *, by_key: str | None = None, **values: object) -> None:
        """Presses the button that says so: the client's own, or where it has none for that, the page's."""
        said = self.words.like(key, **values)
        own = self.page.locator("#main, #secondary").filter(has_text=said, visible=True)
        async with asyncio.timeout(15):
            while not await own.count() and not await self.button(key, **values).count():
                await asyncio.sleep(0.02)
        await _act(own if await own.count() else self.button(key, **values), by_key)

    def tab(self, key: str) -> Locator:
        """Beside its name it may have a number."""
        name = re.compile(rf"^(\d+ )?{re.escape(self.words(key))}$")
        return self.app.get_by_role("navigation").get_by_role("button", name=name)

    def field(self, key: str) -> Locator:
        return self.app.get_by_role("textbox", name=self.words(key))

    @property
    def adder(self) -> Locator:
        """What opens the file chooser; the file input itself is for nobody to see."""
        return self.app.locator("button, label").filter(has_text=self.words("photos.add"))

    async def ready(self) -> None:
        """The first screen is there: photos can be chosen, or pictures described."""
        await expect(self.adder.or_(self.field("create.prompt"))).to_be_visible()

    async def add(self, files: Sequence[File], *, by_key: str | None = None) -> None:
        """Chooses files in the system's own dialog."""
        self._chosen += 1
        folder = self._album / str(self._chosen)
        folder.mkdir(parents=True)
        async with self.page.expect_file_chooser() as choosing:
            await _act(self.adder, by_key)
        await (await choosing.value).set_files([file.write(folder) for file in files])

    def tile(self, name: str) -> Locator:
        """A photo in the grid. Its accessible name says how it is."""
        return self.app.get_by_role("button", name=self.words.like("photos.details", name=name))

    async def is_judged(self, name: str, verdict: str) -> None:
        """Waits until the photo shows the verdict, by its key."""
        said = self.words("photos.details", name=name, state=self.words(verdict))
        await expect(self.tile(name)).to_have_accessible_name(said)

    async def has_photos(self, count: int) -> None:
        """Waits until the app counts so many usable photos, and none is under way any more."""
        await expect(self.text("photos.count", have=count)).to_be_visible()
        await expect(self.main).not_to_have_text(self.words.like("train.uploading"))


async def _act(goal: Locator, key: str | None) -> None:
    """A tap, or a key on what has the focus then."""
    if key:
        await goal.press(key)
    else:
        await goal.tap()
