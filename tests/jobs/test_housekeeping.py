"""What runs by the clock: nothing is kept past its time, and nothing is deleted before."""

import os
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tortoise.backends.base.client import BaseDBAsyncClient

from jobs.housekeeping import CleanUp
from media.storage import Storage
from models import Photo, SeenUpdate, Upload
from tests.people import ANA, settle_in


async def test_what_has_expired_is_deleted_and_the_rest_stays(db: BaseDBAsyncClient, tmp_path: Path) -> None:
    await settle_in()
    storage = Storage.from_url(str(tmp_path / "storage"))
    now = datetime.now(UTC)
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"jpeg")
    for expires_at in (now - timedelta(minutes=11), now + timedelta(hours=1)):
        photo = await Photo.create(
            id=uuid.uuid4(), user_id=ANA.id, file_name="a.jpg", sha256="0" * 64, dhash="0" * 16, width=1,
            height=1, bytes=4, thumbnail=b"", source="app", expires_at=expires_at,
        )  # fmt: skip
        await storage.put(photo.storage_key, file)
    for days in (-1, 29, 31):
        await Upload.create(
            id=uuid.uuid4(), user_id=ANA.id, url=f"https://fal.example/{days}.zip", photo_ids=[],
            preview=b"jpeg", expires_at=now - timedelta(days=days),
        )  # fmt: skip
    for number, days in ((1, 2), (2, 4)):
        await SeenUpdate.create(id=number)
        await SeenUpdate.filter(id=number).update(seen_at=now - timedelta(days=days))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    for name, hours in (("young", 1), ("old", 7)):
        (temporary / name).touch()
        when = (now - timedelta(hours=hours)).timestamp()
        os.utime(temporary / name, (when, when))

    await CleanUp(storage, temporary)()

    [kept] = await Photo.all()
    assert kept.expires_at > now
    assert [item.key async for item in storage.list("photos")] == [kept.storage_key]
    uploads = await Upload.all().order_by("expires_at")
    assert [upload.url for upload in uploads] == ["https://fal.example/29.zip", "https://fal.example/-1.zip"]
    assert [upload.preview for upload in uploads] == [None, b"jpeg"]
    assert [update.id for update in await SeenUpdate.all()] == [1]
    assert [path.name for path in temporary.iterdir()] == ["young"]
