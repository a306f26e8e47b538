"""Pictures that were made: their files lie in the object storage, until their owner deletes them."""

import builtins
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.migrations.constraints import UniqueConstraint
from tortoise.models import Model

if TYPE_CHECKING:
    from models.generation import Generation
    from models.user import User


class Picture(Model):
    id: uuid.UUID = fields.UUIDField(primary_key=True)
    user: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="pictures", on_delete=fields.CASCADE
    )
    user_id: int
    generation: fields.ForeignKeyRelation["Generation"] = fields.ForeignKeyField(
        "models.Generation", related_name="pictures", on_delete=fields.CASCADE
    )
    generation_id: uuid.UUID
    position = fields.SmallIntField()  # from 0, in the order that fal made them
    width = fields.IntField()
    height = fields.IntField()
    bytes = fields.IntField()
    thumbnail: builtins.bytes = fields.BinaryField()  # a square JPEG
    file_id = fields.CharField(max_length=255, null=True)  # Telegram's, once it has been sent
    created_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "pictures"
        indexes = (("user_id", "created_at"),)
        constraints = (
            UniqueConstraint(fields=("generation_id", "position"), name="pictures_once_per_position"),
        )

    @property
    def storage_key(self) -> str:
        return picture_key(self.user_id, self.id)


@dataclass(frozen=True)
class NewPicture:
    """A picture whose file is in the storage already, under the key of its id."""

    position: int
    width: int
    height: int
    bytes: int
    thumbnail: builtins.bytes


def picture_id(generation_id: uuid.UUID, position: int) -> uuid.UUID:
    """The same each time: a job that is repeated writes the same files again."""
    return uuid.uuid5(generation_id, str(position))


def picture_key(user_id: int, which: uuid.UUID) -> str:
    """Where a picture's JPEG lies in the object storage."""
    return f"pictures/{user_id}/{which}.jpg"


async def insert_pictures(
    tx: BaseDBAsyncClient, user_id: int, generation_id: uuid.UUID, pictures: Sequence[NewPicture]
) -> None:
    await Picture.bulk_create(
        [
            Picture(
                id=picture_id(generation_id, picture.position),
                user_id=user_id,
                generation_id=generation_id,
                position=picture.position,
                width=picture.width,
                height=picture.height,
                bytes=picture.bytes,
                thumbnail=picture.thumbnail,
            )
            for picture in pictures
        ],
        using_db=tx,
    )
