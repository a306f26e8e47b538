"""What operators don't allow: words in prompts and trigger words, and models that people have reported."""

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tortoise import fields
from tortoise.exceptions import IntegrityError
from tortoise.migrations.constraints import UniqueConstraint
from tortoise.models import Model
from tortoise.transactions import in_transaction

from models import lora as loras
from models.db import storable
from models.errors import Conflict, Invalid, NotFound
from models.lora import LoraModel, SelectedModel
from models.notification import tell_operators_within
from models.text import folded

if TYPE_CHECKING:
    from models.user import User

WORD_MAX = 64
REASON_MAX = 500


class RefusedWord(Model):
    """A word or a few, as they are compared: folded, with single spaces."""

    word = fields.CharField(max_length=WORD_MAX, primary_key=True)
    added_by = fields.BigIntField()
    created_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "refused_words"


class Report(Model):
    """Somebody's word that a public model should not be there."""

    id = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="reports", on_delete=fields.CASCADE
    )
    lora: fields.ForeignKeyRelation["LoraModel"] = fields.ForeignKeyField(
        "models.LoraModel", related_name="reports", on_delete=fields.CASCADE
    )
    reason = fields.TextField()
    created_at: datetime = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "reports"
        constraints = (UniqueConstraint(fields=("user_id", "lora_id"), name="reports_once_per_person"),)


def searched(text: str) -> str:
    """The text as refused words are looked for in it: each with a space before and after.

    Punctuation within a word makes no difference.
    """
    return f" {folded(text)} \n {folded(text, apart=False)} "


async def refused_word(text: str) -> str | None:
    """The first of the refused words that the text has, as whole words."""
    within = searched(text)
    words = await RefusedWord.all().order_by("word").values_list("word", flat=True)
    return next((str(word) for word in words if f" {word} " in within), None)


async def check_words(text: str, field: str) -> None:
    """Raises Invalid (`word_refused`): the text has a refused word."""
    if word := await refused_word(text):
        raise Invalid(f"“{word}” is not allowed here.", field=field, code="word_refused", word=word)


async def words() -> list[str]:
    """All that are refused, in alphabetical order."""
    return [str(word) for word in await RefusedWord.all().order_by("word").values_list("word", flat=True)]


async def refuse(operator_id: int, text: str) -> str:
    """Adds a word, or a few that belong together, and answers it as it is compared.

    Raises:
        Invalid: it has no letter or digit, or is too long (`word_invalid`).
    """
    word = folded(storable(text))
    if not word or len(word) > WORD_MAX:
        raise Invalid(
            f"A word has 1 to {WORD_MAX} letters and digits.",
            field="text",
            code="word_invalid",
            most=WORD_MAX,
        )
    await RefusedWord.get_or_create({"added_by": operator_id}, word=word)
    return word


async def allow(text: str) -> str:
    """Takes a word off the list, and answers it as it was compared. Raises NotFound (`word_not_listed`)."""
    word = folded(storable(text))
    if not await RefusedWord.filter(word=word).delete():
        raise NotFound("This word isn't on the list.", code="word_not_listed")
    return word


async def report(user_id: int, lora_id: uuid.UUID, reason: str, operators: frozenset[int]) -> None:
    """Tells operators that a public model should not be there; a second time by the same person is a no-op.

    Raises:
        NotFound: there is no such public model.
        Conflict: it is the person's own (`own_model`).
    """
    async with in_transaction() as tx:
        model = await loras.find(user_id, lora_id, tx)
        if model.user_id == user_id:
            raise Conflict("This model is your own: make it private or delete it.", code="own_model")
        words = storable(reason).strip()[:REASON_MAX]
        if await Report.filter(user_id=user_id, lora_id=lora_id).using_db(tx).exists():
            return
        try:
            await Report.create(user_id=user_id, lora_id=lora_id, reason=words, using_db=tx)
        except IntegrityError:  # both at once
            return
        text = (
            f"{user_id} reports the public model {model.name} ({model.trigger_word}) of {model.user_id}: "
            f"{words or 'no reason given'}\n/hide {lora_id}"
        )
        await tell_operators_within(tx, operators, text, once=f"report:{user_id}:{lora_id}")


async def hide(lora_id: uuid.UUID, *, hidden: bool) -> LoraModel:
    """Hides a model from everybody but its owner, or shows it again.

    Raises:
        NotFound: there is no such model.
    """
    async with in_transaction() as tx:
        model = await LoraModel.filter(id=lora_id, deleted_at=None).using_db(tx).select_for_update().first()
        if model is None:
            raise NotFound("There is no such model.", code="model_not_found")
        model.hidden_at = datetime.now(UTC) if hidden else None
        await model.save(using_db=tx, update_fields=["hidden_at"])
        if hidden:
            await SelectedModel.filter(lora_id=lora_id).using_db(tx).exclude(user_id=model.user_id).delete()
    return model
