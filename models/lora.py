"""Base models, the LoRA models that people train on them, and what people do with those.

A model is its owner's alone until they make it public: then everybody sees it, and may use it. People select
up to SELECTED_MAX models, their own and public ones, for their pictures. A deleted model's row stays, empty,
for the ledger's sake: a star that was spent keeps its reason.
"""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.expressions import Q
from tortoise.migrations.constraints import UniqueConstraint
from tortoise.models import Model
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from models.db import check_enum
from models.errors import Forbidden, LimitReached, NotFound
from models.paging import Place, newest_first
from models.queue import Job, enqueue
from models.user import User

SELECTED_MAX = 5
COPIED_AT_ONCE = 100


class BaseModel(Model):
    """What a LoRA is trained on and later used with; the declared table in `fal/trainers.py` fills it."""

    id = fields.CharField(primary_key=True, max_length=64)  # the trainer's id
    name = fields.CharField(max_length=128)
    endpoint = fields.CharField(max_length=128)  # fal's endpoint that makes pictures with its LoRAs
    created_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "base_models"


async def declare_base_models(rows: Iterable[tuple[str, str, str]]) -> None:
    """Writes what the declared table of trainers says: id, name and inference endpoint of each."""
    for base_model_id, name, endpoint in rows:
        await BaseModel.update_or_create({"name": name, "endpoint": endpoint}, id=base_model_id)


class LoraStatus(StrEnum):
    TRAINING = "TRAINING"
    READY = "READY"
    FAILED = "FAILED"


class LoraModel(Model):
    id: uuid.UUID = fields.UUIDField(primary_key=True)
    user: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="loras", on_delete=fields.CASCADE
    )
    user_id: int
    base_model: fields.ForeignKeyRelation["BaseModel"] = fields.ForeignKeyField(
        "models.BaseModel", related_name="loras", on_delete=fields.RESTRICT
    )
    base_model_id: str
    name = fields.CharField(max_length=64)
    trigger_word = fields.CharField(max_length=64)
    status = fields.CharEnumField(LoraStatus, max_length=16, default=LoraStatus.TRAINING)
    is_public = fields.BooleanField(default=False)
    weights_url = fields.TextField(null=True)
    config_url = fields.TextField(null=True)
    preview: bytes | None = fields.BinaryField(null=True)  # a small JPEG
    weights_kept_at: datetime | None = fields.DatetimeField(null=True)  # when we stored a copy of our own
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    hidden_at: datetime | None = fields.DatetimeField(null=True)  # an operator hid it from all but its owner
    deleted_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "lora_models"
        indexes = (("user_id", "created_at", "id"),)
        constraints = (check_enum("lora_models", "status", LoraStatus),)

    @property
    def weights_key(self) -> str:
        """Where our copy of its weights lies in the object storage."""
        return f"weights/{self.user_id}/{self.id}.safetensors"

    @property
    def is_open(self) -> bool:
        """Whether everybody may see it and use it, once it is ready."""
        return self.is_public and self.hidden_at is None

    def usable_by(self, user_id: int) -> bool:
        """Whether the person may make pictures with it."""
        theirs = self.is_open or self.user_id == user_id
        return self.status is LoraStatus.READY and self.deleted_at is None and theirs


class SelectedModel(Model):
    """A model that a person has selected for their pictures."""

    id = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="selected", on_delete=fields.CASCADE
    )
    lora: fields.ForeignKeyRelation["LoraModel"] = fields.ForeignKeyField(
        "models.LoraModel", related_name="selected_by", on_delete=fields.CASCADE
    )
    lora_id: uuid.UUID
    created_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "selected_models"
        indexes = (("lora_id",),)
        constraints = (UniqueConstraint(fields=("user_id", "lora_id"), name="selected_models_once"),)


class Scope(StrEnum):
    """Whose models a list is of."""

    ALL = "all"  # one's own and public ones
    OWN = "own"
    PUBLIC = "public"
    SELECTED = "selected"


_READY = {"status": LoraStatus.READY, "deleted_at": None}
_OPEN = Q(is_public=True, hidden_at=None)


async def page(user_id: int, scope: Scope, limit: int, before: Place | None = None) -> list[LoraModel]:
    """Up to `limit` models that the person may see and use, newest first."""
    match scope:
        case Scope.OWN:
            return await _newest(LoraModel.filter(user_id=user_id), limit, before)
        case Scope.PUBLIC:
            return await _newest(LoraModel.filter(_OPEN), limit, before)
        case Scope.SELECTED:
            return await _newest(LoraModel.filter(selected_by__user_id=user_id), limit, before)
        case Scope.ALL:
            # Each part has an index of its own; an OR over both would have none.
            own = await _newest(LoraModel.filter(user_id=user_id), limit, before)
            others = LoraModel.filter(_OPEN).exclude(user_id=user_id)
            both = [*own, *await _newest(others, limit, before)]
            return sorted(both, key=lambda lora: (lora.created_at, lora.id), reverse=True)[:limit]


async def _newest(query: QuerySet[LoraModel], limit: int, before: Place | None) -> list[LoraModel]:
    return await newest_first(query.filter(**_READY), "created_at", limit, before)


async def find(user_id: int, lora_id: uuid.UUID, using: BaseDBAsyncClient | None = None) -> LoraModel:
    """A model that is ready, and the person's own or public; within a transaction, its row is locked.

    Raises:
        NotFound: there is none, or it is somebody else's alone.
    """
    query = LoraModel.filter(Q(user_id=user_id) | _OPEN, id=lora_id, **_READY)
    if using:
        query = query.using_db(using).select_for_update()
    lora = await query.first()
    if lora is None:
        raise NotFound("There is no such model.", code="model_not_found")
    return lora


async def named(user_id: int, lora_id: uuid.UUID | None, trigger: str | None) -> LoraModel | None:
    """A model that the person may use, by its id or by its trigger word; None where there is none.

    Of several with the same word it is one's own before another's, the one that was selected before one that
    wasn't, and the newest.
    """
    may_use = LoraModel.filter(Q(user_id=user_id) | _OPEN, **_READY)
    if lora_id:
        return await may_use.get_or_none(id=lora_id)
    if not trigger:
        return None
    found = await may_use.filter(trigger_word__iexact=trigger).order_by("-created_at", "-id").limit(100)
    chosen = await selected(user_id, [lora.id for lora in found])
    return max(found, key=lambda lora: (lora.user_id == user_id, lora.id in chosen), default=None)


async def are_usable(user_id: int, lora_ids: Collection[uuid.UUID]) -> bool:
    """Whether the person may make pictures with all of these models."""
    usable = LoraModel.filter(Q(user_id=user_id) | _OPEN, id__in=lora_ids, **_READY)
    return await usable.count() == len(set(lora_ids))


async def for_bare_prompts(user_id: int) -> list[LoraModel]:
    """What a prompt without models is made with: those selected, or else the only one that the person has."""
    chosen = await page(user_id, Scope.SELECTED, SELECTED_MAX)
    if chosen:
        return chosen
    own = await page(user_id, Scope.OWN, 2)
    return own if len(own) == 1 else []


async def has_any(user_id: int) -> bool:
    """Whether there is a model of the person's own, or one that they have selected."""
    return any([await page(user_id, scope, 1) for scope in (Scope.OWN, Scope.SELECTED)])


async def selected(user_id: int, lora_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of `lora_ids` that the person has selected."""
    rows = await SelectedModel.filter(user_id=user_id, lora_id__in=lora_ids).only("lora_id")
    return {row.lora_id for row in rows}


async def described(lora_ids: Collection[uuid.UUID]) -> list[LoraModel]:
    """Those of the models whose rows are there still, whoever's they are, without their previews."""
    columns = ("id", "user_id", "name", "trigger_word", "status", "is_public", "hidden_at", "deleted_at")
    return await LoraModel.filter(id__in=lora_ids).only(*columns)


@dataclass(frozen=True)
class Edit:
    """What to change of a model; None leaves it."""

    name: str | None = None
    is_public: bool | None = None
    selected: bool | None = None


async def edit(user_id: int, lora_id: uuid.UUID, wanted: Edit) -> LoraModel:
    """Changes all that is wanted, or nothing.

    Raises:
        NotFound: there is no such model, or it is somebody else's alone.
        Forbidden: it is public, but another's: they alone may change it. Or an operator has hidden it.
        LimitReached: SELECTED_MAX others are selected already.
    """
    async with in_transaction() as tx:
        lora = await find(user_id, lora_id, tx)
        if wanted.name is not None or wanted.is_public is not None:
            _check_owner(user_id, lora)
            lora.name = wanted.name or lora.name
            if wanted.is_public and lora.hidden_at:
                raise Forbidden("This model was hidden by an operator.", code="model_hidden")
            lora.is_public = lora.is_public if wanted.is_public is None else wanted.is_public
            await lora.save(using_db=tx, update_fields=["name", "is_public"])
        selections = SelectedModel.filter(lora_id=lora.id).using_db(tx)
        if wanted.is_public is False:
            await selections.exclude(user_id=user_id).delete()
        if wanted.selected:
            await _select(tx, user_id, lora)
        elif wanted.selected is False:
            await selections.filter(user_id=user_id).delete()
    return lora


def _check_owner(user_id: int, lora: LoraModel) -> None:
    if lora.user_id != user_id:
        raise Forbidden("Only a model's owner can change or delete it.", code="not_the_owner")


async def _select(tx: BaseDBAsyncClient, user_id: int, lora: LoraModel) -> None:
    # One selection of a person at a time, so that the count holds.
    await tx.execute_query("SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE", [user_id])
    others = SelectedModel.filter(user_id=user_id).using_db(tx).exclude(lora_id=lora.id)
    if await others.count() >= SELECTED_MAX:
        raise LimitReached(
            f"At most {SELECTED_MAX} models can be selected: unselect another one first.",
            limit=SELECTED_MAX,
            code="too_many_selected",
        )
    await SelectedModel.get_or_create(user_id=user_id, lora_id=lora.id, using_db=tx)


async def delete(user_id: int, lora_id: uuid.UUID) -> None:
    """Deletes the model: nobody sees or uses it any more, and what it was made of and into is forgotten.

    Its name stays, as the reason of the stars that it cost.

    Raises:
        NotFound: there is no such model, or it is somebody else's alone.
        Forbidden: it is public, but another's.
    """
    async with in_transaction() as tx:
        lora = await find(user_id, lora_id, tx)
        _check_owner(user_id, lora)
        await SelectedModel.filter(lora_id=lora.id).using_db(tx).delete()
        await tx.execute_query(
            """
            UPDATE lora_models SET
                deleted_at = $2, is_public = false, weights_url = NULL, config_url = NULL, preview = NULL
            WHERE id = $1
            """,
            [lora.id, datetime.now(UTC)],
        )
        await forget_files(tx, lora)
        await tx.execute_query(
            """
            UPDATE uploads SET preview = NULL
            WHERE url = ANY (SELECT unnest(image_urls) FROM trainings WHERE lora_id = $1)
            """,
            [lora.id],
        )
        await tx.execute_query(
            "UPDATE trainings SET metadata = NULL, image_urls = '{}' WHERE lora_id = $1", [lora.id]
        )


async def show_on_model(tx: BaseDBAsyncClient, training_id: uuid.UUID, preview: bytes) -> None:
    """Makes a small JPEG the preview of the training's model, unless that was deleted."""
    await tx.execute_query(
        """
        UPDATE lora_models SET preview = $2 FROM trainings
        WHERE trainings.id = $1 AND lora_models.id = trainings.lora_id AND deleted_at IS NULL
        """,
        [training_id, preview],
    )


async def forget_files(tx: BaseDBAsyncClient, lora: LoraModel) -> None:
    """Has a model's files deleted: our copy of the weights, and what fal keeps of the run that made them."""
    await enqueue(tx, Job("delete_file", lora.weights_key), Job("forget_run", str(lora.id)))


async def weights_kept(lora_id: uuid.UUID) -> bool:
    """There is a copy of its weights now; False when it was deleted meanwhile: then the copy is nobody's."""
    there = LoraModel.filter(id=lora_id, deleted_at=None)
    return bool(await there.update(weights_kept_at=datetime.now(UTC)))


async def without_copy() -> list[uuid.UUID]:
    """Models that are ready and of whose weights there is no copy, the newest first; a batch of them."""
    missing = LoraModel.filter(**_READY, weights_kept_at=None, weights_url__isnull=False)
    rows = await missing.order_by("-created_at").limit(COPIED_AT_ONCE).only("id")
    return [row.id for row in rows]


def usable_from_here(lora: LoraModel, link_lasts: timedelta, at: datetime) -> bool:
    """Whether its weights have to be taken from our own copy at that time: fal's link may have ended."""
    return (
        lora.weights_kept_at is not None and lora.weights_kept_at < at and lora.created_at + link_lasts < at
    )
