"""POST /training/upload: from the draft, from photos, from a ready zip."""

import io
import json
import uuid
import zipfile
from typing import Any

import pytest
from aiohttp import FormData

from config import Settings
from models.notification import Notification
from models.photo import Photo, Upload
from sandbox.fal import FalEmulator
from tests import photos
from tests.people import ANA, proof
from tests.web.conftest import Client, Serve

pytestmark = pytest.mark.usefixtures("cast")


def form(*images: tuple[str, bytes], **fields: str) -> FormData:
    body = FormData(quote_fields=False)
    for name, data in images:
        body.add_field("images", io.BytesIO(data), filename=name)
    for field, value in fields.items():
        body.add_field(field, value)
    return body


def zipped(files: dict[str, bytes]) -> FormData:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return archive_form(buffer.getvalue())


def archive_form(data: bytes) -> FormData:
    body = FormData()
    body.add_field("archive", io.BytesIO(data), filename="photos.zip")
    return body


async def upload(client: Client, body: Any = None) -> tuple[int, dict[str, Any]]:
    answer = await client.post("/training/upload", data=body, headers=proof(ANA))
    return answer.status, await answer.json()


async def fetched(client: Client, url: str) -> zipfile.ZipFile:
    answer = await client.session.get(url)
    assert answer.status == 200
    return zipfile.ZipFile(io.BytesIO(await answer.read()))


FOUR = [(f"{n}.jpg", photos.portrait(n)) for n in range(4)]


async def test_the_draft_becomes_a_zip_that_fal_can_fetch(client: Client) -> None:
    kept = []
    for number, (name, data) in enumerate(FOUR):
        body = FormData()
        body.add_field("image", io.BytesIO(data), filename=name)
        if number == 0:
            body.add_field("caption", "TOK smiling")
        answer = await client.post("/training/photos", data=body, headers=proof(ANA))
        kept.append((await answer.json())["id"])
    status, made = await upload(client)
    assert (status, made["kept"]) == (200, 4)
    assert [verdict["fileName"] for verdict in made["verdicts"]] == [name for name, _ in FOUR]
    with await fetched(client, made["images_data_url"]) as archive:
        assert archive.namelist()[:2] == ["photo_01.jpg", "photo_01.txt"]
        assert archive.read("photo_01.txt") == b"TOK smiling"
        assert len(archive.namelist()) == 5
    row = await Upload.get(url=made["images_data_url"])
    assert sorted(str(photo_id) for photo_id in row.photo_ids) == sorted(kept)


async def test_photos_in_one_form_get_a_verdict_each(client: Client, settings: Settings) -> None:
    again = ("again.jpg", FOUR[0][1])
    almost = ("almost.jpg", photos.portrait(1, quality=60))
    junk = ("junk.jpg", b"junk")
    captions = json.dumps({"0.jpg": "TOK first", "almost.jpg": "TOK almost"})
    status, made = await upload(client, form(*FOUR, again, almost, junk, captions=captions))
    assert status == 200, made
    assert [(v["fileName"], v["verdict"], v["code"]) for v in made["verdicts"][4:]] == [
        ("again.jpg", "refused", "duplicate"),
        ("almost.jpg", "warning", "near_duplicate"),
        ("junk.jpg", "refused", "not_an_image"),
    ]
    assert made["kept"] == 5
    with await fetched(client, made["images_data_url"]) as archive:
        assert [archive.read(name) for name in archive.namelist() if name.endswith(".txt")] == [
            b"TOK first",
            b"TOK almost",
        ]
    assert (await Upload.get(url=made["images_data_url"])).photo_ids == []
    assert list((settings.data_dir / "tmp").iterdir()) == []
    draft = await (await client.get("/training/photos", headers=proof(ANA))).json()
    assert draft["photos"] == []


async def test_captions_may_come_first(client: Client) -> None:
    body = FormData()
    body.add_field("captions", '{"0.jpg": "TOK"}')
    for name, data in FOUR:
        body.add_field("images", io.BytesIO(data), filename=name)
    status, made = await upload(client, body)
    assert status == 200
    with await fetched(client, made["images_data_url"]) as archive:
        assert archive.read("photo_01.txt") == b"TOK"


async def test_a_ready_zip(client: Client) -> None:
    files = {f"set/{name}": data for name, data in FOUR}
    status, made = await upload(client, zipped({**files, "set/0.txt": b"TOK in a zip", "__MACOSX/x": b"x"}))
    assert (status, made["kept"]) == (200, 4)
    with await fetched(client, made["images_data_url"]) as archive:
        assert archive.read("photo_01.txt") == b"TOK in a zip"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (lambda: archive_form(b"no zip"), "not_a_zip"),
        (lambda: zipped({"../evil.jpg": b"x"}), "unsafe_path"),
        (lambda: zipped({"a.exe": b"MZ"}), "unexpected_file"),
        (lambda: zipped({"a.zip": b"PK\3\4"}), "nested_archive"),
        (lambda: zipped({}), "no_images"),
        (lambda: zipped({f"{n}.txt": b"" for n in range(201)}), "too_many_entries"),
    ],
)
async def test_an_archive_that_is_not_taken(client: Client, body: Any, code: str) -> None:
    status, problem = await upload(client, body())
    assert (status, problem["code"], problem["errors"][0]["field"]) == (422, code, "archive")
    assert "{" not in problem["detail"]


async def test_too_few_names_the_minimum_and_the_verdicts(client: Client) -> None:
    for body, offered in ((None, 0), (form(*FOUR[:3], ("x.jpg", b"x")), 4), (zipped(dict(FOUR[:2])), 2)):
        status, problem = await upload(client, body)
        assert (status, problem["code"], problem["minimum"]) == (422, "too_few_photos", 4)
        assert "at least 4" in problem["detail"]
        assert len(problem["verdicts"]) == offered
        assert problem["errors"][0]["field"] == "images"


async def test_too_many_names_the_maximum(serve: Serve) -> None:
    client = await serve(photos_max=5)
    images = [(f"{n}.jpg", photos.portrait(n)) for n in range(6)]
    for body in (form(*images), zipped(dict(images))):
        status, problem = await upload(client, body)
        assert (status, problem["code"], problem["limit"]) == (422, "too_many_photos", 5)


async def test_too_large_names_the_limit(serve: Serve) -> None:
    client = await serve(upload_max_bytes=100_000)
    for body in (
        form(("a.jpg", bytes(60_000)), ("b.jpg", bytes(60_000))),
        archive_form(bytes(100_001)),
        archive_form(bytes(1_500_000)),
    ):
        status, problem = await upload(client, body)
        assert (status, problem["code"], problem["limit"]) == (413, "too_large", 100_000)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{}", "body"),
        (form(("a.jpg", b"x"), archive="x"), "archive"),
        (form(("a.jpg", b"x"), other="x"), "other"),
        (form(("a.jpg", b"x"), captions="no JSON"), "captions"),
        (form(("a.jpg", b"x"), captions='{"a.jpg": 7}'), "captions.a.jpg"),
        (form(("a.jpg", b"x"), captions='{"a.jpg": "a\\u0000b"}'), "captions.a.jpg"),
        (form(("a.jpg", b"x"), captions='{"b.jpg": "TOK"}'), "captions"),
        (form(("a.jpg", b"x"), captions="[" * 50_000), "captions"),
        (form(("a.jpg", b"x"), captions='{"a.jpg": "' + "a" * 1001 + '"}'), "captions.a.jpg"),
    ],
)
async def test_garbage_names_the_field(client: Client, body: Any, field: str) -> None:
    status, problem = await upload(client, body)
    assert (status, problem["errors"][0]["field"]) == (422, field)


async def test_fal_is_down(client: Client, emulator: FalEmulator) -> None:
    emulator.fault("token", "answer", status=503)
    answer = await client.post("/training/upload", data=form(*FOUR), headers=proof(ANA))
    assert (answer.status, (await answer.json())["code"]) == (503, "provider_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert not await Upload.exists()


async def test_operators_hear_once_that_fal_is_locked(serve: Serve, emulator: FalEmulator) -> None:
    client = await serve(admin_ids=frozenset({99}))
    emulator.fault("token", "answer", status=403, times=2)
    for _ in range(2):
        assert (await upload(client, form(*FOUR)))[0] == 503
    messages = await Notification.all()
    assert [(message.chat_id, "account_locked" in (message.text or "")) for message in messages] == [
        (99, True)
    ]


async def test_a_draft_that_outgrew_the_limit_is_not_packed(serve: Serve, cast: None) -> None:
    """Photos of a training that failed come back to those that were added meanwhile."""
    client = await serve(photos_max=4)
    for seed in range(4):
        await client.post("/training/photos", data=photos.portrait(seed), headers=proof(ANA))
    fifth = await Photo.filter(user_id=ANA.id).first()
    assert fifth
    await fifth.clone(pk=uuid.uuid4()).save()
    status, problem = await upload(client)
    assert (status, problem["code"], problem["limit"]) == (422, "too_many_photos", 4)
