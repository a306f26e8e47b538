"""Bot API methods that put messages into a chat."""

import asyncio
import secrets

from . import entities
from .core import Core
from .errors import bad_request
from .files import LARGEST_SIDE, MAX_PHOTO, fetch, renditions
from .keyboards import buttons, reply_markup
from .params import Params
from .state import Json, Person

MAX_TEXT = 4096
MAX_CAPTION = 1024
_MAX_ALBUM = 10
_MEDIA_KINDS = ("photo", "document")
_NOT_COPIED = ("invoice", "successful_payment", "refunded_payment", "pinned_message")
_OF_ONE_MESSAGE = ("message_id", "from", "chat", "date", "edit_date", "reply_markup", "media_group_id")


def text_content(params: Params) -> Json:
    """The fields of a text message. Raises `ApiError` where there is none, or too much of it."""
    if not params.text("text"):
        raise bad_request("message text is empty")
    formatted = entities.from_params(params, "text", MAX_TEXT, "message is too long")
    if not formatted.text:
        raise bad_request("text must be non-empty")
    preview = params.json("link_preview_options")
    return formatted.fields("text") | ({"link_preview_options": preview} if preview else {})


def caption_content(params: Params) -> Json:
    content = entities.from_params(params, "caption", MAX_CAPTION, "message caption is too long").fields(
        "caption"
    )
    if params.flag("show_caption_above_media"):
        content["show_caption_above_media"] = True
    if params.flag("has_spoiler"):
        content["has_media_spoiler"] = True
    return content


async def media_content(core: Core, params: Params, kind: str, field: str) -> Json:
    """The photo or document that `field` uploads, attaches, names by its file id, or by its address.

    Raises:
        ApiError: it isn't there, or isn't of that kind.
    """
    reference = params.text(field)
    if reference and not reference.startswith("attach://"):
        if not reference.startswith(("http://", "https://")):
            return core.files.known(reference, kind)
        upload = await fetch(core.http, reference, kind)
    else:
        sent = params.upload(field, reference)
        if sent is None:
            raise bad_request(f"there is no {kind} in the request")
        upload = sent
    if not upload.content:
        raise bad_request("file must be non-empty")
    if kind == "document":
        return {"document": core.files.add_document(upload)}
    if len(upload.content) > MAX_PHOTO:
        raise bad_request(
            f"file of size {len(upload.content)} bytes is too big for a photo; "
            f"the maximum size is {MAX_PHOTO} bytes"
        )
    return {"photo": core.files.add_photo(await renditions(upload.content, LARGEST_SIDE))}


async def send_message(core: Core, params: Params) -> Json:
    person = core.reachable(params)
    return _send(core, params, person, text_content(params))


async def send_photo(core: Core, params: Params) -> Json:
    return await _send_media(core, params, "photo")


async def send_document(core: Core, params: Params) -> Json:
    return await _send_media(core, params, "document")


async def _send_media(core: Core, params: Params, kind: str) -> Json:
    person = core.reachable(params)
    caption = caption_content(params)
    content = await media_content(core, params, kind, kind)
    return _send(core, params, person, content | caption)


async def send_media_group(core: Core, params: Params) -> list[Json]:
    person = core.reachable(params)
    items = params.json("media")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise bad_request("expected an Array of InputMedia")
    if len(items) < 2:
        raise bad_request("there are no messages to send")
    if len(items) > _MAX_ALBUM:
        raise bad_request("too many messages to send as an album")
    kinds = {item.get("type") for item in items}
    if not kinds <= set(_MEDIA_KINDS):
        raise bad_request("can't parse InputMedia: type must be one of photo or document")
    if len(kinds) > 1:
        raise bad_request("document can't be mixed with other media types")
    contents = await asyncio.gather(*(input_media(core, params.sub(item)) for item in items))
    group = {"media_group_id": str(secrets.randbits(60))}
    options = _options(core, params, person)
    return [core.state.post_as_bot(person, content | options | group) for content in contents]


async def input_media(core: Core, params: Params) -> Json:
    """The fields of a message that holds this InputMediaPhoto or InputMediaDocument."""
    kind = params.text("type")
    if kind not in _MEDIA_KINDS:
        raise bad_request("can't parse InputMedia: type must be one of photo or document")
    if not params.text("media"):
        raise bad_request("can't parse InputMedia: Can't find field \"media\"")
    caption = caption_content(params)
    return await media_content(core, params, kind, "media") | caption


async def send_invoice(core: Core, params: Params) -> Json:
    person = core.reachable(params)
    inline, other = reply_markup(params)
    inline = inline or {"inline_keyboard": [[{"text": f"Pay ⭐️{_price(params)}", "pay": True}]]}
    if other or not next(buttons(inline)).get("pay"):
        raise bad_request("REPLY_MARKUP_BUY_EMPTY")
    invoice = core.payments.create(params, single=True)
    content = {"invoice": invoice.message_field, **_options(core, params, person), "reply_markup": inline}
    message = core.state.post_as_bot(person, content)
    core.payments.attach(invoice, message["message_id"])
    return message


def _price(params: Params) -> str:
    prices = params.json("prices")
    return str(prices[0].get("amount", "")) if isinstance(prices, list) and prices else ""


async def forward_message(core: Core, params: Params) -> Json:
    person = core.reachable(params)
    source = core.chat(params, "from_chat_id")
    message = core.message(params, source, "forward").message
    origin = {"type": "user", "date": message["date"], "sender_user": message["from"]}
    return core.state.post_as_bot(person, _copied(message) | {"forward_origin": origin})


async def copy_message(core: Core, params: Params) -> Json:
    person = core.reachable(params)
    source = core.chat(params, "from_chat_id")
    message = core.message(params, source, "copy").message
    if any(kind in message for kind in _NOT_COPIED):
        raise bad_request("message can't be copied")
    content = _copied(message)
    if "caption" in params.values and "text" not in content:
        content = {name: content[name] for name in content if not name.startswith("caption")}
        content |= caption_content(params)
    return {"message_id": _send(core, params, person, content)["message_id"]}


def _copied(message: Json) -> Json:
    return {name: value for name, value in message.items() if name not in _OF_ONE_MESSAGE}


def _send(core: Core, params: Params, person: Person, content: Json) -> Json:
    inline, other = reply_markup(params)
    markup = {"reply_markup": inline} if inline else {}
    return core.state.post_as_bot(person, {**content, **_options(core, params, person), **markup}, other)


def _options(core: Core, params: Params, person: Person) -> Json:
    """What every kind of message may carry: a reply, an effect, protection."""
    options: Json = {}
    if params.flag("protect_content"):
        options["has_protected_content"] = True
    if effect := params.text("message_effect_id"):
        options["effect_id"] = effect
    reply = params.json("reply_parameters") or {}
    if not isinstance(reply, dict):
        raise bad_request("can't parse reply parameters JSON object")
    if reply:
        inner = params.sub(reply)
        field = core.state.reply(person, inner.integer("message_id"))
        if not field and not inner.flag("allow_sending_without_reply"):
            raise bad_request("message to be replied not found")
        options |= field
    return options
