"""What fal's last word on a run means for its training; the webhook and the poller bring it here alike."""

import uuid
from typing import Any

from tortoise.transactions import in_transaction

from fal.errors import FalError, Rejected
from fal.trainers import TRAINERS
from fal.webhooks import WebhookEvent
from models.db import storable
from models.errors import NotFound
from models.queue import Job, enqueue, put
from models.training import Training, TrainStatus, move

# The words that people read where the trainer refused their photos; the code is fal's.
_SENTENCES = {
    "invalid_archive": "The zip could not be opened by the trainer: make it anew, with photos only.",
    "archive_file_count_below_minimum": "The trainer needs more photos.",
    "archive_file_count_exceeds_maximum": "There are more photos than the trainer takes.",
    "file_download_error": "The trainer could not download the zip: is its address public?",
    "file_too_large": "The zip is larger than the trainer takes.",
    "image_load_error": "The trainer could not open one of the photos.",
    "image_too_small": "One of the photos is too small for the trainer.",
    "image_too_large": "One of the photos is too large for the trainer.",
    "content_policy_violation": "The provider's content rules don't allow these photos or this trigger word.",
    "no_result": "The training ended without a model.",
    "result_expired": "The provider no longer knows this training.",
}
_PROVIDER_FAILED = "The training provider failed. It was not your photos: try again."
_REFUSED = "The trainer refused this training."


async def settle(
    training: Training, outcome: dict[str, Any] | FalError, request_id: str | None = None
) -> Training | None:
    """Ends the training by its run's output or error; None when it had ended before."""
    if isinstance(outcome, FalError):
        return await _fail(training.id, outcome, request_id)
    output: dict[str, Any] = _storable(outcome)
    try:
        files = TRAINERS[training.base_model_id].result(output)
    except Rejected as error:
        return await _fail(training.id, error, request_id)
    return await move(
        training.id,
        TrainStatus.COMPLETED,
        request_id=request_id,
        step=training.steps,
        output=output,
        files=(files.weights_url, files.config_url),
    )


def _storable(value: Any) -> Any:
    """The value as Postgres takes it in JSON."""
    match value:
        case str():
            return storable(value)
        case dict():
            return {_storable(key): _storable(inner) for key, inner in value.items()}
        case list():
            return [_storable(inner) for inner in value]
        case _:
            return value


async def _fail(training_id: uuid.UUID, error: FalError, request_id: str | None) -> Training | None:
    if isinstance(error, Rejected):
        code, sentence = error.code, _SENTENCES.get(error.code, _REFUSED)
    else:
        code, sentence = "provider_failed", _PROVIDER_FAILED
    return await move(training_id, TrainStatus.FAILED, request_id=request_id, error_code=code, error=sentence)


async def settle_webhook(training_id: uuid.UUID, event: WebhookEvent) -> None:
    """Does what a proven webhook for this training asks for; a repeated or a late one changes nothing.

    The training's id comes from the address that we gave fal, so a webhook can be placed even when the answer
    to its submit has not been stored: it then tells us the request's id. Where a second submit became
    necessary there are two requests: the first good result wins, and the other request is cancelled.

    Raises:
        NotFound: no such training.
    """
    training = await Training.get_or_none(id=training_id)
    if training is None:
        raise NotFound("There is no such training.", code="training_not_found")
    ours = training.request_id in {None, event.request_id}
    if not training.is_active or not (ours or event.ok):
        return
    if event.ok and event.payload is None:
        await _fetch_later(training, event.request_id)
        return
    outcome = event.payload if event.payload is not None else event.error
    if outcome is not None and await settle(training, outcome, event.request_id) and not ours:
        await put(Job("cancel", f"{training.id}/{training.request_id}"))


async def _fetch_later(training: Training, request_id: str) -> None:
    """The run is over, but its output did not fit into the webhook: a job fetches it."""
    async with in_transaction() as tx:
        await move(training.id, TrainStatus(training.status), request_id=request_id)
        await enqueue(tx, Job("settle", str(training.id)))
