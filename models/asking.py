"""Asking for pictures: from a wish to a generation that is paid for, for the app and the chat alike."""

import uuid
from dataclasses import asdict, dataclass

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.transactions import in_transaction

from models import generation as generations
from models import wish as wishes
from models.errors import NotEnoughStars, NotFound, Unavailable
from models.generation import Asked, Generation, Order, Origin
from models.run import Once, earlier, once
from models.turns import Turns
from models.wish import Wish


@dataclass(frozen=True)
class Asking:
    """How a wish came to us.

    Under the same `key` of a person there is one generation, however often it comes. Without one, the same
    wish again is a repeat for as long as the first hasn't ended.
    """

    origin: Origin
    key: str | None = None
    message_id: int | None = None


@dataclass(frozen=True)
class Rates:
    """What a picture costs, in stars, and how many requests of one person may wait."""

    per_picture: int
    turns: Turns


async def place(wish: Wish, user_id: int, asking: Asking, rates: Rates) -> Generation:
    """Begins a generation, or answers the one that was begun under the same key; without its pictures.

    Raises:
        Problems: all that is wrong with the wish.
        NotEnoughStars: nothing was changed.
        LimitReached: too many of theirs wait already (`too_many_waiting`).
        Invalid: the key is another wish's (`idempotency_key_reused`).
        NotFound: we don't know the person (`person_not_found`).
    """
    repeat = once(asking.key, _named(wish))
    # First of all: what is asked for again may not be possible any more, and was begun all the same.
    if before := await earlier(Generation, user_id, repeat):
        return before
    order = await wishes.order(user_id, wish, rates.per_picture)
    async with in_transaction() as tx:
        generation_id = await _begin(tx, order, asking, repeat, rates.turns)
        return await Generation.get(id=generation_id, using_db=tx)


async def _begin(
    tx: BaseDBAsyncClient, order: Order, asking: Asking, repeat: Once, turns: Turns
) -> uuid.UUID:
    """One request of a person at a time, so that their limit, their stars and their key hold."""
    rows = await tx.execute_query_dict(
        "SELECT balance - held AS free FROM users WHERE id = $1 FOR NO KEY UPDATE", [order.user_id]
    )
    if not rows:
        raise NotFound("We don't know this person.", code="person_not_found")
    if before := await earlier(Generation, order.user_id, repeat, tx):
        return before.id
    await turns.check_room(order.user_id, tx)
    if rows[0]["free"] < order.price:
        raise NotEnoughStars(price=order.price, balance=rows[0]["free"])
    asked = Asked(asking.origin, repeat.key, repeat.body, asking.message_id)
    begun = await generations.begin(tx, order, asked)
    if begun is None:
        raise Unavailable("Too much happened at once: send it again.", code="busy", retry_after=1)
    return begun


def _named(wish: Wish) -> dict[str, object]:
    """The wish as it is compared."""
    named = (
        None if wish.models is None else [asdict(one) | {"id": one.id and str(one.id)} for one in wish.models]
    )
    return {"prompt": wish.prompt, "models": named, **asdict(wish.params)}
