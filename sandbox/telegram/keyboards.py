"""Reply markup: what Telegram accepts under a message, and in which words it refuses the rest."""

from collections.abc import Iterator

from .errors import ApiError, bad_request
from .params import Params, is_web_app_url, parsed_url
from .state import Json

_MAX_BUTTONS = 100
_STYLES = ("danger", "success", "primary")
_KINDS = (
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
    "disabled",
)
_OTHER_MARKUP = ("keyboard", "remove_keyboard", "force_reply")


def inline_keyboard(params: Params) -> Json | None:
    """The checked inline keyboard of a call that takes no other kind.

    Raises:
        ApiError: it isn't one, or a button in it isn't allowed.
    """
    markup, other = reply_markup(params)
    if other:
        raise bad_request("inline keyboard expected")
    return markup


def reply_markup(params: Params) -> tuple[Json | None, Json | None]:
    """The checked inline keyboard, and the markup of any other kind; at most one of them is there.

    Raises:
        ApiError: it is no markup, or a button in it isn't allowed.
    """
    markup = params.json("reply_markup")
    if markup is None:
        return None, None
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    if "inline_keyboard" not in markup:
        if not any(kind in markup for kind in _OTHER_MARKUP):
            raise bad_request("object expected as reply markup")
        return None, markup
    rows = markup["inline_keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    kept = [[_button(button) for button in row] for row in rows if row]
    if sum(len(row) for row in kept) > _MAX_BUTTONS:
        raise bad_request("REPLY_MARKUP_TOO_LONG")
    return ({"inline_keyboard": kept} if kept else None), None


def buttons(markup: Json | None) -> Iterator[Json]:
    for row in (markup or {}).get("inline_keyboard", []):
        yield from row


def _button(button: object) -> Json:
    if not isinstance(button, dict):
        raise _unparsable("InlineKeyboardButton must be an Object")
    text = button.get("text")
    if not isinstance(text, str):
        raise _unparsable('Can\'t find field "text"')
    if not text.strip():
        raise bad_request("BUTTON_TEXT_INVALID")
    kinds = [kind for kind in _KINDS if button.get(kind) is not None]
    if not kinds:
        raise _unparsable("Text buttons are unallowed in the inline keyboard")
    if len(kinds) > 1:
        raise bad_request("BUTTON_TYPE_INVALID")
    if button.get("style") not in (None, *_STYLES):
        raise _unparsable("Invalid button style specified")
    _check_target(button, kinds[0])
    return button


def _check_target(button: Json, kind: str) -> None:
    if kind == "callback_data" and not 1 <= len(str(button[kind]).encode()) <= 64:
        raise bad_request("BUTTON_DATA_INVALID")
    if kind == "url":
        url = parsed_url(str(button[kind]))
        if url is None or url.scheme not in ("http", "https", "tg", "ton"):
            raise bad_request(f"inline keyboard button URL '{button[kind]}' is invalid: Wrong HTTP URL")
    if kind == "web_app":
        url_text = button[kind].get("url") if isinstance(button[kind], dict) else None
        if not isinstance(url_text, str):
            raise _unparsable('Can\'t find field "url"')
        if not is_web_app_url(url_text):
            raise bad_request(
                f"inline keyboard button Web App URL '{url_text}' is invalid: Only HTTPS links are allowed"
            )


def _unparsable(reason: str) -> ApiError:
    return bad_request(f"can't parse inline keyboard button: {reason}")
