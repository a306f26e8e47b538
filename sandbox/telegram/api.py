"""The Bot API over HTTP: the table of methods, faults on demand, and the log of what was called."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from aiohttp import web

from . import editing, profile, sending, stars
from .core import Core, Handler
from .errors import ApiError, method_not_found, too_many_requests, unauthorized
from .limits import RateLimiter
from .params import Params, from_request
from .state import Json

CALLS_REMEMBERED = 10_000


@dataclass(frozen=True)
class Method:
    name: str
    handler: Handler
    limited: bool = False  # it counts against the flood limits


METHODS = {
    method.name.lower(): method
    for method in (
        Method("getMe", profile.get_me),
        Method("getUpdates", profile.get_updates),
        Method("setWebhook", profile.set_webhook),
        Method("deleteWebhook", profile.delete_webhook),
        Method("getWebhookInfo", profile.get_webhook_info),
        Method("setMyCommands", profile.set_commands),
        Method("getMyCommands", profile.get_commands),
        Method("deleteMyCommands", profile.delete_commands),
        Method("setChatMenuButton", profile.set_menu_button),
        Method("getChatMenuButton", profile.get_menu_button),
        Method("setMyName", partial(profile.set_text, name="name")),
        Method("getMyName", partial(profile.get_text, name="name")),
        Method("setMyDescription", partial(profile.set_text, name="description")),
        Method("getMyDescription", partial(profile.get_text, name="description")),
        Method("setMyShortDescription", partial(profile.set_text, name="short_description")),
        Method("getMyShortDescription", partial(profile.get_text, name="short_description")),
        Method("getChat", profile.get_chat),
        Method("getChatMember", profile.get_chat_member),
        Method("getFile", profile.get_file),
        Method("sendMessage", sending.send_message, limited=True),
        Method("sendPhoto", sending.send_photo, limited=True),
        Method("sendDocument", sending.send_document, limited=True),
        Method("sendMediaGroup", sending.send_media_group, limited=True),
        Method("sendInvoice", sending.send_invoice, limited=True),
        Method("copyMessage", sending.copy_message, limited=True),
        Method("forwardMessage", sending.forward_message, limited=True),
        Method("editMessageText", editing.edit_message_text, limited=True),
        Method("editMessageCaption", editing.edit_message_caption, limited=True),
        Method("editMessageMedia", editing.edit_message_media, limited=True),
        Method("editMessageReplyMarkup", editing.edit_message_reply_markup, limited=True),
        Method("deleteMessage", editing.delete_message),
        Method("deleteMessages", editing.delete_messages),
        Method("pinChatMessage", editing.pin_chat_message),
        Method("setMessageReaction", editing.set_message_reaction),
        Method("sendChatAction", editing.send_chat_action),
        Method("answerCallbackQuery", editing.answer_callback_query),
        Method("answerPreCheckoutQuery", stars.answer_pre_checkout_query),
        Method("createInvoiceLink", stars.create_invoice_link),
        Method("refundStarPayment", stars.refund_star_payment),
        Method("getStarTransactions", stars.get_star_transactions),
        Method("getMyStarBalance", stars.get_my_star_balance),
    )
}


@dataclass(frozen=True)
class Call:
    """One call of a Bot API method; `error_code` is what it was refused with."""

    method: str
    chat_id: int | None
    at: float
    parameters: dict[str, str]
    error_code: int | None = None

    def to_json(self) -> Json:
        return {
            "method": self.method,
            "chatId": self.chat_id,
            "at": self.at,
            "parameters": self.parameters,
            "ok": self.error_code is None,
            "errorCode": self.error_code,
        }


@dataclass
class Fault:
    """What goes wrong with the next `times` calls of `method` (empty: of any).

    `drop` closes the connection before the method is executed, `drop_after` once it was: the bot can't tell
    the two apart. `delay` comes before the method is executed, `answer_delay` after it, in real seconds.
    """

    method: str = ""
    times: int = 1
    error_code: int | None = None
    description: str = ""
    retry_after: int = 1
    drop: bool = False
    drop_after: bool = False
    delay: float = 0
    answer_delay: float = 0

    @property
    def error(self) -> ApiError | None:
        if self.error_code is None:
            return None
        if self.error_code == HTTPStatus.TOO_MANY_REQUESTS:
            return too_many_requests(self.retry_after)
        return ApiError(self.error_code, self.description or _phrase(self.error_code))


def _phrase(code: int) -> str:
    if code == HTTPStatus.FORBIDDEN:
        return "Forbidden: bot was blocked by the user"
    return HTTPStatus(code).phrase if code in set(HTTPStatus) else f"Error {code}"


class BotApi:
    def __init__(self, limiter: RateLimiter) -> None:
        self.calls: deque[Call] = deque(maxlen=CALLS_REMEMBERED)
        self.faults: list[Fault] = []
        self._limiter = limiter

    async def call(self, core: Core, name: str, params: Params) -> Any:
        """Executes a method; its name is taken in any case.

        Raises:
            ApiError: as Telegram would refuse it.
        """
        method = METHODS.get(name.lower())
        try:
            if method is None:
                raise method_not_found()
            if method.limited:
                self._limiter.admit(params.text("chat_id"))
            result = await method.handler(core, params)
        except ApiError as error:
            self._log(method.name if method else name, params, error.code)
            raise
        self._log(method.name, params)
        return result

    def _log(self, method: str, params: Params, error_code: int | None = None) -> None:
        chat_id = params.integer("chat_id") or params.integer("user_id") or None
        self.calls.append(Call(method, chat_id, time.time(), params.public(), error_code))

    async def handle(self, core: Core, request: web.Request) -> web.StreamResponse:
        """`/bot<token>/<method>`."""
        name = request.match_info["method"]
        try:
            if request.match_info["token"] != core.state.bot.token:
                raise unauthorized()
            params = await from_request(request)
            fault = self._next_fault(name)
            await asyncio.sleep(fault.delay)
            if fault.drop:
                return _hang_up(request)
            if fault.error:
                raise fault.error
            result = await self.call(core, name, params)
            await asyncio.sleep(fault.answer_delay)
        except ApiError as error:
            return _refusal(error)
        if fault.drop_after:
            return _hang_up(request)
        return web.json_response({"ok": True, "result": result})

    def _next_fault(self, name: str) -> Fault:
        for fault in self.faults:
            if fault.method.lower() in ("", name.lower()):
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return Fault()


def _refusal(error: ApiError) -> web.Response:
    body: Json = {"ok": False, "error_code": error.code, "description": error.description}
    if error.retry_after is not None:
        body["parameters"] = {"retry_after": error.retry_after}
    return web.json_response(body, status=error.code)


def _hang_up(request: web.Request) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response()


async def download(core: Core, request: web.Request) -> web.Response:
    """`/file/bot<token>/<path>`."""
    if request.match_info["token"] != core.state.bot.token:
        return _refusal(unauthorized())
    stored = core.files.at(request.match_info["path"])
    if stored is None:
        return _refusal(ApiError(HTTPStatus.NOT_FOUND, "Not Found"))
    return web.Response(body=stored.content, content_type="application/octet-stream")
