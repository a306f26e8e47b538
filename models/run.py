"""What trainings and generations share: a request to fal that was paid for, and a living message about it."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.expressions import F
from tortoise.models import Model

from models.errors import Invalid

CANCELLED = "cancelled"

# The channel of LISTEN/NOTIFY; its payload is a run's id.
CHANNEL = "run"


class Run(Model):
    kind: ClassVar[str]
    """Its name in addresses of webhooks, in codes of errors, and in what operators read."""
    settle_job: ClassVar[str]
    """Fetches the result of one that fal has ended; the subject is its id."""
    cancel_job: ClassVar[str]
    """Tells fal that nobody waits for it any more; the subject is its id, a slash, and the request's."""

    id: uuid.UUID = fields.UUIDField(primary_key=True)
    user_id: int
    base_model_id: str
    stars_spent = fields.IntField()
    error = fields.TextField(null=True)  # one English sentence
    error_code = fields.CharField(max_length=64, null=True)
    started_at: datetime = fields.DatetimeField(auto_now_add=True)
    running_at: datetime | None = fields.DatetimeField(null=True)  # first seen running at fal
    completed_at: datetime | None = fields.DatetimeField(null=True)
    queue_position = fields.IntField(null=True)
    # `key:` and the caller's own; or `same:` and the body's hash, so that a doubled click without a key is
    # one run, given up when it ends so that the same can be asked for again.
    idempotency_key = fields.CharField(max_length=255)
    idempotency_body = fields.CharField(max_length=64)  # hex SHA-256 of what was asked for under the key

    # Submitting to fal: `submitted_at` is set before the request leaves, `request_id` when it is known.
    # Between the two it is unknown whether fal has it.
    submitted_at: datetime | None = fields.DatetimeField(null=True)
    submits_in_doubt = fields.SmallIntField(default=0)  # given up on without having been found at fal
    request_id = fields.CharField(max_length=64, null=True)

    # How often the row has moved; the living message in chat, and which version of the row it shows.
    version = fields.IntField(default=0)
    status_message_id = fields.BigIntField(null=True)
    status_version = fields.IntField(default=-1)
    status_until: datetime | None = fields.DatetimeField(null=True)  # somebody is editing it, until then

    class Meta:
        abstract = True

    @property
    def is_active(self) -> bool:
        raise NotImplementedError


R = TypeVar("R", bound=Run)


@dataclass(frozen=True)
class Once:
    """What makes a repeat a repeat: a run's `idempotency_key` and `idempotency_body`."""

    key: str
    body: str


def once(key: str | None, asked: Mapping[str, Any]) -> Once:
    """For what is asked for under the caller's own key, or under none."""
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    return Once(f"same:{digest}" if key is None else f"key:{key}", digest)


async def earlier(
    kind: type[R], user_id: int, asked: Once, using: BaseDBAsyncClient | None = None
) -> R | None:
    """The person's run that was begun under the same key.

    Raises:
        Invalid: something else was asked for under it (`idempotency_key_reused`).
    """
    query = kind.filter(user_id=user_id, idempotency_key=asked.key)
    row = await (query.using_db(using) if using else query).first()
    if row and row.idempotency_body != asked.body:
        raise Invalid(
            "This Idempotency-Key was used for something else: take a new one.",
            field="Idempotency-Key",
            code="idempotency_key_reused",
        )
    return row


async def claim_submit(kind: type[R], run_id: uuid.UUID, at: datetime) -> bool:
    """Decides to submit: whoever gets a yes may, and has to at once; nobody else will until it is released.

    `at` is now, and the claim's name: it takes the same to release it.
    """
    free = kind.filter(id=run_id, completed_at=None, submitted_at=None, request_id=None)
    return bool(await free.update(submitted_at=at))


async def release_submit(kind: type[R], run_id: uuid.UUID, at: datetime, *, in_doubt: bool = False) -> None:
    """It may be submitted again: fal surely hasn't got it, or `in_doubt` nothing of it could be found."""
    submits = {"submits_in_doubt": F("submits_in_doubt") + 1} if in_doubt else {}
    claimed = kind.filter(id=run_id, request_id=None, submitted_at=at)
    await claimed.update(submitted_at=None, **submits)
