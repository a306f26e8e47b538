"""Routes for the chat page and for tests, under `/client`: JSON, no authentication, loopback only."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web

from .api import BotApi, Fault
from .apps import Apps
from .errors import ApiError, Refused
from .files import LARGEST_SIDE, PHONE_SIDE
from .params import Upload, is_loopback, parts
from .state import WALLET, Json, Person

HEARTBEAT_SECONDS = 15
_FAULT_FIELDS: dict[str, type | tuple[type, ...]] = {
    "method": str,
    "times": int,
    "error_code": int,
    "description": str,
    "retry_after": int,
    "drop": bool,
    "drop_after": bool,
    "delay": (int, float),
    "answer_delay": (int, float),
}

_WORDS: dict[type, str] = {str: "text", int: "a whole number", bool: "true or false"}

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ClientRoutes:
    def __init__(self, apps: Apps, api: BotApi, info: dict[str, str]) -> None:
        self._apps = apps
        self._api = api
        self._info = info

    def app(self) -> web.Application:
        app = web.Application(middlewares=[_loopback_only, _refusals_as_json])
        app.router.add_routes(
            [
                web.get("/info", self.info),
                web.get("/bot", self.bot),
                web.get("/public-key", self.public_key),
                web.get("/people", self.people),
                web.post("/people", self.create_person),
                web.get("/people/{id}/chat", self.chat),
                web.get("/people/{id}/events", self.events),
                web.post("/people/{id}/messages", self.send),
                web.post("/people/{id}/callback", self.press),
                web.get("/people/{id}/invoice", self.invoice),
                web.post("/people/{id}/pay", self.pay),
                web.post("/people/{id}/block", self.block),
                web.post("/people/{id}/restart", self.restart),
                web.get("/people/{id}/webapp", self.web_app),
                web.get("/files/{file_id}", self.file),
                web.post("/faults", self.add_fault),
                web.delete("/faults", self.clear_faults),
                web.get("/calls", self.calls),
                web.delete("/calls", self.clear_calls),
                web.post("/updates", self.add_update),
            ]
        )
        return app

    async def info(self, _request: web.Request) -> web.Response:
        return web.json_response(self._info)

    async def bot(self, request: web.Request) -> web.Response:
        """The bot as `?language=` reads of it: its user, texts, commands and menu button, beside its name."""
        bot = self._apps.core.state.bot
        language = request.query.get("language", "en")
        reader = Person(0, "", language)
        texts = {name: bot.text(name, language) for name in ("description", "short_description")}
        return web.json_response({**bot.user, **texts, **bot.menu_for(reader)})

    async def public_key(self, _request: web.Request) -> web.Response:
        """The Ed25519 key that stands in for Telegram's own, as hex, which is how Telegram publishes it."""
        return web.json_response({"publicKey": self._apps.signer.public_key.hex()})

    async def people(self, _request: web.Request) -> web.Response:
        return web.json_response([person.profile for person in self._apps.people])

    async def create_person(self, request: web.Request) -> web.Response:
        body = await _object(request)
        person = self._apps.core.state.create(
            _field(body, "firstName", str),
            _field(body, "language", str, "en"),
            _field(body, "lastName", str, ""),
            _field(body, "username", str, ""),
            _field(body, "stars", int, WALLET),
        )
        return web.json_response(person.profile, status=HTTPStatus.CREATED)

    async def chat(self, request: web.Request) -> web.Response:
        person = self._person(request)
        menu = self._apps.core.state.bot.menu_for(person)
        return web.json_response({"messages": self._apps.messages(person), **menu})

    async def events(self, request: web.Request) -> web.StreamResponse:
        person = self._person(request)
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
        )
        with self._apps.core.state.events.subscribe(person) as queue:
            await response.prepare(request)
            try:
                await response.write(b": connected\n\n")
                while (line := await _next_line(queue)) is not None:
                    await response.write(line)
            except ConnectionError:
                pass  # the page was closed
        return response

    async def send(self, request: web.Request) -> web.Response:
        """A text as JSON, perhaps in `replyTo` a message.

        Or a form of `photo`s or `document`s, with a `caption`, and `hd` for large ones.
        """
        person = self._person(request)
        if request.content_type != "multipart/form-data":
            body = await _object(request)
            reply_to = _field(body, "replyTo", int, 0)
            message = await self._apps.send_text(person, _field(body, "text", str), reply_to)
            return web.json_response({"messages": [message]})
        form = [part async for part in parts(request)]
        photos = [part.content for name, part in form if name == "photo" and isinstance(part, Upload)]
        documents = [
            (part.name, part.content)
            for name, part in form
            if name == "document" and isinstance(part, Upload)
        ]
        values = {name: part for name, part in form if isinstance(part, str)}
        side = LARGEST_SIDE if values.get("hd") else PHONE_SIDE
        caption = values.get("caption", "")
        if photos and documents:
            raise Refused("Photos and documents are sent separately.")
        if photos:
            sent = await self._apps.send_photos(person, photos, caption, side=side)
        else:
            sent = await self._apps.send_documents(person, documents, caption)
        return web.json_response({"messages": sent})

    async def press(self, request: web.Request) -> web.Response:
        person = self._person(request)
        body = await _object(request)
        query_id = await self._apps.press(person, _field(body, "messageId", int), _field(body, "data", str))
        return web.json_response({"callbackQueryId": query_id})

    async def invoice(self, request: web.Request) -> web.Response:
        message_id = request.query.get("messageId", "")
        form = self._apps.invoice(
            self._person(request),
            int(message_id) if message_id.isdecimal() else None,
            request.query.get("slug"),
        )
        return web.json_response(form)

    async def pay(self, request: web.Request) -> web.Response:
        person = self._person(request)
        body = await _object(request)
        message_id, slug = _field(body, "messageId", int, 0), _field(body, "slug", str, "")
        return web.json_response(await self._apps.pay(person, message_id, slug))

    async def block(self, request: web.Request) -> web.Response:
        person = self._person(request)
        await self._apps.block(person, blocked=_field(await _object(request), "blocked", bool))
        return web.json_response(person.profile)

    async def restart(self, request: web.Request) -> web.Response:
        person = self._person(request)
        await self._apps.restart(person)
        return web.json_response(person.profile)

    async def web_app(self, request: web.Request) -> web.Response:
        query = request.query
        opened = self._apps.web_app(
            self._person(request), query.get("url", ""), query.get("theme", "light"), query.get("startParam")
        )
        return web.json_response(opened)

    async def file(self, request: web.Request) -> web.Response:
        stored = self._apps.core.files.get(request.match_info["file_id"])
        if stored is None:
            raise Refused("There is no such file.", HTTPStatus.NOT_FOUND)
        # Somebody's upload, shown from the page's own origin: it must never run as one of its scripts.
        safe = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
        return web.Response(body=stored.content, content_type=stored.content_type, headers=safe)

    async def add_fault(self, request: web.Request) -> web.Response:
        body = await _object(request)
        for name, value in body.items():
            if name not in _FAULT_FIELDS or not isinstance(value, _FAULT_FIELDS[name]):
                raise Refused(f"A fault has no such field, or not of this type: {name}.")
        self._api.faults.append(Fault(**body))
        return web.json_response({})

    async def clear_faults(self, _request: web.Request) -> web.Response:
        self._api.faults.clear()
        return web.json_response({})

    async def calls(self, _request: web.Request) -> web.Response:
        return web.json_response([call.to_json() for call in self._api.calls])

    async def clear_calls(self, _request: web.Request) -> web.Response:
        self._api.calls.clear()
        return web.json_response({})

    async def add_update(self, request: web.Request) -> web.Response:
        body = await _object(request)
        if "update" not in body:
            raise Refused('The update goes under "update".')
        self._apps.core.updates.add_hand_made(body["update"])
        return web.json_response({})

    def _person(self, request: web.Request) -> Person:
        return self._apps.person(request.match_info["id"])


async def _next_line(queue: asyncio.Queue[tuple[str, Json] | None]) -> bytes | None:
    """The next event of the stream, a heartbeat where none comes, `None` at the end."""
    try:
        async with asyncio.timeout(HEARTBEAT_SECONDS):
            event = await queue.get()
    except TimeoutError:
        return b": still here\n\n"
    return event and f"event: {event[0]}\ndata: {json.dumps(event[1])}\n\n".encode()


async def _object(request: web.Request) -> Json:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused("A JSON object is expected.")
    return body


def _field(body: Json, name: str, kind: type, default: Any = None) -> Any:
    value = body.get(name, default)
    if not isinstance(value, kind) or (value == "" and default is None):
        raise Refused(f"{name} must be {_WORDS[kind]}.")
    return value


@web.middleware
async def _loopback_only(request: web.Request, handler: _Handler) -> web.StreamResponse:
    if not is_loopback(request.remote):
        return _error("Only this machine may act as a person.", HTTPStatus.FORBIDDEN)
    return await handler(request)


@web.middleware
async def _refusals_as_json(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refused as refusal:
        return _error(refusal.sentence, refusal.status)
    except ApiError as error:
        return _error(error.description, error.code)
    except web.HTTPException as error:
        return _error(f"{error.reason}.", error.status)
    except (ValueError, LookupError):  # a lookup: of a charset that nobody knows
        return _error("That isn't a form.", HTTPStatus.BAD_REQUEST)


def _error(sentence: str, status: int) -> web.Response:
    return web.json_response({"error": sentence}, status=status)
