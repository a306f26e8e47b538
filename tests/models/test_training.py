"""Starting and moving trainings, with the stars that go along."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tortoise.backends.base.client import BaseDBAsyncClient

from models import LedgerEntry, LoraModel, Notification, Photo, Training, TrainStatus, Upload, User
from models.errors import Conflict, NotFound
from models.lora import LoraStatus
from models.run import claim_submit, release_submit
from models.training import ACTIVE, LEGAL_FROM, cancel, find, move, page, price
from models.user import Person
from tests.people import ANA, ANAS_STARS, BETO, CARLA, order, settle_in, start, started

FILES = ("https://fal.example/weights.safetensors", "https://fal.example/config.json")


@pytest.fixture(autouse=True)
async def _people(db: BaseDBAsyncClient) -> None:
    await settle_in()


async def balance(user_id: int = ANA.id) -> int:
    """The balance, which is the sum of the ledger's rows."""
    stars = (await User.get(id=user_id)).balance
    rows = await LedgerEntry.filter(user_id=user_id).order_by("id")
    assert stars == sum(row.amount for row in rows)
    assert not rows or rows[-1].balance_after == stars
    return stars


async def jobs(db: BaseDBAsyncClient) -> list[str]:
    rows = await db.execute_query_dict("SELECT entrypoint FROM pgqueuer ORDER BY entrypoint")
    return [row["entrypoint"] for row in rows]


async def test_a_start_writes_everything_at_once(db: BaseDBAsyncClient) -> None:
    training = await started()
    assert training.status is TrainStatus.PENDING
    assert (training.stars_spent, training.image_urls) == (150, ["https://photos.example.org/ana.zip"])
    assert (await LoraModel.get(id=training.lora_id)).status is LoraStatus.TRAINING
    assert await balance() == ANAS_STARS - 150
    assert await jobs(db) == ["status", "submit"]


async def test_a_start_without_stars_leaves_nothing(db: BaseDBAsyncClient) -> None:
    assert await start(order(BETO)) is None
    assert not await Training.exists()
    assert not await LoraModel.exists()
    assert await jobs(db) == []


async def test_a_start_by_somebody_unknown_leaves_nothing() -> None:
    assert await start(order(CARLA)) is None
    assert not await LoraModel.exists()


async def test_the_same_key_starts_one_training() -> None:
    first = await start(order(idempotency_key="key:1"))
    assert first is not None
    assert await start(order(idempotency_key="key:1")) is None
    assert await balance() == ANAS_STARS - 150


async def test_concurrent_starts_cannot_overspend() -> None:
    begun = await asyncio.gather(*(start(order()) for _ in range(20)))
    assert sum(one is not None for one in begun) == 3
    assert await Training.all().count() == 3
    assert await LoraModel.all().count() == 3
    assert await balance() == 50


async def test_an_implicit_key_is_given_up_at_the_end() -> None:
    training = await started(idempotency_key="same:abc")
    assert await start(order(idempotency_key="same:abc")) is None
    await move(training.id, TrainStatus.FAILED, error_code="x", error="x")
    assert await start(order(idempotency_key="same:abc")) is not None


@pytest.mark.parametrize(("owner", "hours", "usable"), [(ANA, 1, True), (BETO, 1, False), (ANA, -1, False)])
async def test_an_upload_serves_its_owner_while_it_lasts(owner: Person, hours: int, usable: bool) -> None:
    url = "http://127.0.0.1:1/files/ana.zip"
    await Upload.create(
        id=uuid.uuid4(),
        user_id=owner.id,
        url=url,
        photo_ids=[],
        expires_at=datetime.now(UTC) + timedelta(hours=hours),
    )
    begun = await start(order(images_data_url=url, url_is_public=False))
    assert (begun is not None) is usable


async def test_an_address_that_is_no_upload_must_be_public() -> None:
    assert await start(order(images_data_url="http://127.0.0.1:1/x.zip", url_is_public=False)) is None


async def test_completion_readies_the_model_and_tells_the_person_once(db: BaseDBAsyncClient) -> None:
    training = await started()
    moved = await move(training.id, TrainStatus.COMPLETED, output={"a": 1}, files=FILES, request_id="r1")
    assert moved is not None
    assert (moved.progress, moved.metadata) == (100, {"a": 1})
    assert moved.completed_at is not None
    lora = await LoraModel.get(id=training.lora_id)
    assert (lora.status, lora.weights_url, lora.config_url) == (LoraStatus.READY, *FILES)
    assert await move(training.id, TrainStatus.COMPLETED, files=FILES) is None
    assert await move(training.id, TrainStatus.FAILED, error_code="x", error="x") is None
    assert await balance() == ANAS_STARS - 150
    assert await Notification.all().count() == 1


async def test_a_failure_gives_the_price_back_exactly_once(db: BaseDBAsyncClient) -> None:
    training = await started()
    results = await asyncio.gather(
        *(move(training.id, TrainStatus.FAILED, error_code="x", error="x") for _ in range(8))
    )
    assert sum(one is not None for one in results) == 1
    assert await balance() == ANAS_STARS
    assert await Notification.all().count() == 1
    assert (await Training.get(id=training.id)).refunded


async def test_progress_never_goes_back() -> None:
    training = await started()
    await move(training.id, TrainStatus.TRAINING, progress=40, step=400)
    assert await move(training.id, TrainStatus.TRAINING, progress=30, step=300) is None
    moved = await move(training.id, TrainStatus.TRAINING, progress=41, step=300)
    assert moved is not None
    assert (moved.progress, moved.step) == (41, 400)
    assert await move(training.id, TrainStatus.PENDING, queue_position=3) is None


async def test_a_change_is_announced(db: BaseDBAsyncClient, dsn: str) -> None:
    from models.db import connect
    from models.run import CHANNEL

    training = await started()
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = await connect(dsn)
    try:
        await listener.add_listener(CHANNEL, lambda *event: heard.put_nowait(event[3]))
        await move(training.id, TrainStatus.TRAINING)
        assert await asyncio.wait_for(heard.get(), 5) == str(training.id)
    finally:
        await listener.close()


async def test_only_one_may_submit_until_it_is_released() -> None:
    training = await started()
    now = datetime.now(UTC)
    names = [now + timedelta(microseconds=number) for number in range(5)]
    claims = await asyncio.gather(*(claim_submit(Training, training.id, at) for at in names))
    assert sum(claims) == 1
    mine = names[claims.index(True)]
    for at in names:
        if at != mine:
            await release_submit(Training, training.id, at)
    assert not await claim_submit(Training, training.id, now)
    await release_submit(Training, training.id, mine)
    assert await claim_submit(Training, training.id, now)
    await move(training.id, TrainStatus.PENDING, request_id="r1")
    await release_submit(Training, training.id, now)
    assert not await claim_submit(Training, training.id, now)


async def test_cancelling_ends_refunds_and_tells_fal(db: BaseDBAsyncClient) -> None:
    training = await started()
    await move(training.id, TrainStatus.TRAINING, request_id="r1", progress=5)
    cancelled = await cancel(ANA.id, training.lora_id)
    assert (cancelled.status, cancelled.error_code) == (TrainStatus.FAILED, "cancelled")
    assert await balance() == ANAS_STARS
    assert "cancel" in await jobs(db)
    again = await cancel(ANA.id, training.id)
    assert again.error_code == "cancelled"
    assert await balance() == ANAS_STARS


async def test_what_has_ended_cannot_be_cancelled() -> None:
    training = await started()
    await move(training.id, TrainStatus.COMPLETED, files=FILES)
    with pytest.raises(Conflict):
        await cancel(ANA.id, training.id)


async def test_somebody_elses_training_does_not_exist() -> None:
    training = await started()
    assert (await find(ANA.id, training.lora_id)).id == training.id
    for any_id in (training.id, training.lora_id):
        with pytest.raises(NotFound):
            await find(BETO.id, any_id)
        with pytest.raises(NotFound):
            await cancel(BETO.id, any_id)


async def test_pages_hold_every_training_once() -> None:
    all_ids = [(await started(price=1)).id for _ in range(7)]
    seen: list[uuid.UUID] = []
    before = None
    while rows := await page(ANA.id, 3, before):
        seen += [row.id for row in rows]
        before = (rows[-1].started_at, rows[-1].id)
    assert seen == all_ids[::-1]


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(list(TrainStatus)), st.integers(0, 99), st.booleans()), max_size=12
    )
)
@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_any_sequence_of_moves_keeps_the_books(steps: list[tuple[TrainStatus, int, bool]]) -> None:
    before = await balance()
    training = await started(price=10)
    state, progress = TrainStatus.PENDING, 0
    for to, percent, with_request in steps:
        moved = await move(
            training.id,
            to,
            progress=percent,
            files=FILES if to is TrainStatus.COMPLETED else None,
            request_id=f"r-{training.id}" if with_request else None,
            error_code="x" if to is TrainStatus.FAILED else None,
        )
        if moved:
            assert state in LEGAL_FROM[to]
            state = to
        row = await Training.get(id=training.id)
        assert row.status is state
        assert row.progress >= progress
        progress = row.progress
    assert await balance() == before - (0 if state is TrainStatus.FAILED else 10)
    ended = state not in ACTIVE
    assert await Notification.filter(training_id=training.id).count() == ended
    if not ended:
        await cancel(ANA.id, training.id)


@pytest.mark.parametrize(
    ("steps", "factor", "stars"),
    [(1000, 1.0, 150), (1, 1.0, 30), (1001, 1.0, 151), (2000, 1.5, 450), (3000, 1.1, 495)],
)
def test_the_price_is_linear_and_has_a_minimum(steps: int, factor: float, stars: int) -> None:
    assert price(steps, factor, 150, 30) == stars


async def test_trainings_of_the_same_photos_begin_and_end_at_once(db: BaseDBAsyncClient) -> None:
    """Whoever locked photos and stars in another order than the rest would end in a deadlock."""
    photo = await Photo.create(
        id=uuid.uuid4(), user_id=ANA.id, file_name="a.jpg", sha256="0" * 64, dhash="0" * 16, width=1,
        height=1, bytes=4, thumbnail=b"", source="app", expires_at=datetime.now(UTC) + timedelta(hours=1),
    )  # fmt: skip
    url = "https://fal.example/ana.zip"
    await Upload.create(
        id=uuid.uuid4(), user_id=ANA.id, url=url, photo_ids=[photo.id],
        expires_at=datetime.now(UTC) + timedelta(hours=1),
    )  # fmt: skip

    async def one() -> None:
        training = await started(images_data_url=url, url_is_public=False, price=1)
        await move(training.id, TrainStatus.FAILED, error_code="x", error="It broke.")

    for _ in range(5):
        await asyncio.gather(*(one() for _ in range(8)))
    assert await balance() == ANAS_STARS
    assert (await Photo.get(id=photo.id)).training_id is None
