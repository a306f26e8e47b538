"""Fetching what a run has made. Files stream, and fal's key stays here: their addresses are public."""

import asyncio
from ipaddress import ip_address
from pathlib import Path

import httpx

from fal.errors import Rejected, Unavailable
from fal.transport import is_loopback

_GONE = frozenset({401, 403, 404, 410})


class Downloads:
    """Call `close` when done. `timeout` is in seconds, for each step of a request."""

    def __init__(self, timeout: float) -> None:
        self._direct = httpx.AsyncClient(timeout=timeout, trust_env=False)
        self._public = httpx.AsyncClient(
            timeout=timeout, follow_redirects=True, event_hooks={"request": [_only_outside]}
        )

    async def close(self) -> None:
        await self._direct.aclose()
        await self._public.aclose()

    async def fetch(self, url: str, target: Path, most: int) -> None:
        """Writes the file to `target`, and leaves none when that fails. `most` is in bytes.

        Raises:
            Rejected: it isn't there (any more) (`file_gone`), or is larger (`file_too_large`).
            Unavailable: it can't be fetched now.
        """
        try:
            await self._write(url, target, most)
        except BaseException:
            await asyncio.to_thread(target.unlink, missing_ok=True)
            raise

    async def _write(self, url: str, target: Path, most: int) -> None:
        size = 0
        try:
            client = self._direct if is_loopback(httpx.URL(url).host) else self._public
            async with client.stream("GET", url) as response:
                _check(response)
                with await asyncio.to_thread(target.open, "wb") as file:
                    async for chunk in response.aiter_bytes(1024 * 1024):
                        size += len(chunk)
                        if size > most:
                            raise Rejected(f"A file has over {most} bytes.", code="file_too_large")
                        await asyncio.to_thread(file.write, chunk)
        except httpx.InvalidURL as error:
            raise Rejected("A file's address is none.", code="file_gone") from error
        except httpx.RequestError as error:
            raise Unavailable(
                f"A file could not be fetched ({type(error).__name__}).", code="no_answer"
            ) from error


async def _only_outside(request: httpx.Request) -> None:
    """Wherever a public address leads to, it is no machine of our own network."""
    try:
        inside = not ip_address(request.url.host).is_global
    except ValueError:
        inside = is_loopback(request.url.host)
    if inside:
        raise Rejected("A file's address leads into a private network.", code="file_gone")


def _check(response: httpx.Response) -> None:
    if response.status_code in _GONE:
        raise Rejected("fal.ai has no such file, or no longer.", code="file_gone")
    if not response.is_success:
        raise Unavailable(
            f"A file could not be fetched (HTTP {response.status_code}).", code=f"http_{response.status_code}"
        )
