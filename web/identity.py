"""Proofs of who somebody is: Telegram's init data, and our own short sessions.

Init data is checked as https://core.telegram.org/bots/webapps#validating-data-received-via-the-mini-app
says, and for its age, which Telegram leaves to us. A session is exchanged for it and can be renewed, so that
an app that stays open isn't locked out when its init data has become too old.
"""

import hashlib
import hmac
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from pydantic import BaseModel, Field, ValidationError

from models.errors import Unauthenticated
from models.user import Person

CLOCK_SKEW = 60
"""Seconds that init data may come from the future."""

RENEWABLE_SECONDS = 7 * 86_400
"""For so long after init data proved whose it is, a session can be renewed; then Telegram is asked anew."""

_MOST_FIELDS = 64
_MOST_BYTES = 16 * 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DIGITS = re.compile(r"[0-9]{1,12}")
_TOKEN = re.compile(r"([1-9][0-9]{0,18})\.([0-9]{1,12})\.([0-9]{1,12})\.([0-9a-f]{64})")


class _TelegramUser(BaseModel):
    """What we read of https://core.telegram.org/bots/webapps#webappuser."""

    id: int = Field(strict=True, gt=0, lt=2**63)
    first_name: str = ""
    username: str | None = None
    language_code: str | None = None

    def person(self) -> Person:
        return Person(
            id=self.id,
            first_name=_CONTROL.sub("", self.first_name),
            username=_CONTROL.sub("", self.username)[:64] if self.username else None,
            language_code=self.language_code,
        )


class InitData:
    """Checks init data against the bot's token; `max_age` is in seconds."""

    def __init__(self, bot_token: str, max_age: int) -> None:
        self._secret = hmac.digest(b"WebAppData", bot_token.encode(), "sha256")
        self._max_age = max_age

    def person(self, raw: str, now: float | None = None) -> Person:
        """Whom the init data `raw`, as the client handed it out, belongs to.

        Raises:
            Unauthenticated: `init_data_invalid` or `init_data_expired`.
        """
        try:
            fields = _fields(raw)
            self._check_hash(fields)
            issued_at = _seconds(fields["auth_date"])
            person = _TelegramUser.model_validate_json(fields["user"]).person()
        except (ValueError, KeyError, ValidationError):
            raise Unauthenticated(
                "The init data is not Telegram's for this bot: send it exactly as Telegram handed it out.",
                code="init_data_invalid",
            ) from None
        self._check_age(issued_at, time.time() if now is None else now)
        return person

    def _check_hash(self, fields: dict[str, str]) -> None:
        signed = "\n".join(f"{name}={fields[name]}" for name in sorted(fields) if name != "hash")
        made = hmac.digest(self._secret, signed.encode(), "sha256").hex()
        # As bytes: strings with anything beyond ASCII can't be compared in constant time.
        if not hmac.compare_digest(made.encode(), fields["hash"].encode()):
            raise ValueError("the hash is wrong")

    def _check_age(self, issued_at: int, now: float) -> None:
        if issued_at > now + CLOCK_SKEW:
            raise Unauthenticated("The init data comes from the future.", code="init_data_invalid")
        if now - issued_at > self._max_age:
            raise Unauthenticated(
                f"The init data is older than {self._max_age} seconds: open the app again.",
                code="init_data_expired",
            )


def _fields(raw: str) -> dict[str, str]:
    """The decoded fields. ValueError where there is more than one way to read them."""
    if len(raw) > _MOST_BYTES:
        raise ValueError("too long")
    pairs = parse_qsl(
        raw, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_MOST_FIELDS
    )
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field comes twice")
    # The signature is over lines: a line break inside a field would let one be read as two.
    if any("\n" in text for pair in pairs for text in pair):
        raise ValueError("a field has a line break")
    return fields


def _seconds(text: str) -> int:
    if not _DIGITS.fullmatch(text):
        raise ValueError("no Unix time")
    return int(text)


@dataclass(frozen=True)
class Session:
    token: str
    expires_at: datetime


@dataclass(frozen=True)
class Claim:
    """What a session says: whose it is, and when init data proved it (Unix seconds)."""

    user_id: int
    proven_at: int


class Sessions:
    """Makes and checks session tokens, `<user id>.<proven at>.<expiry>.<HMAC of the three>`.

    No check asks the database. `secret` is the same in every replica; `seconds` is how long a session lasts.
    """

    def __init__(self, secret: str, seconds: int) -> None:
        self._secret = secret.encode()
        self._seconds = seconds

    def open(self, claim: Claim, now: float | None = None) -> Session:
        """A session for what init data proves, or another session did: none outlives RENEWABLE_SECONDS."""
        ends = int(time.time() if now is None else now) + self._seconds
        expiry = min(ends, claim.proven_at + RENEWABLE_SECONDS)
        signed = f"{claim.user_id}.{claim.proven_at}.{expiry}"
        return Session(f"{signed}.{self._signature(signed)}", datetime.fromtimestamp(expiry, UTC))

    def claim(self, token: str, now: float | None = None, *, renewing: bool = False) -> Claim:
        """What `token` says. `renewing` takes one that is over, too, for as long as it can be renewed.

        Raises:
            Unauthenticated: `session_invalid` or `session_expired`.
        """
        found = _TOKEN.fullmatch(token)
        signed, _, signature = token.rpartition(".")
        if not found or not hmac.compare_digest(self._signature(signed), signature):
            raise Unauthenticated(
                "This is no session of ours: POST /session makes one.", code="session_invalid"
            )
        claim = Claim(user_id=int(found[1]), proven_at=int(found[2]))
        last = claim.proven_at + RENEWABLE_SECONDS if renewing else int(found[3])
        if last <= (time.time() if now is None else now):
            raise Unauthenticated(
                "The session can't be renewed any more: open the app again."
                if renewing
                else "The session is over: POST /session renews it.",
                code="session_expired",
            )
        return claim

    def _signature(self, signed: str) -> str:
        return hmac.new(self._secret, signed.encode(), hashlib.sha256).hexdigest()
