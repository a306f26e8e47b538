"""A stand-in for fal's hosts on a real socket: answers as a test tells it to, remembers what it got."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from fal import Fal

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

KEY = "key-id:key-secret"
ENDPOINT = "fal-ai/flux-lora-fast-training"


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class FakeFal:
    """Routes by method and path; without an answer of its own, a request gets 404."""

    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    url: str = ""

    def on(self, method: str, path: str, answer: Answer) -> None:
        self.answers[method, path] = answer

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(request.method, request.path, dict(request.query), headers, body))
        answer = self.answers.get((request.method, request.path))
        return await answer(request) if answer else web.json_response({"detail": "Not Found"}, status=404)

    def count(self, method: str) -> int:
        return sum(received.method == method for received in self.received)


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    async def handler(_request: web.Request) -> web.Response:
        return web.json_response(body, status=status, headers=headers)

    return handler


def text(words: str, status: int) -> Answer:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(text=words, status=status)

    return handler


async def drop(request: web.Request) -> web.Response:
    """Takes the request and cuts the line."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def drop_midway(request: web.Request) -> web.StreamResponse:
    """Answers 200 and cuts the line in the middle of the body."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"request_id": ')
    return await drop(request)


async def hang(_request: web.Request) -> web.Response:
    await asyncio.sleep(2)
    return web.Response()


def submitted(request_id: str = "r-1") -> dict[str, Any]:
    url = f"https://queue.fal.run/{ENDPOINT}/requests/{request_id}"
    return {
        "status": "IN_QUEUE",
        "request_id": request_id,
        "gateway_request_id": request_id,
        "queue_position": 0,
        "response_url": url,
        "status_url": f"{url}/status",
        "cancel_url": f"{url}/cancel",
    }


def fal_at(url: str, **settings: Any) -> Fal:
    return Fal(
        key=KEY,
        queue_url=f"{url}/queue",
        rest_url=f"{url}/rest",
        cdn_url=f"{url}/cdn",
        api_url=f"{url}/api/v1",
        **{"timeout": 5.0, **settings},
    )
