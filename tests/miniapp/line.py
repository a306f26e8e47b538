"""The line between the phone and Selfi, which goes wrong on demand: a reverse proxy over real sockets."""

import asyncio
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from fnmatch import fnmatch
from types import TracebackType
from typing import Literal, Self

from aiohttp import ClientError, ClientSession, ClientTimeout, web
from PIL import Image
from yarl import URL

PHOTOS = "POST /training/photos"
EVENTS = "GET /training/*/events"

What = Literal["drop", "drop_after", "cut", "answer", "late", "rewrite"]
"""`drop`: the connection closes before Selfi hears of the request. `drop_after`: Selfi has done it, and
nobody hears the answer. `cut`: the answer's first piece comes through, and then the connection closes.
`answer`: a proxy answers with `status` in Selfi's place. `late`: the request waits `seconds` on its way.
`rewrite`: it arrives with other `headers`."""

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "date", "server"}
_LARGEST_BODY = 1 << 30


@dataclass
class Fault:
    on: str
    do: What
    times: int = 1
    status: int = 503
    seconds: float = 0
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Passed:
    """A request as the phone sent it, and the `status` that it got: None where the connection was dropped."""

    what: str
    headers: Mapping[str, str]
    body: bytes
    status: int | None = None


@dataclass
class SentPhoto:
    name: str
    content: bytes

    @property
    def size(self) -> tuple[int, int]:
        with Image.open(io.BytesIO(self.content)) as image:
            return image.size


class Line:
    """Serves while its context lasts; `url` is where the phone finds Selfi."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._faults: list[Fault] = []
        self._under_way: list[str] = []
        self.url = ""
        self.passed: list[Passed] = []
        self.most_photos_at_once = 0

    async def __aenter__(self) -> Self:
        self._session = ClientSession(auto_decompress=False, timeout=ClientTimeout(total=None))
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._pass)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        await self._session.close()

    def fault(
        self,
        on: str,
        do: What,
        *,
        times: int = 1,
        status: int = 503,
        seconds: float = 0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Plans one for the next `times` requests that fit `on`, such as `GET /training/*/status`."""
        self._faults.append(Fault(on, do, times, status, seconds, headers or {}))

    def mend(self) -> None:
        self._faults.clear()

    def sent(self, what: str) -> list[Passed]:
        return [one for one in self.passed if fnmatch(one.what, what)]

    @property
    def photos(self) -> list[SentPhoto]:
        """The photos that the phone sent, each as often as it did."""
        return [_photo(one) for one in self.sent(PHOTOS)]

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        what = f"{request.method} {request.path}"
        self._under_way.append(what)
        self.most_photos_at_once = max(self.most_photos_at_once, self._under_way.count(PHOTOS))
        try:
            passed = Passed(what, dict(request.headers), await request.read())
            self.passed.append(passed)
            return await self._answer(request, passed, self._take(what))
        except ConnectionError:
            return web.Response()  # the phone went away
        finally:
            self._under_way.remove(what)

    def _take(self, what: str) -> Fault | None:
        for fault in self._faults:
            if fnmatch(what, fault.on):
                fault.times -= 1
                if fault.times == 0:
                    self._faults.remove(fault)
                return fault
        return None

    async def _answer(self, request: web.Request, passed: Passed, fault: Fault | None) -> web.StreamResponse:
        if fault and fault.do == "drop":
            return _hang_up(request)
        if fault and fault.do == "answer":
            passed.status = fault.status
            return web.Response(status=fault.status, headers=fault.headers, text="<h1>Not today</h1>")
        if fault and fault.do == "late":
            await asyncio.sleep(fault.seconds)
        try:
            return await self._forward(request, passed, fault)
        except ClientError:  # Selfi is away
            passed.status = 502
            return web.Response(status=502)

    async def _forward(self, request: web.Request, passed: Passed, fault: Fault | None) -> web.StreamResponse:
        rewritten = fault.headers if fault and fault.do == "rewrite" else {}
        async with self._session.request(
            request.method,
            URL(self._target + request.raw_path, encoded=True),
            headers=_passable(request.headers) | dict(rewritten),
            data=passed.body,
            allow_redirects=False,
        ) as answer:
            if fault and fault.do == "drop_after":
                await answer.read()
                return _hang_up(request)
            response = web.StreamResponse(status=answer.status, headers=_passable(answer.headers))
            passed.status = answer.status
            await response.prepare(request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
                if fault and fault.do == "cut":
                    return _hang_up(request, response)
            await response.write_eof()
            return response


def _passable(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}


def _hang_up(request: web.Request, response: web.StreamResponse | None = None) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return response or web.Response()


def _photo(request: Passed) -> SentPhoto:
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    form = BytesParser(policy=HTTP).parsebytes(head + request.body)
    part = next(iter(form.iter_parts()))
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return SentPhoto(part.get_filename() or "", content)
