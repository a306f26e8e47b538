"""The API's contents: every route there is."""

from collections.abc import Mapping

from pydantic import BaseModel

from web import (
    account,
    drafts,
    health,
    hooks,
    loras,
    miniapp,
    openapi,
    schemas,
    sessions,
    start,
    stream,
    trainings,
    uploads,
)
from web.openapi import FORM, JSON, Content, Route

_IDEMPOTENCY_KEY = {
    "Idempotency-Key": "1 to 200 visible ASCII characters: a repeat with the same one answers the same."
}
_NO_PROOF = ()


def _json(model: type[BaseModel], status: int = 200) -> Mapping[int, Content]:
    return {status: {JSON: model}}


def _other(kind: str) -> Mapping[int, Content]:
    return {200: {kind: None}}


# fmt: off
ROUTES = (
    Route("POST", "/session", sessions.open_session,
          "Exchange init data or an earlier session for a new one, with all that the first screen needs",
          _json(schemas.Session), renewing=True),

    Route("GET", "/training/photos", drafts.show,
          "The photos of the next training",
          _json(schemas.Draft)),
    Route("POST", "/training/photos", drafts.add,
          "Add one photo, and hear what we think of it",
          _json(schemas.Photo, 201), (408, 413, 422, 429), {FORM: schemas.PhotoForm, "image/*": None},
          headers=_IDEMPOTENCY_KEY),
    Route("PATCH", "/training/photos/{id}", drafts.edit,
          "Set a photo's caption",
          _json(schemas.Photo), (404, 408, 413, 422), {JSON: schemas.PhotoEdit}),
    Route("DELETE", "/training/photos/{id}", drafts.remove,
          "Remove a photo",
          {204: {}}, (404,)),

    Route("POST", "/training/upload", uploads.upload,
          "Put a zip of the draft (no body), of photos, or a ready one where the trainer can fetch it",
          _json(schemas.Upload), (408, 413, 422, 429), {FORM: schemas.UploadForm}),
    Route("POST", "/training/start", start.start,
          "Pay for a training and start it",
          _json(schemas.TrainingStarted), (402, 408, 413, 422), {JSON: schemas.TrainingStart},
          headers=_IDEMPOTENCY_KEY),
    Route("GET", "/training", trainings.page,
          "The person's trainings, newest first",
          _json(schemas.TrainingPage), (422,), query=schemas.PageQuery),
    Route("GET", "/training/{id}/status", trainings.status,
          "Where a training is, by its own id or its LoRA model's",
          _json(schemas.TrainingStatus), (404,)),
    Route("GET", "/training/{id}/events", stream.stream,
          "The same as server-sent events named `status`, until it ends",
          _other("text/event-stream"), (404,)),
    Route("POST", "/training/{id}/cancel", trainings.cancel,
          "Cancel a training; its stars come back",
          _json(schemas.TrainingStatus), (404, 409)),

    Route("GET", "/models", loras.page,
          "LoRA models that are ready: one's own and public ones, newest first",
          _json(schemas.ModelPage), (422,), query=schemas.ModelsQuery),
    Route("GET", "/models/{id}", loras.show,
          "One of them",
          _json(schemas.Model), (404,)),
    Route("PATCH", "/models/{id}", loras.edit,
          "Rename a model, make it public or private, select it for pictures",
          _json(schemas.Model), (403, 404, 408, 413, 422), {JSON: schemas.ModelEdit}),
    Route("DELETE", "/models/{id}", loras.remove,
          "Delete a model",
          {204: {}}, (403, 404)),
    Route("GET", "/models/{id}/preview", loras.preview,
          "A model's preview, by the address that the model's answer has",
          _other("image/jpeg"), (404, 422), query=schemas.PreviewQuery, proofs=_NO_PROOF),

    Route("GET", "/account", account.show,
          "The person's balance, and the history of their stars, newest first",
          _json(schemas.Account), (422,), query=schemas.AccountQuery),
    Route("PATCH", "/account", account.edit,
          "Set the language that we speak with the person, in chat, too",
          _json(schemas.User), (408, 413, 422), {JSON: schemas.AccountEdit}),

    Route("POST", "/account/invoice", account.invoice,
          "A link to an invoice in Telegram's Stars, for the Mini App to open",
          _json(schemas.Invoice), (408, 409, 413, 422, 429), {JSON: schemas.InvoiceRequest}),

    Route("POST", "/telegram/webhook", hooks.telegram,
          "For Telegram: an update",
          {200: {}}, (401, 404), {JSON: None}, proofs=_NO_PROOF),
    Route("POST", "/webhooks/fal/training/{id}", hooks.fal_training,
          "For fal.ai: how a training ended",
          {200: {}}, (401, 404, 408, 413), {JSON: None}, proofs=_NO_PROOF),

    Route("POST", "/webhooks/fal/generation/{id}", hooks.fal_generation,
          "For fal.ai: what became of pictures",
          {200: {}}, (401, 404, 408, 413), {JSON: None}, proofs=_NO_PROOF),

    Route("GET", "/healthz", health.live,
          "Whether the process lives",
          _json(schemas.Health), proofs=_NO_PROOF),
    Route("GET", "/readyz", health.ready,
          "Whether it can do its work",
          {200: {JSON: schemas.Readiness}, 503: {JSON: schemas.Readiness}}, proofs=_NO_PROOF),
    Route("GET", "/openapi.json", openapi.show,
          "This description",
          _other(JSON), proofs=_NO_PROOF),
    Route("GET", "/", miniapp.from_root,
          "To the Mini App",
          {302: {}}, proofs=_NO_PROOF),
    Route("GET", "/app", miniapp.to_folder,
          "To the Mini App",
          {302: {}}, proofs=_NO_PROOF),
    Route("GET", "/bot", miniapp.to_bot,
          "To the bot in Telegram",
          {302: {}}, proofs=_NO_PROOF),
    Route("GET", "/app/{path:.*}", miniapp.file,
          "The Mini App's files",
          _other("*/*"), (404,), proofs=_NO_PROOF),
)
# fmt: on
