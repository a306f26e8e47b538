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
    MenuButtonDefault,
    MenuButtonWebApp,
    WebAppInfo,
)

from bot.i18n import _, speaking
from config import Settings
from models.user import LANGUAGES

log = structlog.get_logger(__name__)


def commands() -> dict[str, str]:
    """What each command does, in the current language."""
    return {
        "start": _("what I do, and the app"),
        "status": _("your trainings, running and ended"),
        "cancel": _("stop a training and get its stars back"),
        "balance": _("your stars"),
        "stars": _("get more stars"),
        "help": _("how it works"),
    }


async def announce(bot: Bot, settings: Settings) -> None:
    """Tells Telegram all of it. What Telegram refuses is logged: no reason not to start."""
    methods = [_menu_button(settings.app_url)]
    for language in LANGUAGES:
        methods.extend(_in_language(language))
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


def _in_language(language: str) -> list[TelegramMethod[bool]]:
    """English is for everybody whose language we don't speak, so it is set without a language code."""
    code = None if language == "en" else language
    with speaking(language):
        return [
            SetMyCommands(
                commands=[BotCommand(command=name, description=text) for name, text in commands().items()],
                scope=BotCommandScopeAllPrivateChats(),
                language_code=code,
            ),
            SetMyDescription(
                description=_(
                    "I turn a handful of your photos into an AI model: of you, of your pet, of a thing or of "
                    "a style. Send me photos or open the app, watch the training live, and hear from me when "
                    "it is ready."
                ),
                language_code=code,
            ),
            SetMyShortDescription(
                short_description=_("Turns a handful of your photos into an AI model."), language_code=code
            ),
        ]
