"""What runs by the clock: recovery of what has no job, and deletion of what has expired."""

import asyncio
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from media.storage import Storage
from models import books
from models.db import connection
from models.generation import ACTIVE as GENERATIONS_ACTIVE
from models.generation import Generation
from models.notification import Notification, NotificationStatus, tell_operators
from models.photo import Photo, Upload
from models.queue import Job, put
from models.seen_update import SeenUpdate
from models.training import ACTIVE, Training

log = structlog.get_logger(__name__)

BATCH = 500
# A photo is stored while its row has expired already, for the moment that this takes.
GRACE = timedelta(minutes=10)
# Telegram delivers again for 24 hours.
UPDATES_KEPT = timedelta(days=3)
# An expired address stays known to be somebody's for a while.
UPLOADS_KEPT = timedelta(days=30)
QUEUE_LOG_KEPT = timedelta(days=7)
TEMPORARY_FILES_KEPT = timedelta(hours=6)


async def recover() -> None:
    """Puts back the jobs of all that hasn't ended, but for those that have one."""
    trainings = await Training.filter(status__in=ACTIVE).only("id", "request_id")
    jobs = [Job("watch" if row.request_id else "submit", str(row.id)) for row in trainings]
    generations = await Generation.filter(status__in=GENERATIONS_ACTIVE, taken_at__isnull=False).only(
        "id", "request_id", "output"
    )
    jobs.extend(Job(_next_step(row), str(row.id)) for row in generations)
    if await Generation.filter(status__in=GENERATIONS_ACTIVE, taken_at=None).exists():
        jobs.append(Job("take_turns", "all"))
    unsent = Notification.filter(status__in=(NotificationStatus.QUEUED, NotificationStatus.SENDING))
    waiting = await unsent.filter(created_at__lt=datetime.now(UTC) - timedelta(minutes=1)).only("id")
    jobs.extend(Job("notify", str(note.id)) for note in waiting)
    await put(*jobs)


def _next_step(generation: Generation) -> str:
    if generation.output is not None:
        return "collect"
    return "watch_generation" if generation.request_id else "submit_generation"


@dataclass(frozen=True)
class CloseDays:
    operators: frozenset[int]

    async def __call__(self) -> None:
        """Closes the books of every day that is over; operators hear of what doesn't add up."""
        for day in await books.days_to_close(datetime.now(UTC).date()):
            await books.close(day)
        for problem in await books.discrepancies():
            log.error("books_do_not_add_up", problem=problem)
            await tell_operators(self.operators, f"The books don't add up: {problem}")


@dataclass(frozen=True)
class CleanUp:
    storage: Storage
    temporary: Path

    async def __call__(self) -> None:
        """Deletes expired photos with their files, and records that nothing needs any more.

        What fails is logged and tried again next time; the rest goes on.
        """
        for step in (self._photos, self._records, self._temporary_files):
            try:
                await step()
            except Exception:
                log.exception("clean_up_failed", step=step.__name__)

    async def _photos(self) -> None:
        while photos := await Photo.filter(expires_at__lte=datetime.now(UTC) - GRACE).limit(BATCH):
            await self.storage.delete([photo.storage_key for photo in photos])
            await Photo.filter(id__in=[photo.id for photo in photos]).delete()
            log.info("photos_deleted", count=len(photos))

    async def _records(self) -> None:
        now = datetime.now(UTC)
        await Upload.filter(expires_at__lte=now - UPLOADS_KEPT).delete()
        await Upload.filter(expires_at__lte=now, preview__isnull=False).update(preview=None)
        await SeenUpdate.filter(seen_at__lte=now - UPDATES_KEPT).delete()
        await connection().execute_query(
            "DELETE FROM pgqueuer_log WHERE created < $1", [now - QUEUE_LOG_KEPT]
        )

    async def _temporary_files(self) -> None:
        await asyncio.to_thread(self._delete_temporary_files)

    def _delete_temporary_files(self) -> None:
        """Whatever a killed process left behind of an upload."""
        oldest = time.time() - TEMPORARY_FILES_KEPT.total_seconds()
        for path in self.temporary.glob("*"):
            if path.stat().st_mtime < oldest:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
