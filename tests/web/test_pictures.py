"""Pictures as files, by addresses that prove themselves; and the whole way from a wish to them."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tortoise.backends.base.client import BaseDBAsyncClient

from bot.app import create_bot
from config import Settings
from fal.client import Fal
from jobs.app import handlers
from jobs.worker import working
from media.pool import ImagePool
from media.storage import Storage
from models import Generation, LoraModel, Notification, Picture
from models.generation import complete
from models.moderation import hide, refuse
from models.picture import NewPicture
from sandbox.fal.lora import pack
from tests.bot.chats import hang_up
from tests.people import ANA, BETO, OLGA, asked_for, proof, ready_model
from tests.web.conftest import Client, Serve
from tests.web.test_models import call
from tests.web.test_start import start
from tests.web.test_trainings import events_in
from web import addresses, weights

pytestmark = pytest.mark.usefixtures("cast")

JPEG = b"\xff\xd8 the whole picture"
THUMBNAIL = b"\xff\xd8 its thumbnail"


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """The application's own."""
    return Storage.from_url(str(tmp_path / "objects"))


@pytest.fixture
async def picture(storage: Storage, tmp_path: Path) -> Picture:
    """One of Ana's, whose file is there."""
    generation_id = await asked_for(await ready_model(), count=1, price=3)
    assert generation_id
    await complete(generation_id, [NewPicture(0, 1024, 1024, len(JPEG), THUMBNAIL)])
    row = await Picture.get(generation_id=generation_id)
    file = tmp_path / "picture.jpg"
    file.write_bytes(JPEG)
    await storage.put(row.storage_key, file)
    return row


async def shown(client: Client, picture: Picture) -> dict[str, str]:
    _, generation = await call(client, "GET", f"/generation/{picture.id}")
    answer: dict[str, str] = generation["pictures"][0]
    return answer


# --- addresses ---


async def test_a_picture_by_its_addresses(client: Client, picture: Picture) -> None:
    answered = await shown(client, picture)
    for name, body in (("thumbnail", THUMBNAIL), ("url", JPEG), ("download", JPEG)):
        answer = await client.get(answered[name])  # as an <img> does: without a proof
        assert (answer.status, answer.content_type, await answer.read()) == (200, "image/jpeg", body)
        assert answer.headers["Cache-Control"] == f"private, max-age={addresses.DAY}, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.content_length == len(body)
        head = await client.head(answered[name])
        assert (head.status, head.content_length) == (200, len(body))
    assert answer.headers["Content-Disposition"] == f'attachment; filename="selfi-{picture.id}.jpg"'
    assert answer.headers["Access-Control-Allow-Origin"] == "https://web.telegram.org"
    assert await shown(client, picture) == answered, "the same addresses, which a browser keeps"


async def test_addresses_that_prove_nothing(
    client: Client, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = await shown(client, picture)
    url, thumbnail = answered["url"], answered["thumbnail"]
    for wrong in (
        url[:-1],
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.replace("until=", "until=9"),
        url.replace("/file", "/download"),
        thumbnail.replace("/thumbnail", "/file"),
        url.replace(str(picture.id), str(uuid.uuid4())),
        url.partition("?")[0],
    ):
        answer = await client.get(wrong, headers=proof(ANA))
        assert answer.status in {404, 422}, wrong
        assert answer.headers["Cache-Control"] == "no-store"
    in_two_days = time.time() + 2 * addresses.DAY
    with monkeypatch.context() as later:
        later.setattr(time, "time", lambda: in_two_days)
        assert (await client.get(url)).status == 404
    assert (await client.get(url)).status == 200


async def test_a_deleted_picture_is_gone_from_its_addresses(client: Client, picture: Picture) -> None:
    answered = await shown(client, picture)
    assert (await call(client, "DELETE", f"/generation/{picture.id}"))[0] == 204
    for name in ("thumbnail", "url", "download"):
        assert (await client.get(answered[name])).status == 404


async def test_a_file_that_got_lost(client: Client, picture: Picture, storage: Storage) -> None:
    await storage.delete([picture.storage_key])
    answer = await client.get((await shown(client, picture))["url"])
    assert (answer.status, (await answer.json())["code"]) == (404, "file_not_found")


async def test_weights_by_their_address(
    serve: Serve, storage: Storage, settings: Settings, tmp_path: Path
) -> None:
    client = await serve()
    model = await ready_model()
    known = settings.model_copy(update={"public_url": "https://selfi.example.org"})
    now = datetime.now(UTC)
    address = (weights.address(known, model.id, now) or "").removeprefix("https://selfi.example.org")
    assert weights.address(settings, model.id, now) is None, "nobody can reach us"
    assert (await client.get(address)).status == 404, "there is no copy yet"
    file = tmp_path / "weights"
    file.write_bytes(b"x" * 3_000_000)
    await storage.put(model.weights_key, file)
    await LoraModel.filter(id=model.id).update(weights_kept_at=now)
    answer = await client.get(address)
    assert (answer.status, len(await answer.read())) == (200, 3_000_000)
    assert ".safetensors" in answer.headers["Content-Disposition"]
    other = address.replace("until=", "until=9")
    assert (await client.get(other)).status == 404
    await call(client, "DELETE", f"/models/{model.id}")
    assert (await client.get(address)).status == 404


# --- the whole way ---


@pytest.fixture
async def fal(
    fal_settings: Settings, storage: Storage, image_pool: ImagePool, dsn: str, cast: None
) -> AsyncIterator[Fal]:
    """fal's twin, and the jobs at work; they ask often, since it has no address of ours to call."""
    quick = fal_settings.model_copy(update={"fal_poll_seconds": 0.05, "fal_poll_max_seconds": 0.1})
    quick.temporary_dir.mkdir(parents=True, exist_ok=True)
    client, bot = Fal(**quick.fal), create_bot(quick)
    jobs = handlers(quick, fal=client, bot=bot, storage=storage, pool=image_pool)
    async with working(dsn, jobs, {}, heartbeat_seconds=1, idle_seconds=0.05):
        yield client
    await hang_up(bot)
    await client.close()


async def test_from_a_wish_to_pictures_and_their_deletion(
    client: Client, fal: Fal, storage: Storage, tmp_path: Path
) -> None:
    async with asyncio.timeout(60):
        file = tmp_path / "weights"
        file.write_bytes(pack({"trigger_word": "anatok"}, seed=1))
        url = await fal.upload(
            file, content_type="application/octet-stream", file_name="w", expires_in=timedelta(hours=1)
        )
        await ready_model(weights_url=url)
        _, asked = await call(client, "POST", "/generation", json={"prompt": "on a beach", "count": 3})
        answer = await client.get(f"/generation/{asked['id']}/events", headers=proof(ANA))
        told = [one async for name, one in events_in(answer) if name != ":"]
        assert [told[0]["status"], told[-1]["status"]] == ["PENDING", "COMPLETED"]
        made = told[-1]["pictures"]
        assert len(made) == 3
        for one in made:
            for name in ("thumbnail", "url", "download"):
                got = await client.get(one[name])
                assert (got.status, (await got.read())[:2]) == (200, b"\xff\xd8")
        keys = [row.storage_key for row in await Picture.all().order_by("position")]
        assert [await storage.exists(key) for key in keys] == [True] * 3

        assert (await call(client, "DELETE", f"/generation/{made[0]['id']}"))[0] == 204
        await gone(storage, keys[0])
        assert [await storage.exists(key) for key in keys[1:]] == [True] * 2
        assert (await call(client, "DELETE", f"/generation/{asked['id']}"))[0] == 204
        for key in keys[1:]:
            await gone(storage, key)
    assert not await Picture.exists()
    assert not await Notification.exists(), "the app shows for itself"


async def gone(storage: Storage, key: str) -> None:
    while await storage.exists(key):
        await asyncio.sleep(0.02)


async def test_what_fails_ends_the_stream_with_its_reason(
    client: Client, fal: Fal, fal_settings: Settings
) -> None:
    await ready_model(weights_url=f"{fal_settings.fal_cdn_url}/files/a/gone")
    async with asyncio.timeout(60):
        _, asked = await call(client, "POST", "/generation", json={"prompt": "on a beach"})
        answer = await client.get(f"/generation/{asked['id']}/events", headers=proof(ANA))
        told = [one async for name, one in events_in(answer) if name != ":"]
    assert (told[-1]["status"], told[-1]["errorCode"]) == ("FAILED", "file_download_error")
    assert (told[-1]["starsRefunded"], told[-1]["error"]) == (3, "The provider could not fetch the model.")


# --- reports, hidden models, refused words ---


async def test_a_public_model_is_reported_once(serve: Serve) -> None:
    client = await serve(admin_ids=frozenset({OLGA.id}))
    model = await ready_model(BETO, is_public=True)
    path = f"/models/{model.id}/report"
    for reason in ("not a nice one", "again"):
        assert await call(client, "POST", path, json={"reason": reason}) == (204, None)
    [note] = await Notification.filter(kind="operator")
    assert note.chat_id == OLGA.id
    assert "not a nice one" in (note.text or "")
    assert str(model.id) in (note.text or "")


async def test_reports_that_are_none(client: Client) -> None:
    model = await ready_model(BETO, is_public=True)
    path = f"/models/{model.id}/report"
    status, problem = await call(client, "POST", path, BETO, {})
    assert (status, problem["code"]) == (409, "own_model")
    assert (await call(client, "POST", path, json={"reason": "x" * 501}))[0] == 422
    assert (await call(client, "POST", path, json={"why": "x"}))[0] == 422
    await LoraModel.filter(id=model.id).update(is_public=False)
    for model_id in (model.id, uuid.uuid4(), "x"):
        status, problem = await call(client, "POST", f"/models/{model_id}/report", json={})
        assert (status, problem["code"]) == (404, "model_not_found")


async def test_a_hidden_model_is_its_owners_alone(client: Client) -> None:
    model = await ready_model(BETO, is_public=True, preview=THUMBNAIL)
    path = f"/models/{model.id}"
    public = (await call(client, "GET", path))[1]
    assert public["hidden"] is False
    assert (await client.get(public["preview"])).status == 200
    await hide(model.id, hidden=True)
    assert (await call(client, "GET", path))[0] == 404
    assert (await client.get(public["preview"])).status == 404
    assert (await client.get((await call(client, "GET", path, BETO))[1]["preview"])).status == 200
    assert (await call(client, "GET", "/models?scope=public"))[1]["items"] == []
    assert (await call(client, "GET", path, BETO))[1]["hidden"] is True
    status, problem = await call(client, "PATCH", path, BETO, {"isPublic": True})
    assert (status, problem["code"]) == (403, "model_hidden")
    await hide(model.id, hidden=False)
    assert (await call(client, "GET", path))[1]["hidden"] is False


async def test_a_refused_trigger_word(client: Client) -> None:
    await refuse(OLGA.id, "bad word")
    for word in ("Bad Word", "a bàd-word", "BAD  WORD x"):
        status, problem = await start(client, {"trigger_word": word})
        assert (status, problem["code"], problem["errors"][0]["field"]) == (
            422,
            "word_refused",
            "trigger_word",
        )
    assert (await start(client, {"trigger_word": "badword"}))[0] == 200


# --- styles ---


async def test_styles_in_the_persons_language(client: Client, db: BaseDBAsyncClient) -> None:
    status, english = await call(client, "GET", "/styles")
    assert status == 200
    spanish = (await call(client, "GET", "/styles", BETO))[1]
    assert [one["id"] for one in spanish["items"]] == [one["id"] for one in english["items"]]
    assert spanish["items"] != english["items"]
    for style in english["items"]:
        assert style["prompt"]
        answer = await client.get(style["preview"])  # without a proof
        assert (answer.status, answer.content_type.partition("/")[0]) == (200, "image")
        assert answer.headers["Cache-Control"] == "public, max-age=3600"
        again = await client.get(style["preview"], headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status == 304
    for unknown in ("nothing", "..%2fstyles.toml", "%00"):
        assert (await client.get(f"/styles/{unknown}/preview")).status == 404
    assert not await Generation.exists()
