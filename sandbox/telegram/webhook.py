"""Delivery of updates to the bot's webhook, with the timings of tdlib/telegram-bot-api's WebhookActor."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Awaitable, Callable

import aiohttp

from .errors import ApiError
from .params import Params, from_response
from .state import Clock, Json
from .updates import Update, Updates

ANSWER_SECONDS = 60
LONGEST_PAUSE = 60
LONGEST_RETRY_AFTER = 3600
GONE_SECONDS = 23 * 3600
_GONE = 410
_NOT_IN_ANSWERS = ("deletewebhook", "setwebhook", "close", "logout")


class _Failed(Exception):
    def __init__(self, reason: str, retry_after: float = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class Webhook:
    """One task drains each queue of updates: what is in it arrives in order and one at a time."""

    def __init__(
        self, updates: Updates, clock: Clock, call: Callable[[str, Params], Awaitable[object]]
    ) -> None:
        self._updates = updates
        self._clock = clock
        self._call = call
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._connections = asyncio.Semaphore(1)
        self._session: aiohttp.ClientSession | None = None
        self._secret_token = ""
        self._max_connections = 0
        self._gone_since: float | None = None
        self._last_error: Json = {}
        self.url = ""
        updates.listener = self._wake

    def open(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._wake_all()

    async def set(self, url: str, secret_token: str, max_connections: int) -> None:
        """Delivers to `url` from now on, beginning with whatever waits; an empty one stops.

        The same again changes nothing and disturbs no delivery.
        """
        if (url, secret_token, max_connections) == (self.url, self._secret_token, self._max_connections):
            return
        await self.close()
        self.url, self._secret_token, self._max_connections = url, secret_token, max_connections
        self._connections = asyncio.Semaphore(max(1, max_connections))
        self._gone_since = None
        self._last_error = {}
        self._wake_all()

    @property
    def info(self) -> Json:
        """The WebhookInfo."""
        info: Json = {
            "url": self.url,
            "has_custom_certificate": False,
            "pending_update_count": self._updates.count,
        }
        if self.url:
            info |= {"max_connections": self._max_connections, **self._last_error}
        if self._updates.allowed:
            info["allowed_updates"] = self._updates.allowed
        return info

    async def close(self) -> None:
        tasks = [task for task in self._tasks.values() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()

    def _wake_all(self) -> None:
        for queue in self._updates.queues:
            self._wake(queue)

    def _wake(self, queue: str) -> None:
        if self.url and self._session and queue not in self._tasks:
            self._tasks[queue] = asyncio.create_task(self._drain(queue))

    async def _drain(self, queue: str) -> None:
        while self.url and (update := self._updates.head(queue)):
            try:
                await self._deliver(update)
            except _Failed as failure:
                await self._pause(update, failure)
            else:
                self._updates.done(update)
        if self._tasks.get(queue) is asyncio.current_task():
            del self._tasks[queue]

    async def _deliver(self, update: Update) -> None:
        if self._session is None:
            raise _Failed("Webhook connection closed")
        body = json.dumps(update.body).encode()  # not by `json=`, which takes a hand-made null for nothing
        headers = {"Content-Type": "application/json"}
        if self._secret_token:
            headers["X-Telegram-Bot-Api-Secret-Token"] = self._secret_token
        try:
            async with (
                self._connections,
                self._clock.timeout(ANSWER_SECONDS),
                self._session.post(self.url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                self._check(response)
                answer = await _answer(response)
        except aiohttp.ClientConnectorError:
            raise _Failed("Connection refused") from None
        except TimeoutError:
            raise _Failed("Read timeout expired") from None
        except aiohttp.ClientError:
            raise _Failed("Webhook connection closed") from None
        await self._execute(answer)

    def _check(self, response: aiohttp.ClientResponse) -> None:
        if response.ok and response.status < 300:
            self._gone_since = None
            return
        if response.status != _GONE:
            self._gone_since = None
        elif self._gone_since is None:
            self._gone_since = self._clock.now()
        elif self._clock.now() > self._gone_since + GONE_SECONDS:
            self.url = ""  # the webhook is closed for good; its updates wait for whoever comes next
        retry_after = response.headers.get("Retry-After", "")
        raise _Failed(
            f"Wrong response from the webhook: {response.status} {response.reason}",
            min(int(retry_after), LONGEST_RETRY_AFTER) if retry_after.isdecimal() else 0,
        )

    async def _execute(self, answer: Params) -> None:
        """Executes the method that an answer's body carried; its result is nobody's."""
        method = answer.text("method").lower()
        if method and method not in _NOT_IN_ANSWERS and not method.startswith("get"):
            with contextlib.suppress(ApiError):
                await self._call(method, answer)

    async def _pause(self, update: Update, failure: _Failed) -> None:
        """Waits before the next try: first not at all, then 2, 4, 8 … seconds, or as the bot asks."""
        self._last_error = {"last_error_date": int(time.time()), "last_error_message": failure.reason}
        pause = failure.retry_after
        if not pause and update.failures:
            longest = random.uniform(LONGEST_PAUSE, 2 * LONGEST_PAUSE)
            pause = update.delay = min(longest, update.delay * 2)
        update.failures += 1
        if self._clock.now() + pause > update.expires_at:
            self._updates.done(update)
        else:
            await self._clock.sleep(pause)


async def _answer(response: aiohttp.ClientResponse) -> Params:
    """The body of an accepted update's answer: whatever it is, the update was accepted."""
    try:
        return await from_response(response)
    except (ApiError, ValueError, LookupError):
        return Params({})
