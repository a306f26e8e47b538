"""POST /training/start: one transaction of three round trips; why it failed is found out only afterwards."""

from datetime import UTC, datetime

from aiohttp import web
from tortoise.transactions import in_transaction

from fal.trainers import DEFAULT_TRAINER, TRAINERS, Trainer
from models import moderation, training, user
from models.errors import Invalid, NotEnoughStars, Unauthenticated, Unavailable
from models.photo import Upload
from models.run import Once, earlier, once
from models.training import Begun, Order, Training
from models.user import Person, User
from web import schemas
from web.bodies import idempotency_key, json_answer, read_json
from web.keys import IDENTITY, SETTINGS
from web.public_url import why_not_public

_ATTEMPTS = 3


async def start(request: web.Request) -> web.Response:
    body = await read_json(request, schemas.TrainingStart)
    order = _order(request, body)
    begun = await _place(order, request[IDENTITY].person, request.app[SETTINGS].welcome_stars)
    return json_answer(schemas.TrainingStarted(id=begun.lora_id, trainingId=begun.training_id))


def _order(request: web.Request, body: schemas.TrainingStart) -> Order:
    settings = request.app[SETTINGS]
    trainer = _trainer(body.trainer)
    steps = _steps(body.steps, trainer)
    asked = {
        "images_data_url": body.images_data_url,
        "is_style": body.is_style,
        "create_masks": body.create_masks,
        "name": body.name or body.trigger_word,
        "steps": steps,
        "trainer": trainer.id,
        "trigger_word": body.trigger_word,
    }
    repeat = once(idempotency_key(request), asked)
    return Order(
        user_id=request[IDENTITY].user_id,
        trainer=trainer.id,
        name=body.name or body.trigger_word,
        trigger_word=body.trigger_word,
        images_data_url=body.images_data_url,
        url_is_public=why_not_public(body.images_data_url) is None,
        steps=steps,
        is_style=body.is_style,
        create_masks=body.create_masks,
        price=training.price(
            steps, trainer.price_factor, settings.stars_per_1000_steps, settings.training_min_stars
        ),
        idempotency_key=repeat.key,
        idempotency_body=repeat.body,
    )


def _trainer(trainer_id: str | None) -> Trainer:
    trainer = DEFAULT_TRAINER if trainer_id is None else TRAINERS.get(trainer_id)
    if trainer is None:
        raise Invalid(
            f"There is no such trainer: take one of {', '.join(TRAINERS)}.",
            field="trainer",
            code="trainer_unknown",
        )
    return trainer


def _steps(steps: int | None, trainer: Trainer) -> int:
    if steps is None:
        return trainer.default_steps
    if not trainer.min_steps <= steps <= trainer.max_steps:
        raise Invalid(
            f"{trainer.title} takes {trainer.min_steps} to {trainer.max_steps} steps.",
            field="steps",
            code="steps_out_of_range",
            minimum=trainer.min_steps,
            maximum=trainer.max_steps,
        )
    return steps


async def _place(order: Order, person: Person | None, welcome_stars: int) -> Begun:
    """Begins the training, or answers the one that was begun under the same key.

    Raises:
        Invalid: the trigger word is refused; the upload is not theirs, has expired, or is no public address;
            or the key is another body's.
        NotEnoughStars: nothing was changed.
        Unauthenticated: a session whose person is no longer known.
    """
    for _ in range(_ATTEMPTS):
        begun = await _begin(order) or await _earlier(order)
        if begun:
            return begun
        await moderation.check_words(order.trigger_word, "trigger_word")
        await _check_images(order)
        row = await User.get_or_none(id=order.user_id)
        if row is None:
            if person is None:
                raise Unauthenticated("This session's person is not known any more.", code="session_invalid")
            await user.remember(person, welcome_stars)
        elif row.free < order.price:
            raise NotEnoughStars(price=order.price, balance=row.free)
        # Otherwise what stood in the way is gone: stars came, or the training with the same body ended.
    raise Unavailable("Too much happened at once: send it again.", code="busy", retry_after=1)


async def _begin(order: Order) -> Begun | None:
    async with in_transaction() as tx:
        begun = await training.begin(tx, order)
        if begun is None:
            await tx.rollback()
        return begun


async def _earlier(order: Order) -> Begun | None:
    row = await earlier(Training, order.user_id, Once(order.idempotency_key, order.idempotency_body))
    return Begun(lora_id=row.lora_id, training_id=row.id) if row else None


async def _check_images(order: Order) -> None:
    uploads = Upload.filter(url=order.images_data_url)
    if not await uploads.exists():
        if problem := why_not_public(order.images_data_url):
            raise Invalid(problem, field="images_data_url", code="url_not_public")
    elif not await uploads.filter(user_id=order.user_id, expires_at__gt=datetime.now(UTC)).exists():
        raise Invalid(
            "This upload is not there any more: upload the photos again.",
            field="images_data_url",
            code="upload_expired",
        )
