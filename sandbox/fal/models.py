"""What every model shares: the job it is given and how its input is read."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from aiohttp import ClientSession
from pydantic import BaseModel, ConfigDict, ValidationError

from sandbox.fal.errors import invalid_input
from sandbox.fal.queue import Request
from sandbox.fal.storage import Storage


@dataclass(frozen=True)
class Pace:
    """How long models take: seconds per 1,000 training steps, and per picture."""

    training_seconds: float = 25.0
    picture_seconds: float = 1.0


@dataclass(frozen=True)
class Job:
    """One run of a model."""

    request: Request
    storage: Storage
    session: ClientSession
    pace: Pace
    log: Callable[..., None]

    def publish(self, data: bytes, *, name: str, content_type: str) -> Awaitable[dict[str, Any]]:
        """Puts an output file on the CDN, for as long as the request's lifecycle said; answers its `File`."""
        return self.storage.publish(
            self.request.origin,
            data,
            name=name,
            content_type=content_type,
            lifetime=self.request.lifetime,
        )


class Model(Protocol):
    """A model app's endpoint."""

    @property
    def endpoint(self) -> str: ...

    async def run(self, job: Job) -> dict[str, Any]:
        """Answers the output. Raises Failure."""


class Input(BaseModel):
    """A model's input, or a part of it. Unknown fields are refused, so that a misspelt one shows."""

    model_config = ConfigDict(extra="forbid")


InputT = TypeVar("InputT", bound=Input)


def read_input(schema: type[InputT], request: Request) -> InputT:
    """Raises Failure (422) where the input isn't the model's."""
    try:
        return schema.model_validate(request.input)
    except ValidationError as error:
        raise invalid_input(error) from None
