"""Stars for a code, and for bringing somebody along."""

from urllib.parse import urlencode

from aiogram import Bot
from aiogram.filters import CommandObject
from aiogram.methods import SendMessage
from aiogram.types import InlineKeyboardButton, Message

from bot.answers import send
from bot.deep_links import PROMO
from bot.handlers.start import greet
from bot.i18n import _, ngettext
from bot.keyboards import column
from bot.middlewares import Sender
from config import Settings
from models import promo
from models.errors import Conflict
from models.referral import invitation


async def redeem(message: Message, command: CommandObject, sender: Sender, attempt: int) -> SendMessage:
    """The receipt, with the balance, is on its way by the notify job."""
    if not command.args:
        return message.answer(_("Which code? Write it after the command: <code>/code HELLO</code>"))
    return await _redeem(message, command.args, sender, attempt)


async def redeem_link(
    message: Message, command: CommandObject, *, sender: Sender, settings: Settings, bot: Bot, attempt: int
) -> SendMessage:
    if sender.is_new:
        await send(bot, await greet(message, sender, settings))
    return await _redeem(message, (command.args or "").removeprefix(PROMO), sender, attempt)


async def _redeem(message: Message, code: str, sender: Sender, attempt: int) -> SendMessage:
    try:
        row = await promo.redeem(sender.id, code)
    except Conflict as e:
        if attempt == 1 or e.code != "promo_redeemed":
            raise
        # An earlier attempt at this update redeemed it, and failed afterwards.
        row = await promo.redeemed(sender.id, code)
    return message.answer(
        ngettext("✅ The code is good: {n} star.", "✅ The code is good: {n} stars.", row.amount)
    )


async def invite(message: Message, sender: Sender, settings: Settings, bot: Bot) -> SendMessage:
    link = invitation((await bot.me()).username or "", sender.id)
    lines = [
        _("Your link: {link}", link=link),
        ngettext(
            "Somebody who is new here and comes by it gets {n} star with the first that they buy.",
            "Somebody who is new here and comes by it gets {n} stars with the first that they buy.",
            settings.referred_stars,
        )
        if settings.referred_stars
        else None,
        ngettext(
            "You get {n} star then, for up to {most} people.",
            "You get {n} stars then, for up to {most} people.",
            settings.referral_stars,
            most=settings.referral_max,
        )
        if settings.referral_stars
        else None,
    ]
    share = f"https://t.me/share/url?{urlencode({'url': link})}"
    button = InlineKeyboardButton(text=_("Pass it on"), url=share)
    return message.answer("\n".join(filter(None, lines)), reply_markup=column(button))
