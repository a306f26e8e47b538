"""How much is taken: Selfi's own 413 answers first wherever it can, and nginx's says the same."""

import asyncio
import http.client
import io
import json
import re
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.webhook import MAX_BODY as TELEGRAM_LIMIT
from config import Settings
from tests import photos
from tests.deploy.conftest import Selfi
from tests.deploy.nginx import DEPLOY
from web.bodies import FORM_OVERHEAD, JSON_LIMIT
from web.hooks import _LARGEST_WEBHOOK as FAL_LIMIT

MIB = 1024**2
PHOTO_LIMIT: int = Settings.model_fields["photo_max_bytes"].default
UPLOAD_LIMIT: int = Settings.model_fields["upload_max_bytes"].default

FAL_WEBHOOK = f"/webhooks/fal/training/{uuid.UUID(int=1)}"

# By nginx's location: an address there, what Selfi takes there, and what a form may have around it.
LIMITS = {
    "= /training/photos": ("/training/photos", PHOTO_LIMIT, FORM_OVERHEAD),
    "= /training/upload": ("/training/upload", UPLOAD_LIMIT, FORM_OVERHEAD),
    "= /telegram/webhook": ("/telegram/webhook", TELEGRAM_LIMIT, 0),
    "/webhooks/fal/": (FAL_WEBHOOK, FAL_LIMIT, 0),
}


# --- the numbers in the files ---


def test_nginx_takes_a_little_more_than_selfi() -> None:
    text = (DEPLOY / "nginx" / "server.conf").read_text()
    sizes = {
        location.strip(): int(size) * MIB
        for location, size in re.findall(
            r"^location ([^{]+) \{[^}]*client_max_body_size (\d+)m;", text, re.MULTILINE
        )
    }
    assert sizes.keys() == LIMITS.keys()
    for location, (_, limit, overhead) in LIMITS.items():
        assert limit + overhead < sizes[location] <= limit + overhead + MIB, location
    default = re.search(r"^client_max_body_size (\d+)m;", text, re.MULTILINE)
    assert default
    assert JSON_LIMIT < int(default[1]) * MIB <= MIB


def test_nginx_names_selfis_limits() -> None:
    text = (DEPLOY / "nginx" / "http.conf").read_text()
    table = re.search(r"^map \$uri \$selfi_limit \{(.+?)^\}", text, re.MULTILINE | re.DOTALL)
    assert table
    named = {key: int(value) for key, value in re.findall(r"(\S+)\s+(\d+);", table[1])}
    assert named.pop("default") == JSON_LIMIT
    assert named.pop("~^/webhooks/fal/") == FAL_LIMIT
    assert named == {path: limit for path, limit, _ in LIMITS.values() if path != FAL_WEBHOOK}


# --- and what they do ---


def announce(
    selfi: Selfi, path: str, length: int, content_type: str = "multipart/form-data; boundary=b"
) -> tuple[int, dict[str, Any], str]:
    """Sends the head of a request alone, as a browser does first; answers status, problem and request id."""
    connection = http.client.HTTPConnection("127.0.0.1", selfi.nginx.port, timeout=10)
    connection.putrequest("POST", path)
    for name, value in {**selfi.ana, "Content-Type": content_type, "Content-Length": str(length)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    problem: dict[str, Any] = json.loads(answer.read())
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    connection.close()
    return answer.status, problem, answer.headers["X-Request-ID"]


async def said_by(selfi: Selfi, request_id: str) -> str:
    return "selfi" if (await selfi.nginx.logged(request_id=request_id))["upstream"] else "nginx"


@pytest.mark.parametrize("path", ["/training/photos", "/training/upload"])
async def test_selfi_refuses_a_form_before_it_comes(selfi: Selfi, path: str) -> None:
    limit = PHOTO_LIMIT if path == "/training/photos" else UPLOAD_LIMIT
    status, problem, request_id = await asyncio.to_thread(announce, selfi, path, limit + FORM_OVERHEAD + 1)
    assert (status, problem["code"], problem["limit"]) == (413, "too_large", limit)
    assert await said_by(selfi, request_id) == "selfi"


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/training/start", JSON_LIMIT),
        ("/app/index.html", JSON_LIMIT),
        *((path, limit) for path, limit, _ in LIMITS.values()),
    ],
)
async def test_nginx_refuses_what_is_far_too_large(selfi: Selfi, path: str, limit: int) -> None:
    status, problem, request_id = await asyncio.to_thread(announce, selfi, path, 2 * UPLOAD_LIMIT)
    assert await said_by(selfi, request_id) == "nginx"
    sentence = f"The request is too large: at most {limit} bytes are taken here."
    assert (status, problem.pop("title")) == (413, "Content Too Large")
    assert problem == {
        "type": "about:blank",
        "status": 413,
        "code": "too_large",
        "detail": sentence,
        "error": sentence,
        "message": sentence,
        "limit": limit,
    }


async def test_both_refuse_in_the_same_words(selfi: Selfi) -> None:
    """But for the title, which is the status's name in whichever Python Selfi runs on."""
    (_, selfis, _), (_, nginxs, _) = [
        await post(selfi, "/training/start", io.BytesIO(bytes(size))) for size in (JSON_LIMIT + 1, 2 * MIB)
    ]
    assert selfis.pop("title")
    assert nginxs.pop("title")
    assert selfis == nginxs


async def post(
    selfi: Selfi, path: str, body: Any, content_type: str | None = None
) -> tuple[int, dict[str, Any], str]:
    headers = {**selfi.ana, **({"Content-Type": content_type} if content_type else {})}
    async with selfi.http.post(path, data=body, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None), answer.headers["X-Request-ID"]


def padded(size: int, seed: int = 0) -> bytes:
    """A photo of exactly `size` bytes: readers stop at a JPEG's end."""
    photo = photos.portrait(seed)
    return photo + bytes(size - len(photo))


def form(field: str, *files: bytes) -> aiohttp.FormData:
    body = aiohttp.FormData()
    for number, file in enumerate(files):
        body.add_field(field, io.BytesIO(file), filename=f"{number}.jpg")
    return body


async def test_a_photo_of_just_the_limit(selfi: Selfi) -> None:
    status, photo, _ = await post(selfi, "/training/photos", form("image", padded(PHOTO_LIMIT)))
    assert (status, photo["verdict"]) == (201, "ok")


async def test_a_photo_just_over_the_limit(selfi: Selfi) -> None:
    """Nothing but the photo itself shows that it is too large: Selfi reads it up to there."""
    too_large = padded(PHOTO_LIMIT + 1)
    for body, content_type in ((form("image", too_large), None), (io.BytesIO(too_large), "image/jpeg")):
        status, problem, request_id = await post(selfi, "/training/photos", body, content_type)
        assert (status, problem["code"], problem["limit"]) == (413, "too_large", PHOTO_LIMIT)
        assert await said_by(selfi, request_id) == "selfi"


async def test_a_photo_without_end(selfi: Selfi) -> None:
    """In chunks, with no length given: Selfi's answer comes through while the client is still sending."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield bytes(MIB)

    status, problem, request_id = await post(selfi, "/training/photos", endless(), "image/jpeg")
    assert (status, problem["code"], problem["limit"]) == (413, "too_large", PHOTO_LIMIT)
    assert await said_by(selfi, request_id) == "selfi"


async def test_json_without_end(selfi: Selfi) -> None:
    """nginx takes small bodies whole before Selfi sees them, so it is nginx that says it here."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(8):
            yield b" " * MIB

    status, problem, request_id = await post(selfi, "/training/start", endless(), "application/json")
    assert (status, problem["code"], problem["limit"]) == (413, "too_large", JSON_LIMIT)
    assert await said_by(selfi, request_id) == "nginx"


async def test_an_upload_of_just_the_limit(selfi: Selfi) -> None:
    whole, rest = divmod(UPLOAD_LIMIT, PHOTO_LIMIT)
    files = [padded(PHOTO_LIMIT, seed) for seed in range(whole)] + [padded(rest, whole)]
    status, answer, _ = await post(selfi, "/training/upload", form("images", *files))
    assert (status, answer["kept"]) == (200, whole + 1)
    assert answer["images_data_url"].startswith(selfi.settings.fal_cdn_url)


async def test_an_upload_just_over_the_limit(selfi: Selfi) -> None:
    status, problem, request_id = await post(
        selfi, "/training/upload", form("images", bytes(UPLOAD_LIMIT // 2), bytes(UPLOAD_LIMIT // 2 + 1))
    )
    assert (status, problem["code"], problem["limit"]) == (413, "too_large", UPLOAD_LIMIT)
    assert await said_by(selfi, request_id) == "selfi"
