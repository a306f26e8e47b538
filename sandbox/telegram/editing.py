"""Bot API methods that change what is in a chat already, and those that answer a tap in it."""

import time

from .core import CALLBACK_ANSWER_SECONDS, Core
from .errors import bad_request, not_modified, query_too_old
from .keyboards import inline_keyboard
from .params import Params
from .sending import caption_content, input_media, text_content
from .state import Json, Person, Posted

_MEDIA = ("photo", "document")
_TEXT_FIELDS = ("text", "entities", "link_preview_options")
_CAPTION_FIELDS = ("caption", "caption_entities", "show_caption_above_media", "has_media_spoiler")
_MAX_CALLBACK_TEXT = 200
_MAX_DELETED = 100
_ACTIONS = (
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
)


async def edit_message_text(core: Core, params: Params) -> Json:
    person, posted = _editable(core, params)
    if "text" not in posted.message:
        raise bad_request("there is no text in the message to edit")
    return _edit(core, params, person, _TEXT_FIELDS, text_content(params))


async def edit_message_caption(core: Core, params: Params) -> Json:
    person, posted = _editable(core, params)
    if not any(kind in posted.message for kind in _MEDIA):
        raise bad_request("there is no caption in the message to edit")
    return _edit(core, params, person, _CAPTION_FIELDS, caption_content(params))


async def edit_message_media(core: Core, params: Params) -> Json:
    person, posted = _editable(core, params)
    if not any(kind in posted.message for kind in (*_MEDIA, "text")):
        raise bad_request("there is no media in the message to edit")
    media = params.json("media")
    if not isinstance(media, dict):
        raise bad_request("object expected as InputMedia")
    content = await input_media(core, params.sub(media))
    return _edit(core, params, person, (*_MEDIA, *_TEXT_FIELDS, *_CAPTION_FIELDS), content)


async def edit_message_reply_markup(core: Core, params: Params) -> Json:
    person, _ = _editable(core, params)
    return _edit(core, params, person, (), {})


def _editable(core: Core, params: Params) -> tuple[Person, Posted]:
    person = core.reachable(params)
    posted = core.message(params, person, "edit")
    if posted.message["from"]["id"] != core.state.bot.id or "pinned_message" in posted.message:
        raise bad_request("message can't be edited")
    return person, posted


def _edit(core: Core, params: Params, person: Person, replaced: tuple[str, ...], content: Json) -> Json:
    """Puts `content` in place of the fields `replaced`; the keyboard goes unless it is given again."""
    keyboard = inline_keyboard(params)
    before = core.message(params, person, "edit").message
    kept = {name: value for name, value in before.items() if name not in (*replaced, "reply_markup")}
    after = {**kept, **content} | ({"reply_markup": keyboard} if keyboard else {})
    if after == before:
        raise not_modified()
    if replaced:  # a change of buttons alone doesn't show as an edit
        after["edit_date"] = int(time.time())
    return core.state.replace(person, after)


async def delete_message(core: Core, params: Params) -> bool:
    person = core.chat(params)
    core.message(params, person, "delete")
    core.state.delete(person, [params.integer("message_id")])
    return True


async def delete_messages(core: Core, params: Params) -> bool:
    person = core.chat(params)
    message_ids = params.json("message_ids")
    if not isinstance(message_ids, list) or not message_ids:
        raise bad_request("message identifiers are not specified")
    if len(message_ids) > _MAX_DELETED:
        raise bad_request("too many message identifiers specified")
    core.state.delete(person, [int(each) for each in message_ids if str(each).isdecimal()])
    return True


async def pin_chat_message(core: Core, params: Params) -> bool:
    person = core.reachable(params)
    pinned = core.message(params, person, "pin").message
    core.state.chats[person.id].pinned = pinned["message_id"]
    notice = core.state.post_as_bot(person, {"pinned_message": pinned})
    core.updates.add("message", notice, person.id)
    return True


async def set_message_reaction(core: Core, params: Params) -> bool:
    """The reaction is kept with the message as `reactions`, for the chat page alone."""
    person = core.reachable(params)
    posted = core.message(params, person, "react")
    reactions = params.json("reaction") or []
    if not isinstance(reactions, list) or not all(isinstance(each, dict) for each in reactions):
        raise bad_request("can't parse reaction types JSON object")
    if len(reactions) > 1 or any(each.get("type") != "emoji" or not each.get("emoji") for each in reactions):
        raise bad_request("REACTION_INVALID")
    posted.reactions = reactions
    core.state.events.publish(person, "edit", posted.view)
    return True


async def send_chat_action(core: Core, params: Params) -> bool:
    person = core.reachable(params)
    action = params.text("action").lower()
    if action not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    core.state.events.publish(person, "chat_action", {"action": action})
    return True


async def answer_callback_query(core: Core, params: Params) -> bool:
    query_id = params.text("callback_query_id")
    query = core.callback_queries.get(query_id)
    if query is None or core.clock.now() > query.asked_at + CALLBACK_ANSWER_SECONDS:
        raise query_too_old()
    if len(params.text("text")) > _MAX_CALLBACK_TEXT:
        raise bad_request("MESSAGE_TOO_LONG")
    answer = {
        "callbackQueryId": query_id,
        "text": params.text("text"),
        "showAlert": params.flag("show_alert"),
        "url": params.text("url"),
    }
    core.state.events.publish(query.person, "callback_answer", answer)
    return True
