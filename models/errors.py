"""The domain's errors. Each edge turns them once into words or a status: `web/errors.py`, `bot/errors.py`.

DomainError
├── Invalid            the request is wrong: `field` says where
│   └── PhotoRefused   a photo that can't be used, with its verdict's code
├── Problems           several of those at once
├── TooLarge           over a limit in bytes, which it names
├── LimitReached       over a limit in number, which it names
├── TooOften           or too much at once: says when again
├── NotEnoughStars     carries price and balance
├── NotFound           or somebody else's, which is the same
├── Conflict           right in itself, but not in the state that things are in
├── Unauthenticated    no proof of identity, or not a valid one
├── Forbidden          a valid proof, of somebody else
└── Unavailable        fal, Telegram, Postgres or the storage can't do it now
"""

from collections.abc import Sequence
from typing import Any


class DomainError(Exception):
    """`code` is stable, for machines; `detail` is one English sentence for people; `extra` goes with both."""

    def __init__(self, detail: str, *, code: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.extra = extra


class Invalid(DomainError):
    def __init__(self, detail: str, *, field: str, code: str = "invalid", **extra: Any) -> None:
        super().__init__(detail, code=code, **extra)
        self.field = field


class PhotoRefused(Invalid):
    def __init__(self, detail: str, *, code: str, **extra: Any) -> None:
        super().__init__(detail, field="image", code=code, verdict="refused", reason=detail, **extra)


class Problems(DomainError):
    """All that is wrong with a request: nobody has to find out one by one."""

    def __init__(self, problems: Sequence[Invalid]) -> None:
        super().__init__(" ".join(problem.detail for problem in problems), code=problems[0].code)
        self.problems = problems


class TooLarge(DomainError):
    def __init__(self, detail: str, *, limit: int, code: str = "too_large") -> None:
        super().__init__(detail, code=code, limit=limit)


class LimitReached(DomainError):
    def __init__(self, detail: str, *, limit: int, code: str) -> None:
        super().__init__(detail, code=code, limit=limit)


class TooOften(DomainError):
    """`retry_after` is in seconds."""

    def __init__(self, detail: str, *, retry_after: int, code: str = "too_often", **extra: Any) -> None:
        super().__init__(detail, code=code, **extra)
        self.retry_after = retry_after


class NotEnoughStars(DomainError):
    def __init__(self, *, price: int, balance: int) -> None:
        detail = f"This costs {price} stars and you have {balance}: {price - balance} are missing."
        super().__init__(detail, code="not_enough_stars", price=price, balance=balance)
        self.price = price
        self.balance = balance


class NotFound(DomainError):
    pass


class Conflict(DomainError):
    pass


class Unauthenticated(DomainError):
    pass


class Forbidden(DomainError):
    pass


class Unavailable(DomainError):
    def __init__(self, detail: str, *, code: str, retry_after: int = 5) -> None:
        super().__init__(detail, code=code)
        self.retry_after = retry_after
