"""Settings, read once from the environment (and `.env`), frozen, and checked before anything starts.

In the environment, a setting can also be given as `NAME_FILE`, the path of a file that holds it, as Docker
and systemd hand out secrets. `load()` raises `SettingsError`, whose sentences name each wrong setting and
what would be right; `main.py` prints them and exits with 2.
"""

import hashlib
import hmac
import ipaddress
import os
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

_PACKAGED_STYLES = Path(__file__).resolve().parent / "styles" / "styles.toml"

PLACEHOLDERS = ("your_", "your-", "changeme", "change_me", "replace", "<", "xxx", "todo", "example")


class SettingsError(Exception):
    """Some settings are missing or wrong; `problems` holds one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def is_loopback(host: str | None) -> bool:
    """Whether `host` can only be this machine, by its name or address alone (no look-up)."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _http_url(value: str) -> str:
    url = urlsplit(value)
    if not url.hostname or url.scheme not in {"http", "https"} or url.query or url.fragment:
        raise ValueError(f"{value!r} is no http(s) address such as https://selfi.example.org")
    if url.scheme == "http" and not is_loopback(url.hostname):
        raise ValueError("plain http:// is for loopback addresses only: use https://")
    return value.rstrip("/")


def _postgres_url(value: str) -> str:
    if urlsplit(value).scheme not in {"postgres", "postgresql"}:
        raise ValueError("is no Postgres address such as postgresql://user:password@host:5432/selfi")
    return value


def _no_placeholder(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value().strip()
    if not secret:
        raise ValueError("is empty")
    if secret.lower().startswith(PLACEHOLDERS):
        raise ValueError("still holds a placeholder: put the real value there")
    return SecretStr(secret)


_STORAGE_SCHEMES = {"", "file", "s3", "s3a", "gs", "az", "adl", "abfs", "abfss"}


def _storage_url(value: str) -> str:
    if "://" in value and urlsplit(value).scheme not in _STORAGE_SCHEMES:
        raise ValueError(f"{value!r} is no folder and no object storage such as s3://bucket/folder")
    return value


def _bot_token(value: SecretStr) -> SecretStr:
    bot_id, _, rest = value.get_secret_value().partition(":")
    if rest.lower().startswith(PLACEHOLDERS):
        raise ValueError("still holds a placeholder: put the real value there")
    if not bot_id.isdigit() or not rest or any(c.isspace() for c in rest):
        raise ValueError("is no bot token: @BotFather gives one that looks like 123456789:AA…")
    return value


def _webhook_secret(value: SecretStr | None) -> SecretStr | None:
    """Telegram takes 1–256 of A-Z a-z 0-9 _ - (https://core.telegram.org/bots/api#setwebhook)."""
    secret = value.get_secret_value() if value else None
    allowed = secret is None or (
        1 <= len(secret) <= 256 and all(c.isascii() and (c.isalnum() or c in "_-") for c in secret)
    )
    if not allowed:
        raise ValueError("takes 1 to 256 of A-Z, a-z, 0-9, _ and -")
    return value


def _ids(value: object) -> object:
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError("takes Telegram ids with commas between them, such as 123456789,987654321")
    return frozenset(parts)


_MOST_STARS = 100_000  # of one invoice


def _packs(value: object) -> object:
    """By price in Telegram's Stars, how many stars somebody then has more: `500+50` is 500 and a bonus."""
    if not isinstance(value, str):
        return value
    packs: dict[int, int] = {}
    for part in value.split(","):
        price, plus, bonus = part.replace(" ", "").partition("+")
        numbers = [
            number for number in (price, bonus if plus else "0") if number.isascii() and number.isdigit()
        ]
        known = len(numbers) == 2 and all(int(number) <= _MOST_STARS for number in numbers)
        if not known or not int(price) or int(price) in packs:
            raise ValueError(
                f"takes different prices of 1 to {_MOST_STARS} Stars with commas between them, and perhaps a "
                "bonus, such as 50,100,500+50"
            )
        packs[int(price)] = int(price) + int(bonus or 0)
    return packs


HttpUrl = Annotated[str, AfterValidator(_http_url)]
Secret = Annotated[SecretStr, AfterValidator(_no_placeholder)]
PositiveSeconds = Annotated[float, Field(gt=0)]


class FileSecrets(EnvSettingsSource):
    """Reads `NAME_FILE` for every setting `NAME`; the plain `NAME` wins where both are given."""

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in self.settings_cls.model_fields:
            path = os.environ.get(f"{name.upper()}_FILE")
            if path and not os.environ.get(name.upper()):
                try:
                    found[name] = Path(path).read_text(encoding="utf-8").strip()
                except (OSError, UnicodeDecodeError) as e:
                    problem = f"{name.upper()}_FILE names {path!r}, which can't be read: {e}"
                    raise SettingsError([problem]) from e
        return found


class Settings(BaseSettings):
    """One field a setting; the environment's name is the same in upper case."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    # Where it listens, and where the world finds it. Without PUBLIC_URL the bot polls Telegram, and
    # trainings are followed by polling fal.
    host: str = "127.0.0.1"
    port: int = Field(default=3001, ge=0, le=65535)
    public_url: HttpUrl | None = None

    telegram_bot_token: Annotated[Secret, AfterValidator(_bot_token)]
    telegram_api_url: HttpUrl = "https://api.telegram.org"
    telegram_webhook_secret: Annotated[Secret | None, AfterValidator(_webhook_secret)] = None
    admin_ids: Annotated[frozenset[int], NoDecode, BeforeValidator(_ids)] = frozenset()

    fal_key: Secret
    fal_queue_url: HttpUrl = "https://queue.fal.run"
    fal_rest_url: HttpUrl = "https://rest.fal.ai"
    fal_cdn_url: HttpUrl = "https://v3.fal.media"
    fal_api_url: HttpUrl = "https://api.fal.ai/v1"
    # A submit's answer that never came: so long do the webhook and fal's own list get to show the request.
    fal_adopt_seconds: PositiveSeconds = 900
    # fal's status is asked again after so long, growing by half each time up to the maximum.
    fal_poll_seconds: PositiveSeconds = 2
    fal_poll_max_seconds: PositiveSeconds = 15
    # The same for pictures, which take seconds.
    fal_adopt_pictures_seconds: PositiveSeconds = 120
    # fal's links to trained weights are used for so long; from then on a copy of our own, if we keep one.
    fal_link_days: float = Field(default=6, gt=0)
    keep_weights: bool = True
    # A training that is still running after so long is given up: cancelled at fal, stars back.
    training_max_hours: float = Field(default=6, gt=0)
    # The same for pictures, from when their turn came.
    generation_max_minutes: float = Field(default=20, gt=0)
    # So many requests for pictures are at fal at once, of all people and of each; so many of each wait.
    generations_at_once: int = Field(default=20, ge=1)
    generations_per_person: int = Field(default=2, ge=1)
    generations_waiting: int = Field(default=50, ge=1)
    # Made with each new model, on the house: its preview. 0 makes none.
    sample_pictures: int = Field(default=2, ge=0, le=4)
    # What people can tap to fill their prompt; unset, the file that comes with Selfi.
    styles_file: Path | None = None

    database_url: Annotated[str, AfterValidator(_postgres_url)] | None = Field(default=None, repr=False)
    database_pool_size: int = Field(default=10, ge=3, le=200)
    data_dir: Path = Path("data")
    storage_url: Annotated[str, AfterValidator(_storage_url)] | None = None
    # A replica that died is noticed, and its jobs taken over, after so long.
    job_heartbeat_seconds: float = Field(default=10, ge=1)

    init_data_max_age: int = Field(default=86400, ge=1)
    session_seconds: int = Field(default=3600, ge=60)
    # Who may show the Mini App in a frame: Telegram's web clients.
    frame_ancestors: str = "https://web.telegram.org https://*.telegram.org"

    star_packs: Annotated[dict[int, int], NoDecode, BeforeValidator(_packs)] = {
        price: price for price in (50, 100, 200, 500, 1000)
    }
    # Whether an operator may refund a payment whose stars are spent: what is missing becomes a debt.
    refund_spent_stars: bool = True
    welcome_stars: int = Field(default=0, ge=0, le=1_000_000)
    # Whoever brings somebody, and who was brought, when that person first buys stars; 0 and 0 turn it off.
    referral_stars: int = Field(default=0, ge=0, le=1_000_000)
    referred_stars: int = Field(default=0, ge=0, le=1_000_000)
    referral_max: int = Field(default=20, ge=0)
    stars_per_1000_steps: int = Field(default=150, ge=0, le=1_000_000)
    training_min_stars: int = Field(default=30, ge=0, le=1_000_000)
    stars_per_picture: int = Field(default=3, ge=0, le=100_000)

    photo_max_bytes: int = Field(default=20 * 1024**2, ge=1024)
    photo_max_pixels: int = Field(default=60_000_000, ge=512 * 512)
    photo_min_side: int = Field(default=512, ge=64, le=2048)
    photos_min: int = Field(default=4, ge=1)
    photos_max: int = Field(default=50, ge=1, le=500)
    upload_max_bytes: int = Field(default=256 * 1024**2, ge=1024)
    # Photos of a draft, and zips at fal, are deleted after so long.
    draft_days: float = Field(default=7, gt=0)
    upload_hours: float = Field(default=24, gt=0)

    log_format: Literal["auto", "json", "console"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 — replaced by *_FILE
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, FileSecrets(settings_cls), dotenv_settings

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.photos_min > self.photos_max:
            raise ValueError(f"PHOTOS_MIN ({self.photos_min}) is over PHOTOS_MAX ({self.photos_max})")
        if self.photo_max_bytes > self.upload_max_bytes:
            raise ValueError("PHOTO_MAX_BYTES is over UPLOAD_MAX_BYTES")
        if self.fal_poll_seconds > self.fal_poll_max_seconds:
            raise ValueError("FAL_POLL_SECONDS is over FAL_POLL_MAX_SECONDS")
        return self

    @property
    def bot_id(self) -> int:
        return int(self.telegram_bot_token.get_secret_value().partition(":")[0])

    def derived_secret(self, purpose: str) -> str:
        """A secret of our own for `purpose` (hex), the same in every replica, bound to the bot's token."""
        token = self.telegram_bot_token.get_secret_value().encode()
        return hmac.new(token, f"selfi {purpose}".encode(), hashlib.sha256).hexdigest()

    @property
    def webhook_secret(self) -> str:
        if self.telegram_webhook_secret:
            return self.telegram_webhook_secret.get_secret_value()
        return self.derived_secret("telegram webhook")

    def fal_webhook(self, kind: str, run_id: uuid.UUID) -> str:
        """The path that fal calls for a run of a `kind`: training or generation.

        fal signs what it sends for any of its customers, so its signature alone doesn't say that the run is
        ours: the proof does, which only the one who was given this path can know.
        """
        return f"/webhooks/fal/{kind}/{run_id}?proof={self.fal_webhook_proof(run_id)}"

    def fal_webhook_proof(self, run_id: uuid.UUID) -> str:
        return self.derived_secret(f"fal webhook {run_id}")

    @property
    def app_url(self) -> str | None:
        """Where the Mini App is; None without a public address."""
        return f"{self.public_url}/app/" if self.public_url else None

    @property
    def fal(self) -> dict[str, Any]:
        """What the client of fal.ai is made with."""
        return {
            "key": self.fal_key.get_secret_value(),
            "queue_url": self.fal_queue_url,
            "rest_url": self.fal_rest_url,
            "cdn_url": self.fal_cdn_url,
            "api_url": self.fal_api_url,
        }

    @property
    def turns(self) -> dict[str, int]:
        """What the queue for pictures is made with."""
        return {
            "at_once": self.generations_at_once,
            "per_person": self.generations_per_person,
            "waiting": self.generations_waiting,
        }

    @property
    def till(self) -> dict[str, Any]:
        """What the till is made with, which sells stars."""
        return {
            "packs": self.star_packs,
            "secret": self.derived_secret("invoice"),
            "operators": self.admin_ids,
            "refund_spent": self.refund_spent_stars,
            "referral_stars": self.referral_stars,
            "referred_stars": self.referred_stars,
            "referral_max": self.referral_max,
        }

    @property
    def invitations(self) -> bool:
        """Whether it is worth anything to bring somebody along."""
        return bool(self.referral_stars or self.referred_stars)

    @property
    def storage(self) -> str:
        """The object storage's address: a folder of ours unless STORAGE_URL says otherwise."""
        return self.storage_url or str(self.data_dir.resolve() / "storage")

    @property
    def styles(self) -> Path:
        return self.styles_file or _PACKAGED_STYLES

    @property
    def temporary_dir(self) -> Path:
        """Where uploads lie while they are looked at."""
        return self.data_dir / "tmp"

    @property
    def secrets(self) -> list[str]:
        """What must never be written into a log."""
        database = urlsplit(self.database_url or "").password
        values = [self.telegram_bot_token, self.fal_key]
        secrets = [self.webhook_secret, database, *(value.get_secret_value() for value in values)]
        return [secret for secret in secrets if secret]

    @property
    def draft_ttl(self) -> timedelta:
        return timedelta(days=self.draft_days)

    @property
    def upload_ttl(self) -> timedelta:
        return timedelta(hours=self.upload_hours)


def load() -> Settings:
    """Reads the settings.

    Raises:
        SettingsError: naming every setting that is missing or wrong.
    """
    try:
        return Settings()
    except ValidationError as e:
        raise SettingsError([_sentence(dict(error)) for error in e.errors()]) from None


def _sentence(error: dict[str, Any]) -> str:
    name = str(error["loc"][0]).upper() if error["loc"] else "The settings"
    if error["type"] == "missing":
        return f"{name} is missing: set it in the environment or in .env, or its file's path in {name}_FILE"
    reason = str(error["msg"]).removeprefix("Value error, ")
    return f"{name} {reason}" if reason.startswith(("is ", "still ", "takes ")) else f"{name}: {reason}"
