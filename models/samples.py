"""The first pictures of a new model: on the house, its preview, and part of the message that it is ready."""

import secrets
import uuid

from tortoise.backends.base.client import BaseDBAsyncClient

from fal.pictures import SEED_MAX
from fal.trainers import TRAINERS
from models import generation as generations
from models.generation import Asked, Order, Origin, UsedLora

_SUBJECT = "a portrait photo of {word}, looking into the camera, soft daylight, blurred background"
_STYLE = "a harbour town at sunset, boats and small houses, in the style of {word}"


async def make_samples(tx: BaseDBAsyncClient, training_id: uuid.UUID, count: int) -> bool:
    """Begins a generation with the training's model; False where there is one, or no such training."""
    rows = await tx.execute_query_dict(
        "SELECT user_id, lora_id, base_model_id, instance_prompt, is_style FROM trainings WHERE id = $1",
        [training_id],
    )
    if not rows:
        return False
    training = rows[0]
    painter = TRAINERS[training["base_model_id"]].painter
    prompt = _STYLE if training["is_style"] else _SUBJECT
    order = Order(
        user_id=training["user_id"],
        base_model_id=training["base_model_id"],
        prompt=prompt.format(word=training["instance_prompt"]),
        loras=[UsedLora(training["lora_id"], 1.0)],
        aspect="1:1",
        steps=painter.default_steps,
        guidance=painter.default_guidance,
        seed=secrets.randbelow(SEED_MAX + 1),
        count=min(count, painter.max_pictures),
        price=0,
    )
    key = f"samples:{training_id}"
    asked = Asked(Origin.SAMPLE, idempotency_key=key, idempotency_body="", training_id=training_id)
    return await generations.begin(tx, order, asked) is not None
