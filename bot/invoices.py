"""Invoices in Telegram's Stars, in chat and as links (https://core.telegram.org/bots/payments-stars)."""

from dataclasses import dataclass
from typing import Any

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramRetryAfter
from aiogram.methods import CreateInvoiceLink, SendInvoice
from aiogram.types import LabeledPrice

from bot.answers import send
from bot.deep_links import STARS
from bot.i18n import _, ngettext, speaking
from models.errors import Unavailable
from models.payment import CURRENCY, Promise, Till
from models.user import User

log = structlog.get_logger(__name__)


def invoice(promise: Promise, till: Till) -> SendInvoice:
    """The invoice in the payer's chat, in the current language.

    It is for one person only: copies that were passed on lead to the packs.
    """
    return SendInvoice(chat_id=promise.user_id, start_parameter=STARS, **_terms(promise, till))


@dataclass(frozen=True)
class InvoiceLinks:
    """Makes the links that the Mini App opens."""

    bot: Bot
    till: Till

    async def __call__(self, user: User, price: int) -> str:
        """A link to an invoice for the pack of this price, for the person alone.

        Raises:
            Conflict, TooOften: as `Till.offer`.
            Unavailable: Telegram can't make one now (`telegram_unavailable`).
        """
        promise = await self.till.offer(user.id, price)
        with speaking(user.language):
            link = CreateInvoiceLink(**_terms(promise, self.till))
        try:
            return await send(self.bot, link)
        except AiogramError as e:
            log.warning("invoice_link_failed", error=type(e).__name__)
            raise Unavailable(
                "Telegram can't make an invoice just now: try again in a moment.",
                code="telegram_unavailable",
                retry_after=e.retry_after if isinstance(e, TelegramRetryAfter) else 5,
            ) from e


def _terms(promise: Promise, till: Till) -> dict[str, Any]:
    title = ngettext("{n} star", "{n} stars", promise.stars)
    return {
        "title": title,
        "description": _(
            "For your trainings and pictures in Selfi. Stars that you don't need yet stay yours."
        ),
        "payload": till.payload(promise),
        "currency": CURRENCY,
        "prices": [LabeledPrice(label=title, amount=promise.price)],
    }
