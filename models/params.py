"""What somebody wants of their pictures where they don't say it: the parameters that they have saved."""

from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from typing import TYPE_CHECKING

from tortoise import fields
from tortoise.models import Model

if TYPE_CHECKING:
    from models.user import User


class SavedParams(Model):
    user: fields.OneToOneRelation["User"] = fields.OneToOneField(
        "models.User", related_name="params", on_delete=fields.CASCADE, primary_key=True
    )
    user_id: int
    aspect = fields.CharField(max_length=8, null=True)
    steps = fields.SmallIntField(null=True)
    guidance = fields.FloatField(null=True)
    seed = fields.BigIntField(null=True)
    count = fields.SmallIntField(null=True)
    scale = fields.FloatField(null=True)

    class Meta:
        table = "saved_params"


@dataclass(frozen=True)
class Params:
    """None leaves a parameter to the base model. `scale` is of LoRA models for which none is named."""

    aspect: str | None = None
    steps: int | None = None
    guidance: float | None = None
    seed: int | None = None
    count: int | None = None
    scale: float | None = None

    def over(self, below: "Params") -> "Params":
        """These, and where they leave something open, `below`'s."""
        chosen = {
            field.name: getattr(below, field.name)
            if getattr(self, field.name) is None
            else getattr(self, field.name)
            for field in dataclass_fields(Params)
        }
        return Params(**chosen)


async def saved(user_id: int) -> Params:
    row = await SavedParams.get_or_none(user_id=user_id)
    return Params(*(getattr(row, field.name) for field in dataclass_fields(Params))) if row else Params()


async def save(user_id: int, params: Params) -> None:
    """Replaces what was saved. The caller has checked it: `models.wish.check_params`."""
    values = {field.name: getattr(params, field.name) for field in dataclass_fields(Params)}
    await SavedParams.update_or_create(values, user_id=user_id)
