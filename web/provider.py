"""Puts zips where the trainer can fetch them, and says what it means when that fails."""

from datetime import timedelta
from pathlib import Path

import structlog

from fal.client import Fal
from fal.errors import FalError, OperatorProblem
from fal.errors import Unavailable as FalUnavailable
from models.errors import Unavailable
from models.notification import tell_operators

log = structlog.get_logger(__name__)


class Provider:
    """fal's storage; problems that only an operator can solve are told to them."""

    def __init__(self, fal: Fal, operators: frozenset[int]) -> None:
        self._fal = fal
        self._operators = operators

    async def store(self, archive: Path, expires_in: timedelta) -> str:
        """Uploads the zip and answers its public address.

        Raises:
            Unavailable: it can't be stored now (`provider_unavailable`).
        """
        try:
            return await self._fal.upload(
                archive, content_type="application/zip", file_name="photos.zip", expires_in=expires_in
            )
        except FalError as e:
            log.warning("upload_failed", code=e.code, detail=e.detail)
            if isinstance(e, OperatorProblem):
                await tell_operators(self._operators, f"fal.ai refuses uploads: {e.detail} ({e.code})")
            wait = e.retry_after if isinstance(e, FalUnavailable) else None
            raise Unavailable(
                "The training provider can't take photos just now: try again in a moment.",
                code="provider_unavailable",
                retry_after=round(wait or 5),
            ) from e
