"""Requests for help with payments: they reach operators, and one answer comes back."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model
from tortoise.transactions import in_transaction

from models.db import storable
from models.errors import Conflict, Invalid, NotFound, Unavailable
from models.notification import Notification, NotificationKind, notify
from models.send_slot import pace

if TYPE_CHECKING:
    from models.user import User

# Three at once, and then one every ten minutes.
REQUEST_INTERVAL, REQUEST_BURST = timedelta(minutes=10), timedelta(minutes=20)
# In UTF-16 units, as Telegram counts: what is said around them fits into a message of 4,096, too.
REQUEST_MAX, ANSWER_MAX = 1500, 3500


class SupportRequest(Model):
    id: int = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="support_requests", on_delete=fields.RESTRICT
    )
    user_id: int
    # `message:` and its id in the person's chat, or `key:` and what the app sends along.
    dedupe_key = fields.CharField(max_length=255)
    text = fields.TextField()
    answer: str | None = fields.TextField(null=True)
    answered_by: int | None = fields.BigIntField(null=True)  # the operator
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    answered_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "support_requests"
        constraints = (
            UniqueConstraint(fields=("user_id", "dedupe_key"), name="support_requests_once_per_key"),
            CheckConstraint(
                check="num_nonnulls(answer, answered_by, answered_at) IN (0, 3)",
                name="support_requests_answered_or_not",
            ),
        )


async def ask(operators: frozenset[int], user_id: int, dedupe_key: str, text: str) -> None:
    """Opens a request, once under its key however often it is delivered, and tells all operators.

    Raises:
        Invalid: `support_empty`, or `support_too_long`.
        TooOften: they ask again and again.
        Unavailable: nobody would read it.
    """
    if sum(character.isalnum() for character in text) < 3:
        raise Invalid("Nothing is asked.", field="text", code="support_empty")
    _check_length(text, REQUEST_MAX, "support_too_long")
    if not operators:
        raise Unavailable("Nobody is named who could answer.", code="support_nobody")
    if await SupportRequest.exists(user_id=user_id, dedupe_key=dedupe_key):
        return
    await pace(f"support:{user_id}", REQUEST_INTERVAL, REQUEST_BURST)
    async with in_transaction() as tx:
        rows = await tx.execute_query_dict(
            """
            INSERT INTO support_requests (user_id, dedupe_key, text, created_at) VALUES ($1, $2, $3, now())
            ON CONFLICT (user_id, dedupe_key) DO NOTHING RETURNING id
            """,
            [user_id, dedupe_key, storable(text)],
        )
        for row in rows:
            for operator in operators:
                kind, key = NotificationKind.SUPPORT_REQUEST, f"support:{row['id']}"
                await notify(tx, operator, kind, key, support_id=row["id"])


async def request_in(chat_id: int, message_id: int) -> int | None:
    """Which request a message told an operator of, by its id."""
    note = await Notification.get_or_none(
        chat_id=chat_id, message_id=message_id, kind=NotificationKind.SUPPORT_REQUEST
    )
    return note.support_id if note else None


async def answer(request_id: int, operator_id: int, text: str) -> SupportRequest:
    """Sends an operator's words to whoever asked: the first answer, and no other.

    Raises:
        Invalid: `answer_empty`, or `answer_too_long`.
        NotFound: there is no such request.
        Conflict: somebody has answered it otherwise: `support_answered`.
    """
    if not text.strip():
        raise Invalid("An answer is a text.", field="text", code="answer_empty")
    _check_length(text, ANSWER_MAX, "answer_too_long")
    words = storable(text)
    async with in_transaction() as tx:
        await tx.execute_query(
            """
            UPDATE support_requests SET answer = $2, answered_by = $3, answered_at = now()
            WHERE id = $1 AND answered_at IS NULL
            """,
            [request_id, words, operator_id],
        )
        request = await SupportRequest.get_or_none(id=request_id, using_db=tx).select_related("user")
        if request is None:
            raise NotFound("There is no such request.", code="request_not_found")
        if (request.answer, request.answered_by) != (words, operator_id):
            raise Conflict("This was answered before.", code="support_answered", answer=request.answer)
        kind, key = NotificationKind.SUPPORT_ANSWER, f"support:{request_id}:answer"
        await notify(tx, request.user_id, kind, key, support_id=request_id)
    return request


def _check_length(text: str, most: int, code: str) -> None:
    if len(text.encode("utf-16-le", errors="replace")) // 2 > most:
        raise Invalid("This text is too long.", field="text", code=code, most=most)
