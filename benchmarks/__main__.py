"""Measures what must hold, and prints it: `make bench`.

Times of this machine alone say little; requests per second, and the time that the Mini App takes to open, are
given as a ratio to a bare aiohttp handler in the same run.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from aiohttp import ClientSession

from benchmarks.bare import bare
from benchmarks.fairness import fairness
from benchmarks.gallery import gallery_pages
from benchmarks.load import first_load
from models.db import embedded_postgres
from tests.conftest import create_database
from tests.service.running import Service, between_twins
from tests.service.test_memory import rise, twenty_large_photos

SECONDS = 3.0
CONNECTIONS = 16


async def rate(call: Callable[[], Awaitable[None]]) -> float:
    """Calls per second over a few seconds of CONNECTIONS callers at once."""
    calls, end = 0, time.perf_counter() + SECONDS

    async def caller() -> None:
        nonlocal calls
        while time.perf_counter() < end:
            await call()
            calls += 1

    await asyncio.gather(*(caller() for _ in range(CONNECTIONS)))
    return calls / SECONDS


def getter(http: ClientSession, url: str, headers: dict[str, str]) -> Callable[[], Awaitable[None]]:
    async def get() -> None:
        async with http.get(url, headers=headers) as answer:
            await answer.read()
            assert answer.status == 200

    return get


async def throughput(service: Service, training_id: str, base_url: str) -> None:
    token = (await service.call("POST", "/session"))["token"]
    session = {"Authorization": f"Bearer {token}"}
    base = await rate(getter(service.http, f"{base_url}/", {}))
    print(f"bare handler                 {base:8.0f} requests/s   ratio 1.00")
    for name, path in (
        ("GET /healthz", "/healthz"),
        ("GET /training/{id}/status", f"/training/{training_id}/status"),
        ("GET /training", "/training"),
    ):
        found = await rate(getter(service.http, f"{service.url}{path}", session))
        print(f"{name:28} {found:8.0f} requests/s   ratio {found / base:.2f}")


async def start_latency(service: Service) -> str:
    """Starts trainings one after the other; answers the last one's id."""
    upload = await service.call("POST", "/training/upload")
    took: list[float] = []
    for number in range(5):
        body = {
            "images_data_url": upload["images_data_url"],
            "trigger_word": f"tok{number}",
            "steps": 200,
        }
        began = time.perf_counter()
        training_id = (await service.call("POST", "/training/start", json=body))["trainingId"]
        took.append((time.perf_counter() - began) * 1000)
    await service.told(5)
    print(f"POST /training/start         {statistics.median(took):8.1f} ms in the median of {len(took)}")
    return str(training_id)


def webhook_to_message(service: Service) -> None:
    """From fal's call to the sent message, for every training so far."""
    finals = [call.at for call in service.telegram.calls if call.method == "sendMessage"]
    delays: list[float] = []
    for request in service.fal.requests:
        delivered = datetime.fromisoformat(request.deliveries[0]["at"]).timestamp()
        delays.append(min(at - delivered for at in finals if at > delivered - 0.5))
    print(f"fal's webhook to message     {max(delays):8.3f} s at most, of {len(delays)}")


async def loop_lag(service: Service, folder: Path) -> None:
    """How long /healthz takes to answer while large photos are checked, and what that costs in memory."""
    await service.call("GET", "/training/photos")
    upload = asyncio.create_task(rise(service, twenty_large_photos(folder)))
    took: list[float] = []
    while not upload.done():
        began = time.perf_counter()
        async with service.http.get(f"{service.url}/healthz") as answer:
            await answer.read()
        took.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.01)
    risen, _ = await upload
    took.sort()
    print(
        f"/healthz during 20 × 10 MB   {took[len(took) * 99 // 100]:8.1f} ms p99, {took[-1]:.1f} ms at most"
    )
    print(f"memory risen by 20 × 10 MB   {risen:8.0f} MiB at the peak")


async def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="selfi-bench-") as folder,
        embedded_postgres(Path(folder) / "postgres") as server,
    ):
        dsn = await create_database(server, "bench")
        async with between_twins(dsn, Path(folder)) as service:
            began = time.perf_counter()
            await service.start(WELCOME_STARS="100000")
            print(f"start to ready               {time.perf_counter() - began:8.1f} s")
            await service.add_photos()
            training_id = await start_latency(service)
            webhook_to_message(service)
            async with bare() as base_url:
                await throughput(service, training_id, base_url)
                await first_load(service, base_url)
            await gallery_pages(service, dsn)
            await loop_lag(service, Path(folder))
        with tempfile.TemporaryDirectory(prefix="selfi-bench-") as other:
            await fairness(await create_database(server, "fairness"), Path(other))


if __name__ == "__main__":
    asyncio.run(main())
