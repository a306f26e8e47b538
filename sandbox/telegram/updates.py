"""Updates on their way to the bot: kept until it has them, and handed out by getUpdates."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import conflict
from .state import Clock, Json

DAY = 86_400
QUERY_LIFETIME = 150
"""Seconds that Telegram keeps callback and pre-checkout queries; everything else it keeps for a day."""

_NOT_BY_DEFAULT = ("chat_member", "message_reaction", "message_reaction_count")


@dataclass
class Update:
    """`id` is ours and increases; a hand-made `body` may name another, or none at all."""

    id: int
    body: Any
    queue: str
    expires_at: float
    hand_made: bool = False
    failures: int = 0
    delay: float = 1


class Updates:
    """The bot's pending updates. Each `queue` is delivered in order, as tdlib/telegram-bot-api has them:
    messages by chat, callback queries, pre-checkout queries and changes of membership each by person.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pending: dict[int, Update] = {}
        self._queues: dict[str, dict[int, Update]] = {}
        self._id = int(time.time())  # later at every start: bots remember which ids they have seen
        self._arrived = asyncio.Event()
        self._poll = 0
        self._closed = False
        self.allowed: list[str] = []
        self.listener: Callable[[str], None] = lambda _queue: None

    def add(self, kind: str, payload: Json, person_id: int, lifetime: float = DAY) -> None:
        """Something the bot should hear of, if it asked for that kind."""
        if self.allowed and kind not in self.allowed:
            return
        if not self.allowed and kind in _NOT_BY_DEFAULT:
            return
        self._id += 1
        self._enqueue(
            Update(self._id, {"update_id": self._id, kind: payload}, f"{kind}:{person_id}", lifetime)
        )

    def add_hand_made(self, body: Any) -> None:
        """Any JSON at all, in a queue of its own; getUpdates hands it out once."""
        self._id += 1
        self._enqueue(Update(self._id, body, f"hand-made:{self._id}", DAY, hand_made=True))

    def _enqueue(self, update: Update) -> None:
        update.expires_at += self._clock.now()
        self._pending[update.id] = update
        self._queues.setdefault(update.queue, {})[update.id] = update
        self._arrived.set()
        self.listener(update.queue)

    @property
    def queues(self) -> list[str]:
        """The queues in which something waits."""
        return list(self._queues)

    @property
    def count(self) -> int:
        return len(self._pending)

    def head(self, queue: str) -> Update | None:
        """The update to deliver next in this queue."""
        return next(iter(self._queues.get(queue, {}).values()), None)

    def done(self, update: Update) -> None:
        """Forgets an update; it may have been forgotten before."""
        if self._pending.pop(update.id, None):
            queue = self._queues[update.queue]
            del queue[update.id]
            if not queue:
                del self._queues[update.queue]

    def clear(self) -> None:
        self._pending.clear()
        self._queues.clear()

    async def poll(self, offset: int, limit: int, seconds: float) -> list[Any]:
        """What getUpdates answers: at most `limit` updates from `offset` on, waiting `seconds` for the first.

        Raises:
            ApiError: 409, another getUpdates came meanwhile.
        """
        self._poll += 1
        mine = self._poll
        self._arrived.set()  # whoever else is polling wakes up and sees that it is no longer its turn
        self._confirm(offset)
        try:
            async with asyncio.timeout(seconds):
                while not (found := self._unexpired()) and not self._closed:
                    self._arrived.clear()
                    await self._arrived.wait()
                    self._check_turn(mine)
        except TimeoutError:
            found = []
        for update in found[:limit]:
            if update.hand_made:
                self.done(update)
        return [update.body for update in found[:limit]]

    def _confirm(self, offset: int) -> None:
        """Forgets what is before `offset`; a negative one counts from the end."""
        first = sorted(self._pending)[offset:][0] if offset < 0 and self._pending else offset
        for update in [update for update in self._pending.values() if update.id < first]:
            self.done(update)

    def _unexpired(self) -> list[Update]:
        now = self._clock.now()
        for update in [update for update in self._pending.values() if update.expires_at < now]:
            self.done(update)
        return list(self._pending.values())

    def _check_turn(self, mine: int) -> None:
        if mine != self._poll:
            raise conflict(
                "terminated by other getUpdates request; make sure that only one bot instance is running"
            )

    def end_polls(self) -> None:
        """A webhook was set: polls under way are refused."""
        self._poll += 1
        self._arrived.set()

    def close(self) -> None:
        self._closed = True
        self._arrived.set()
