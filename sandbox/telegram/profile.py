"""Bot API methods about the bot itself, the chats it knows, its files and its updates."""

import re
from typing import Any

from .core import Core
from .errors import bad_request, conflict
from .files import MAX_DOWNLOAD
from .params import Params, is_loopback, is_web_app_url, parsed_url
from .state import Json

_TEXT_LIMITS = {"name": 64, "description": 512, "short_description": 120}
_MAX_COMMANDS = 100
_COMMAND = re.compile(r"/?[a-z0-9_]{1,32}", re.IGNORECASE)
_SECRET_TOKEN = re.compile(r"[A-Za-z0-9_-]*")
_WEBHOOK_PORTS = (443, 80, 88, 8443)
_LONGEST_POLL = 50
_SCOPES = (
    "default",
    "all_private_chats",
    "all_group_chats",
    "all_chat_administrators",
    "chat",
    "chat_administrators",
    "chat_member",
)


async def get_me(core: Core, _params: Params) -> Json:
    return {
        **core.state.bot.user,
        "can_join_groups": False,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


async def set_commands(core: Core, params: Params) -> bool:
    commands = params.json("commands")
    if not isinstance(commands, list) or len(commands) > _MAX_COMMANDS:
        raise bad_request(f"expected an Array of at most {_MAX_COMMANDS} bot commands")
    core.state.bot.commands[_command_key(core, params)] = [_command(command) for command in commands]
    _show_menu(core)
    return True


def _command(command: Any) -> Json:
    if not isinstance(command, dict):
        raise bad_request("can't parse BotCommand: expected an Object")
    name, description = str(command.get("command", "")), str(command.get("description", "")).strip()
    if not _COMMAND.fullmatch(name):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= len(description) <= 256:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name.removeprefix("/").lower(), "description": description}


async def get_commands(core: Core, params: Params) -> list[Json]:
    return core.state.bot.commands.get(_command_key(core, params), [])


async def delete_commands(core: Core, params: Params) -> bool:
    core.state.bot.commands.pop(_command_key(core, params), None)
    _show_menu(core)
    return True


def _command_key(core: Core, params: Params) -> tuple[str, str]:
    scope = params.json("scope") or {"type": "default"}
    if not isinstance(scope, dict) or scope.get("type") not in _SCOPES:
        raise bad_request("can't parse BotCommandScope: unsupported type specified")
    name = scope["type"]
    if name == "chat":
        name = f"chat:{core.chat(params.sub(scope)).id}"
    return name, params.text("language_code")


async def set_menu_button(core: Core, params: Params) -> bool:
    button = params.json("menu_button") or {"type": "default"}
    if not isinstance(button, dict) or button.get("type") not in ("default", "commands", "web_app"):
        raise bad_request("can't parse menu button: unsupported type specified")
    if button["type"] == "web_app":
        web_app = button.get("web_app")
        url = str(web_app.get("url", "")) if isinstance(web_app, dict) else ""
        if not button.get("text"):
            raise bad_request("can't parse menu button: Can't find field \"text\"")
        if not is_web_app_url(url):
            raise bad_request(f"menu button Web App URL '{url}' is invalid: Only HTTPS links are allowed")
    core.state.bot.menu_buttons[_menu_chat(core, params)] = button
    _show_menu(core)
    return True


async def get_menu_button(core: Core, params: Params) -> Json:
    button = core.state.bot.menu_buttons.get(_menu_chat(core, params))
    return button or core.state.bot.menu_buttons.get(None) or {"type": "default"}


def _menu_chat(core: Core, params: Params) -> int | None:
    return core.chat(params).id if params.text("chat_id") else None


def _show_menu(core: Core) -> None:
    for person in core.state.people:
        core.state.events.publish(person, "menu", core.state.bot.menu_for(person))


async def set_text(core: Core, params: Params, name: str) -> bool:
    """setMyName, setMyDescription and setMyShortDescription."""
    text = params.text(name).strip()
    if len(text) > _TEXT_LIMITS[name]:
        raise bad_request(f"BOT_{name.upper()}_TOO_LONG")
    core.state.bot.texts[name, params.text("language_code")] = text
    return True


async def get_text(core: Core, params: Params, name: str) -> Json:
    text = core.state.bot.text(name, params.text("language_code"))
    return {name: text or (core.state.bot.name if name == "name" else "")}


async def get_chat(core: Core, params: Params) -> Json:
    person = core.chat(params)
    pinned = core.state.chats[person.id].pinned
    posted = core.state.find(person, pinned) if pinned else None
    return {
        **person.chat,
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(
            (
                "unlimited_gifts",
                "limited_gifts",
                "unique_gifts",
                "premium_subscription",
                "gifts_from_channels",
            ),
            True,
        ),
        **({"pinned_message": posted.message} if posted else {}),
    }


async def get_chat_member(core: Core, params: Params) -> Json:
    person = core.chat(params)
    user_id = params.integer("user_id")
    if user_id == core.state.bot.id:
        return core.membership("kicked" if person.blocked else "member")
    if user_id != person.id:
        raise bad_request("user not found" if user_id else "invalid user_id specified")
    return {"status": "member", "user": person.user}


async def get_file(core: Core, params: Params) -> Json:
    file_id = params.text("file_id")
    if not file_id:
        raise bad_request("file_id not specified")
    stored = core.files.get(file_id)
    if stored is None:
        raise bad_request("wrong file_id or the file is temporarily unavailable")
    if len(stored.content) > MAX_DOWNLOAD:
        raise bad_request("file is too big")
    return {**stored.reference, "file_path": stored.path}


async def set_webhook(core: Core, params: Params) -> bool:
    url = params.text("url").strip()
    if not url:
        return await delete_webhook(core, params)
    secret_token = params.text("secret_token")
    _check_webhook_url(url)
    if len(secret_token) > 256:
        raise bad_request("secret token is too long")
    if not _SECRET_TOKEN.fullmatch(secret_token):
        raise bad_request("secret token contains unallowed characters")
    _allow_updates(core, params)
    _drop_pending(core, params)
    core.updates.end_polls()
    connections = min(max(params.integer("max_connections", 40), 1), 100)
    await core.webhook.set(url, secret_token, connections)
    return True


def _check_webhook_url(text: str) -> None:
    url = parsed_url(text if "://" in text else f"https://{text}")
    if url is None or url.scheme not in ("http", "https"):
        raise bad_request("invalid webhook URL specified")
    if is_loopback(url.host):
        return
    if url.scheme != "https":
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if url.port not in _WEBHOOK_PORTS:
        raise bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")


async def delete_webhook(core: Core, params: Params) -> bool:
    _drop_pending(core, params)
    await core.webhook.set("", "", 0)
    return True


def _drop_pending(core: Core, params: Params) -> None:
    if params.flag("drop_pending_updates"):
        core.updates.clear()


def _allow_updates(core: Core, params: Params) -> None:
    """Takes the kinds that the bot wants; where it names none, what it said before stays."""
    allowed = params.json("allowed_updates")
    if allowed is None:
        return
    if not isinstance(allowed, list):
        raise bad_request("can't parse allowed updates JSON object")
    core.updates.allowed = [str(kind) for kind in allowed]


async def get_webhook_info(core: Core, _params: Params) -> Json:
    return core.webhook.info


async def get_updates(core: Core, params: Params) -> list[Any]:
    if core.webhook.url:
        raise conflict(
            "can't use getUpdates method while webhook is active; "
            "use deleteWebhook to delete the webhook first"
        )
    _allow_updates(core, params)
    limit = min(max(params.integer("limit", 100), 1), 100)
    seconds = min(max(params.integer("timeout"), 0), _LONGEST_POLL)
    return await core.updates.poll(params.integer("offset"), limit, seconds)
