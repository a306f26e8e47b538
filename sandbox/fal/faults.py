"""Faults on demand: what goes wrong next, where, and how often."""

import asyncio
from collections.abc import Mapping
from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

Operation = Literal[
    "submit",
    "status",
    "stream",
    "result",
    "cancel",
    "list",
    "forget",
    "token",
    "upload",
    "multipart_start",
    "multipart_part",
    "multipart_complete",
    "initiate",
    "put",
    "download",
    "jwks",
]
"""A call that fal's client (or ours) makes."""

CallFault = Literal["answer", "nginx", "drop", "drop_after", "late"]
"""`answer`: refused with `status` and `detail`. `nginx`: a 503 from the ingress, in HTML. `drop`: the
connection closes and nothing was done. `drop_after`: it was done, and the connection closes before the
answer. `late`: it was done at once and the answer comes `seconds` later."""

RunFault = Literal["model_error", "request_error", "never_ends", "no_output"]
"""What becomes of the next run that starts: an error of the type `error`, `seconds` after it started; no end;
or a success without files."""

WebhookFault = Literal["lost", "late", "doubled", "forged", "stale", "payload_error"]
"""`forged` (signed by a stranger's key) and `stale` (an hour old) are sent once, and no good one follows."""

CALL_FAULTS: tuple[str, ...] = get_args(CallFault)
_DOES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(get_args(Operation), CALL_FAULTS),
    "run": get_args(RunFault),
    "webhook": get_args(WebhookFault),
}

LOCKED = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."
NGINX = (
    "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n"
    "<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n<hr><center>nginx</center>\r\n"
    "</body>\r\n</html>\r\n"
)
_DETAILS: Mapping[int, Any] = {
    401: "No user found for Key ID and Secret",
    403: LOCKED,
    422: [{"loc": ["body"], "msg": "Input should be a valid dictionary", "type": "dict_type", "input": None}],
    429: "Too many concurrent requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class Fault(BaseModel):
    """A planned fault: `on` is where, `do` is what, `times` how often; `endpoint` narrows it to one model."""

    model_config = ConfigDict(extra="forbid")

    on: Operation | Literal["run", "webhook"]
    do: CallFault | RunFault | WebhookFault
    times: int = Field(default=1, ge=1)
    endpoint: str | None = None
    seconds: float = Field(default=0, ge=0)
    status: int = Field(default=500, ge=400, le=599)
    detail: Any = None
    error: str = "internal_server_error"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.do not in _DOES[self.on]:
            raise ValueError(f"On {self.on} one of {', '.join(_DOES[self.on])} can go wrong, not {self.do}.")
        return self

    def body(self) -> dict[str, Any]:
        """What an `answer` says: `detail`, or fal's own words for the status."""
        detail = self.detail if self.detail is not None else _DETAILS.get(self.status, f"Error {self.status}")
        return {"detail": detail}


class Faults:
    """The planned faults, first come first served."""

    def __init__(self) -> None:
        self.planned: list[Fault] = []
        self._stopping = asyncio.Event()

    def plan(self, fault: Fault) -> Fault:
        self.planned.append(fault)
        return fault

    def take(self, on: str, endpoint: str | None = None) -> Fault | None:
        """The fault that hits this call, run or webhook, counted as used."""
        for fault in self.planned:
            if fault.on == on and fault.endpoint in (None, endpoint):
                fault.times -= 1
                if not fault.times:
                    self.planned.remove(fault)
                return fault
        return None

    def clear(self) -> None:
        self.planned.clear()

    def stop(self) -> None:
        """Ends every wait: the process is stopping."""
        self._stopping.set()

    async def wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


def _preset(label: str, **fault: Any) -> dict[str, Any]:
    return {"label": label, "fault": fault}


PRESETS: list[dict[str, Any]] = [
    _preset("lose the webhook", on="webhook", do="lost"),
    _preset("webhook 20 s late", on="webhook", do="late", seconds=20),
    _preset("webhook twice", on="webhook", do="doubled"),
    _preset("forged webhook", on="webhook", do="forged"),
    _preset("webhook an hour old", on="webhook", do="stale"),
    _preset("webhook without payload", on="webhook", do="payload_error"),
    _preset("run fails: bad archive", on="run", do="model_error", error="invalid_archive", seconds=3),
    _preset(
        "run fails: content policy", on="run", do="model_error", error="content_policy_violation", seconds=3
    ),
    _preset("run fails: runner lost", on="run", do="request_error", error="runner_disconnected", seconds=3),
    _preset("run never ends", on="run", do="never_ends"),
    _preset("run ends without files", on="run", do="no_output"),
    _preset("submit: answer lost", on="submit", do="drop_after"),
    _preset("submit: connection lost", on="submit", do="drop"),
    _preset("submit: answer 10 s late", on="submit", do="late", seconds=10),
    _preset("submit: balance exhausted", on="submit", do="answer", status=403),
    _preset("submit: bad key", on="submit", do="answer", status=401),
    _preset("submit: too many at once", on="submit", do="answer", status=429),
    _preset("submit: 503 from nginx", on="submit", do="nginx"),
    _preset("status: five 500s", on="status", do="answer", status=500, times=5),
    _preset("status: connection lost", on="status", do="drop"),
    _preset("upload: three 503s", on="upload", do="answer", status=503, times=3),
]
"""What the status page offers as buttons."""
