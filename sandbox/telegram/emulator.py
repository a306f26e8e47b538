"""The emulated Telegram as one object: a bot's server on one side, and its people's apps on the other."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
from aiohttp import web

from .api import BotApi, Call, Fault, download
from .apps import Apps
from .client import ClientRoutes
from .core import Core
from .files import Files
from .initdata import InitDataSigner
from .limits import TELEGRAMS_LIMITS, Limits, RateLimiter
from .params import Params
from .payments import Payments
from .state import CAST, Bot, Clock, Person, State
from .updates import Updates
from .webhook import Webhook

TOKEN = "7000000001:sandbox-token-of-an-emulated-telegram-bot"  # noqa: S105 - it opens nothing but an emulator
CHAT_PAGE = Path(__file__).parent.parent / "chat"


class TelegramEmulator(Apps):
    """Telegram for one bot, in memory. `app()` speaks; the methods of `Apps` are what people do.

    Args:
        token: The bot's token, of the usual form `<bot id>:<secret>`.
        people: Who there is at the beginning; the cast is Ana, Beto, Carla and Diego.
        limits: The flood limits; `None` lifts them.
        time_scale: How many real seconds one of Telegram's lasts: its backoff, the 10 s of a payment, the
            15 s of a callback query, the 60 s of a webhook's answer. Flood limits stay in real seconds.
        info: Addresses of the sandbox's other parts, which the chat page asks for (`falUrl`, `appUrl`).
    """

    def __init__(
        self,
        token: str = TOKEN,
        *,
        name: str = "Selfi",
        username: str = "selfi_sandbox_bot",
        people: Sequence[Person] = CAST,
        limits: Limits | None = TELEGRAMS_LIMITS,
        time_scale: float = 1.0,
        info: Mapping[str, str] | None = None,
        chat_page: Path = CHAT_PAGE,
    ) -> None:
        clock = Clock(time_scale)
        state = State(Bot(token, name, username), tuple(replace(person) for person in people))
        updates = Updates(clock)
        payments = Payments(state, updates, clock)
        webhook = Webhook(updates, clock, self._call_from_webhook)
        super().__init__(Core(clock, state, Files(), updates, webhook, payments), InitDataSigner(token))
        self._api = BotApi(RateLimiter(limits, monotonic))
        self._info = dict(info or {})
        self._chat_page = chat_page

    @property
    def token(self) -> str:
        return self.core.state.bot.token

    @property
    def calls(self) -> list[Call]:
        """The Bot API calls so far, those from webhook answers too."""
        return list(self._api.calls)

    def fail(self, method: str = "", **fault: Any) -> None:
        """Makes the next calls of a method (empty: of any) go wrong; the keywords are `Fault`'s."""
        self._api.faults.append(Fault(method, **fault))

    def clear_faults(self) -> None:
        self._api.faults.clear()

    def deliver(self, update: Any) -> None:
        """Delivers a hand-made update, which may be any JSON."""
        self.core.updates.add_hand_made(update)

    def advance(self, seconds: float) -> None:
        """Lets Telegram's time pass at once, for lifetimes that no test waits for."""
        self.core.clock.advance(seconds)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_routes(
            [
                web.route("*", "/bot{token}/{method}", partial(self._api.handle, self.core)),
                web.get("/file/bot{token}/{path:.+}", partial(download, self.core)),
            ]
        )
        app.add_subapp("/client", ClientRoutes(self, self._api, self._info).app())
        if self._chat_page.is_dir():
            app.router.add_get("/", self._index)
            app.router.add_static("/chat", self._chat_page)
            app.on_response_prepare.append(_revalidated)
        app.cleanup_ctx.append(self._running)
        app.on_shutdown.append(self._shut_down)
        return app

    async def _index(self, _request: web.Request) -> web.FileResponse:
        return web.FileResponse(self._chat_page / "index.html")

    async def _call_from_webhook(self, method: str, params: Params) -> object:
        return await self._api.call(self.core, method, params)

    async def _running(self, _app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            self.core.session = session
            self.core.webhook.open(session)
            yield
            await self.core.webhook.close()
            self.core.session = None

    async def _shut_down(self, _app: web.Application) -> None:
        """Ends whatever waits, so that closing never takes the time of a long poll."""
        self.core.updates.close()
        self.core.payments.close()
        self.core.state.events.close()


async def _revalidated(_request: web.Request, response: web.StreamResponse) -> None:
    """Lets browsers keep the chat page's files but ask each time: people edit them while it runs."""
    response.headers.setdefault("Cache-Control", "no-cache")
