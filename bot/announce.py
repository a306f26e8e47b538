"""How the bot presents itself in Telegram's clients: its commands, its menu button and its descriptions."""

import asyncio

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError
from aiogram.methods import (
    SetChatMenuButton,
    SetMyCommands,
    SetMyDescription,
    SetMyShortDescription,
    TelegramMethod,
)
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeUnion,
    MenuButtonDefault,
    MenuButtonWebApp,
    WebAppInfo,
)

from bot.i18n import _, speaking
from config import Settings
from models.user import LANGUAGES

log = structlog.get_logger(__name__)


def commands(settings: Settings) -> dict[str, str]:
    """What each command does, in the current language."""
    invite = {"invite": _("bring somebody along, for stars")} if settings.invitations else {}
    return {
        "start": _("what I do, and the app"),
        "gen": _("make pictures with your model"),
        "settings": _("settings of your pictures"),
        "status": _("how everything is doing"),
        "cancel": _("stop something and get its stars back"),
        "balance": _("your stars"),
        "stars": _("get more stars"),
        "history": _("where your stars came from and went"),
        "code": _("stars for a code"),
        **invite,
        "paysupport": _("help with a payment"),
        "terms": _("the terms"),
        "help": _("how it works"),
    }


def operators_commands() -> dict[str, str]:
    """The same of those that only operators have."""
    return {
        "user": _("a person: stars, payments, trainings"),
        "stats": _("what moved in the last 7 days"),
        "grant": _("give somebody stars"),
        "promo": _("make and list promo codes"),
        "refund": _("give a payment back"),
        "words": _("words that are refused in prompts"),
        "hide": _("hide a public model"),
        "show": _("show a hidden model again"),
        "answer": _("answer a request for help"),
        "pause": _("pause purchases"),
        "resume": _("let people buy again"),
    }


async def announce(bot: Bot, settings: Settings) -> None:
    """Tells Telegram all of it. What Telegram refuses is logged: no reason not to start.

    It does refuse commands for an operator who has never written to the bot.
    """
    methods = [_menu_button(settings.app_url)]
    for language in LANGUAGES:
        methods.extend(_in_language(language, settings))
    await asyncio.gather(*(_try(bot, method) for method in methods))


async def _try(bot: Bot, method: TelegramMethod[bool]) -> None:
    try:
        await bot(method)
    except AiogramError as e:
        log.warning("announcement_refused", method=method.__api_method__, error=type(e).__name__)


def _menu_button(app_url: str | None) -> TelegramMethod[bool]:
    if app_url is None:
        return SetChatMenuButton(menu_button=MenuButtonDefault())
    return SetChatMenuButton(menu_button=MenuButtonWebApp(text="Selfi", web_app=WebAppInfo(url=app_url)))


def _menu(texts: dict[str, str], scope: BotCommandScopeUnion, code: str | None) -> SetMyCommands:
    shown = [BotCommand(command=name, description=text) for name, text in texts.items()]
    return SetMyCommands(commands=shown, scope=scope, language_code=code)


def _in_language(language: str, settings: Settings) -> list[TelegramMethod[bool]]:
    """English is for everybody whose language we don't speak, so it is set without a language code."""
    code = None if language == "en" else language
    with speaking(language):
        return [
            _menu(commands(settings), BotCommandScopeAllPrivateChats(), code),
            *(
                _menu(commands(settings) | operators_commands(), BotCommandScopeChat(chat_id=operator), code)
                for operator in settings.admin_ids
            ),
            SetMyDescription(
                description=_(
                    "I turn a handful of your photos into an AI model, of you, of your pet, of a thing or of "
                    "a style, and then into pictures. Send me photos or open the app, watch the training "
                    "live, and hear from me when it is ready."
                ),
                language_code=code,
            ),
            SetMyShortDescription(
                short_description=_(
                    "Turns a handful of your photos into an AI model, and that into pictures."
                ),
                language_code=code,
            ),
        ]
