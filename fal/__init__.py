"""Everything that speaks to fal.ai, and nothing of Selfi's own: no settings, tables or jobs.

`Fal` stores a file, submits a run exactly once, follows it, fetches its result and its files, cancels it,
finds it again, has it forgotten.
`TRAINERS` declares the training endpoints, each with the one that makes pictures with what it trains: an
order becomes their arguments, their output our files.
`progress` reads log lines; `WebhookVerifier` and `parse_webhook` prove and read what fal calls us with.
Whatever goes wrong is a `FalError` sorted by what to do about it; nothing here tries anything twice.
No key, prompt or file URL gets into a log line or an error's words.
"""

from fal.client import EndedRequest, Fal, Status
from fal.errors import (
    Ambiguous,
    FalError,
    OperatorProblem,
    Rejected,
    Unavailable,
    error_from,
    error_of_run,
)
from fal.progress import Progress, progress
from fal.trainers import DEFAULT_TRAINER, TRAINERS, Trainer, TrainingFiles, TrainingOrder
from fal.webhooks import InvalidSignature, WebhookEvent, WebhookVerifier
from fal.webhooks import parse as parse_webhook

__all__ = [
    "DEFAULT_TRAINER",
    "TRAINERS",
    "Ambiguous",
    "EndedRequest",
    "Fal",
    "FalError",
    "InvalidSignature",
    "OperatorProblem",
    "Progress",
    "Rejected",
    "Status",
    "Trainer",
    "TrainingFiles",
    "TrainingOrder",
    "Unavailable",
    "WebhookEvent",
    "WebhookVerifier",
    "error_from",
    "error_of_run",
    "parse_webhook",
    "progress",
]
