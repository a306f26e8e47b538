"""What comes with requests: ids, queries and JSON into models, files onto the disk, all within its bounds."""

import asyncio
import re
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

import structlog
from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel

from models.errors import Invalid, NotFound
from models.run import Run
from web.errors import Malformed, Stalled, from_client, too_large
from web.schemas import JOINER

JSON_LIMIT = 64 * 1024
FORM_OVERHEAD = 1024 * 1024
"""Bytes that a multipart body may have beside its files."""

_CHUNK = 64 * 1024
_WRITE = 1024 * 1024
STALL_SECONDS = 30.0
"""A client may send nothing for so long,"""
BODY_SECONDS = 15 * 60.0
"""and take so long for a whole body: 256 MiB at 300 KB/s."""

_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_NO_HTTP = (HttpProcessingError, web.RequestPayloadError)

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


def json_answer(answer: BaseModel, status: int = 200) -> web.Response:
    return web.Response(status=status, text=answer.model_dump_json(), content_type="application/json")


def idempotency_key(request: web.Request) -> str | None:
    """The client's own name for what it asks for. Raises Invalid."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise Invalid("An Idempotency-Key has 1 to 200 visible ASCII characters.", field="Idempotency-Key")
    return key


def read_query(request: web.Request, model: type[M]) -> M:
    """The query as `model`.

    Raises:
        InvalidFields: it isn't one.
    """
    with from_client():
        return model.model_validate(dict(request.query))


async def read_json(request: web.Request, model: type[M]) -> M:
    """The body as `model`, whatever content type it claims to have.

    Raises:
        InvalidFields: it isn't one.
        TooLarge: it has more than JSON_LIMIT bytes.
    """
    body = await read_body(request, JSON_LIMIT)
    with from_client():
        return model.model_validate_json(body)


async def read_body(request: web.Request, limit: int) -> bytes:
    """The whole body.

    Raises:
        TooLarge: it has more than `limit` bytes; no more than one beyond is read to know.
        Stalled: see `in_time`.
    """
    check_length(request, limit)
    body = bytearray()
    async with in_time():
        async for chunk in raw_chunks(request):
            body += chunk
            if len(body) > limit:
                raise too_large(limit)
    return bytes(body)


@asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    """Around reading one body: a client that lets it drip holds up as much as one that has stopped.

    Raises:
        Stalled: it took more than BODY_SECONDS.
    """
    try:
        async with asyncio.timeout(BODY_SECONDS):
            yield
    except TimeoutError:
        raise Stalled(
            f"The body took more than {BODY_SECONDS:.0f} seconds: send the request again.", code="stalled"
        ) from None


def check_length(request: web.Request, limit: int, overhead: int = 0) -> None:
    """Refuses a body that says itself that it is too large, before any of it is read."""
    if request.content_length is not None and request.content_length > limit + overhead:
        raise too_large(limit)


async def raw_chunks(request: web.Request) -> AsyncIterator[bytes]:
    while chunk := await _received(lambda: request.content.read(_CHUNK)):
        yield chunk


@asynccontextmanager
async def folder(spool: Path) -> AsyncIterator[Path]:
    """A folder for one request's files, gone with everything in it when the request is over."""
    path = await asyncio.to_thread(_new_folder, spool)
    try:
        yield path
    finally:
        await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)


def _new_folder(spool: Path) -> Path:
    spool.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=spool))


async def form_parts(request: web.Request) -> AsyncIterator[BodyPartReader]:
    """The parts of a multipart body, one after the other; each has to be read before the next.

    Raises:
        Malformed: it is no well-formed multipart body.
        Invalid: a part has no name.
    """
    with _malformed():
        reader = await request.multipart()
    while (part := await _received(reader.next)) is not None:
        if isinstance(part, MultipartReader) or not part.name:
            raise Invalid("Every part of the form needs a name of its own.", field="body")
        yield part


async def part_chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    while chunk := await _received(lambda: part.read_chunk(_CHUNK)):
        yield chunk


async def part_text(part: BodyPartReader, limit: int = JSON_LIMIT) -> str:
    """The text of a small part.

    Raises:
        Invalid: it isn't UTF-8.
        TooLarge: it has more than `limit` bytes.
    """
    data = bytearray()
    async for chunk in part_chunks(part):
        data += chunk
        if len(data) > limit:
            raise too_large(limit)
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Invalid("This part has to be UTF-8 text.", field=str(part.name)) from None


async def save(chunks: AsyncIterator[bytes], path: Path, room: int, limit: int) -> int:
    """Streams a file onto the disk, off the event loop, and answers its size in bytes.

    `room` is how many bytes it may have; `limit` is what to name where it has more, which can be the limit of
    several files together.

    Raises:
        TooLarge: over `room`; no more than one chunk beyond it is read to know.
    """
    size = 0
    with path.open("wb") as file:
        pending = bytearray()
        async for chunk in chunks:
            size += len(chunk)
            if size > room:
                raise too_large(limit)
            pending += chunk
            if len(pending) >= _WRITE:
                await asyncio.to_thread(file.write, pending)
                pending = bytearray()
        await asyncio.to_thread(file.write, pending)
    return size


def file_name(part: BodyPartReader) -> str:
    """The name that the photo had, for people to read: without folders and control characters."""
    # Browsers write a quotation mark of a name so, and nothing else that can stand in one.
    name = (part.filename or "").replace("%22", '"').replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if c.isprintable() or c == JOINER).strip()[:255] or "photo"


async def _received(read: Callable[[], Awaitable[T]]) -> T:
    """What `read` reads from the client, who has to keep sending."""
    try:
        with _malformed():
            async with asyncio.timeout(STALL_SECONDS):
                return await read()
    except ConnectionError as e:
        raise Malformed("The connection ended before the body did.", code="incomplete_body") from e
    except TimeoutError:
        raise Stalled(
            f"Nothing came for {STALL_SECONDS:.0f} seconds: send the request again.", code="stalled"
        ) from None


@contextmanager
def _malformed() -> Iterator[None]:
    """aiohttp's multipart reader answers nonsense with any of these."""
    try:
        yield
    except (ValueError, RuntimeError, AssertionError, LookupError, *_NO_HTTP) as e:
        raise Malformed("The body can't be read: it is malformed.", code="malformed_body") from e


def path_id(request: web.Request, otherwise: NotFound) -> uuid.UUID:
    """The `id` in the path. Raises what is given for `otherwise` where it is none."""
    try:
        return uuid.UUID(request.match_info["id"])
    except ValueError:
        raise otherwise from None


def run_id(request: web.Request, kind: type[Run], otherwise: NotFound) -> uuid.UUID:
    """The same of a run, by its own id or one that leads to it; the logs have it until the run is found."""
    any_id = path_id(request, otherwise)
    name_in_logs(kind, any_id)
    return any_id


def name_in_logs(kind: type[Run], run_id: uuid.UUID) -> None:
    """From here on, all log lines of the request carry the run's id."""
    structlog.contextvars.bind_contextvars(**{f"{kind.kind}_id": str(run_id)})
