"""Photos stream through: the process stays as small as it was."""

import asyncio
from pathlib import Path

import psutil
from aiohttp import FormData

from tests import photos
from tests.service.running import Service

MIB = 1024 * 1024


def twenty_large_photos(folder: Path) -> FormData:
    """Twenty photos of 10 MB, in one multipart; the same picture in other bytes each time."""
    form = FormData()
    photo = photos.big_jpeg(10)
    for number in range(20):
        path = folder / f"{number}.jpg"
        path.write_bytes(photo + bytes([number]))
        form.add_field("images", path.open("rb"), filename=path.name, content_type="image/jpeg")
    return form


async def rise(service: Service, form: FormData) -> tuple[float, int]:
    """MiB by which the upload raises the process's memory at its peak, and how many photos were kept."""
    assert service.process
    process = psutil.Process(service.process.pid)
    before = peak = process.memory_info().rss
    sending = asyncio.create_task(service.call("POST", "/training/upload", data=form))
    while not sending.done():
        peak = max(peak, process.memory_info().rss)
        await asyncio.sleep(0.005)
    return (peak - before) / MIB, (await sending)["kept"]


async def test_twenty_photos_of_ten_megabytes(service: Service, tmp_path: Path) -> None:
    await service.start()
    risen, kept = await rise(service, twenty_large_photos(tmp_path))
    assert kept == 20
    assert risen < 100, f"{risen:.0f} MiB"
