"""Generations: pictures asked for, and the one function that moves them through their states.

    PENDING ──▶ RUNNING ──▶ COMPLETED
       │           │
       └───────────┴──────▶ FAILED        nothing leaves COMPLETED or FAILED

PENDING ones wait for their turn with us (`models/turns.py`), and then for fal's. What fal has made (`output`)
is RUNNING still until a job has brought its pictures into our storage. `_move` is a conditional UPDATE, as in
`models/training.py`, and what follows from a move is in its transaction.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import structlog
from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.expressions import Q
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from models import ledger
from models.db import check_enum
from models.errors import Conflict, NotFound
from models.ledger import Cause
from models.lora import BaseModel, show_on_model
from models.notification import NotificationKind, notify
from models.paging import Place, newest_first
from models.picture import NewPicture, Picture, insert_pictures
from models.queue import Job, enqueue
from models.run import CANCELLED, CHANNEL, Run
from models.user import User

if TYPE_CHECKING:
    from models.training import Training

log = structlog.get_logger(__name__)

UNSAFE = "unsafe"


class GenStatus(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


ACTIVE = (GenStatus.PENDING, GenStatus.RUNNING)
_LEGAL_FROM = {
    GenStatus.PENDING: (GenStatus.PENDING,),
    GenStatus.RUNNING: ACTIVE,
    GenStatus.COMPLETED: ACTIVE,
    GenStatus.FAILED: ACTIVE,
}


class Origin(StrEnum):
    """Where it was asked for, which says where its pictures go."""

    CHAT = "chat"
    APP = "app"
    SAMPLE = "sample"  # by ourselves, after a training, on the house


class Generation(Run):
    kind = "generation"
    settle_job = "settle_generation"
    cancel_job = "cancel_generation"

    base_model: fields.ForeignKeyRelation["BaseModel"] = fields.ForeignKeyField(
        "models.BaseModel", related_name="generations", on_delete=fields.RESTRICT
    )
    user: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="generations", on_delete=fields.CASCADE
    )
    training: fields.OneToOneNullableRelation["Training"] = fields.OneToOneField(
        "models.Training", related_name="samples", on_delete=fields.CASCADE, null=True
    )
    training_id: uuid.UUID | None
    origin = fields.CharEnumField(Origin, max_length=8)
    prompt = fields.TextField()
    loras: list[dict[str, Any]] = fields.JSONField()  # `{"id", "scale"}` of each LoRA model
    aspect = fields.CharField(max_length=8)
    steps = fields.SmallIntField()
    guidance = fields.FloatField()
    seed = fields.BigIntField()
    count = fields.SmallIntField()
    held_back = fields.SmallIntField(
        default=0
    )  # of those asked for: what it ended without, and wasn't charged
    status = fields.CharEnumField(GenStatus, max_length=16, default=GenStatus.PENDING)
    taken_at: datetime | None = fields.DatetimeField(null=True)  # when its turn came
    output: dict[str, Any] | None = fields.JSONField(null=True)  # fal's, while its pictures are fetched
    message_id = fields.BigIntField(null=True)  # in chat, by which it was asked for
    deleted_at: datetime | None = fields.DatetimeField(null=True)

    pictures: fields.ReverseRelation["Picture"]

    class Meta:
        table = "generations"
        indexes = (("user_id", "started_at", "id"), ("user_id", "taken_at"))  # and more in migration 0005
        constraints = (
            check_enum("generations", "status", GenStatus),
            check_enum("generations", "origin", Origin),
            CheckConstraint(check="stars_spent >= 0", name="generations_price_not_negative"),
            CheckConstraint(check="count BETWEEN 1 AND 10", name="generations_count_sensible"),
            CheckConstraint(
                check="(status IN ('COMPLETED', 'FAILED')) = (completed_at IS NOT NULL)",
                name="generations_ended_have_an_end",
            ),
            CheckConstraint(
                check="(origin = 'sample') = (training_id IS NOT NULL)",
                name="generations_samples_of_trainings",
            ),
            UniqueConstraint(fields=("user_id", "idempotency_key"), name="generations_once_per_key"),
            UniqueConstraint(fields=("request_id",), name="generations_once_per_request"),
        )

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def waits_for_turn(self) -> bool:
        """With us: fal hasn't been asked yet."""
        return self.is_active and self.taken_at is None

    @property
    def stars_refunded(self) -> int:
        """What came back with its end: all of a failure's price, or that of what was held back."""
        if self.status is GenStatus.FAILED:
            return self.stars_spent
        back: int = self.stars_spent * self.held_back // self.count
        return back

    @property
    def lora_ids(self) -> list[uuid.UUID]:
        return [uuid.UUID(lora["id"]) for lora in self.loras]


@dataclass(frozen=True)
class UsedLora:
    id: uuid.UUID
    scale: float


@dataclass(frozen=True)
class Order:
    """What pictures somebody wants; everything in it has been checked."""

    user_id: int
    base_model_id: str  # a trainer's id, whose painter makes them
    prompt: str
    loras: Sequence[UsedLora]
    aspect: str
    steps: int
    guidance: float
    seed: int
    count: int
    price: int


@dataclass(frozen=True)
class Asked:
    """How an order came to us."""

    origin: Origin
    idempotency_key: str
    idempotency_body: str
    message_id: int | None = None
    training_id: uuid.UUID | None = None


async def begin(using: BaseDBAsyncClient, order: Order, asked: Asked) -> uuid.UUID | None:
    """Writes the generation, takes its price, and enqueues what follows.

    Answers None, with the transaction to be rolled back, when stars or a free idempotency key are missing.
    """
    generation_id = uuid.uuid4()
    rows = await using.execute_query_dict(
        """
        INSERT INTO generations
            (id, user_id, base_model_id, training_id, origin, prompt, loras, aspect, steps, guidance, seed,
             count, held_back, stars_spent, status, version, status_version, submits_in_doubt, started_at,
             idempotency_key, idempotency_body, message_id)
        SELECT $1, id, $3, $4, $5, $6, $7::jsonb, $8, $9, $10, $11,
               $12, 0, $13, 'PENDING', 0, -1, 0, now(), $14, $15, $16
        FROM users WHERE id = $2
        ON CONFLICT (user_id, idempotency_key) DO NOTHING
        RETURNING id
        """,
        [
            generation_id,
            order.user_id,
            order.base_model_id,
            asked.training_id,
            asked.origin.value,
            order.prompt,
            json.dumps([{"id": str(lora.id), "scale": lora.scale} for lora in order.loras]),
            order.aspect,
            order.steps,
            order.guidance,
            order.seed,
            order.count,
            order.price,
            asked.idempotency_key,
            asked.idempotency_body,
            asked.message_id,
        ],
    )
    if not rows:
        return None
    if order.price and (
        await ledger.charge(using, order.user_id, Cause(generation_id=generation_id), order.price) is None
    ):
        return None
    await enqueue(using, Job("take_turns", "all", dedupe=False), *_shown(generation_id, asked.origin))
    return generation_id


def _shown(generation_id: uuid.UUID, origin: Origin) -> list[Job]:
    """The living message is the chat's alone: the app shows for itself."""
    return [Job("generation_status", str(generation_id), dedupe=False)] if origin is Origin.CHAT else []


# Whoever comes too late, or with nothing new, finds no row.
_MOVE = """
    UPDATE generations SET
        status = $2::text, version = version + 1,
        request_id = coalesce($4::text, request_id),
        submitted_at = coalesce(submitted_at, CASE WHEN $4::text IS NOT NULL THEN now() END),
        queue_position = $5::int,
        running_at = coalesce(running_at, CASE $2::text WHEN 'RUNNING' THEN now() END),
        output = CASE WHEN $2::text IN ('COMPLETED', 'FAILED') THEN NULL ELSE coalesce($6::jsonb, output) END,
        error_code = $7::text, error = $8::text,
        completed_at = CASE WHEN $2::text IN ('COMPLETED', 'FAILED') THEN now() END,
        idempotency_key = CASE
            WHEN $2::text IN ('COMPLETED', 'FAILED') AND idempotency_key LIKE 'same:%'
            THEN 'ended:' || id ELSE idempotency_key END
    WHERE id = $1 AND status = ANY ($3::text[])
      AND (status <> $2::text OR (request_id IS NULL AND $4::text IS NOT NULL)
           OR ($6::jsonb IS NOT NULL AND output IS NULL) OR queue_position IS DISTINCT FROM $5)
    RETURNING user_id, origin, training_id, stars_spent, count, request_id
"""


async def _move(
    tx: BaseDBAsyncClient,
    generation_id: uuid.UUID,
    to: GenStatus,
    *,
    request_id: str | None = None,
    queue_position: int | None = None,
    output: dict[str, Any] | None = None,
    error_code: str | None = None,
    error: str | None = None,
) -> dict[str, Any] | None:
    rows = await tx.execute_query_dict(
        _MOVE,
        [
            generation_id,
            to.value,
            [status.value for status in _LEGAL_FROM[to]],
            request_id,
            queue_position,
            None if output is None else json.dumps(output),
            error_code,
            error,
        ],
    )
    if not rows:
        return None
    log.info("generation_moved", generation_id=str(generation_id), to=to.value, code=error_code)
    await tx.execute_query_dict("SELECT pg_notify($1, $2)", [CHANNEL, str(generation_id)])
    await enqueue(tx, *_shown(generation_id, Origin(rows[0]["origin"])))
    moved: dict[str, Any] = rows[0]
    return moved


async def at_fal(generation_id: uuid.UUID, request_id: str) -> bool:
    """fal has taken it; False when it had ended, or fal's request is known already."""
    async with in_transaction() as tx:
        if not await _move(tx, generation_id, GenStatus.PENDING, request_id=request_id):
            return False
        await enqueue(tx, Job("watch_generation", str(generation_id)))
    return True


async def going_on(generation_id: uuid.UUID, *, running: bool, queue_position: int | None = None) -> None:
    """What fal says of it before it ends."""
    to = GenStatus.RUNNING if running else GenStatus.PENDING
    async with in_transaction() as tx:
        await _move(tx, generation_id, to, queue_position=queue_position)


async def made(generation_id: uuid.UUID, output: dict[str, Any], request_id: str | None = None) -> bool:
    """fal has made its pictures: a job fetches them. False when it had ended, or this was known."""
    async with in_transaction() as tx:
        if not await _move(tx, generation_id, GenStatus.RUNNING, request_id=request_id, output=output):
            return False
        await enqueue(tx, Job("collect", str(generation_id)))
    return True


async def complete(generation_id: uuid.UUID, pictures: Sequence[NewPicture]) -> bool:
    """Its pictures are in our storage; what was held back of those asked for isn't charged.

    False when it had ended before, and then the files are nobody's.
    """
    async with in_transaction() as tx:
        row = await _move(tx, generation_id, GenStatus.COMPLETED)
        if row is None:
            return False
        await insert_pictures(tx, row["user_id"], generation_id, pictures)
        if pictures and row["training_id"]:
            first = min(pictures, key=lambda picture: picture.position)
            await show_on_model(tx, row["training_id"], first.thumbnail)
        missing = row["count"] - len(pictures)
        if missing > 0:
            await Generation.filter(id=generation_id).using_db(tx).update(held_back=missing)
            back = row["stars_spent"] * missing // row["count"]
            await ledger.refund(tx, row["user_id"], Cause(generation_id=generation_id), back)
        await _end(tx, generation_id, row, completed=True)
    return True


async def fail(generation_id: uuid.UUID, code: str, error: str, request_id: str | None = None) -> bool:
    """Ends it without pictures, stars back; False when it had ended before."""
    async with in_transaction() as tx:
        row = await _move(
            tx, generation_id, GenStatus.FAILED, request_id=request_id, error_code=code, error=error
        )
        if row is None:
            return False
        await ledger.refund(tx, row["user_id"], Cause(generation_id=generation_id), row["stars_spent"])
        if row["request_id"]:
            await enqueue(tx, Job("cancel_generation", f"{generation_id}/{row['request_id']}"))
        await _end(tx, generation_id, row, completed=False)
    return True


async def _end(
    tx: BaseDBAsyncClient, generation_id: uuid.UUID, row: dict[str, Any], *, completed: bool
) -> None:
    """What an end brings with it: somebody else's turn, and a message."""
    await enqueue(tx, Job("take_turns", "all", dedupe=False))
    match Origin(row["origin"]):
        case Origin.SAMPLE:
            await notify(
                tx,
                row["user_id"],
                NotificationKind.TRAINING_COMPLETED,
                f"end:{row['training_id']}",
                training_id=row["training_id"],
            )
        case Origin.CHAT if completed:
            await notify(
                tx,
                row["user_id"],
                NotificationKind.PICTURES,
                f"pictures:{generation_id}",
                generation_id=generation_id,
            )
        case Origin.CHAT | Origin.APP if not completed:
            await notify(
                tx,
                row["user_id"],
                NotificationKind.GENERATION_FAILED,
                f"end:{generation_id}",
                generation_id=generation_id,
            )


async def cancel(user_id: int, generation_id: uuid.UUID) -> Generation:
    """Ends it at once, stars back; fal is told by a job. What was cancelled is answered the same again.

    Raises:
        NotFound: there is none, or it is somebody else's.
        Conflict: it has ended otherwise (`generation_ended`).
    """
    generation = await find(user_id, generation_id)
    if not await fail(generation.id, CANCELLED, "You cancelled these pictures."):
        again = await find(user_id, generation_id)
        if again.error_code != CANCELLED:
            raise Conflict("These pictures have been made already.", code="generation_ended")
    return await find(user_id, generation_id)


def _of(user_id: int) -> QuerySet[Generation]:
    return Generation.filter(user_id=user_id, deleted_at=None)


async def find(user_id: int, any_id: uuid.UUID) -> Generation:
    """The person's generation by its own id or a picture's, with its pictures.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    found = await _of(user_id).get_or_none(id=any_id)
    if found is None and (picture := await Picture.get_or_none(id=any_id).only("id", "generation_id")):
        found = await _of(user_id).get_or_none(id=picture.generation_id)
    if found is None:
        raise NotFound("There are no such pictures.", code="generation_not_found")
    await with_pictures([found])
    return found


async def with_pictures(generations: Sequence[Generation]) -> None:
    """Fetches the pictures of all of them, without their thumbnails."""
    columns = ("id", "generation_id", "user_id", "position", "width", "height", "bytes", "created_at")
    rows = await Picture.filter(generation_id__in=[one.id for one in generations]).only(*columns)
    by_generation: dict[uuid.UUID, list[Picture]] = {}
    for row in sorted(rows, key=lambda row: row.position):
        by_generation.setdefault(row.generation_id, []).append(row)
    for one in generations:
        one.pictures._set_result_for_query(by_generation.get(one.id, []))  # noqa: SLF001


async def page(
    user_id: int, limit: int, before: Place | None = None, *, with_failed: bool = False
) -> list[Generation]:
    """Up to `limit` of the person's generations with their pictures, newest first.

    Those that ended without pictures are left out unless `with_failed`.
    """
    query = _of(user_id)
    if not with_failed:
        query = query.exclude(status=GenStatus.FAILED)
    rows = await newest_first(query, "started_at", limit, before)
    await with_pictures(rows)
    return rows


async def active(user_id: int) -> list[Generation]:
    """The person's generations that haven't ended, newest first."""
    rows = await _of(user_id).filter(status__in=ACTIVE).order_by("-started_at", "-id")
    await with_pictures(rows)
    return rows


async def delete(user_id: int, any_id: uuid.UUID) -> None:
    """Deletes a picture by its id, or by a generation's id all of its pictures; a job deletes their files.

    A generation without pictures is forgotten, all but what it cost. One that still runs is cancelled first.

    Raises:
        NotFound: there are none, or they are somebody else's.
    """
    generation = await find(user_id, any_id)
    if generation.is_active:
        await fail(generation.id, CANCELLED, "You cancelled these pictures.")
    async with in_transaction() as tx:
        # One at a time: of two that delete the last ones at once, each would see the other's.
        await Generation.filter(id=generation.id).using_db(tx).select_for_update().only("id").first()
        chosen = Q(generation_id=generation.id)
        if any_id != generation.id:
            chosen &= Q(id=any_id)
        doomed = await Picture.filter(chosen).using_db(tx).only("id", "user_id")
        await enqueue(tx, *(Job("delete_file", picture.storage_key) for picture in doomed))
        await Picture.filter(chosen).using_db(tx).delete()
        if not await Picture.filter(generation_id=generation.id).using_db(tx).exists():
            gone = Generation.filter(id=generation.id).using_db(tx)
            await gone.update(deleted_at=datetime.now(UTC), prompt="", loras=[], output=None)
