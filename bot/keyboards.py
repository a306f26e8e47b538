"""Buttons, and what they say when they are tapped."""

import uuid
from typing import Annotated
from urllib.parse import urlencode

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, WebAppInfo
from pydantic import Field

from bot.i18n import _
from models.training import Training


class CancelTraining(CallbackData, prefix="cancel"):
    """`sure` is whether the person has been asked."""

    id: uuid.UUID
    sure: bool


class KeepTraining(CallbackData, prefix="keep"):
    pass


class BuyPack(CallbackData, prefix="buy"):
    """`price` is the pack's, in Telegram's Stars."""

    price: int


class HistoryPage(CallbackData, prefix="history"):
    """`before` is the last row of the page before; 0 is the newest."""

    before: Annotated[int, Field(ge=0, lt=2**63)]


def column(*buttons: InlineKeyboardButton | None) -> InlineKeyboardMarkup | None:
    """The buttons one below the other, those that there are."""
    rows = [[button] for button in buttons if button]
    return InlineKeyboardMarkup(inline_keyboard=rows) if rows else None


def app_button(text: str, app_url: str | None, **at: uuid.UUID) -> InlineKeyboardButton | None:
    """Opens the Mini App, `at` a `training` or a `model` if one is given; None where it has no address."""
    if app_url is None:
        return None
    url = f"{app_url}?{urlencode(at)}" if at else app_url
    return InlineKeyboardButton(text=text, web_app=WebAppInfo(url=url))


def cancel_button(training: Training, text: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(text=text, callback_data=CancelTraining(id=training.id, sure=False).pack())


def pack_button(price: int, text: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(text=text, callback_data=BuyPack(price=price).pack())


def pages(before: int, last: int | None) -> InlineKeyboardMarkup | None:
    """Ways on from a page of the history: it begins `before` a row, and goes on after `last`, if at all."""
    return column(
        InlineKeyboardButton(text=_("Older"), callback_data=HistoryPage(before=last).pack())
        if last
        else None,
        InlineKeyboardButton(text=_("Newest"), callback_data=HistoryPage(before=0).pack())
        if before
        else None,
    )


def confirmation(training: Training) -> InlineKeyboardMarkup | None:
    sure = CancelTraining(id=training.id, sure=True).pack()
    return column(
        InlineKeyboardButton(text=_("Yes, cancel it"), callback_data=sure, style="danger"),
        InlineKeyboardButton(text=_("No, go on"), callback_data=KeepTraining().pack()),
    )
