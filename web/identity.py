"""Proofs of who somebody is: Telegram's init data, and our own short sessions.

Init data is checked as https://core.telegram.org/bots/webapps#validating-data-received-via-the-mini-app
says, and for its age, which Telegram leaves to us. A session is exchanged for it, so that an app that stays
open isn't locked out when its init data has become too old.
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

_MOST_FIELDS = 64
_MOST_BYTES = 16 * 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DIGITS = re.compile(r"[0-9]{1,12}")
_TOKEN = re.compile(r"([1-9][0-9]{0,18})\.([0-9]{1,12})\.([0-9a-f]{64})")


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


class Sessions:
    """Makes and checks session tokens, `<user id>.<expiry>.<HMAC of both>`: no check asks the database.

    `secret` is the same in every replica; `seconds` is how long a session lasts.
    """

    def __init__(self, secret: str, seconds: int) -> None:
        self._secret = secret.encode()
        self._seconds = seconds

    def open(self, user_id: int, now: float | None = None) -> Session:
        expiry = int(time.time() if now is None else now) + self._seconds
        claim = f"{user_id}.{expiry}"
        return Session(f"{claim}.{self._signature(claim)}", datetime.fromtimestamp(expiry, UTC))

    def user_id(self, token: str, now: float | None = None) -> int:
        """Whose session `token` is.

        Raises:
            Unauthenticated: `session_invalid` or `session_expired`.
        """
        found = _TOKEN.fullmatch(token)
        claim, _, signature = token.rpartition(".")
        if not found or not hmac.compare_digest(self._signature(claim), signature):
            raise Unauthenticated(
                "This is no session of ours: POST /session makes one.", code="session_invalid"
            )
        if int(found[2]) <= (time.time() if now is None else now):
            raise Unauthenticated(
                "The session is over: POST /session makes a new one.", code="session_expired"
            )
        return int(found[1])

    def _signature(self, claim: str) -> str:
        return hmac.new(self._secret, claim.encode(), hashlib.sha256).hexdigest()
