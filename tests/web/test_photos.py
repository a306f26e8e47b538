"""The draft over HTTP: one photo a request."""

import asyncio
import base64
import io
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from aiohttp import FormData
from PIL import Image

from config import Settings
from models.photo import Photo
from models.user import Person, User
from sandbox.fal import FalEmulator
from tests import photos
from tests.people import ANA, BETO, DANA, proof
from tests.waiting import until
from tests.web.conftest import Client, Serve
from web import app, bodies
from web.app import UPLOADS_AT_ONCE

pytestmark = pytest.mark.usefixtures("cast")


def form(data: bytes, name: str = "image", file_name: str = "me.jpg", **fields: str) -> FormData:
    body = FormData(quote_fields=False)  # as browsers send names
    for field, value in fields.items():
        body.add_field(field, value)
    body.add_field(name, io.BytesIO(data), filename=file_name, content_type="image/jpeg")
    return body


async def add(client: Client, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    answer = await client.post("/training/photos", data=body, headers={**proof(ANA), **headers})
    return answer.status, await answer.json()


async def draft(client: Client) -> list[dict[str, Any]]:
    answer = await client.get("/training/photos", headers=proof(ANA))
    assert answer.status == 200
    shown: list[dict[str, Any]] = (await answer.json())["photos"]
    return shown


@pytest.mark.parametrize("name", ["image", "photo", "images"])
async def test_a_photo_joins_the_draft(client: Client, name: str) -> None:
    status, photo = await add(client, form(photos.portrait(1), name, caption=" TOK smiling "))
    assert status == 201
    assert (photo["verdict"], photo["code"], photo["caption"]) == ("ok", None, "TOK smiling")
    assert (photo["fileName"], photo["width"], photo["height"], photo["source"]) == (
        "me.jpg",
        1024,
        1280,
        "app",
    )
    head, _, thumbnail = photo["thumbnail"].partition(",")
    assert head == "data:image/jpeg;base64"
    assert max(Image.open(io.BytesIO(base64.b64decode(thumbnail))).size) <= 192
    assert await draft(client) == [photo]


async def test_a_raw_body_is_a_photo_too(client: Client) -> None:
    status, photo = await add(client, photos.heic(1), **{"Content-Type": "image/heic"})
    assert (status, photo["verdict"]) == (201, "ok")


async def test_the_draft_names_its_limits(client: Client) -> None:
    answer = await client.get("/training/photos", headers=proof(BETO))
    assert await answer.json() == {"photos": [], "minimum": 4, "maximum": 50}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"not a photo", "not_an_image"),
        (b"", "not_an_image"),
        (b"GIF89a" + bytes(600), "unsupported_format"),
        (photos.portrait(1)[:5000], "corrupt"),
        (photos.small(), "too_small"),
    ],
)
async def test_a_photo_that_cannot_be_used(client: Client, data: bytes, code: str) -> None:
    status, problem = await add(client, form(data))
    assert (status, problem["code"], problem["verdict"]) == (422, code, "refused")
    assert problem["reason"] == problem["detail"] == problem["errors"][0]["message"]
    assert problem["errors"][0]["field"] == "image"
    assert await draft(client) == []


async def test_the_same_again_and_almost_the_same(client: Client) -> None:
    await add(client, form(photos.portrait(1)))
    status, problem = await add(client, form(photos.portrait(1)))
    assert (status, problem["code"]) == (422, "duplicate")
    status, photo = await add(client, form(photos.portrait(1, quality=60)))
    assert (status, photo["verdict"], photo["code"]) == (201, "warning", "near_duplicate")
    status, photo = await add(client, form(photos.blurred(2)))
    assert (status, photo["verdict"], photo["code"]) == (201, "warning", "blurred")
    assert "blurred" in photo["reason"]


async def test_a_full_draft_names_its_limit(serve: Serve) -> None:
    client = await serve(photos_max=1)
    await add(client, form(photos.portrait(1)))
    status, problem = await add(client, form(photos.portrait(2)))
    assert (status, problem["code"], problem["limit"]) == (422, "too_many_photos", 1)


async def test_too_large_names_the_limit(serve: Serve, settings: Settings) -> None:
    client = await serve(photo_max_bytes=4096)
    for data in (form(bytes(4097)), form(bytes(3_000_000)), bytes(4097), endless()):
        status, problem = await add(client, data)
        assert (status, problem["code"], problem["limit"]) == (413, "too_large", 4096)
        assert "4096" in problem["detail"]
    assert list((settings.data_dir / "tmp").iterdir()) == []


def endless() -> Any:
    async def chunks() -> Any:
        for _ in range(64):
            yield bytes(4096)

    return chunks()


async def test_exactly_the_limit_is_not_too_large(serve: Serve) -> None:
    data = photos.portrait(1)
    client = await serve(photo_max_bytes=len(data))
    assert (await add(client, form(data)))[0] == 201
    assert (await add(client, form(data + b"x")))[0] == 413


NESTED = (
    b'--b\r\nContent-Disposition: form-data; name="image"\r\n'
    b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n"
)


@pytest.mark.parametrize(
    ("body", "headers", "refusal"),
    [
        (b"", {}, (422, "invalid")),
        (b"x", {"Content-Type": "multipart/form-data"}, (400, "malformed_body")),
        (b"x", {"Content-Type": "multipart/form-data; boundary=b"}, (400, "malformed_body")),
        (b"--b\r\n\r\nx", {"Content-Type": "multipart/form-data; boundary=b"}, (422, "invalid")),
        (b"--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"}, (422, "invalid")),
        (
            b"--b\r\n" + b"a" * 20000,
            {"Content-Type": "multipart/form-data; boundary=b"},
            (400, "malformed_body"),
        ),
        (
            b"--b\r\n\xff\x00: x\r\n\r\n",
            {"Content-Type": "multipart/form-data; boundary=b"},
            (400, "malformed_body"),
        ),
        (NESTED, {"Content-Type": "multipart/form-data; boundary=b"}, (422, "invalid")),
        (
            b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\ncut of',
            {"Content-Type": "multipart/form-data; boundary=b"},
            (400, "malformed_body"),
        ),
        (form(b"x", "other"), {}, (422, "invalid")),
        (
            form(b"x", caption="\ud800".encode("utf-8", "surrogatepass").decode("latin-1")),
            {},
            (422, "not_an_image"),
        ),
        (form(b"x", caption="a\x00b"), {}, (422, "invalid")),
        (form(b"x", caption="a" * 1001), {}, (422, "invalid")),
        (b"not gzip", {"Content-Encoding": "gzip"}, (415, "unsupported_media_type")),
    ],
)
async def test_garbage(
    client: Client, settings: Settings, body: Any, headers: dict[str, str], refusal: tuple[int, str]
) -> None:
    status, problem = await add(client, body, **headers)
    assert (status, problem["code"]) == refusal
    assert list((settings.data_dir / "tmp").glob("*")) == []


async def test_two_photos_in_one_request(client: Client) -> None:
    body = form(photos.portrait(1))
    body.add_field("image", photos.portrait(2), filename="b.jpg")
    assert (await add(client, body))[1]["code"] == "one_photo_a_request"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\me.jpg", "me.jpg"),
        ("ü\u202egpj.jpg", "ügpj.jpg"),
        ('a".jpg', 'a".jpg'),
        ("👩\u200d👧.jpg", "👩\u200d👧.jpg"),
        ("a" * 300, "a" * 255),
        ("/", "photo"),
    ],
)
async def test_file_names_are_for_reading(client: Client, given: str, kept: str) -> None:
    _, photo = await add(client, form(photos.portrait(1), file_name=given))
    assert photo["fileName"] == kept


async def test_a_caption_is_set_and_taken_away(client: Client) -> None:
    _, photo = await add(client, form(photos.portrait(1)))
    path = f"/training/photos/{photo['id']}"
    for caption, kept in ((" TOK at sea ", "TOK at sea"), ("", None), ("x", "x"), (None, None)):
        answer = await client.patch(path, json={"caption": caption}, headers=proof(ANA))
        assert (answer.status, (await answer.json())["caption"]) == (200, kept)
    for body in ({}, {"caption": 7}, {"caption": "a\x00b"}, {"caption": "a", "more": 1}):
        answer = await client.patch(path, json=body, headers=proof(ANA))
        assert answer.status == 422
        assert (await answer.json())["errors"][0]["field"] in {"caption", "more"}


async def test_removing(client: Client, tmp_path: Path) -> None:
    _, photo = await add(client, form(photos.portrait(1)))
    path = f"/training/photos/{photo['id']}"
    assert (await client.delete(path, headers=proof(ANA))).status == 204
    assert (await client.delete(path, headers=proof(ANA))).status == 404
    assert await draft(client) == []
    assert list((tmp_path / "objects" / "photos").rglob("*.jpg")) == []


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_somebody_elses_photo_is_not_there(client: Client, method: str) -> None:
    _, photo = await add(client, form(photos.portrait(1)))
    for photo_id in (photo["id"], "00000000-0000-0000-0000-000000000000", "%00", "x"):
        path = f"/training/photos/{photo_id}"
        answer = await client.request(method, path, json={"caption": "x"}, headers=proof(BETO))
        assert (answer.status, (await answer.json())["code"]) == (404, "photo_not_found")
    assert (await draft(client))[0]["caption"] is None


async def test_a_newcomer_may_begin_with_a_photo(serve: Serve) -> None:
    client = await serve(welcome_stars=5)
    answer = await client.post("/training/photos", data=form(photos.portrait(1)), headers=proof(DANA))
    assert answer.status == 201
    assert (await User.get(id=DANA.id)).balance == 5


async def test_the_loop_neither_decodes_nor_writes_nor_sleeps(client: Client) -> None:
    """With photos of 12 megapixels, three at a time as the app sends them. benchmarks/ measures the lag."""
    files = [photos.big_jpeg(4) + bytes([number]) for number in range(3)]
    modules: set[str] = set()
    builtins: set[str] = set()

    def watch(frame: FrameType, event: str, arg: Any) -> None:
        """Called for each call in the loop's thread."""
        if event == "c_call":
            builtins.add(arg.__qualname__)
        elif event == "call":
            modules.add(str(frame.f_globals.get("__name__")).partition(".")[0])

    sys.setprofile(watch)
    try:
        results = await asyncio.gather(*(add(client, form(file)) for file in files))
    finally:
        sys.setprofile(None)
    assert [status for status, _ in results] == [201] * 3, results
    assert {"aiohttp", "web", "media"} <= modules, "it watches what it should"
    assert "PIL" not in modules
    assert not builtins & {"BufferedWriter.write", "FileIO.write", "rmtree", "sleep"}


async def test_a_client_that_stops_sending(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "STALL_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(half_a_photo())
    answer = await asyncio.wait_for(reader.readuntil(b"}"), 5)
    assert b" 408 " in answer.partition(b"\r\n")[0]
    assert b'"code":"stalled"' in answer
    writer.close()


async def test_a_client_whose_body_drips(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.1)
    for request in (half_a_photo(), half_a_photo("/training/start"), half_a_photo("/training/upload")):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(request)
        dripping = asyncio.create_task(drip(writer))
        answer = await asyncio.wait_for(reader.readuntil(b"}"), 5)
        dripping.cancel()
        assert b" 408 " in answer.partition(b"\r\n")[0]
        assert b'"code":"stalled"' in answer
        writer.close()


async def drip(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x")
        await asyncio.sleep(0.01)


def half_a_photo(path: str = "/training/photos", person: Person = ANA) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: 60000\r\n"
        f"Authorization: {proof(person)['Authorization']}\r\n\r\n"
    )
    return head.encode() + bytes(50_000)


async def hold(client: Client, settings: Settings, people: Sequence[Person]) -> list[asyncio.StreamWriter]:
    """Begins an upload of each person and leaves it half sent."""
    writers = []
    for person in people:
        _, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(half_a_photo(person=person))
        writers.append(writer)
    tmp = settings.data_dir / "tmp"
    await until(lambda: tmp.exists() and len(list(tmp.iterdir())) == len(people))
    return writers


async def test_who_sends_slowly_holds_up_nobody_else(client: Client, settings: Settings) -> None:
    crowd = [replace(DANA, id=1000 + number) for number in range(UPLOADS_AT_ONCE + 1)]
    writers = await hold(client, settings, crowd)
    async with asyncio.timeout(10):
        status, _ = await add(client, form(photos.portrait(1)))
    assert status == 201
    for writer in writers:
        writer.close()


async def test_one_person_has_four_uploads_at_a_time(client: Client, settings: Settings) -> None:
    writers = await hold(client, settings, [ANA] * 4)
    for path in ("/training/photos", "/training/upload"):
        answer = await client.post(path, data=form(photos.portrait(1)), headers=proof(ANA))
        problem = await answer.json()
        assert (answer.status, problem["code"], problem["limit"]) == (429, "too_many_uploads", 4)
        assert int(answer.headers["Retry-After"]) > 0
    answer = await client.post("/training/photos", data=form(photos.portrait(1)), headers=proof(BETO))
    assert answer.status == 201
    tmp = settings.data_dir / "tmp"
    for writer in writers:
        writer.close()
    await until(lambda: not any(tmp.iterdir()))
    assert (await add(client, form(photos.portrait(1))))[0] == 201


async def test_photos_are_checked_by_so_many_uploads_at_a_time(
    serve: Serve, settings: Settings, emulator: FalEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "UPLOADS_AT_ONCE", 1)
    client = await serve()
    emulator.fault("token", "late", seconds=0.5)
    zipping = FormData()
    for number in range(4):
        zipping.add_field("images", photos.portrait(number), filename=f"{number}.jpg")
    first = asyncio.create_task(client.post("/training/upload", data=zipping, headers=proof(ANA)))
    await until(lambda: any(call.operation == "token" for call in emulator.calls))
    answer = await client.post("/training/photos", data=form(photos.portrait(1)), headers=proof(BETO))
    assert (answer.status, first.done()) == (201, True)
    assert (await first).status == 200


async def test_a_client_that_leaves_in_the_middle(client: Client, settings: Settings) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(half_a_photo())
    await writer.drain()
    tmp = settings.data_dir / "tmp"
    await until(lambda: tmp.exists() and any(tmp.iterdir()))
    writer.close()
    await until(lambda: not any(tmp.iterdir()))
    assert not await Photo.exists()


# --- sent again ---


async def test_a_photo_sent_again_under_its_key_is_there_once(client: Client, cast: None) -> None:
    headers = proof(ANA) | {"Idempotency-Key": "photo-1"}
    answers = [
        await client.post("/training/photos", data=photos.portrait(1), headers=headers) for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [201, 201]
    assert await answers[0].json() == await answers[1].json()
    other = proof(ANA) | {"Idempotency-Key": "photo-2"}
    refused = await client.post("/training/photos", data=photos.portrait(1), headers=other)
    assert (refused.status, (await refused.json())["code"]) == (422, "duplicate")
    assert await Photo.filter(user_id=ANA.id, expires_at__gt=datetime.now(UTC)).count() == 1


async def test_the_same_photo_twice_at_once_is_there_once(client: Client, cast: None) -> None:
    headers = proof(ANA) | {"Idempotency-Key": "photo-1"}
    send = partial(client.post, "/training/photos", data=photos.portrait(1), headers=headers)
    answers = await asyncio.gather(*(send() for _ in range(3)))
    assert {answer.status for answer in answers} == {201}
    assert len({(await answer.json())["id"] for answer in answers}) == 1


async def test_a_full_draft_still_knows_a_photo_again(serve: Serve, cast: None) -> None:
    client = await serve(photos_max=1, photos_min=1)
    headers = proof(ANA) | {"Idempotency-Key": "photo-1"}
    for _ in range(2):
        answer = await client.post("/training/photos", data=photos.portrait(1), headers=headers)
        assert answer.status == 201


async def test_a_key_that_is_none(client: Client, cast: None) -> None:
    headers = proof(ANA) | {"Idempotency-Key": "a b"}
    answer = await client.post("/training/photos", data=photos.portrait(1), headers=headers)
    assert (answer.status, (await answer.json())["errors"][0]["field"]) == (422, "Idempotency-Key")
