"""Telegram's offline twin: the Bot API with webhooks and Stars for one bot, and the apps of its people."""

from .emulator import TOKEN, TelegramEmulator
from .errors import Refused
from .limits import Limits
from .state import Json, Person

__all__ = ["TOKEN", "Json", "Limits", "Person", "Refused", "TelegramEmulator"]
