"""The jobs that keep and delete files: our copies of trained weights, and whatever people deleted."""

import asyncio
import uuid
from dataclasses import dataclass

import structlog

from config import Settings
from fal import Fal
from fal.errors import FalError, Rejected
from jobs.runs import later
from media.storage import Storage
from models import lora as loras
from models.lora import LoraModel
from models.notification import tell_operators
from models.queue import Job, put
from models.training import Training

log = structlog.get_logger(__name__)

LARGEST_WEIGHTS = 2 * 1024**3  # bytes; most have a twentieth of it

_NOT_ALLOWED = frozenset({"bad_key", "forbidden"})


@dataclass(frozen=True)
class FileJobs:
    settings: Settings
    fal: Fal
    storage: Storage

    async def delete_file(self, subject: str, attempt: int) -> None:  # noqa: ARG002 — every job takes it
        """Deletes what lies under a key of the object storage."""
        await self.storage.delete([subject])

    async def forget_run(self, subject: str, attempt: int) -> None:
        """Has fal forget the training of a LoRA model, which deletes the weights there.

        fal lets only an administrator's key do that. With another one the weights stay there until their
        time is over: nothing that an operator has to be woken for.
        """
        training = await Training.get_or_none(lora_id=uuid.UUID(subject)).only("id", "request_id")
        if training is None or training.request_id is None:
            return
        try:
            await self.fal.forget(training.request_id)
        except FalError as e:
            if isinstance(e, Rejected) or e.code in _NOT_ALLOWED:
                log.warning("run_not_forgotten", code=e.code, reason=e.detail)
                return
            raise await later(self.settings, e, attempt) from e

    async def keep_weights(self, subject: str, attempt: int) -> None:
        """Copies a LoRA model's weights into our storage: fal's link to them ends some day."""
        lora = await LoraModel.get_or_none(id=uuid.UUID(subject))
        if lora is None or not self.settings.keep_weights:
            return
        if lora.deleted_at is None and lora.weights_url and lora.weights_kept_at is None:
            await self._copy(lora, lora.weights_url, attempt)
        elif lora.deleted_at:  # perhaps while this job was at it the time before
            await self.storage.delete([lora.weights_key])

    async def _copy(self, lora: LoraModel, url: str, attempt: int) -> None:
        path = self.settings.temporary_dir / f"{uuid.uuid4().hex}-weights.part"
        try:
            await self.fal.download(url, path, most=LARGEST_WEIGHTS)
            await self.storage.put(lora.weights_key, path)
        except Rejected as e:
            log.error("weights_not_kept", code=e.code, reason=e.detail)
            text = (
                f"The weights of the model {lora.id} ({lora.name}) of {lora.user_id} can't be copied: "
                f"{e.detail} Once fal's link to them has ended, it can't be used any more."
            )
            await tell_operators(self.settings.admin_ids, text, once=f"weights:{lora.id}")
            return
        except FalError as e:
            raise await later(self.settings, e, attempt) from e
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        if not await loras.weights_kept(lora.id):
            await self.storage.delete([lora.weights_key])


@dataclass(frozen=True)
class MissingCopies:
    """Has weights copied that no job has copied: all of them, where KEEP_WEIGHTS has been switched on."""

    settings: Settings

    async def __call__(self) -> None:
        if self.settings.keep_weights:
            await put(*(Job("keep_weights", str(lora_id)) for lora_id in await loras.without_copy()))
