"""A person's draft: the photos of their next training, from the Mini App and from the chat alike."""

import builtins
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from media.images import NEAR_DUPLICATE_DISTANCE, ImageLimits, Inspected, Refused, distance
from media.pool import ImagePool, PoolError
from media.storage import Storage, StorageError
from models.errors import LimitReached, NotFound, PhotoRefused, Unavailable

if TYPE_CHECKING:
    from models.training import Training
    from models.user import User


class Photo(Model):
    id: uuid.UUID = fields.UUIDField(primary_key=True)
    user: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="photos", on_delete=fields.CASCADE
    )
    user_id: int
    # The training that has taken it out of the draft, until that fails or has its model.
    training: fields.ForeignKeyNullableRelation["Training"] = fields.ForeignKeyField(
        "models.Training", related_name="photos", on_delete=fields.CASCADE, null=True
    )
    training_id: uuid.UUID | None
    file_name = fields.CharField(max_length=255)
    caption: str | None = fields.TextField(null=True)
    warning = fields.CharField(max_length=32, null=True)  # blurred, near_duplicate
    sha256 = fields.CharField(max_length=64)  # of the bytes as they came
    dhash = fields.CharField(max_length=16)  # perceptual, for near duplicates
    width = fields.IntField()
    height = fields.IntField()
    bytes = fields.IntField()
    thumbnail = fields.BinaryField()
    source = fields.CharField(max_length=8)
    idempotency_key = fields.CharField(max_length=200, null=True)  # the sender's own name for it
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    expires_at: datetime = fields.DatetimeField()  # past it, it is out of the draft, and soon off the disk

    class Meta:
        table = "photos"
        indexes = (("expires_at",), ("user_id", "created_at"), ("training_id",))
        constraints = (CheckConstraint(check="source IN ('app', 'chat')", name="photos_source_known"),)

    @property
    def storage_key(self) -> str:
        return storage_key(self.user_id, self.id)


def storage_key(user_id: int, photo_id: uuid.UUID) -> str:
    """Where a photo's clean JPEG lies in the object storage."""
    return f"photos/{user_id}/{photo_id}.jpg"


class Upload(Model):
    """A zip that was put where fal can fetch it, and for whom."""

    id: uuid.UUID = fields.UUIDField(primary_key=True)
    user: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="uploads", on_delete=fields.CASCADE
    )
    user_id: int
    url = fields.CharField(max_length=2048, unique=True)
    photo_ids: list[uuid.UUID] = ArrayField(element_type="uuid")  # of the draft it was made from
    preview: builtins.bytes | None = fields.BinaryField(null=True)  # the first good photo's thumbnail
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    expires_at: datetime = fields.DatetimeField()

    class Meta:
        table = "uploads"
        indexes = (("expires_at",), ("user_id",))


@dataclass(frozen=True)
class Drafts:
    """Takes photos into drafts, for the Mini App and the chat alike."""

    pool: ImagePool
    storage: Storage
    limits: ImageLimits
    maximum: int  # photos in a draft
    ttl: timedelta

    async def take(
        self,
        user_id: int,
        source: Path,
        *,
        file_name: str,
        caption: str | None,
        origin: Literal["app", "chat"],
        key: str | None = None,
    ) -> Photo:
        """Inspects the file at `source`, stores its clean copy, and puts it into the person's draft.

        Sent again under the same `key`, it is there once, and answered again.

        Raises:
            PhotoRefused: it can't be used, or is there already (`duplicate`).
            LimitReached: the draft is full.
            Unavailable: the storage doesn't answer.
        """
        if key and (earlier := await _in_draft(user_id).filter(idempotency_key=key).first()):
            return earlier
        await self._check_room(user_id)
        photo_id = uuid.uuid4()
        clean = source.with_name(f"{photo_id}.jpg")
        try:
            inspected = await self.inspect(source, clean)
            if isinstance(inspected, Refused):
                raise refusal(inspected.code, inspected.params)
            photo = await Photo.create(
                id=photo_id,
                user_id=user_id,
                file_name=file_name[:255],
                caption=caption or None,
                warning=inspected.warnings[0].code if inspected.warnings else None,
                sha256=inspected.sha256,
                dhash=inspected.dhash,
                width=inspected.stored_width,
                height=inspected.stored_height,
                bytes=inspected.stored_bytes,
                thumbnail=inspected.thumbnail,
                source=origin,
                idempotency_key=key,
                # Not in the draft yet; whatever happens from here on, the clean-up finds its file.
                expires_at=datetime.now(UTC),
            )
            await self._store(photo, clean)
        finally:
            clean.unlink(missing_ok=True)
        return await self._show(photo)

    async def inspect(self, source: Path, target: Path) -> Inspected:
        """Inspects the file at `source` and writes its clean copy to `target`.

        Raises:
            Unavailable: the machine can't, whatever the file.
        """
        try:
            return await self.pool.inspect(source, target, self.limits)
        except PoolError as e:
            raise Unavailable("Photos can't be checked just now.", code="photos_unavailable") from e

    async def _store(self, photo: Photo, clean: Path) -> None:
        try:
            await self.storage.put(photo.storage_key, clean)
        except StorageError as e:
            raise Unavailable("Photos can't be stored just now.", code="storage_unavailable") from e

    async def _show(self, photo: Photo) -> Photo:
        """Puts a stored photo into the draft, unless the draft says no; answers the one that is there now."""
        async with in_transaction() as tx:
            # One photo of a person at a time, so that the count and the comparison hold.
            await tx.execute_query("SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE", [photo.user_id])
            others = await draft(photo.user_id)
            for other in others:
                if photo.idempotency_key and other.idempotency_key == photo.idempotency_key:
                    return other  # both were under way at once
            await self._check_room(photo.user_id)
            if any(other.sha256 == photo.sha256 for other in others):
                raise PhotoRefused("This photo is in your draft already.", code="duplicate")
            if any(distance(other.dhash, photo.dhash) <= NEAR_DUPLICATE_DISTANCE for other in others):
                photo.warning = "near_duplicate"
            photo.created_at = datetime.now(UTC)
            photo.expires_at = photo.created_at + self.ttl
            await photo.save(update_fields=["warning", "created_at", "expires_at"])
            return photo

    async def _check_room(self, user_id: int) -> None:
        if await _in_draft(user_id).count() >= self.maximum:
            raise LimitReached(
                f"There are {self.maximum} photos in your draft already, the most that a training takes.",
                limit=self.maximum,
                code="too_many_photos",
            )

    async def remove(self, user_id: int, photo_id: uuid.UUID) -> None:
        """Takes a photo out of the draft and deletes its file, now or with the next clean-up.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        photo = await find(user_id, photo_id)
        photo.expires_at = datetime.now(UTC)
        await photo.save(update_fields=["expires_at"])
        with suppress(StorageError):
            await self.storage.delete([photo.storage_key])


def refusal(code: str, params: Mapping[str, Any]) -> PhotoRefused:
    """The refusal of an inspected photo, in words that say what would be right."""
    return PhotoRefused(_SENTENCES[code].format_map(params), code=code, **params)


_SENTENCES = {
    "not_an_image": "This is no photo: send a JPEG, PNG, WebP or HEIC.",
    "unsupported_format": "Files of the kind {format} can't be used: send a JPEG, PNG, WebP or HEIC.",
    "corrupt": "This file is damaged and can't be opened: send the original again.",
    "too_small": "This photo is {width}×{height} pixels: its shorter side must be at least {min_side}.",
    "too_many_pixels": "This photo has too many pixels: at most {max_pixels} are taken.",
    "file_too_large": "This file is too large: a photo may have {max_bytes} bytes.",
}
WARNINGS = {
    "blurred": "This photo looks blurred; a sharper one would teach more.",
    "near_duplicate": "This looks almost like another photo in your draft; variety teaches more.",
}


def _in_draft(user_id: int) -> QuerySet[Photo]:
    return Photo.filter(user_id=user_id, training_id=None, expires_at__gt=datetime.now(UTC))


async def draft(user_id: int) -> list[Photo]:
    """The photos of the person's draft, in the order they came."""
    return await _in_draft(user_id).order_by("created_at", "id")


async def find(user_id: int, photo_id: uuid.UUID) -> Photo:
    """The photo in the person's draft.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    photo = await _in_draft(user_id).filter(id=photo_id).first()
    if photo is None:
        raise NotFound("There is no such photo in your draft.", code="photo_not_found")
    return photo
