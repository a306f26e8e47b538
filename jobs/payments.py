"""Payments that ask for something to be done: to be given back, or to be found that only Telegram knows."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramBadRequest, TelegramRetryAfter
from aiogram.types import StarTransaction, TransactionPartnerUser

from jobs.worker import MAX_BACKOFF_SECONDS, Again
from models import books
from models.notification import tell_operators
from models.payment import CURRENCY, Bill, Payment, Till
from models.user import Person, User, remember

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class RefundJobs:
    bot: Bot
    till: Till

    async def refund(self, subject: str, attempt: int) -> None:
        """Gives a payment back. After a crash Telegram is asked again, and says that it is done."""
        payment = await Payment.get_or_none(id=int(subject))
        if payment is None or payment.refunded_at:
            return
        try:
            await self.bot.refund_star_payment(payment.user_id, payment.charge_id)
        except TelegramRetryAfter as e:
            raise Again(timedelta(seconds=e.retry_after), reason="429") from e
        except TelegramBadRequest as e:
            if "CHARGE_ALREADY_REFUNDED" not in e.message:
                log.error("refund_refused", reason=e.message)
                text = f"Telegram refuses to refund charge {payment.charge_id}: {e.message}"
                await tell_operators(self.till.operators, text)
                return
        except AiogramError as e:
            wait = timedelta(seconds=min(2**attempt, MAX_BACKOFF_SECONDS))
            raise Again(wait, reason=type(e).__name__) from e
        await self.till.take_back(payment.charge_id)


BOOKMARK = "star_transactions"
PAGE = 100  # Telegram's maximum: https://core.telegram.org/bots/api#getstartransactions
# Read again each time, in case something was put into the list before what we had read.
OVERLAP = 100
# One of ours that Telegram's list hasn't got after so long is told of.
MISSING_AFTER = timedelta(hours=1)
MOST_LINES = 20


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
                credited = [line for each in transactions if (line := await self._match(each))]
                await self._report(credited)
        except AiogramError as e:
            log.error("transactions_unreadable", error=type(e).__name__)
            text = f"Payments can't be compared with Telegram's list just now ({type(e).__name__})."
            await tell_operators(self.till.operators, text)
        else:
            await self._tell_of_missing()

    async def _unread(self) -> AsyncIterator[list[StarTransaction]]:
        """Telegram's transactions since the last time, oldest first, page by page."""
        offset = max(0, await books.bookmark(BOOKMARK) - OVERLAP)
        while True:
            page = (await self.bot.get_star_transactions(offset=offset, limit=PAGE)).transactions
            ripe = [each for each in page if each.date <= datetime.now(UTC) - self.grace]
            yield ripe
            offset += len(ripe)
            await books.mark(BOOKMARK, offset)
            if len(ripe) < PAGE:
                return

    async def _match(self, transaction: StarTransaction) -> str | None:
        """Does what the transaction's update should have done; answers a line about what was credited so."""
        partner = transaction.source or transaction.receiver
        if not isinstance(partner, TransactionPartnerUser) or await self._is_before_us(transaction):
            return None  # the bot's owner moves what it has earned
        if partner.transaction_type != "invoice_payment":
            await self._flag(transaction, f"is a {partner.transaction_type}, which we don't sell")
            return None
        if transaction.source:
            return await self._match_payment(transaction, partner)
        if not await self.till.take_back(transaction.id):
            await self._check_known(transaction)
        return None

    async def _match_payment(
        self, transaction: StarTransaction, partner: TransactionPartnerUser
    ) -> str | None:
        payer = partner.user
        bill = Bill(payer.id, CURRENCY, transaction.amount, partner.invoice_payload or "")
        line = None
        if not await Payment.exists(charge_id=transaction.id):
            person = Person(payer.id, payer.first_name, payer.username, payer.language_code)
            await remember(person, self.welcome_stars)
            if await self.till.receive(bill, transaction.id):
                line = f"{transaction.id}, {bill.amount} XTR by {bill.user_id}"
        payment = await Payment.get(charge_id=transaction.id)
        if (payment.user_id, payment.amount) != (bill.user_id, bill.amount):
            ours = f"we have {payment.amount} XTR by {payment.user_id}"
            await self._flag(transaction, f"is {bill.amount} XTR by {bill.user_id}, and {ours}")
        await Payment.filter(id=payment.id, matched_at=None).update(matched_at=datetime.now(UTC))
        return line if payment.stars else None

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

    async def _report(self, credited: list[str]) -> None:
        if credited:
            log.warning("payments_recovered", count=len(credited))
            lines = [
                f"{len(credited)} payments were credited whose updates never came:",
                *credited[:MOST_LINES],
            ]
            await tell_operators(self.till.operators, "\n".join(lines))

    async def _tell_of_missing(self) -> None:
        old = Payment.filter(matched_at=None, created_at__lt=datetime.now(UTC) - MISSING_AFTER)
        for payment in await old:
            log.error("payment_unknown_to_telegram", charge_id=payment.charge_id)
            what = f"{payment.charge_id}, {payment.amount} XTR by {payment.user_id}"
            text = f"Telegram's list has no charge {what}."
            await tell_operators(self.till.operators, text, f"missing:{payment.charge_id}")
