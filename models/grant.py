"""Stars that operators give."""

from tortoise.transactions import in_transaction

from models import ledger
from models.db import storable
from models.errors import Invalid
from models.ledger import LedgerEntry, LedgerKind
from models.notification import tell_of_stars

STARS_MAX = 100_000
REASON_MAX = 160  # characters


async def grant(operator_id: int, message_id: int, user_id: int, stars: int, reason: str) -> LedgerEntry:
    """Gives the stars that an operator's message asks for, once however often it is delivered.

    Answers the row. The person is told, with the reason.

    Raises:
        Invalid: `grant_stars`, or `grant_reason`: too many, or too long.
    """
    if not 1 <= stars <= STARS_MAX:
        raise Invalid("This can't be granted.", field="stars", code="grant_stars", most=STARS_MAX)
    if not 1 <= len(reason) <= REASON_MAX:
        raise Invalid("This reason is too long.", field="reason", code="grant_reason", most=REASON_MAX)
    message = f"operator:{operator_id}/{message_id}"
    async with in_transaction() as tx:
        await tx.execute_query("SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE", [user_id])
        given = LedgerEntry.filter(user_id=user_id, kind=LedgerKind.GRANT, cause__startswith=f"{message} ")
        if row := await given.using_db(tx).first():
            return row
        row_id = await ledger.grant(tx, user_id, f"{message} {storable(reason)}", stars)
        await tell_of_stars(tx, user_id, row_id)
        return await LedgerEntry.get(id=row_id, using_db=tx)
