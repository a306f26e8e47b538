"""A Bot API call's parameters, however they travel: query, form, multipart, JSON, or a webhook's answer."""

import ipaddress
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import hdrs, web
from multidict import MultiMapping
from yarl import URL

from .errors import bad_request, entity_too_large

MAX_UPLOAD = 50 * 1024 * 1024
_CHUNK = 256 * 1024


@dataclass(frozen=True)
class Upload:
    """A file in the request itself."""

    name: str
    content: bytes
    content_type: str


def is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def parsed_url(text: str) -> URL | None:
    """The address, or nothing where it isn't one with a scheme and a host."""
    try:
        url = URL(text)
    except ValueError:
        return None
    return url if url.scheme and url.host else None


def is_web_app_url(text: str) -> bool:
    url = parsed_url(text)
    return url is not None and (url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host)))


@dataclass(frozen=True)
class Params:
    """Typed access by name. Anything may be missing; a value of the wrong form raises `ApiError`."""

    values: Mapping[str, Any]
    files: Mapping[str, Upload] = field(default_factory=dict)

    def text(self, name: str) -> str:
        value = self.values.get(name)
        if value is None:
            return ""
        return value if isinstance(value, str) else json.dumps(value)

    def integer(self, name: str, default: int = 0) -> int:
        try:
            return int(self.text(name).strip() or default)
        except ValueError:
            return default  # as Telegram does: to_integer of anything else

    def flag(self, name: str) -> bool:
        return self.text(name).strip().lower() in ("true", "yes", "1")

    def json(self, name: str) -> Any:
        """An object or array; JSON bodies hold it as such, the other forms as text."""
        value = self.values.get(name)
        if not isinstance(value, str) or not value:
            return value or None
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {name.replace('_', ' ')} JSON object") from None

    def upload(self, name: str, reference: str = "") -> Upload | None:
        """The file sent under `name`, or the one that `attach://…` in `reference` points at."""
        return self.files.get(reference.removeprefix("attach://") if reference else name)

    def sub(self, values: Mapping[str, Any]) -> "Params":
        """An inner object, such as one of `media`, that refers to this call's files."""
        return Params(values, self.files)

    def public(self) -> dict[str, str]:
        """What may be remembered of the call: no file and no secret."""
        secret = ("secret_token", "provider_token")
        return {name: self.text(name) for name in self.values if name not in secret}


async def from_request(request: web.Request) -> Params:
    """Reads a call as Telegram's server does; parameters of the body win over the query's.

    Raises:
        ApiError: 413, or 400 where the body is not what its Content-Type says.
    """
    query = dict(request.query)
    if request.method == "GET" or not request.can_read_body:
        return Params(query)
    try:
        body = await _body(request.content_type, request)
    except web.HTTPRequestEntityTooLarge:
        raise entity_too_large() from None
    except (ValueError, LookupError):  # a lookup: of a charset that nobody knows
        raise bad_request("can't parse the request's body") from None
    return Params(query | dict(body.values), body.files)


async def from_response(response: aiohttp.ClientResponse) -> Params:
    """Reads the call that a webhook's answer may carry, its name among the values as `method`.

    Raises:
        ApiError, ValueError, LookupError: the answer is not what its Content-Type says.
    """
    return await _body(response.content_type, response)


async def _body(content_type: str, source: web.Request | aiohttp.ClientResponse) -> Params:
    if content_type.startswith("multipart/"):
        return await _multipart(source)
    text = await source.text()
    if content_type == "application/json":
        values = json.loads(text or "{}")
        if not isinstance(values, dict):
            raise ValueError("a JSON object is expected")
        return Params({name: value for name, value in values.items() if value is not None})
    return Params(dict(parse_qsl(text.strip(), keep_blank_values=True)))


async def _multipart(source: web.Request | aiohttp.ClientResponse) -> Params:
    values: dict[str, str] = {}
    files: dict[str, Upload] = {}
    async for name, part in parts(source):
        if isinstance(part, Upload):
            files[name] = part
        else:
            values[name] = part
    return Params(values, files)


async def parts(source: web.Request | aiohttp.ClientResponse) -> AsyncIterator[tuple[str, str | Upload]]:
    """The fields of a multipart form in their order, repeated ones too.

    Raises:
        ApiError: 413, a file is over 50 MiB.
        ValueError: it is no form.
    """
    reader = aiohttp.MultipartReader(source.headers, source.content)
    while (part := await reader.next()) is not None:
        if not isinstance(part, aiohttp.BodyPartReader):
            raise bad_request("a form has no parts within parts")
        content = await _content(part)
        if part.filename is None:
            yield part.name or "", content.decode()
        else:
            yield part.name or "", Upload(part.filename, content, _content_type(part.headers))


async def _content(part: aiohttp.BodyPartReader) -> bytes:
    content = bytearray()
    while chunk := await part.read_chunk(_CHUNK):
        content += chunk
        if len(content) > MAX_UPLOAD:
            raise entity_too_large()
    return bytes(content)


def _content_type(headers: MultiMapping[str]) -> str:
    return headers.get(hdrs.CONTENT_TYPE, "application/octet-stream").partition(";")[0]
