"""Telegram's flood limits as token buckets (https://core.telegram.org/bots/faq#my-bot-is-hitting-limits)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from .errors import too_many_requests


@dataclass(frozen=True)
class Limits:
    """How many messages and edits may leave the bot.

    The rates are the documented ones. Telegram names no burst; bots see that a chat takes a couple of dozen
    quick messages before the first 429, and `chat_burst` is that.
    """

    per_second: float = 30
    burst: int = 30
    chat_per_second: float = 1
    chat_burst: int = 20


TELEGRAMS_LIMITS = Limits()


class _Bucket:
    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._at = now

    def wait(self, now: float) -> float:
        """Seconds until a token is there; 0 where it already is."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        return max(0.0, (1 - self._tokens) / self._rate)

    def take(self) -> None:
        self._tokens -= 1


class RateLimiter:
    """Counts what the bot sends, in real seconds whatever the time scale: 429 answers name these."""

    def __init__(self, limits: Limits | None, now: Callable[[], float]) -> None:
        self._limits = limits
        self._now = now
        self._all: _Bucket | None = None
        self._chats: dict[str, _Bucket] = {}

    def admit(self, chat_id: str) -> None:
        """Counts one message or edit.

        Raises:
            ApiError: 429 with `retry_after`, and nothing was counted.
        """
        if self._limits is None:
            return
        now = self._now()
        if self._all is None:
            self._all = _Bucket(self._limits.per_second, self._limits.burst, now)
        if chat_id not in self._chats:
            self._chats[chat_id] = _Bucket(self._limits.chat_per_second, self._limits.chat_burst, now)
        buckets = (self._all, self._chats[chat_id])
        if wait := max(bucket.wait(now) for bucket in buckets):
            raise too_many_requests(math.ceil(wait))
        for bucket in buckets:
            bucket.take()
