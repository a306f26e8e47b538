"""Files to fal's storage, streamed from disk.

fal-client's own upload reads a file of up to 100 MiB into memory whole, and above that ten parts of 10 MiB at
a time. This speaks the same protocol with one small chunk in memory: a single POST up to fal-client's
threshold, parts above it, an expiry on both.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
from fal_client.client import MULTIPART_CHUNK_SIZE, MULTIPART_THRESHOLD

from fal.errors import Unavailable
from fal.transport import json_object

CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Storage:
    """`timeout` is in seconds, for each step of a request that carries file content."""

    http: httpx.AsyncClient
    rest_url: str
    cdn_url: str
    timeout: float

    async def upload(self, path: Path, *, content_type: str, file_name: str, expires_in: timedelta) -> str:
        """Puts the file where whoever knows the answered URL can fetch it, until it expires.

        Args:
            path: read as it is sent; it must not change meanwhile.
            content_type: as the storage will serve it.
            file_name: ASCII; becomes the end of the URL.
            expires_in: at least a second.

        Raises:
            FalError: as sorted from fal's answer; the caller may call again.
        """
        size = (await asyncio.to_thread(path.stat)).st_size
        authorization, base_url = await self._token()
        headers = {"Authorization": authorization, "Content-Type": content_type}
        lifecycle = json.dumps({"expiration_duration_seconds": int(expires_in.total_seconds())})
        named = {
            **headers,
            "X-Fal-File-Name": file_name,
            "X-Fal-Object-Lifecycle": lifecycle,
            "X-Fal-Object-Lifecycle-Preference": lifecycle,
        }
        if size <= MULTIPART_THRESHOLD:
            return await self._whole(path, size, named)
        return await self._in_parts(path, size, base_url, headers, named)

    async def _token(self) -> tuple[str, str]:
        """A short-lived Authorization for the CDN, and the address that takes multipart uploads."""
        url = f"{self.rest_url}/storage/auth/token?storage_type=fal-cdn-v3"
        token = json_object(await self.http.post(url, json={}))
        return f"{_field(token, 'token_type')} {_field(token, 'token')}", _field(token, "base_url")

    async def _whole(self, path: Path, size: int, headers: dict[str, str]) -> str:
        response = await self.http.post(
            f"{self.cdn_url}/files/upload",
            content=_content(path, 0, size),
            headers={**headers, "Content-Length": str(size)},
            timeout=self.timeout,
        )
        return _field(json_object(response), "access_url")

    async def _in_parts(
        self, path: Path, size: int, base_url: str, headers: dict[str, str], named: dict[str, str]
    ) -> str:
        created = json_object(await self.http.post(f"{base_url}/files/upload/multipart", headers=named))
        access_url = _field(created, "access_url")
        upload_url = f"{access_url}/multipart/{_field(created, 'uploadId')}"
        parts = []
        for number, start in enumerate(range(0, size, MULTIPART_CHUNK_SIZE), start=1):
            length = min(MULTIPART_CHUNK_SIZE, size - start)
            response = await self.http.put(
                f"{upload_url}/{number}",
                content=_content(path, start, length),
                # An encoded answer would come without its ETag.
                headers={**headers, "Content-Length": str(length), "Accept-Encoding": "identity"},
                timeout=self.timeout,
            )
            parts.append({"partNumber": number, "etag": _field(response.headers, "etag")})
        authorization = {"Authorization": headers["Authorization"]}
        await self.http.post(f"{upload_url}/complete", json={"parts": parts}, headers=authorization)
        return access_url


async def _content(path: Path, start: int, length: int) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        await asyncio.to_thread(file.seek, start)
        while length > 0 and (chunk := await asyncio.to_thread(file.read, min(CHUNK, length))):
            length -= len(chunk)
            yield chunk
    finally:
        file.close()


def _field(answer: object, name: str) -> str:
    value = answer.get(name) if isinstance(answer, (dict, httpx.Headers)) else None
    if not isinstance(value, str) or not value:
        raise Unavailable(f"fal.ai's storage answered without {name}.", code="unreadable_answer")
    return value
