"""Trainings: starting one, and the one function that moves it through its states.

    PENDING ──▶ TRAINING ──▶ COMPLETED
       │            │
       └────────────┴──────▶ FAILED        nothing leaves COMPLETED or FAILED

`move` is a conditional UPDATE: fal's webhook, the poller, recovery and a cancelling person may all call it
for the same training, and whoever loses the race changes nothing. What follows from a move (the refund, the
LoRA's state, the messages) is in the same transaction.
"""

import json
import math
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any

import structlog
from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.expressions import Q
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from fal.trainers import DEFAULT_TRAINER, TRAINERS
from models import ledger, moderation
from models.db import check_enum, connection
from models.errors import Conflict, NotFound
from models.ledger import Cause
from models.lora import BaseModel, LoraModel, LoraStatus
from models.notification import NotificationKind, notify
from models.paging import Place, newest_first
from models.queue import Job, enqueue
from models.run import CANCELLED, CHANNEL, Run
from models.samples import make_samples
from models.user import User


class TrainStatus(StrEnum):
    PENDING = "PENDING"
    TRAINING = "TRAINING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


ACTIVE = (TrainStatus.PENDING, TrainStatus.TRAINING)
LEGAL_FROM = {
    TrainStatus.PENDING: (TrainStatus.PENDING,),
    TrainStatus.TRAINING: ACTIVE,
    TrainStatus.COMPLETED: ACTIVE,
    TrainStatus.FAILED: ACTIVE,
}

log = structlog.get_logger(__name__)


class Training(Run):
    kind = "training"
    settle_job = "settle"
    cancel_job = "cancel"

    lora_id: uuid.UUID
    lora: fields.OneToOneRelation["LoraModel"] = fields.OneToOneField(
        "models.LoraModel", related_name="training", on_delete=fields.CASCADE
    )
    base_model: fields.ForeignKeyRelation["BaseModel"] = fields.ForeignKeyField(
        "models.BaseModel", related_name="trainings", on_delete=fields.RESTRICT
    )
    user: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="trainings", on_delete=fields.CASCADE
    )
    image_urls: list[str] = ArrayField(element_type="text")
    instance_prompt = fields.TextField()
    class_prompt = fields.TextField(null=True)
    steps = fields.IntField(default=100)
    learning_rate = fields.FloatField(default=0.0001)
    status = fields.CharEnumField(TrainStatus, max_length=16, default=TrainStatus.PENDING)
    metadata: dict[str, Any] | None = fields.JSONField(null=True)  # fal's output, as it came

    is_style = fields.BooleanField()
    create_masks = fields.BooleanField()
    progress = fields.SmallIntField(default=0)  # percent; 100 only when completed
    step = fields.IntField(null=True)

    class Meta:
        table = "trainings"
        indexes = (("user_id", "started_at", "id"), ("base_model_id", "completed_at"))
        constraints = (
            check_enum("trainings", "status", TrainStatus),
            CheckConstraint(check="progress BETWEEN 0 AND 100", name="trainings_progress_percent"),
            CheckConstraint(check="stars_spent >= 0", name="trainings_price_not_negative"),
            CheckConstraint(
                check="(status IN ('COMPLETED', 'FAILED')) = (completed_at IS NOT NULL)",
                name="trainings_ended_have_an_end",
            ),
            UniqueConstraint(fields=("user_id", "idempotency_key"), name="trainings_once_per_key"),
            UniqueConstraint(fields=("request_id",), name="trainings_once_per_request"),
        )

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def refunded(self) -> bool:
        """A failure gives the price back in the same transaction, so one says the other."""
        return self.status is TrainStatus.FAILED and self.stars_spent > 0


@dataclass(frozen=True)
class Order:
    """What somebody wants trained; everything in it has been checked."""

    user_id: int
    trainer: str
    name: str
    trigger_word: str
    images_data_url: str
    url_is_public: bool  # an https address that anybody may fetch; otherwise it must be an upload of theirs
    steps: int
    is_style: bool
    create_masks: bool
    price: int
    idempotency_key: str
    idempotency_body: str


@dataclass(frozen=True)
class Begun:
    lora_id: uuid.UUID
    training_id: uuid.UUID


async def begin(using: BaseDBAsyncClient, order: Order) -> Begun | None:
    """Writes the LoRA model and its training, takes the price, and enqueues what follows: three round trips.

    Answers None, with the transaction to be rolled back, when the person, the upload, the stars or a free
    idempotency key are missing, or the trigger word is refused: the caller finds out which, off the fast
    path.
    """
    begun = await _insert(using, order)
    if (
        begun is None
        or await ledger.charge(using, order.user_id, Cause(begun.training_id), order.price) is None
    ):
        return None
    subject = str(begun.training_id)
    await enqueue(using, Job("submit", subject), Job("status", subject, dedupe=False))
    return begun


async def _insert(using: BaseDBAsyncClient, order: Order) -> Begun | None:
    """Inserts both rows and takes the photos behind the upload out of the draft, in one statement."""
    begun = Begun(lora_id=uuid.uuid4(), training_id=uuid.uuid4())
    rows = await using.execute_query_dict(
        """
        WITH upload AS (
            SELECT user_id = $3 AND expires_at > now() AS usable, photo_ids, preview
            FROM uploads WHERE url = $8
        ), person AS (
            SELECT id FROM users
            WHERE id = $3 AND coalesce((SELECT usable FROM upload), $9)
              AND NOT EXISTS (SELECT FROM refused_words WHERE position(' ' || word || ' ' IN $16) > 0)
        ), lora AS (
            INSERT INTO lora_models
                (id, user_id, base_model_id, name, trigger_word, status, is_public, preview, created_at)
            SELECT $1, id, $4, $5, $6, 'TRAINING', false, (SELECT preview FROM upload), now() FROM person
        ), begun AS (
            INSERT INTO trainings
                (id, lora_id, user_id, base_model_id, instance_prompt, steps, image_urls, is_style,
                 create_masks, learning_rate, stars_spent, status, progress, version, status_version,
                 submits_in_doubt, started_at, idempotency_key, idempotency_body)
            SELECT $2, $1, id, $4, $6, $7, ARRAY[$8], $10,
                   $11, $12, $13, 'PENDING', 0, 0, -1,
                   0, now(), $14, $15
            FROM person
            ON CONFLICT (user_id, idempotency_key) DO NOTHING
            RETURNING id
        ), draft AS (
            UPDATE photos SET training_id = begun.id FROM begun
            WHERE user_id = $3 AND photos.id = ANY (SELECT unnest(photo_ids) FROM upload)
        )
        SELECT id FROM begun
        """,
        [
            begun.lora_id,
            begun.training_id,
            order.user_id,
            order.trainer,
            order.name,
            order.trigger_word,
            order.steps,
            order.images_data_url,
            order.url_is_public,
            order.is_style,
            order.create_masks,
            0.0001,  # the seed's learning rate; fal's trainers choose their own
            order.price,
            order.idempotency_key,
            order.idempotency_body,
            moderation.searched(order.trigger_word),
        ],
    )
    return begun if rows else None


# Whoever comes too late, or with nothing new, finds no row.
_MOVE = """
    UPDATE trainings SET
        status = $2::text, version = version + 1,
        request_id = coalesce($4::text, request_id),
        submitted_at = coalesce(submitted_at, CASE WHEN $4::text IS NOT NULL THEN now() END),
        progress = CASE $2::text WHEN 'COMPLETED' THEN 100 ELSE greatest(progress, $5::int) END,
        step = greatest(step, $6::int), queue_position = $7::int,
        running_at = coalesce(running_at, CASE $2::text WHEN 'TRAINING' THEN now() END),
        metadata = coalesce($8::jsonb, metadata), error_code = $9::text, error = $10::text,
        completed_at = CASE WHEN $2::text IN ('COMPLETED', 'FAILED') THEN now() END,
        idempotency_key = CASE
            WHEN $2::text IN ('COMPLETED', 'FAILED') AND idempotency_key LIKE 'same:%'
            THEN 'ended:' || id ELSE idempotency_key END
    WHERE id = $1 AND status = ANY ($3::text[])
      AND (status <> $2::text OR (request_id IS NULL AND $4::text IS NOT NULL) OR progress < $5
           OR step IS DISTINCT FROM greatest(step, $6) OR queue_position IS DISTINCT FROM $7)
    RETURNING user_id, lora_id, stars_spent, request_id
"""


async def move(
    training_id: uuid.UUID,
    to: TrainStatus,
    *,
    request_id: str | None = None,
    progress: int = 0,
    step: int | None = None,
    queue_position: int | None = None,
    output: dict[str, Any] | None = None,
    files: tuple[str, str | None] | None = None,
    error_code: str | None = None,
    error: str | None = None,
    samples: int = 0,
) -> Training | None:
    """Moves a training to `to` with what has become known of it, and does what follows from it.

    Answers the training as it is now, or None when it can't go there (any more) or when nothing would change.
    Progress never goes back. `files` are the addresses of the weights and their configuration, and of the
    new model so many `samples` are made.
    """
    async with in_transaction() as tx:
        rows = await tx.execute_query_dict(
            _MOVE,
            [
                training_id,
                to.value,
                [status.value for status in LEGAL_FROM[to]],
                request_id,
                progress,
                step,
                queue_position,
                None if output is None else json.dumps(output),
                error_code,
                error,
            ],
        )
        if not rows:
            return None
        log.info("training_moved", training_id=str(training_id), to=to.value, code=error_code)
        if to not in ACTIVE:
            await _end(tx, training_id, files, samples, rows[0])
        await tx.execute_query_dict("SELECT pg_notify($1, $2)", [CHANNEL, str(training_id)])
        jobs = [Job("status", str(training_id), dedupe=False)]
        if request_id and to in ACTIVE:
            jobs.append(Job("watch", str(training_id)))
        await enqueue(tx, *jobs)
        return await Training.get(id=training_id, using_db=tx).select_related("user", "lora")


async def _end(
    tx: BaseDBAsyncClient,
    training_id: uuid.UUID,
    files: tuple[str, str | None] | None,
    samples: int,
    row: dict[str, Any],
) -> None:
    """What an end brings with it: the stars back or the model ready, and one message either way.

    Of a model with samples that message waits for them.
    """
    weights, config = files or (None, None)
    completed = files is not None
    # The photos of a model that is ready have served; those of a failure are the draft again. Photos before
    # stars, as in `begin`: the other way round, two trainings of the same photos wait for each other.
    served = "UPDATE photos SET expires_at = now() WHERE training_id = $1"
    back = "UPDATE photos SET training_id = NULL WHERE training_id = $1"
    await tx.execute_query(served if completed else back, [training_id])
    if not completed:
        await ledger.refund(tx, row["user_id"], Cause(training_id), row["stars_spent"])
    await tx.execute_query(
        """
        UPDATE lora_models SET
            status = $2::text, weights_url = $3, config_url = $4,
            preview = CASE $2::text WHEN 'READY' THEN preview END
        WHERE id = $1
        """,
        [row["lora_id"], (LoraStatus.READY if completed else LoraStatus.FAILED).value, weights, config],
    )
    if not completed and row["request_id"]:
        await enqueue(tx, Job(Training.cancel_job, f"{training_id}/{row['request_id']}"))
    if completed:
        await enqueue(tx, Job("keep_weights", str(row["lora_id"])))
    if completed and samples and await make_samples(tx, training_id, samples):
        return
    kind = NotificationKind.TRAINING_COMPLETED if completed else NotificationKind.TRAINING_FAILED
    await notify(tx, row["user_id"], kind, f"end:{training_id}", training_id=training_id)


async def cancel(user_id: int, any_id: uuid.UUID) -> Training:
    """Ends the person's training at once, stars back; fal is told by a job.

    Cancelling what was cancelled answers the same again.

    Raises:
        NotFound: there is none, or it is somebody else's.
        Conflict: it has ended otherwise (`training_ended`).
    """
    training = await find(user_id, any_id)
    moved = await move(
        training.id, TrainStatus.FAILED, error_code=CANCELLED, error="You cancelled this training."
    )
    if moved is None:
        training = await find(user_id, any_id)
        if training.error_code != CANCELLED:
            raise Conflict("This training has ended already.", code="training_ended")
    return moved or training


async def find(user_id: int, any_id: uuid.UUID) -> Training:
    """The person's training by its own id or its LoRA model's.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    either = Q(id=any_id) | Q(lora_id=any_id)
    training = await _of(user_id).filter(either).first()
    if training is None:
        raise NotFound("There is no such training.", code="training_not_found")
    return training


async def active(user_id: int) -> list[Training]:
    """The person's trainings that haven't ended, newest first."""
    return await _of(user_id).filter(status__in=ACTIVE).order_by("-started_at", "-id")


async def page(user_id: int, limit: int, before: Place | None = None) -> list[Training]:
    """Up to `limit` of the person's trainings, newest first; `before` is the last one of the page before."""
    return await newest_first(_of(user_id), "started_at", limit, before)


def _of(user_id: int) -> QuerySet[Training]:
    """The person's trainings with their LoRA models; one whose model was deleted is gone with it."""
    return Training.filter(user_id=user_id, lora__deleted_at=None).select_related("lora")


def price(steps: int, factor: float, per_1000_steps: int, minimum: int) -> int:
    """Stars for a training: linear in its steps, times the trainer's factor, rounded up."""
    exact = per_1000_steps * steps * Fraction(str(factor)) / 1000
    return max(minimum, math.ceil(exact))


async def usual_seconds(trainer: str) -> float:
    """What the last trainings of this trainer took for 1,000 steps: the median, or what is declared."""
    rows = await connection().execute_query_dict(
        """
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY took) AS seconds FROM (
            SELECT extract(epoch FROM completed_at - running_at) * 1000 / steps AS took FROM trainings
            WHERE base_model_id = $1 AND status = 'COMPLETED' AND running_at IS NOT NULL
            ORDER BY completed_at DESC LIMIT 50
        ) AS latest
        """,
        [trainer],
    )
    seconds = rows[0]["seconds"]
    return float(seconds) if seconds else TRAINERS.get(trainer, DEFAULT_TRAINER).seconds_per_1000_steps


def seconds_left(training: Training, usual_per_1000_steps: float) -> int | None:
    """How long a running training will take still: by its own pace once it has one, else by the usual one."""
    if training.running_at is None or not training.is_active:
        return None
    elapsed = (datetime.now(UTC) - training.running_at).total_seconds()
    if training.progress >= 10:
        return int(elapsed * (100 - training.progress) / training.progress)
    return max(0, round(usual_per_1000_steps * training.steps / 1000 - elapsed))
