"""What fal's last word on a run means for us; the webhook and the poller bring it here alike."""

import uuid
from collections.abc import Mapping
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
    run: Run, outcome: dict[str, Any] | FalError, request_id: str | None = None, *, samples: int = 0
) -> bool:
    """Does what a run's output or error asks for; False when it had ended before, or this was known.

    A training ends by it, and of the new model so many sample pictures are made. A generation ends by an
    error; by its output its pictures are fetched first.
    """
    match run:
        case Training():
            return await _settle_training(run, outcome, request_id, samples)
        case Generation():
            return await _settle_generation(run, outcome, request_id)
        case _:
            raise TypeError(run)


async def _settle_training(
    training: Training, outcome: dict[str, Any] | FalError, request_id: str | None, samples: int
) -> bool:
    if not isinstance(outcome, FalError):
        output: dict[str, Any] = _storable(outcome)
        try:
            files = TRAINERS[training.base_model_id].result(output)
        except Rejected as error:
            outcome = error
        else:
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
    code, sentence = _told(outcome, _SENTENCES, refused=_REFUSED, failed=_PROVIDER_FAILED)
    moved = await move(
        training.id, TrainStatus.FAILED, request_id=request_id, error_code=code, error=sentence
    )
    return moved is not None


async def _settle_generation(
    generation: Generation, outcome: dict[str, Any] | FalError, request_id: str | None
) -> bool:
    if not isinstance(outcome, FalError):
        try:
            TRAINERS[generation.base_model_id].painter.result(outcome)
        except Rejected as error:
            outcome = error
        else:
            return await generations.made(generation.id, _storable(outcome), request_id)
    code, sentence = _told(outcome, _PICTURE_SENTENCES, refused=_PICTURES_REFUSED, failed=_PICTURES_FAILED)
    return await generations.fail(generation.id, code, sentence, request_id)


def _told(error: FalError, sentences: Mapping[str, str], *, refused: str, failed: str) -> tuple[str, str]:
    """The code and the sentence that people are told a failure by: only what fal refuses is up to them."""
    if isinstance(error, Rejected):
        return error.code, sentences.get(error.code, refused)
    return "provider_failed", failed


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


async def hear(kind: type[Run], run_id: uuid.UUID, event: WebhookEvent, samples: int = 0) -> None:
    """Does what a proven webhook for this run asks for; a repeated or a late one changes nothing.

    Our id comes from the address that we gave fal, so a webhook can be placed even when the answer to its
    submit has not been stored: it then tells us the request's id. Where a second submit became necessary
    there are two requests: the first good result wins, and the other request is cancelled.

    Raises:
        NotFound: no such run.
    """
    run = await kind.get_or_none(id=run_id)
    if run is None:
        raise NotFound(f"There is no such {kind.kind}.", code=f"{kind.kind}_not_found")
    is_ours = run.request_id in {None, event.request_id}
    if not run.is_active or not (event.ok or is_ours):
        return
    if event.ok and event.payload is None:
        await _at_fal(run, event.request_id)
        await put(Job(run.settle_job, str(run.id)))
        return
    settled = await settle(run, _outcome(event), event.request_id, samples=samples)
    if settled and not is_ours:
        await put(Job(run.cancel_job, f"{run.id}/{run.request_id}"))


async def _at_fal(run: Run, request_id: str) -> None:
    """Notes by which id fal knows it, where that isn't known."""
    match run:
        case Training():
            await move(run.id, TrainStatus(run.status), request_id=request_id)
        case Generation():
            await generations.at_fal(run.id, request_id)


def _outcome(event: WebhookEvent) -> dict[str, Any] | FalError:
    if event.payload is not None:
        return event.payload
    return event.error or Unavailable("The run failed without a word.", code="no_answer")
