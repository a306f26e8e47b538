"""Bonuses for who brings somebody along, and for who is brought, once that person first buys stars."""

import re

from tortoise.backends.base.client import BaseDBAsyncClient

from models import ledger
from models.notification import tell_of_stars

_INVITED = re.compile(r"/start(?:@\w+)? ref_([0-9]{1,18})")


def invitation(bot_username: str, user_id: int) -> str:
    """The person's own link into the chat: whoever is new then came by it."""
    return f"https://t.me/{bot_username}?start=ref_{user_id}"


def invited_by(text: str | None) -> int | None:
    """Whose link a message of the chat comes by, by their id."""
    found = _INVITED.fullmatch(text or "")
    return int(found[1]) if found else None


async def reward_referral(
    tx: BaseDBAsyncClient, user_id: int, *, for_inviter: int, for_invited: int, most: int
) -> None:
    """Gives both bonuses where a purchase that `tx` has just credited was the first of somebody invited.

    Where both are 0, nobody is looked for. `most` is how often one inviter is rewarded.

    The credit has locked the person's row, so of several purchases one is the first. The inviter's row is
    locked after it: they were here before, so no two transactions wait for each other.
    """
    inviter = await _inviter_at_first_purchase(tx, user_id) if for_inviter or for_invited else None
    if inviter is None:
        return
    if for_invited:
        await _give(tx, user_id, f"referred:{inviter}", for_invited)
    if for_inviter and await _times_rewarded(tx, inviter) < most:
        await _give(tx, inviter, f"referral:{user_id}", for_inviter)


async def _inviter_at_first_purchase(tx: BaseDBAsyncClient, user_id: int) -> int | None:
    rows = await tx.execute_query_dict(
        """
        SELECT referred_by_id FROM users WHERE id = $1 AND referred_by_id IS NOT NULL
        AND (SELECT count(*) FROM ledger WHERE user_id = $1 AND kind = 'purchase') = 1
        """,
        [user_id],
    )
    return rows[0]["referred_by_id"] if rows else None


async def _times_rewarded(tx: BaseDBAsyncClient, inviter: int) -> int:
    await tx.execute_query("SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE", [inviter])
    rows = await tx.execute_query_dict(
        """
        SELECT count(*) AS times FROM ledger
        WHERE user_id = $1 AND kind = 'bonus' AND starts_with(cause, 'referral:')
        """,
        [inviter],
    )
    times: int = rows[0]["times"]
    return times


async def _give(tx: BaseDBAsyncClient, user_id: int, cause: str, stars: int) -> None:
    await tell_of_stars(tx, user_id, await ledger.bonus(tx, user_id, cause, stars))
