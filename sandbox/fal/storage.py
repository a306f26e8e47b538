"""fal's storage: files on disk for as long as their lifecycle says, and the three ways to upload them."""

import asyncio
import hashlib
import json
import random
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO, Literal

from aiohttp import web

from sandbox.fal.queue import now

_CHUNK = 1024 * 1024
_TOKEN_LIFE = timedelta(hours=1)
_ZONES = ("koala", "lion", "monkey", "panda", "penguin", "rabbit", "tiger", "zebra")
_LIFECYCLE = ("X-Fal-Object-Lifecycle", "X-Fal-Object-Lifecycle-Preference")


@dataclass(frozen=True)
class StoredFile:
    path: Path
    content_type: str
    size: int
    expires_at: float | None
    """By `time.time`; None: kept."""


@dataclass
class _Upload:
    """A multipart upload under way."""

    key: str
    content_type: str
    lifetime: float | None
    parts: dict[int, tuple[str, Path]] = field(default_factory=dict)
    """ETag and file of each part."""


def lifetime_of(headers: Mapping[str, str]) -> float | None:
    """Seconds that a file is to live, by its upload's (or its request's) lifecycle header; None: for ever.

    Raises HTTPBadRequest where the header isn't fal's JSON.
    """
    for header in _LIFECYCLE:
        if header in headers:
            try:
                seconds = json.loads(headers[header]).get("expiration_duration_seconds")
                return None if seconds is None else float(seconds)
            except (ValueError, TypeError, AttributeError):
                raise _bad_request(
                    f"{header} should be a JSON object with expiration_duration_seconds"
                ) from None
    return None


class Storage:
    """The files themselves; a key is the part of a file's URL after `/files/`."""

    def __init__(self) -> None:
        self.root = Path(tempfile.gettempdir()) / f"fal-{secrets.token_hex(8)}"
        self._files: dict[str, StoredFile] = {}

    def open(self) -> None:
        self.root.mkdir(mode=0o700)

    def close(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def key(self, name: str) -> str:
        """A new key, not to be guessed: whoever has the URL may read the file."""
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "file"
        return f"{random.choice(_ZONES)}/{secrets.token_urlsafe(16)}_{safe[-100:]}"

    def temporary(self) -> Path:
        return self.root / secrets.token_hex(16)

    async def write(self, chunks: AsyncIterable[bytes]) -> tuple[Path, int, str]:
        """A new file with its size and MD5; only one chunk is in memory at a time."""
        path, size, digest = self.temporary(), 0, hashlib.md5(usedforsecurity=False)
        try:
            with _open(path, "wb") as file:
                async for chunk in chunks:
                    await asyncio.to_thread(file.write, chunk)
                    size += len(chunk)
                    digest.update(chunk)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path, size, digest.hexdigest()

    async def keep(
        self, key: str, chunks: AsyncIterable[bytes], *, content_type: str, lifetime: float | None
    ) -> StoredFile:
        path, size, _ = await self.write(chunks)
        expires_at = None if lifetime is None else time.time() + lifetime
        self._files[key] = StoredFile(path, content_type, size, expires_at)
        return self._files[key]

    async def get(self, key: str) -> StoredFile | None:
        """None where there never was such a file, or its time is over."""
        file = self._files.get(key)
        if file and file.expires_at is not None and file.expires_at <= time.time():
            await self.delete(key)
            return None
        return file

    async def delete(self, key: str) -> None:
        """What isn't there is fine."""
        if file := self._files.pop(key, None):
            await asyncio.to_thread(file.path.unlink, missing_ok=True)

    async def publish(
        self, origin: str, data: bytes, *, name: str, content_type: str, lifetime: float | None
    ) -> dict[str, Any]:
        """Keeps what a model made; answers fal's `File`: url, content_type, file_name, file_size."""
        key = self.key(name)
        file = await self.keep(key, _once(data), content_type=content_type, lifetime=lifetime)
        return {
            "url": file_url(origin, key),
            "content_type": content_type,
            "file_name": name,
            "file_size": file.size,
        }


def file_url(origin: str, key: str) -> str:
    return f"{origin}/cdn/files/{key}"


def key_of(url: str) -> str:
    """The key in a file's URL; empty where it is no file's."""
    return url.partition("/cdn/files/")[2]


class StorageApi:
    """The HTTP side: `/rest/storage` and `/cdn`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._tokens: dict[str, float] = {}
        self._uploads: dict[str, _Upload] = {}
        self._signed: dict[str, tuple[str, float | None]] = {}
        """Key and lifetime of each upload URL that was given out."""

    async def token(self, request: web.Request) -> web.Response:
        if request.query.get("storage_type") != "fal-cdn-v3":
            raise _bad_request("storage_type should be fal-cdn-v3")
        token = secrets.token_urlsafe(32)
        expires = now() + _TOKEN_LIFE
        self._tokens[token] = expires.timestamp()
        return web.json_response(
            {
                "token": token,
                "token_type": "Bearer",
                "base_url": f"{request.url.origin()}/cdn",
                "expires_at": expires.isoformat(),
            }
        )

    def knows(self, authorization: str) -> bool:
        """Whether an Authorization header holds a CDN token that is still good."""
        scheme, _, token = authorization.partition(" ")
        return scheme == "Bearer" and self._tokens.get(token, 0) > time.time()

    async def upload(self, request: web.Request) -> web.Response:
        key, lifetime = self._storage.key(_file_name(request)), lifetime_of(request.headers)
        await self._storage.keep(
            key,
            request.content.iter_chunked(_CHUNK),
            content_type=_content_type(request),
            lifetime=lifetime,
        )
        return web.json_response({"access_url": file_url(str(request.url.origin()), key)})

    async def multipart_start(self, request: web.Request) -> web.Response:
        key, upload_id = self._storage.key(_file_name(request)), secrets.token_urlsafe(16)
        self._uploads[upload_id] = _Upload(key, _content_type(request), lifetime_of(request.headers))
        return web.json_response(
            {"access_url": file_url(str(request.url.origin()), key), "uploadId": upload_id}
        )

    async def multipart_part(self, request: web.Request) -> web.Response:
        upload = self._upload(request)
        path, _, md5 = await self._storage.write(request.content.iter_chunked(_CHUNK))
        etag = f'"{md5}"'
        upload.parts[int(request.match_info["part"])] = (etag, path)
        return web.Response(headers={"ETag": etag})

    async def multipart_complete(self, request: web.Request) -> web.Response:
        """`{"parts": [{"partNumber", "etag"}]}`, in any order; the file is in the order of the numbers."""
        upload = self._upload(request)
        try:
            named = {int(part["partNumber"]): str(part["etag"]) for part in (await request.json())["parts"]}
        except (ValueError, TypeError, KeyError):
            raise _bad_request("parts should be a list of partNumber and etag") from None
        if not named or named != {number: etag for number, (etag, _) in upload.parts.items()}:
            raise _bad_request("The parts aren't the ones that were uploaded")
        paths = [upload.parts[number][1] for number in sorted(named)]
        await self._storage.keep(
            upload.key,
            _joined(paths),
            content_type=upload.content_type,
            lifetime=upload.lifetime,
        )
        del self._uploads[request.match_info["upload_id"]]
        return web.json_response({"access_url": file_url(str(request.url.origin()), upload.key)})

    async def initiate(self, request: web.Request) -> web.Response:
        """The fallback: a URL to PUT the file to, and the one it will be read from."""
        try:
            body = await request.json()
            name = str(body["file_name"])
        except (ValueError, TypeError, KeyError):
            raise _bad_request("file_name and content_type are required") from None
        key, ticket = self._storage.key(name), secrets.token_urlsafe(24)
        self._signed[ticket] = (key, lifetime_of(request.headers))
        origin = str(request.url.origin())
        return web.json_response(
            {"upload_url": f"{origin}/cdn/signed/{ticket}", "file_url": file_url(origin, key)}
        )

    async def put(self, request: web.Request) -> web.Response:
        signed = self._signed.get(request.match_info["ticket"])
        if signed is None:
            raise web.HTTPForbidden(text="SignatureDoesNotMatch")
        key, lifetime = signed
        await self._storage.keep(
            key,
            request.content.iter_chunked(_CHUNK),
            content_type=_content_type(request),
            lifetime=lifetime,
        )
        return web.Response()

    async def download(self, request: web.Request) -> web.StreamResponse:
        file = await self._storage.get(request.match_info["key"])
        if file is None:
            return web.json_response({"detail": "File not found"}, status=404)
        return web.FileResponse(file.path, headers={"Content-Type": file.content_type})

    def _upload(self, request: web.Request) -> _Upload:
        upload = self._uploads.get(request.match_info["upload_id"])
        if upload is None or upload.key != request.match_info["key"]:
            raise web.HTTPNotFound(text='{"detail": "Upload not found"}', content_type="application/json")
        return upload


def _open(path: Path, mode: Literal["rb", "wb"]) -> BinaryIO:
    """Opened at once and not in a thread: a task that is cancelled meanwhile would lose the file."""
    return path.open(mode)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _joined(paths: list[Path]) -> AsyncIterator[bytes]:
    for path in paths:
        with _open(path, "rb") as file:
            while chunk := await asyncio.to_thread(file.read, _CHUNK):
                yield chunk
        path.unlink()


def _file_name(request: web.Request) -> str:
    return request.headers.get("X-Fal-File-Name") or "upload.bin"


def _content_type(request: web.Request) -> str:
    return request.headers.get("Content-Type", "application/octet-stream")


def _bad_request(detail: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"detail": detail}), content_type="application/json")
