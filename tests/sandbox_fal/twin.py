"""A running emulator with fal's own client pointed at it, and a server that takes its webhooks."""

import io
import json
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import fal_client.client as fal
from aiohttp import ClientSession, web

from sandbox.fal import FalEmulator
from tests.photos import portrait
from tests.waiting import until

TRAINER = "fal-ai/flux-lora-fast-training"
KEY = "ana:secret"


@dataclass
class Twin:
    emulator: FalEmulator
    url: str
    client: fal.AsyncClient
    http: ClientSession
    """With the key in every call, for what fal's client doesn't do."""

    async def archive(self, **options: Any) -> str:
        return await self.put(archive(**options))

    async def put(self, data: bytes) -> str:
        """Uploads without fal's client, which takes longer: it makes an HTTP client for each upload."""
        async with self.http.post(
            f"{self.url}/rest/storage/upload/initiate", json={"file_name": "a.zip"}
        ) as answer:
            urls: dict[str, str] = await answer.json()
        async with self.http.put(urls["upload_url"], data=data) as answer:
            assert answer.status == 200
        return urls["file_url"]

    async def train(self, *, webhook_url: str | None = None, **arguments: Any) -> fal.AsyncRequestHandle:
        """Submits a training that succeeds unless the arguments or a fault say otherwise."""
        arguments.setdefault("images_data_url", await self.archive())
        arguments.setdefault("trigger_word", "TOK")
        return await self.client.submit(TRAINER, arguments, webhook_url=webhook_url)

    async def failure(self, handle: fal.AsyncRequestHandle) -> fal.FalClientHTTPError:
        """What the result of a failed request raises."""
        try:
            output = await handle.get(interval=0.01)
        except fal.FalClientHTTPError as error:
            return error
        raise AssertionError(f"It did not fail: {output}")

    async def details(self, handle: fal.AsyncRequestHandle) -> list[dict[str, Any]]:
        """The `detail` of a request that failed by its input."""
        error = await self.failure(handle)
        assert error.status_code == 422
        assert error.response_headers["x-fal-retryable"] == "false"
        details: list[dict[str, Any]] = error.response.json()["detail"]
        return details

    def calls(self, operation: str) -> int:
        return sum(call.operation == operation for call in self.emulator.calls)


@contextmanager
def pointed_at(url: str) -> Iterator[None]:
    """fal's client has no settings for its hosts but these constants. One submit sends one POST."""
    changes = {
        "REST_URL": f"{url}/rest",
        "CDN_URL": f"{url}/cdn",
        "QUEUE_URL_FORMAT": f"{url}/queue/",
        "MAX_ATTEMPTS": 1,
    }
    before = {name: getattr(fal, name) for name in changes}
    for name, value in changes.items():
        setattr(fal, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(fal, name, value)


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[Twin]:
    """An emulator that takes no longer than a test has to."""
    quick = {"training_seconds": 0.05, "picture_seconds": 0, "webhook_seconds": 0, "retry_factor": 0.001}
    emulator = FalEmulator(**(quick | options))
    async with served(emulator.app()) as url, ClientSession(headers={"Authorization": f"Key {KEY}"}) as http:
        with pointed_at(url):
            client = fal.AsyncClient(key=KEY)
            try:
                yield Twin(emulator, url, client, http)
            finally:
                await (await client._client).aclose()


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=10)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@dataclass
class Receiver:
    """Takes webhooks; answers the statuses of `script` in turn, then 200."""

    url: str = ""
    script: list[int] = field(default_factory=list)
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, body in self.taken]

    async def take(self, request: web.Request) -> web.Response:
        self.taken.append((dict(request.headers), await request.read()))
        status = self.script.pop(0) if self.script else 200
        return web.Response(status=status, headers={"Location": self.url} if status == 302 else {})

    async def wait(self, count: int = 1) -> None:
        await until(lambda: len(self.taken) >= count)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    async with served(app) as url:
        receiver.url = f"{url}/hook?training=7"
        yield receiver


def archive(photos: int = 4, captions: int = 0, extra: dict[str, bytes] | None = None) -> bytes:
    """A zip of small real JPEGs, the first `captions` of them with a caption."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for number in range(photos):
            packed.writestr(f"{number}.jpg", portrait(number, (128, 160)))
        for number in range(captions):
            packed.writestr(f"{number}.txt", f"TOK by the sea, {number}")
        for name, data in (extra or {}).items():
            packed.writestr(name, data)
    return buffer.getvalue()
