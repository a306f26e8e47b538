"""Hello, help, and goodbye."""

from aiogram import html
from aiogram.enums import ChatMemberStatus
from aiogram.methods import SendMessage
from aiogram.types import ChatMemberUpdated, Message

from bot.announce import commands, operators_commands
from bot.i18n import _, ngettext
from bot.keyboards import app_button, column
from bot.middlewares import Sender
from bot.views import greeting
from bot.wishes import FORM
from config import Settings
from models.user import set_blocked


async def greet(message: Message, sender: Sender, settings: Settings) -> SendMessage:
    view = greeting(
        sender.first_name,
        sender.balance if sender.is_new else 0,
        settings.referred_stars if sender.is_new and sender.is_invited else 0,
        settings.photos_min,
        settings.app_url,
    )
    return message.answer(view.text, reply_markup=view.keyboard)


async def explain(message: Message, sender: Sender, settings: Settings) -> SendMessage:
    how = ngettext(
        "Send me at least {n} sharp photo, or add it in the app, choose a trigger word and start. I show you "
        "how it goes and write when it is done. A training that fails costs nothing.",
        "Send me at least {n} sharp, varied photos, or add them in the app, choose a trigger word and start. "
        "I show you how it goes and write when it is done. A training that fails costs nothing.",
        settings.photos_min,
    )
    then = [
        _("Then make pictures with it: /gen by itself asks what you want; or say it all at once:"),
        f"<code>{html.quote(FORM)}</code>",
        _("Aspect ratio, steps, guidance, seed, number and models may be left out; /settings keeps them."),
    ]
    known = commands(settings) | (operators_commands() if sender.id in settings.admin_ids else {})
    listed = "\n".join(f"/{name} – {text}" for name, text in known.items())
    return message.answer(
        "\n\n".join([how, "\n".join(then), listed]),
        reply_markup=column(app_button(_("Open Selfi"), settings.app_url)),
    )


async def greet_group(message: Message) -> SendMessage:
    return message.answer(_("I work in a private chat only: write to me there."))


async def blocked_or_back(event: ChatMemberUpdated) -> None:
    kicked = event.new_chat_member.status == ChatMemberStatus.KICKED
    await set_blocked(event.from_user.id, blocked=kicked)
