"""Whatever nobody else took: a short way on, never silence."""

from aiogram.enums import ContentType
from aiogram.methods import AnswerCallbackQuery, SendMessage
from aiogram.types import CallbackQuery, Message

from bot.i18n import _

# What people send; the other kinds are Telegram's own notices, and want no answer.
SENT_BY_PEOPLE = frozenset(
    {
        ContentType.ANIMATION,
        ContentType.AUDIO,
        ContentType.CONTACT,
        ContentType.DICE,
        ContentType.DOCUMENT,
        ContentType.LOCATION,
        ContentType.POLL,
        ContentType.STICKER,
        ContentType.STORY,
        ContentType.VENUE,
        ContentType.VIDEO,
        ContentType.VIDEO_NOTE,
        ContentType.VOICE,
    }
)


async def unknown_command(message: Message) -> SendMessage:
    return message.answer(_("I don't know this command. /help lists those that I do."))


async def only_text(message: Message) -> SendMessage:
    return message.answer(_("Send me photos for a training, or see /help."))


async def no_photo(message: Message) -> SendMessage:
    return message.answer(
        _("I can't use this. Photos are what I take, as JPEG, PNG, WebP or HEIC; see /help.")
    )


async def dead_button(query: CallbackQuery) -> AnswerCallbackQuery:
    return query.answer(_("This button does nothing any more."))
