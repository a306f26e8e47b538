"""How many uploads there may be at a time: of one person, and in work."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from models.errors import TooOften


class TooManyUploads(TooOften):
    """One person has too many uploads under way."""

    def __init__(self, limit: int) -> None:
        detail = f"At most {limit} uploads of yours are taken at the same time: wait for one to end."
        super().__init__(detail, retry_after=2, code="too_many_uploads", limit=limit)


class UploadSlots:
    """`work` is held while photos are checked, packed and sent on, by at most `at_work` uploads.

    It is not held while a body is still on its way: whoever sends slowly would hold up everybody. Those are
    limited for each person, to `per_person` uploads from their first byte to their answer.
    """

    def __init__(self, *, at_work: int, per_person: int) -> None:
        self.work = asyncio.Semaphore(at_work)
        self._per_person = per_person
        self._uploads: Counter[int] = Counter()

    @contextmanager
    def of(self, user_id: int) -> Iterator[None]:
        """One upload of the person's. Raises TooManyUploads."""
        if self._uploads[user_id] >= self._per_person:
            raise TooManyUploads(self._per_person)
        self._uploads[user_id] += 1
        try:
            yield
        finally:
            self._uploads[user_id] -= 1
            if not self._uploads[user_id]:
                del self._uploads[user_id]
