"""What the bot has asked somebody in chat: for a prompt, with what they have chosen for it so far."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tortoise import fields
from tortoise.models import Model

if TYPE_CHECKING:
    from models.user import User

# Whatever somebody writes later isn't meant as an answer.
WAITS = timedelta(minutes=15)


class Dialogue(Model):
    """At most one a person: a new question takes the place of an older one."""

    user: fields.OneToOneRelation["User"] = fields.OneToOneField(
        "models.User", related_name="dialogue", on_delete=fields.CASCADE, primary_key=True
    )
    user_id: int
    message_id = fields.BigIntField()  # of the question
    # By `models.params.Params`' names; `models`, of which each is `{"id", "scale"}`; and the `style`'s id.
    chosen: dict[str, Any] = fields.JSONField()
    asked_at: datetime = fields.DatetimeField()

    class Meta:
        table = "dialogues"


async def ask(user_id: int, message_id: int, chosen: dict[str, Any]) -> None:
    values = {"message_id": message_id, "chosen": chosen, "asked_at": datetime.now(UTC)}
    await Dialogue.update_or_create(values, user_id=user_id)


async def asked(user_id: int) -> Dialogue | None:
    """What the person has been asked, if it still waits for an answer."""
    return await Dialogue.get_or_none(user_id=user_id, asked_at__gt=datetime.now(UTC) - WAITS)


async def close(user_id: int) -> None:
    await Dialogue.filter(user_id=user_id).delete()
