"""Buttons, and what they say when they are tapped."""

import uuid
from collections.abc import Sequence
from enum import StrEnum
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


class CancelPictures(CallbackData, prefix="nopics"):
    """`sure` is whether the person has been asked, or sees what it is about."""

    id: uuid.UUID
    sure: bool


class Again(CallbackData, prefix="again"):
    """The generation's pictures once more, with another seed; `count` of them, 0 for as many as before."""

    id: uuid.UUID
    count: Annotated[int, Field(ge=0, le=10)]


class SameSeed(CallbackData, prefix="seed"):
    """Asks for another prompt, for the generation's seed and settings."""

    id: uuid.UUID


class UseSettings(CallbackData, prefix="use"):
    id: uuid.UUID


class MakeWith(CallbackData, prefix="with"):
    """Asks for a prompt, for a LoRA model."""

    id: uuid.UUID


class Menu(StrEnum):
    """What the question for a prompt shows below it."""

    MAIN = "main"
    ASPECT = "aspect"
    COUNT = "count"
    STYLE = "style"
    MODELS = "models"


class ShowMenu(CallbackData, prefix="menu"):
    menu: Menu


class Choose(CallbackData, prefix="pick", sep="|"):
    """An aspect has a colon."""

    menu: Menu
    value: str


class MakeNow(CallbackData, prefix="make"):
    pass


class Withdraw(CallbackData, prefix="noask"):
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


def rows(*lines: Sequence[InlineKeyboardButton | None]) -> InlineKeyboardMarkup | None:
    """The buttons line by line, those that there are."""
    there = [[button for button in line if button] for line in lines]
    there = [line for line in there if line]
    return InlineKeyboardMarkup(inline_keyboard=there) if there else None


def says(text: str, data: CallbackData) -> InlineKeyboardButton:
    return InlineKeyboardButton(text=text, callback_data=data.pack())


def app_button(text: str, app_url: str | None, **at: uuid.UUID) -> InlineKeyboardButton | None:
    """Opens the Mini App, `at` a `training`, a `model` or a `generation` if one is given.

    None where it has no address.
    """
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


def confirmation(sure: CallbackData) -> InlineKeyboardMarkup | None:
    return column(
        InlineKeyboardButton(text=_("Yes, cancel it"), callback_data=sure.pack(), style="danger"),
        InlineKeyboardButton(text=_("No, go on"), callback_data=KeepTraining().pack()),
    )
