"""LoRA models: whose are seen by whom, editing, selecting, previews, deletion."""

import asyncio
import time
import uuid
from typing import Any

import pytest
from tortoise.backends.base.client import BaseDBAsyncClient

from models import LedgerEntry, LoraModel, Photo, SelectedModel, Training, TrainStatus, Upload
from models.lora import SELECTED_MAX
from models.training import move
from models.user import Person
from tests.people import ANA, BETO, proof, started
from tests.photos import blurred, portrait
from tests.web.conftest import Client
from tests.web.test_uploads import form
from web import addresses

pytestmark = pytest.mark.usefixtures("cast")

FILES = ("https://fal.example/weights.safetensors", "https://fal.example/config.json")


async def ready(person: Person = ANA, **changes: Any) -> Training:
    """A training that has ended with a model."""
    training = await started(person, **{"price": 0} | changes)
    await move(training.id, TrainStatus.COMPLETED, files=FILES, output={"diffusers_lora_file": {"url": "u"}})
    return training


async def call(
    client: Client, method: str, path: str, who: Person = ANA, json: Any = None
) -> tuple[int, Any]:
    answer = await client.request(method, path, headers=proof(who), json=json)
    return answer.status, await answer.json() if answer.status != 204 else None


async def edit(client: Client, training: Training, who: Person = ANA, **changes: Any) -> tuple[int, Any]:
    return await call(client, "PATCH", f"/models/{training.lora_id}", who, changes)


async def names(client: Client, who: Person, scope: str | None = None) -> list[str]:
    status, page = await call(client, "GET", f"/models{f'?scope={scope}' if scope else ''}", who)
    assert status == 200
    return [item["name"] for item in page["items"]]


# --- who sees what ---


async def test_a_model_is_its_owners_alone_until_it_is_public(client: Client) -> None:
    training = await ready()
    status, model = await call(client, "GET", f"/models/{training.lora_id}")
    assert status == 200
    assert model.pop("createdAt").endswith("Z")
    assert model == {
        "id": str(training.lora_id),
        "name": "Ana in Lisbon",
        "triggerWord": "anatok",
        "trainer": "flux-lora-fast",
        "own": True,
        "isPublic": False,
        "selected": False,
        "hidden": False,
        "preview": None,
    }
    assert (await call(client, "GET", f"/models/{training.lora_id}", BETO))[0] == 404
    assert await names(client, BETO) == []

    assert (await edit(client, training, isPublic=True))[1]["isPublic"]
    status, model = await call(client, "GET", f"/models/{training.lora_id}", BETO)
    assert (status, model["own"]) == (200, False)
    assert await names(client, BETO) == await names(client, BETO, "public") == ["Ana in Lisbon"]
    assert await names(client, BETO, "own") == []

    await edit(client, training, isPublic=False)
    assert (await call(client, "GET", f"/models/{training.lora_id}", BETO))[0] == 404


async def test_what_is_no_model_yet_is_not_listed(client: Client) -> None:
    running, failed = await started(price=0), await started(price=0)
    await move(failed.id, TrainStatus.FAILED, error_code="x", error="It broke.")
    assert await names(client, ANA) == []
    for training in (running, failed):
        assert (await call(client, "GET", f"/models/{training.lora_id}"))[0] == 404
        assert (await call(client, "DELETE", f"/models/{training.lora_id}"))[0] == 404


@pytest.mark.parametrize("scope", ["all", "own", "public", "selected"])
async def test_every_list_page_by_page(client: Client, db: BaseDBAsyncClient, scope: str) -> None:
    anas = [await ready(name=f"A{n}") for n in range(3)]
    betos = [await ready(BETO, name=f"B{n}") for n in range(3)]
    for training in (*anas[:2], *betos[:2]):
        who = ANA if training in anas else BETO
        assert (await edit(client, training, who, isPublic=True))[0] == 200
        assert (await edit(client, training, selected=True))[0] == 200
    moments = [row.created_at for row in await LoraModel.all().order_by("created_at")]
    await LoraModel.filter(name__in=["A0", "B0", "A2"]).update(created_at=moments[0])  # the id decides
    expected = {
        "all": {"A0", "A1", "A2", "B0", "B1"},
        "own": {"A0", "A1", "A2"},
        "public": {"A0", "A1", "B0", "B1"},
        "selected": {"A0", "A1", "B0", "B1"},
    }
    seen: list[dict[str, Any]] = []
    cursor = ""
    while True:
        status, page = await call(client, "GET", f"/models?scope={scope}&limit=2{cursor}")
        assert status == 200
        seen += page["items"]
        if page["nextCursor"] is None:
            break
        cursor = f"&cursor={page['nextCursor']}"
    assert len(seen) == len(expected[scope])
    assert {item["name"] for item in seen} == expected[scope]
    assert seen == sorted(seen, key=lambda item: (item["createdAt"], item["id"]), reverse=True)


@pytest.mark.parametrize("query", ["scope=mine", "limit=0", "cursor=x", "limit=101"])
async def test_a_list_that_is_none(client: Client, query: str) -> None:
    status, problem = await call(client, "GET", f"/models?{query}")
    assert (status, problem["errors"][0]["field"]) == (422, query.partition("=")[0])


# --- editing ---


async def test_renaming(client: Client) -> None:
    training = await ready()
    status, model = await edit(client, training, name="  Ana, by the sea ")
    assert (status, model["name"]) == (200, "Ana, by the sea")
    for name in ("👩‍👩‍👧 🎉", "שרה", "Ana ❤️"):
        assert (await edit(client, training, name=name))[1]["name"] == name
    await edit(client, training, name="Ana, by the sea")
    assert (await call(client, "GET", "/training"))[1]["items"][0]["name"] == "Ana, by the sea"


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "   "},
        {"name": "a\nb"},
        {"name": "x" * 65},
        {"name": 7},
        {"name": "a\u202ebc"},
        {"name": "\u200b"},
        {"name": "\u2800 \u3164"},
        {"name": "a\u0085x"},
        {"isPublic": "yes"},
        {"is_public": True},
        {"selected": 1},
        {"weightsUrl": "https://x"},
    ],
)
async def test_an_edit_that_is_none_changes_nothing(client: Client, changes: dict[str, Any]) -> None:
    training = await ready()
    status, problem = await edit(client, training, **changes)
    assert (status, problem["errors"][0]["field"]) == (422, next(iter(changes)))
    assert (await call(client, "GET", f"/models/{training.lora_id}"))[1]["name"] == "Ana in Lisbon"


async def test_another_persons_model_stays_as_it_is(client: Client) -> None:
    training = await ready()
    assert (await edit(client, training, BETO, name="Mine"))[0] == 404
    await edit(client, training, isPublic=True)
    for changes in ({"name": "Mine"}, {"isPublic": False}, {"selected": True, "name": "Mine"}):
        status, problem = await edit(client, training, BETO, **changes)
        assert (status, problem["code"]) == (403, "not_the_owner")
    assert (await call(client, "DELETE", f"/models/{training.lora_id}", BETO))[0] == 403
    assert await names(client, BETO) == ["Ana in Lisbon"]
    assert not await SelectedModel.exists()


# --- selecting ---


async def test_five_can_be_selected_however_they_race(client: Client) -> None:
    trainings = [await ready() for _ in range(SELECTED_MAX + 3)]
    answers = await asyncio.gather(*(edit(client, training, selected=True) for training in trainings))
    assert sorted(status for status, _ in answers) == [200] * SELECTED_MAX + [422] * 3
    refused = next(problem for status, problem in answers if status == 422)
    assert (refused["code"], refused["limit"]) == ("too_many_selected", SELECTED_MAX)
    assert await SelectedModel.all().count() == SELECTED_MAX

    chosen = next(training for training, (status, _) in zip(trainings, answers, strict=True) if status == 200)
    assert (await edit(client, chosen, selected=True))[0] == 200  # it is already
    assert not (await edit(client, chosen, selected=False))[1]["selected"]
    assert await SelectedModel.all().count() == SELECTED_MAX - 1


async def test_what_becomes_private_is_selected_by_its_owner_alone(client: Client) -> None:
    training = await ready()
    await edit(client, training, isPublic=True, selected=True)
    assert (await edit(client, training, BETO, selected=True))[1]["selected"]
    await edit(client, training, name="Renamed")
    assert await names(client, BETO, "selected") == ["Renamed"]
    await edit(client, training, isPublic=False)
    assert await names(client, BETO, "selected") == []
    assert await names(client, ANA, "selected") == ["Renamed"]
    await edit(client, training, isPublic=True)
    assert await names(client, BETO, "selected") == []


# --- deletion ---


async def test_a_deleted_model_is_gone_and_its_stars_keep_their_reason(client: Client) -> None:
    training = await ready(price=150)
    await edit(client, training, isPublic=True)
    await edit(client, training, BETO, selected=True)
    assert await call(client, "DELETE", f"/models/{training.lora_id}") == (204, None)
    for method, path in (
        ("GET", f"/models/{training.lora_id}"),
        ("DELETE", f"/models/{training.lora_id}"),
        ("GET", f"/training/{training.id}/status"),
    ):
        assert (await call(client, method, path))[0] == 404
    for who, scope in ((ANA, "all"), (BETO, "all"), (BETO, "selected")):
        assert await names(client, who, scope) == []
    assert (await call(client, "GET", "/training"))[1]["items"] == []

    row = await LoraModel.get(id=training.lora_id)
    kept = await Training.get(id=training.id)
    assert not any([row.weights_url, row.config_url, row.preview, kept.metadata, kept.image_urls])
    spent = await LedgerEntry.get(training_id=training.id)
    assert spent.amount == -150
    _, account = await call(client, "GET", "/account")
    assert account["history"][0]["training"] == {"id": None, "name": "Ana in Lisbon"}


# --- previews ---


async def with_preview(client: Client) -> Training:
    """A model of four uploaded photos."""
    four = [(f"{n}.jpg", portrait(n)) for n in range(4)]
    answer = await client.post("/training/upload", data=form(*four), headers=proof(ANA))
    return await ready(images_data_url=(await answer.json())["images_data_url"], url_is_public=False)


async def test_a_model_is_known_by_one_of_its_photos(client: Client) -> None:
    training = await with_preview(client)
    _, model = await call(client, "GET", f"/models/{training.lora_id}")
    answer = await client.get(model["preview"])  # as an <img> does: without a proof
    assert (answer.status, answer.content_type) == (200, "image/jpeg")
    assert answer.headers["Cache-Control"].startswith("private, ")
    assert await answer.read() == (await Upload.first()).preview  # type: ignore[union-attr]  # there is one
    assert (await call(client, "GET", f"/models/{training.lora_id}"))[1]["preview"] == model["preview"]


async def test_a_draft_gives_its_first_good_photo(client: Client) -> None:
    for seed in range(4):
        image = (blurred if seed == 0 else portrait)(seed)
        assert (await client.post("/training/photos", data=image, headers=proof(ANA))).status == 201
    draft = (await call(client, "GET", "/training/photos"))[1]["photos"]
    assert [photo["code"] for photo in draft][:2] == ["blurred", None]
    await client.post("/training/upload", headers=proof(ANA))
    upload = await Upload.get()
    assert upload.preview is not None
    good = await Photo.get(id=uuid.UUID(draft[1]["id"]))
    assert upload.preview == good.thumbnail


async def test_a_failed_training_keeps_no_photo(client: Client) -> None:
    answer = await client.post(
        "/training/upload", data=form(*[(f"{n}.jpg", portrait(n)) for n in range(4)]), headers=proof(ANA)
    )
    url = (await answer.json())["images_data_url"]
    training = await started(price=0, images_data_url=url, url_is_public=False)
    assert (await LoraModel.get(id=training.lora_id)).preview is not None
    await move(training.id, TrainStatus.FAILED, error_code="x", error="It broke.")
    assert (await LoraModel.get(id=training.lora_id)).preview is None


async def test_an_address_ends_with_its_time_and_with_what_was_private_or_public(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = await with_preview(client)
    private = (await call(client, "GET", f"/models/{training.lora_id}"))[1]["preview"]
    public = (await edit(client, training, isPublic=True))[1]["preview"]
    assert (await client.get(private)).status == 404
    assert (await client.get(public)).status == 200

    for wrong in (
        public[:-1],
        public[:-1] + "\xe9",
        public.replace("until=1", "until=2"),
        public.partition("?")[0],
    ):
        assert (await client.get(wrong)).status in {404, 422}
    in_two_days = time.time() + 2 * addresses.DAY
    with monkeypatch.context() as later:
        later.setattr(time, "time", lambda: in_two_days)
        assert (await client.get(public)).status == 404

    await edit(client, training, isPublic=False)
    assert (await client.get(public)).status == 404
    await call(client, "DELETE", f"/models/{training.lora_id}")
    assert (await client.get(private)).status == 404
