"""What fal's last word on a run means for us; the webhook and the poller bring it here alike."""

import uuid
from typing import Any

from fal.errors import FalError, Rejected, Unavailable
from fal.trainers import TRAINERS
from fal.webhooks import WebhookEvent
from models import generation as generations
from models.db import storable
from models.errors import NotFound
from models.generation import Generation
from models.queue import Job, put
from models.run import Run
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
_PICTURE_SENTENCES = {
    "content_policy_violation": "The provider's content rules don't allow this prompt.",
    "file_download_error": "The provider could not fetch the model.",
    "no_result": "It ended without pictures.",
    "result_expired": "The provider no longer knows these pictures.",
}
_PICTURES_FAILED = "The provider failed. It was not your prompt: try again."
_PICTURES_REFUSED = "The provider refused this request."
_PROVIDER_FAILED = "The training provider failed. It was not your photos: try again."
_REFUSED = "The trainer refused this training."


async def settle(
    training: Training,
    outcome: dict[str, Any] | FalError,
    request_id: str | None = None,
    *,
    samples: int = 0,
) -> bool:
    """Ends the training by its run's output or error; False when it had ended before.

    Of a new model so many sample pictures are made.
    """
    if isinstance(outcome, FalError):
        return await _fail(training.id, outcome, request_id)
    output: dict[str, Any] = _storable(outcome)
    try:
        files = TRAINERS[training.base_model_id].result(output)
    except Rejected as error:
        return await _fail(training.id, error, request_id)
    moved = await move(
        training.id,
        TrainStatus.COMPLETED,
        request_id=request_id,
        step=training.steps,
        output=output,
        files=(files.weights_url, files.config_url),
        samples=samples,
    )
    return moved is not None


async def settle_generation(
    generation: Generation, outcome: dict[str, Any] | FalError, request_id: str | None = None
) -> bool:
    """Has the pictures in the run's output fetched, or ends the generation by its error.

    False when it had ended before, or this was known.
    """
    if not isinstance(outcome, FalError):
        try:
            TRAINERS[generation.base_model_id].painter.result(outcome)
        except Rejected as error:
            outcome = error
        else:
            return await generations.made(generation.id, _storable(outcome), request_id)
    if isinstance(outcome, Rejected):
        code, sentence = outcome.code, _PICTURE_SENTENCES.get(outcome.code, _PICTURES_REFUSED)
    else:
        code, sentence = "provider_failed", _PICTURES_FAILED
    return await generations.fail(generation.id, code, sentence, request_id)


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


async def _fail(training_id: uuid.UUID, error: FalError, request_id: str | None) -> bool:
    if isinstance(error, Rejected):
        code, sentence = error.code, _SENTENCES.get(error.code, _REFUSED)
    else:
        code, sentence = "provider_failed", _PROVIDER_FAILED
    failed = await move(
        training_id, TrainStatus.FAILED, request_id=request_id, error_code=code, error=sentence
    )
    return failed is not None


async def training_webhook(training_id: uuid.UUID, event: WebhookEvent, samples: int) -> None:
    """Does what a proven webhook for this training asks for; a repeated or a late one changes nothing.

    Raises:
        NotFound: no such training.
    """
    training = await Training.get_or_none(id=training_id)
    if training is None:
        raise NotFound("There is no such training.", code="training_not_found")
    if not _concerns(training, event):
        return
    if event.ok and event.payload is None:
        await move(training.id, TrainStatus(training.status), request_id=event.request_id)
        await put(Job("settle", str(training.id)))
        return
    settled = await settle(training, _outcome(event), event.request_id, samples=samples)
    if settled and not _is_ours(training, event):
        await put(Job("cancel", f"{training.id}/{training.request_id}"))


async def generation_webhook(generation_id: uuid.UUID, event: WebhookEvent) -> None:
    """The same for a generation.

    Raises:
        NotFound: no such generation.
    """
    generation = await Generation.get_or_none(id=generation_id)
    if generation is None:
        raise NotFound("There is no such generation.", code="generation_not_found")
    if not _concerns(generation, event):
        return
    if event.ok and event.payload is None:
        await generations.at_fal(generation.id, event.request_id)
        await put(Job("settle_generation", str(generation.id)))
        return
    settled = await settle_generation(generation, _outcome(event), event.request_id)
    if settled and not _is_ours(generation, event):
        await put(Job("cancel_generation", f"{generation.id}/{generation.request_id}"))


def _concerns(run: Run, event: WebhookEvent) -> bool:
    """Whether anything follows from it.

    Our id comes from the address that we gave fal, so a webhook can be placed even when the answer to its
    submit has not been stored: it then tells us the request's id. Where a second submit became necessary
    there are two requests: the first good result wins, and the other request is cancelled.
    """
    return run.is_active and (event.ok or _is_ours(run, event))


def _is_ours(run: Run, event: WebhookEvent) -> bool:
    return run.request_id in {None, event.request_id}


def _outcome(event: WebhookEvent) -> dict[str, Any] | FalError:
    if event.payload is not None:
        return event.payload
    return event.error or Unavailable("The run failed without a word.", code="no_answer")
