"""The cast of every test, with fixed rights: Ana pays, Beto is broke, Carla is a stranger, Olga operates."""

import hashlib
import hmac
import json
import time
import uuid
from dataclasses import fields as dataclass_fields
from typing import Any
from urllib.parse import urlencode

from tortoise.transactions import in_transaction

from models import generation as generations
from models.generation import Asked, Origin, UsedLora
from models.generation import Order as PictureOrder
from models.lora import LoraModel, LoraStatus
from models.training import Begun, Order, Training, begin
from models.user import Person, remember
from sandbox.telegram import Person as TelegramPerson
from tests.conftest import BOT_TOKEN

ANA = Person(id=5_000_000_001, first_name="Ana", username="ana", language_code="en")
BETO = Person(id=5_000_000_002, first_name="Beto", username=None, language_code="es")
CARLA = Person(id=5_000_000_003, first_name="Carla", username="carla", language_code="en")
OLGA = Person(id=5_000_000_009, first_name="Olga", username="olga", language_code="en")

DANA = Person(id=42, first_name="Dana", language_code="en")
"""Somebody new."""

ANAS_STARS = 500


async def settle_in() -> None:
    """Ana with her stars and Beto without any; nobody has ever seen Carla."""
    await remember(ANA, ANAS_STARS)
    await remember(BETO, 0)


def order(person: Person = ANA, **changes: Any) -> Order:
    """An order that is fine in itself; each its own, unless its key is given."""
    fields: dict[str, Any] = {
        "user_id": person.id,
        "trainer": "flux-lora-fast",
        "name": "Ana in Lisbon",
        "trigger_word": "anatok",
        "images_data_url": "https://photos.example.org/ana.zip",
        "url_is_public": True,
        "steps": 1000,
        "is_style": False,
        "create_masks": True,
        "price": 150,
        "idempotency_key": f"key:{uuid.uuid4()}",
        "idempotency_body": "0" * 64,
    }
    return Order(**fields | changes)


async def start(wanted: Order) -> Begun | None:
    """Begins a training as the HTTP side does: a begin that answers None leaves nothing behind."""
    async with in_transaction() as tx:
        begun = await begin(tx, wanted)
        if begun is None:
            await tx.rollback()
    return begun


async def started(person: Person = ANA, **changes: Any) -> Training:
    begun = await start(order(person, **changes))
    assert begun is not None
    return await Training.get(id=begun.training_id)


async def ready_model(person: Person = ANA, **fields: Any) -> LoraModel:
    """A model that its owner may make pictures with; its weights are nowhere unless an address is given."""
    values: dict[str, Any] = {
        "id": uuid.uuid4(),
        "user_id": person.id,
        "base_model_id": "flux-lora-fast",
        "name": "Ana in Lisbon",
        "trigger_word": "anatok",
        "status": LoraStatus.READY,
        "weights_url": "https://fal.example/weights.safetensors",
    }
    return await LoraModel.create(**values | fields)


async def asked_for(model: LoraModel, person: Person = ANA, **changes: Any) -> uuid.UUID | None:
    """Asks for pictures with the model as everybody does; what can't be paid leaves nothing behind."""
    how = {"origin": Origin.APP, "idempotency_key": f"key:{uuid.uuid4()}", "idempotency_body": ""}
    asked = Asked(**how | {name: changes.pop(name) for name in list(changes) if name in _ASKED})
    wanted: dict[str, Any] = {
        "user_id": person.id,
        "base_model_id": model.base_model_id,
        "prompt": "on a beach",
        "loras": [UsedLora(model.id, 1.0)],
        "aspect": "1:1",
        "steps": 28,
        "guidance": 3.5,
        "seed": 7,
        "count": 2,
        "price": 6,
    }
    async with in_transaction() as tx:
        begun = await generations.begin(tx, PictureOrder(**wanted | changes), asked)
        if begun is None:
            await tx.rollback()
    return begun


_ASKED = frozenset(field.name for field in dataclass_fields(Asked))


def telegram_people(*people: Person) -> tuple[TelegramPerson, ...]:
    """The same people in the emulated Telegram; all of them have started the bot."""
    return tuple(
        TelegramPerson(
            id=person.id,
            first_name=person.first_name,
            username=person.username or f"user{person.id}",
            language=person.language_code or "en",
            started=True,
        )
        for person in people
    )


def proof(person: Person) -> dict[str, str]:
    """The header by which the person proves who they are."""
    return {"Authorization": f"tma {init_data(person)}"}


def init_data(
    person: Person, token: str = BOT_TOKEN, /, *, auth_date: float | None = None, **fields: str
) -> str:
    """Init data as Telegram signs it for the Mini App (https://core.telegram.org/bots/webapps)."""
    user = {
        "id": person.id,
        "first_name": person.first_name,
        "username": person.username,
        "language_code": person.language_code,
    }
    values = {
        "user": json.dumps({name: value for name, value in user.items() if value is not None}),
        "auth_date": str(int(time.time() if auth_date is None else auth_date)),
        **fields,
    }
    lines = "\n".join(f"{name}={value}" for name, value in sorted(values.items()))
    secret = hmac.new(b"WebAppData", token.encode(), hashlib.sha256).digest()
    values["hash"] = hmac.new(secret, lines.encode(), hashlib.sha256).hexdigest()
    return urlencode(values)
