"""Uploads over real sockets: the protocol, the expiry, and memory that stays flat."""

import hashlib
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fal import Fal, FalError, OperatorProblem, Unavailable
from tests.fal.fake_fal import KEY, Answer, FakeFal, answer, drop, fal_at, text

MIB = 1024 * 1024
THRESHOLD = 100 * MIB


@dataclass
class Storage:
    """fal's storage, which keeps digests instead of files."""

    url: str = ""
    headers: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    completed: object = None

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/rest/storage/auth/token", self.token)
        app.router.add_post("/cdn/files/upload", self.whole)
        app.router.add_post("/cdn/files/upload/multipart", self.create)
        app.router.add_put("/cdn/files/big.zip/multipart/u-1/{number}", self.part)
        app.router.add_post("/cdn/files/big.zip/multipart/u-1/complete", self.complete)
        return app

    async def token(self, request: web.Request) -> web.Response:
        assert request.query["storage_type"] == "fal-cdn-v3"
        assert await request.json() == {}
        self._remember("token", request)
        return web.json_response({"token": "t", "token_type": "Bearer", "base_url": f"{self.url}/cdn"})

    async def whole(self, request: web.Request) -> web.Response:
        self._remember("whole", request)
        self.digests["whole"] = await self._digest(request)
        return web.json_response({"access_url": f"{self.url}/cdn/files/small.zip"})

    async def create(self, request: web.Request) -> web.Response:
        self._remember("create", request)
        return web.json_response({"access_url": f"{self.url}/cdn/files/big.zip", "uploadId": "u-1"})

    async def part(self, request: web.Request) -> web.Response:
        self._remember("part", request)
        number = request.match_info["number"]
        self.digests[number] = await self._digest(request)
        return web.Response(headers={"ETag": f'"{number}"'})

    async def complete(self, request: web.Request) -> web.Response:
        self._remember("complete", request)
        self.completed = await request.json()
        return web.json_response({})

    def _remember(self, step: str, request: web.Request) -> None:
        self.headers.append((step, {name.lower(): value for name, value in request.headers.items()}))

    @staticmethod
    async def _digest(request: web.Request) -> str:
        digest = hashlib.sha256()
        async for chunk in request.content.iter_any():
            digest.update(chunk)
        return digest.hexdigest()


@pytest.fixture
async def storage() -> AsyncIterator[Storage]:
    storage = Storage()
    server = TestServer(storage.app())
    await server.start_server(access_log=None)
    storage.url = str(server.make_url("")).rstrip("/")
    yield storage
    await server.close()


@pytest.fixture
async def uploading_fal(storage: Storage) -> AsyncIterator[Fal]:
    fal = fal_at(storage.url, timeout=5.0)
    yield fal
    await fal.close()


async def upload(fal: Fal, path: Path) -> str:
    return await fal.upload(
        path, content_type="application/zip", file_name="photos.zip", expires_in=timedelta(hours=6)
    )


def sparse_file(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size - 1)
        file.seek(size - 1)
        file.write(b"!")
    return path


async def test_a_file_goes_up_whole(uploading_fal: Fal, storage: Storage, tmp_path: Path) -> None:
    path = tmp_path / "anything"
    path.write_bytes(b"PK" * 400_000)

    assert await upload(uploading_fal, path) == f"{storage.url}/cdn/files/small.zip"

    assert storage.digests == {"whole": hashlib.sha256(path.read_bytes()).hexdigest()}
    (_, token), (_, whole) = storage.headers
    assert token["authorization"] == f"Key {KEY}"
    assert whole["authorization"] == "Bearer t"
    assert whole["content-type"] == "application/zip"
    assert whole["content-length"] == "800000"
    assert "transfer-encoding" not in whole
    assert whole["x-fal-file-name"] == "photos.zip"
    expiry = '{"expiration_duration_seconds": 21600}'
    assert whole["x-fal-object-lifecycle"] == whole["x-fal-object-lifecycle-preference"] == expiry


async def test_a_large_file_goes_up_in_parts(uploading_fal: Fal, storage: Storage, tmp_path: Path) -> None:
    path = sparse_file(tmp_path / "big", THRESHOLD + 5)

    tracemalloc.start()
    url = await upload(uploading_fal, path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert url == f"{storage.url}/cdn/files/big.zip"
    assert peak < 12 * MIB
    assert [step for step, _ in storage.headers] == ["token", "create", *["part"] * 11, "complete"]
    assert storage.completed == {
        "parts": [{"partNumber": number, "etag": f'"{number}"'} for number in range(1, 12)]
    }
    assert storage.digests["1"] == hashlib.sha256(bytes(10 * MIB)).hexdigest()
    assert storage.digests["11"] == hashlib.sha256(b"\0\0\0\0!").hexdigest()
    create = dict(storage.headers)["create"]
    assert create["x-fal-object-lifecycle"] == '{"expiration_duration_seconds": 21600}'
    assert {headers["authorization"] for step, headers in storage.headers if step != "token"} == {"Bearer t"}


async def test_memory_stays_flat_up_to_the_threshold(
    uploading_fal: Fal, storage: Storage, tmp_path: Path
) -> None:
    path = sparse_file(tmp_path / "big", THRESHOLD)

    tracemalloc.start()
    await upload(uploading_fal, path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert list(storage.digests) == ["whole"]
    assert peak < 12 * MIB


TOKEN = {"token": "t", "token_type": "Bearer", "base_url": "http://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("token", "whole", "error"),
    [
        pytest.param(answer({}, 401), answer({}), (OperatorProblem, "bad_key"), id="bad key"),
        pytest.param(
            answer({"token": "t"}), answer({}), (Unavailable, "unreadable_answer"), id="half a token"
        ),
        pytest.param(text("nginx", 502), answer({}), (Unavailable, "http_502"), id="token 502"),
        pytest.param(answer(TOKEN), drop, (Unavailable, "no_answer"), id="dropped"),
        pytest.param(answer(TOKEN), text("nginx", 503), (Unavailable, "http_503"), id="503"),
        pytest.param(answer(TOKEN), answer({}), (Unavailable, "unreadable_answer"), id="no URL"),
    ],
)
async def test_a_failed_upload_is_sorted(
    fake_fal: FakeFal, tmp_path: Path, token: Answer, whole: Answer, error: tuple[type[FalError], str]
) -> None:
    path = tmp_path / "zip"
    path.write_bytes(b"PK")
    fake_fal.on("POST", "/rest/storage/auth/token", token)
    fake_fal.on("POST", "/cdn/files/upload", whole)
    fal = fal_at(fake_fal.url)

    with pytest.raises(FalError) as raised:
        await upload(fal, path)

    assert (type(raised.value), raised.value.code) == error
    await fal.close()


async def test_a_missing_file_is_a_mistake_of_ours(fal: Fal, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await upload(fal, tmp_path / "nothing")
