"""Base models, and the LoRA models that people train on them."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from models.db import check_enum
from models.user import User


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
    base_model: fields.ForeignKeyRelation["BaseModel"] = fields.ForeignKeyField(
        "models.BaseModel", related_name="loras", on_delete=fields.RESTRICT
    )
    name = fields.CharField(max_length=64)
    trigger_word = fields.CharField(max_length=64)
    status = fields.CharEnumField(LoraStatus, max_length=16, default=LoraStatus.TRAINING)
    is_public = fields.BooleanField(default=False)
    weights_url = fields.TextField(null=True)
    config_url = fields.TextField(null=True)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "lora_models"
        indexes = (("user_id", "created_at"),)
        constraints = (check_enum("lora_models", "status", LoraStatus),)
