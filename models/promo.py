"""Promo codes."""

from datetime import datetime

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model


class PromoCode(Model):
    code = fields.CharField(primary_key=True, max_length=32)  # upper case
    stars = fields.IntField()
    uses_max = fields.IntField()  # by as many people; each once
    uses = fields.IntField(default=0)
    expires_at: datetime | None = fields.DatetimeField(null=True)
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    created_by = fields.BigIntField()  # the operator

    class Meta:
        table = "promo_codes"
        constraints = (
            CheckConstraint(check="code = upper(code)", name="promo_codes_upper_case"),
            CheckConstraint(check="stars > 0", name="promo_codes_give_something"),
            CheckConstraint(check="uses BETWEEN 0 AND uses_max", name="promo_codes_not_overused"),
        )
