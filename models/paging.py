"""Lists that are read page by page, newest first."""

import uuid
from datetime import datetime
from typing import Any, TypeVar

from tortoise.expressions import Q
from tortoise.models import Model
from tortoise.queryset import QuerySet

Place = tuple[datetime, uuid.UUID]
"""Where a page ended: the last row's moment, and its id, since several rows may share a moment."""

M = TypeVar("M", bound=Model)


async def newest_first(query: QuerySet[M], moment: str, limit: int, before: Place | None) -> list[M]:
    """Up to `limit` rows of `query` by the column `moment`; `before` is the place of the last one seen."""
    if before:
        at, row_id = before
        earlier: dict[str, Any] = {f"{moment}__lt": at}
        not_later: dict[str, Any] = {f"{moment}__lte": at}
        # The second bound alone is what lets the index skip the pages before.
        query = query.filter(Q(**earlier) | Q(id__lt=row_id), **not_later)
    return await query.order_by(f"-{moment}", "-id").limit(limit)
