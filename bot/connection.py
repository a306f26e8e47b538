"""The line between Telegram and us: a webhook where the world can reach us, otherwise polling."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from aiogram import Bot, Dispatcher
from aiogram.exceptions import AiogramError

from bot.announce import announce
from bot.polling import poll
from bot.webhook import set_webhook
from config import Settings

log = structlog.get_logger(__name__)

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0  # seconds, between tries to reach Telegram


class Connection:
    """`check` raises until updates come in; a Telegram that is away at our start is tried again for ever.

    `username` is the bot's, empty until Telegram has told it.
    """

    def __init__(self, bot: Bot, dispatcher: Dispatcher, settings: Settings) -> None:
        self._bot = bot
        self._dispatcher = dispatcher
        self._settings = settings
        self._up = False
        self.username = ""

    async def check(self) -> None:
        """Raises RuntimeError while Telegram doesn't know where to deliver updates."""
        if not self._up:
            raise RuntimeError("not connected to Telegram yet")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Receives updates while the context lasts; those in hand at its end are finished."""
        task = asyncio.create_task(self._keep(), name="telegram")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _keep(self) -> None:
        wait = FIRST_WAIT
        while True:
            try:
                await self._connect()
            except AiogramError as e:
                log.error("telegram_unreachable", error=type(e).__name__, again_in=wait)
            except Exception:
                log.exception("telegram_connection_failed", again_in=wait)
            else:
                return
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)

    async def _connect(self) -> None:
        """Announces the bot and sets the webhook; or polls, and then doesn't return."""
        self.username = (await self._bot.me()).username or ""
        if self._settings.public_url:
            await set_webhook(self._bot, self._dispatcher, self._settings)
            self._up = True
            await announce(self._bot, self._settings)
        else:
            await announce(self._bot, self._settings)
            self._up = True
            try:
                await poll(self._bot, self._dispatcher)
            finally:
                self._up = False
