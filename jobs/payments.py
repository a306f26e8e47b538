"""Payments that ask for something to be done: to be given back, or to be found that only Telegram knows."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramBadRequest, TelegramRetryAfter
from aiogram.methods import TelegramMethod
from aiogram.types import StarTransaction, TransactionPartnerUser
from pydantic import ValidationError

from jobs.worker import MAX_BACKOFF_SECONDS, Again
from models import books
from models.errors import Conflict
from models.notification import tell_operators
from models.payment import CURRENCY, Bill, Payment, Till
from models.user import Person, User, remember

log = structlog.get_logger(__name__)


# So often a refund may fail before operators hear of it: with growing waits, about a minute.
PATIENT_ATTEMPTS = 6


@dataclass(frozen=True)
class RefundJobs:
    bot: Bot
    till: Till

    async def refund(self, subject: str, attempt: int) -> None:
        """Gives a payment back, whose stars are held meanwhile.

        After a crash they are held still, and Telegram is asked again, and says that it is done.
        """
        try:
            payment = await self.till.hold(int(subject))
        except Conflict as e:
            await self._tell_of_spent(int(subject), e.extra["spent"])
            return
        if payment is None:
            return
        try:
            await self.bot.refund_star_payment(payment.user_id, payment.charge_id)
        except TelegramRetryAfter as e:
            raise Again(timedelta(seconds=e.retry_after), reason="429") from e
        except TelegramBadRequest as e:
            if "CHARGE_ALREADY_REFUNDED" not in e.message:
                log.error("refund_refused", reason=e.message)
                await self.till.release(payment.id, e.message)
                return
        except AiogramError as e:
            if attempt >= PATIENT_ATTEMPTS:
                await self._tell_of_trouble(payment, e)
            wait = timedelta(seconds=min(2**attempt, MAX_BACKOFF_SECONDS))
            raise Again(wait, reason=type(e).__name__) from e
        await self.till.take_back(payment.charge_id)

    async def _tell_of_spent(self, payment_id: int, spent: int) -> None:
        payment = await Payment.get(id=payment_id)
        why = f"{spent} of its stars are spent by now, and REFUND_SPENT_STARS doesn't allow a debt"
        text = f"Charge {payment.charge_id} was not refunded: {why}."
        await tell_operators(self.till.operators, text, f"spent:{uuid.uuid4()}")

    async def _tell_of_trouble(self, payment: Payment, error: AiogramError) -> None:
        why = type(error).__name__
        text = f"Charge {payment.charge_id} can't be refunded yet ({why}). It is tried again and again."
        await tell_operators(self.till.operators, text, f"refund in trouble:{payment.charge_id}")


BOOKMARK = "star_transactions"
PAGE = 100  # Telegram's maximum: https://core.telegram.org/bots/api#getstartransactions
# Read again each time, in case something was put into the list before what we had read.
OVERLAP = 100
# One of ours that Telegram's list hasn't got after so long is told of.
MISSING_AFTER = timedelta(hours=1)


class GetRawTransactions(TelegramMethod[dict[str, Any]]):
    """getStarTransactions without reading them: one that can't be read must not hide the others."""

    __returning__ = dict[str, Any]
    __api_method__ = "getStarTransactions"

    offset: int
    limit: int


@dataclass(frozen=True)
class Reconciliation:
    """Compares our payments with Telegram's own list, both ways; operators hear of every difference."""

    bot: Bot
    till: Till
    welcome_stars: int
    # What is younger may have its update on its way still.
    grace: timedelta = timedelta(minutes=5)

    async def __call__(self) -> None:
        try:
            async for transactions in self._unread():
                for raw in transactions:
                    await self._handle(raw)
        except AiogramError as e:
            log.error("transactions_unreadable", error=type(e).__name__)
            text = f"Payments can't be compared with Telegram's list just now ({type(e).__name__})."
            await tell_operators(self.till.operators, text)
        else:
            await self._tell_of_missing()

    async def _unread(self) -> AsyncIterator[list[dict[str, Any]]]:
        """Telegram's transactions since the last time, oldest first, page by page."""
        offset = max(0, await books.bookmark(BOOKMARK) - OVERLAP)
        while True:
            page = (await self.bot(GetRawTransactions(offset=offset, limit=PAGE)))["transactions"]
            until = (datetime.now(UTC) - self.grace).timestamp()
            ripe = [raw for raw in page if raw.get("date", 0) <= until]
            yield ripe
            offset += len(ripe)
            await books.mark(BOOKMARK, offset)
            if len(ripe) < PAGE:
                return

    async def _handle(self, raw: dict[str, Any]) -> None:
        """What can't be handled is told, and is tried again while it is among those that are read again."""
        try:
            await self._match(StarTransaction.model_validate(raw))
        except Exception as e:
            charge, why = raw.get("id"), type(e).__name__
            # What can't be read is a person's, and its words would be in the log.
            log.error("transaction_failed", charge_id=charge, exc_info=not isinstance(e, ValidationError))
            text = f"Charge {charge} in Telegram's list could not be handled ({why}). The others were."
            await tell_operators(self.till.operators, text, f"transaction failed:{charge}")

    async def _match(self, transaction: StarTransaction) -> None:
        """Does what the transaction's update should have done."""
        partner = transaction.source or transaction.receiver
        if not isinstance(partner, TransactionPartnerUser) or await self._is_before_us(transaction):
            return  # the bot's owner moves what it has earned
        if partner.transaction_type != "invoice_payment":
            await self._flag(transaction, f"is a {partner.transaction_type}, which we don't sell")
        elif transaction.source:
            await self._match_payment(transaction, partner)
        elif not await self.till.take_back(transaction.id):
            await self._check_known(transaction)

    async def _match_payment(self, transaction: StarTransaction, partner: TransactionPartnerUser) -> None:
        payer = partner.user
        bill = Bill(payer.id, CURRENCY, transaction.amount, partner.invoice_payload or "")
        if not await Payment.exists(charge_id=transaction.id):
            person = Person(payer.id, payer.first_name, payer.username, payer.language_code)
            await remember(person, self.welcome_stars)
            await self.till.receive(bill, transaction.id, found=True)
        payment = await Payment.get(charge_id=transaction.id)
        if (payment.user_id, payment.amount) != (bill.user_id, bill.amount):
            ours = f"we have {payment.amount} XTR by {payment.user_id}"
            await self._flag(transaction, f"is {bill.amount} XTR by {bill.user_id}, and {ours}")
        await Payment.filter(id=payment.id, matched_at=None).update(matched_at=datetime.now(UTC))

    async def _check_known(self, transaction: StarTransaction) -> None:
        if not await Payment.exists(charge_id=transaction.id):
            await self._flag(transaction, "was refunded, and we don't have it")

    async def _is_before_us(self, transaction: StarTransaction) -> bool:
        """Whether the bot had another life then, which is none of ours."""
        if await Payment.exists(charge_id=transaction.id):
            return False
        first = await User.all().order_by("created_at").first()
        return first is None or transaction.date < first.created_at.replace(microsecond=0)

    async def _flag(self, transaction: StarTransaction, what: str) -> None:
        log.error("transaction_does_not_match", charge_id=transaction.id)
        text = f"Charge {transaction.id} in Telegram's list {what}."
        await tell_operators(self.till.operators, text, f"transaction:{transaction.id}:{what}")

    async def _tell_of_missing(self) -> None:
        old = Payment.filter(matched_at=None, created_at__lt=datetime.now(UTC) - MISSING_AFTER)
        for payment in await old:
            log.error("payment_unknown_to_telegram", charge_id=payment.charge_id)
            what = f"{payment.charge_id}, {payment.amount} XTR by {payment.user_id}"
            text = f"Telegram's list has no charge {what}."
            await tell_operators(self.till.operators, text, f"missing:{payment.charge_id}")
