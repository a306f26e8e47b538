"""What brings a run to fal and back, whatever it makes: submitted once, followed, and found again."""

import asyncio
import uuid
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar

import structlog

from config import Settings
from fal import Fal
from fal.client import Status
from fal.errors import Ambiguous, FalError, OperatorProblem, Rejected, Unavailable
from jobs.worker import Again
from models.notification import tell_operators
from models.queue import Job, put
from models.run import Run, claim_submit, release_submit
from models.settlement import settle

R = TypeVar("R", bound=Run)

log = structlog.get_logger(__name__)

OPERATOR_WAIT = timedelta(minutes=1)
# fal may still know better: a result that can't be fetched so often is given up.
RESULT_ATTEMPTS = 8
# A run that fal has only just taken may not be known everywhere yet.
FORGOTTEN_AFTER = timedelta(seconds=30)
INSIST_TIMES = 60  # with a second between


@dataclass(frozen=True)
class RunJobs(ABC, Generic[R]):
    """The jobs of one kind of run; each handler takes a run's id as its subject."""

    settings: Settings
    fal: Fal

    model: ClassVar[type[Any]]

    @abstractmethod
    def endpoint(self, run: R) -> str: ...

    @abstractmethod
    async def arguments(self, run: R) -> dict[str, Any]:
        """What fal is asked for, in the endpoint's own words. Raises Rejected where that can't be said."""

    @abstractmethod
    def adopt_seconds(self) -> float:
        """How long a submit whose answer got lost may take to show up."""

    def files_last(self) -> timedelta | None:
        """How long fal keeps what the run makes; None: until it is deleted there."""
        return None

    @abstractmethod
    async def end_overdue(self, run: R) -> bool:
        """Ends a run that has been going on for too long, and says so."""

    @abstractmethod
    async def submitted(self, run_id: uuid.UUID, request_id: str) -> bool:
        """fal has taken it; False when that changes nothing."""

    @abstractmethod
    async def follow(self, run: R, status: Status) -> None:
        """Takes in what fal says of a run that is queued or running."""

    async def end(self, run: R, outcome: dict[str, Any] | FalError) -> None:
        """Does what its output or its error asks for."""
        await settle(run, outcome, samples=self.settings.sample_pictures)

    async def _get(self, subject: str) -> R | None:
        found: R | None = await self.model.get_or_none(id=uuid.UUID(subject))
        return found

    async def submit(self, subject: str, attempt: int) -> None:
        """Gives the run to fal, unless that may have happened before: then it looks for the request."""
        run = await self._get(subject)
        if run is None or not run.is_active or run.request_id or await self.end_overdue(run):
            return
        try:
            arguments = await self.arguments(run)
        except Rejected as e:
            await self.end(run, e)
            return
        if not run.submitted_at:
            await self._submit(run, arguments, attempt)
            return
        try:
            await self._look_for_request(run, arguments, run.submitted_at, attempt)
        except FalError as e:
            raise await self._later(e, attempt) from e

    async def _submit(self, run: R, arguments: dict[str, Any], attempt: int) -> None:
        at = datetime.now(UTC)
        try:
            claimed = await claim_submit(self.model, run.id, at)
        except Exception:
            # It may have been written all the same, and would look like a submit whose answer got lost.
            await insist(lambda: release_submit(self.model, run.id, at))
            raise
        if not claimed:
            return
        try:
            request_id = await self.fal.submit(
                self.endpoint(run),
                arguments,
                webhook_url=self._webhook_url(run),
                files_last=self.files_last(),
            )
        except Ambiguous as e:
            log.warning("submit_ambiguous", code=e.code)
            raise Again(timedelta(seconds=self.settings.fal_poll_seconds)) from e
        except Rejected as e:
            await self.end(run, e)
        except (Unavailable, OperatorProblem) as e:
            await insist(lambda: release_submit(self.model, run.id, at))
            raise await self._later(e, attempt) from e
        else:
            await insist(lambda: self._submitted(run, request_id))

    async def _submitted(self, run: R, request_id: str) -> None:
        if await self.submitted(run.id, request_id):
            return
        now = await self._get(str(run.id))
        if now is None or not now.is_active or now.request_id != request_id:
            # Cancelled while it was on its way, or a webhook named another: nobody waits for this one.
            await put(Job(run.cancel_job, f"{run.id}/{request_id}"))

    async def _look_for_request(
        self, run: R, asked: dict[str, Any], submitted_at: datetime, attempt: int
    ) -> None:
        """The submit's answer never came: finds the request in fal's own list of ended ones.

        One that still runs isn't listed, but its webhook will name our run. Only when neither has shown up by
        the deadline is it submitted once more; a second time, it is given up.
        """
        since = submitted_at - timedelta(minutes=1)
        async for ended in self.fal.ended_requests(self.endpoint(run), since=since):
            ours = asked.items() <= (ended.input or {}).items()
            if ours and not await self.model.exists(request_id=ended.request_id):
                log.info("request_adopted", request_id=ended.request_id)
                await self.submitted(run.id, ended.request_id)
                return
        waited = datetime.now(UTC) - submitted_at
        if waited.total_seconds() > self.adopt_seconds():
            log.warning("submit_not_found", before=run.submits_in_doubt)
            if run.submits_in_doubt:
                await tell_operators(
                    self.settings.admin_ids, f"fal.ai: two submits of a {run.kind} got lost; it is given up."
                )
                await self.end(run, Unavailable("Two submits got lost.", code="no_answer"))
                return
            await release_submit(self.model, run.id, submitted_at, in_doubt=True)
            raise Again(timedelta(0))
        raise Again(self._interval(attempt))

    async def watch(self, subject: str, attempt: int) -> None:
        """Asks fal how the run is, and asks again until it has ended."""
        run = await self._get(subject)
        if run is None or not run.is_active or run.request_id is None or await self.end_overdue(run):
            return
        try:
            status = await self.fal.status(self.endpoint(run), run.request_id)
        except FalError as e:
            if _forgotten(e, run):
                await put(Job(run.settle_job, subject))  # which asks once more, for the result
                return
            raise await self._later(e, attempt) from e
        if status.state == "completed":
            if status.error:
                await self.end(run, status.error)
            else:
                await put(Job(run.settle_job, subject))
            return
        await self.follow(run, status)
        raise Again(self._interval(attempt))

    async def settle(self, subject: str, attempt: int) -> None:
        """Fetches the result of a run that has ended, and ends ours by it."""
        run = await self._get(subject)
        if run is None or not run.is_active or run.request_id is None:
            return
        try:
            output = await self.fal.result(self.endpoint(run), run.request_id)
        except Rejected as e:
            await self.end(run, e)
        except Unavailable as e:
            # fal replays a failed run's own 5xx for ever; a fault of the line passes.
            if attempt < RESULT_ATTEMPTS:
                raise Again(self._interval(attempt)) from e
            await self.end(run, e)
        except OperatorProblem as e:
            raise await self._later(e, attempt) from e
        else:
            await self.end(run, output)

    async def cancel(self, subject: str, attempt: int) -> None:
        """Tells fal that nobody waits any more: the subject is our id and fal's, with a slash between."""
        run_id, _, request_id = subject.partition("/")
        run = await self._get(run_id)
        if run is None:
            return
        try:
            await self.fal.cancel(self.endpoint(run), request_id)
        except Rejected as e:
            log.warning("cancel_refused", code=e.code)
        except FalError as e:
            raise await self._later(e, attempt) from e

    async def _later(self, error: FalError, attempt: int) -> Again:
        return await later(self.settings, error, attempt)

    def _interval(self, attempt: int) -> timedelta:
        return interval(self.settings, attempt)

    def _webhook_url(self, run: R) -> str | None:
        base = self.settings.public_url
        return f"{base}{self.settings.fal_webhook(run.kind, run.id)}" if base else None


async def later(settings: Settings, error: FalError, attempt: int) -> Again:
    """When to try again after `error`; operators hear of what only they can mend."""
    if isinstance(error, OperatorProblem):
        log.error("fal_needs_the_operator", code=error.code)
        await tell_operators(settings.admin_ids, f"fal.ai: {error.detail} ({error.code})")
        return Again(OPERATOR_WAIT)
    if isinstance(error, Unavailable) and error.retry_after is not None:
        return Again(timedelta(seconds=min(error.retry_after, 300)))
    return Again(interval(settings, attempt))


def interval(settings: Settings, attempt: int) -> timedelta:
    """The pause before fal is asked again, for what has been tried `attempt` times before."""
    first, most = settings.fal_poll_seconds, settings.fal_poll_max_seconds
    return timedelta(seconds=min(most, first * 1.5 ** min(attempt, 20)))


async def insist(action: Callable[[], Awaitable[None]]) -> None:
    """Does what only this process knows, and what would be lost with it: tries until Postgres takes it."""
    for _ in range(INSIST_TIMES):
        try:
            return await action()
        except Exception as e:  # noqa: BLE001 — mostly Postgres, away for a moment
            log.warning("database_insisted", error=type(e).__name__)
            await asyncio.sleep(1)
    return await action()


def _forgotten(error: FalError, run: Run) -> bool:
    """Whether fal says that there is no such run, some time after it took it."""
    age = datetime.now(UTC) - (run.submitted_at or run.started_at)
    return isinstance(error, Rejected) and error.code == "not_found" and age > FORGOTTEN_AFTER
