"""Payments in Telegram Stars (XTR): what an invoice promises, and crediting each payment exactly once.

An invoice carries what it promises in its payload, signed: whatever packs are on sale when its payment
comes, it is worth what the person was shown. A payment that fits no promise of ours is recorded and never
credited, and operators hear of it.
"""

import hmac
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model
from tortoise.transactions import in_transaction

from models import ledger
from models.db import storable
from models.errors import Conflict, NotFound
from models.notification import tell_of_stars, tell_operators_within
from models.queue import Job, put
from models.referral import reward_referral
from models.send_slot import pace
from models.switch import SwitchName, is_on

if TYPE_CHECKING:
    from models.user import User

log = structlog.get_logger(__name__)

CURRENCY = "XTR"
# Ten invoices at once, and as many refused payments, and then one every ten seconds: nobody needs more.
INVOICE_INTERVAL, INVOICE_BURST = timedelta(seconds=10), timedelta(seconds=90)


class Payment(Model):
    id: int = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation["User"] = fields.ForeignKeyField(
        "models.User", related_name="payments", on_delete=fields.RESTRICT
    )
    user_id: int
    charge_id = fields.CharField(max_length=255)  # telegram_payment_charge_id
    amount = fields.IntField()  # paid, in XTR
    stars: int | None = fields.IntField(null=True)  # credited, bonus and all; none where there is a problem
    problem = fields.CharField(max_length=32, null=True)  # why it was not credited: a code
    created_at: datetime = fields.DatetimeField(auto_now_add=True)
    held: int | None = fields.IntField(null=True)  # stars of it that are held while it is being refunded
    refunded_at: datetime | None = fields.DatetimeField(null=True)
    matched_at: datetime | None = fields.DatetimeField(null=True)  # seen in Telegram's own list

    class Meta:
        table = "payments"
        indexes = (("user_id", "id"), ("created_at",), ("refunded_at",))
        constraints = (
            UniqueConstraint(fields=("charge_id",), name="payments_once_per_charge"),
            CheckConstraint(check="stars > 0", name="payments_give_something"),
            CheckConstraint(
                check="(stars IS NULL) = (problem IS NOT NULL)", name="payments_credited_or_a_problem"
            ),
            CheckConstraint(check="held IS NULL OR refunded_at IS NULL", name="payments_held_until_refunded"),
        )


async def newest(user_id: int, limit: int) -> list[Payment]:
    """Up to `limit` of the person's payments, the newest first."""
    return await Payment.filter(user_id=user_id).order_by("-id").limit(limit)


class Promise(NamedTuple):
    """What an invoice says: whose it is, its price in XTR, and the stars that it brings."""

    user_id: int
    price: int
    stars: int


_PAYLOAD = re.compile(r"1:([1-9][0-9]{0,18}):([1-9][0-9]{0,8}):([1-9][0-9]{0,8}):([0-9a-f]{32})")


def payload(promise: Promise, secret: str) -> str:
    """The promise as an invoice's payload, which people can read but not make."""
    signed = f"1:{promise.user_id}:{promise.price}:{promise.stars}"
    return f"{signed}:{_signature(signed, secret)}"


def read_payload(text: str, secret: str) -> Promise | None:
    """The promise, or None where we never made it."""
    found = _PAYLOAD.fullmatch(text)
    signed, _, signature = text.rpartition(":")
    if not found or not hmac.compare_digest(_signature(signed, secret), signature):
        return None
    return Promise(int(found[1]), int(found[2]), int(found[3]))


def _signature(signed: str, secret: str) -> str:
    return hmac.new(secret.encode(), signed.encode(), "sha256").hexdigest()[:32]


class Bill(NamedTuple):
    """What Telegram says of a payment: before it, in its update, and in the list of transactions."""

    user_id: int
    currency: str
    amount: int
    payload: str


@dataclass(frozen=True)
class Till:
    """Sells stars. `packs` are those on sale, stars by price; `secret` signs invoices."""

    packs: Mapping[int, int]
    secret: str
    operators: frozenset[int]
    refund_spent: bool = True
    referral_stars: int = 0
    referred_stars: int = 0
    referral_max: int = 0

    async def offer(self, user_id: int, price: int) -> Promise:
        """What an invoice for the person may promise.

        Raises:
            Conflict: `pack_gone`, or `purchases_paused`.
            TooOften: they ask for one invoice after the other.
        """
        await pace(f"invoice:{user_id}", INVOICE_INTERVAL, INVOICE_BURST)
        promise = Promise(user_id, price, self.packs.get(price, 0))
        await self._on_sale(promise)
        return promise

    def payload(self, promise: Promise) -> str:
        """For the invoice of this promise."""
        return payload(promise, self.secret)

    async def check_open(self) -> None:
        """Raises Conflict while operators have paused purchases: `purchases_paused`."""
        if await is_on(SwitchName.PURCHASES_PAUSED):
            raise Conflict("Nothing can be bought just now.", code="purchases_paused")

    async def check(self, bill: Bill) -> None:
        """Returns where the person may pay now: Telegram asks before it takes anything.

        Raises:
            Conflict: why not: as `_promised`, `pack_gone`, or `purchases_paused`.
            TooOften: they try one payment after the other that has to be refused.
        """
        try:
            await self._on_sale(self._promised(bill))
        except Conflict:
            await pace(f"refused:{bill.user_id}", INVOICE_INTERVAL, INVOICE_BURST)
            raise

    async def _on_sale(self, promise: Promise) -> None:
        if self.packs.get(promise.price) != promise.stars:
            raise Conflict("This pack is not sold any more.", code="pack_gone")
        await self.check_open()

    def _promised(self, bill: Bill) -> Promise:
        """What was promised for this payment.

        Raises:
            Conflict: nothing: `wrong_currency`, `invoice_unknown`, `invoice_of_another`, `wrong_amount`.
        """
        promise = read_payload(bill.payload, self.secret)
        if bill.currency != CURRENCY:
            raise Conflict("Only Stars are taken here.", code="wrong_currency")
        if promise is None:
            raise Conflict("This invoice is not ours.", code="invoice_unknown")
        if promise.user_id != bill.user_id:
            raise Conflict("This invoice is somebody else's.", code="invoice_of_another")
        if promise.price != bill.amount:
            raise Conflict("This is not the invoice's amount.", code="wrong_amount")
        return promise

    async def receive(self, bill: Bill, charge_id: str, *, found: bool = False) -> bool:
        """Credits a payment, and tells the person; answers False where that was done before.

        One that fits no promise of ours is recorded, and operators are told; so they are of one that was
        `found`, because its update never came. The payer has to be known.
        """
        stars, problem = None, None
        try:
            stars = self._promised(bill).stars
        except Conflict as e:
            problem = e
        async with in_transaction() as tx:
            rows = await tx.execute_query_dict(
                """
                INSERT INTO payments (user_id, charge_id, amount, stars, problem, created_at)
                VALUES ($1, $2, $3, $4, $5, now()) ON CONFLICT (charge_id) DO NOTHING RETURNING id
                """,
                [bill.user_id, charge_id, bill.amount, stars, problem and problem.code],
            )
            if not rows:
                return False
            if stars is None:
                await self._report(tx, bill, charge_id, problem)
            else:
                row_id = await ledger.purchase(tx, bill.user_id, rows[0]["id"], stars)
                await tell_of_stars(tx, bill.user_id, row_id)
                await reward_referral(
                    tx,
                    bill.user_id,
                    for_inviter=self.referral_stars,
                    for_invited=self.referred_stars,
                    most=self.referral_max,
                )
                if found:
                    await self._tell_of_found(tx, bill, charge_id)
        log.info("payment_received", charge_id=charge_id, stars=stars, problem=problem and problem.code)
        return True

    async def _report(
        self, tx: BaseDBAsyncClient, bill: Bill, charge_id: str, problem: Conflict | None
    ) -> None:
        text = (
            f"A payment of {bill.amount} {bill.currency} by {bill.user_id} was not credited: {problem} "
            f"/refund {charge_id} gives it back."
        )
        await tell_operators_within(tx, self.operators, text, f"problem:{charge_id}")

    async def _tell_of_found(self, tx: BaseDBAsyncClient, bill: Bill, charge_id: str) -> None:
        what = f"{charge_id}, {bill.amount} XTR by {bill.user_id}"
        text = f"A payment was credited whose update never came: {what}."
        await tell_operators_within(tx, self.operators, text, f"found:{charge_id}")

    async def refund(self, charge_id: str) -> Payment:
        """Has a job give the payment back to who made it.

        Raises:
            NotFound: we know of no such charge.
            Conflict: `payment_refunded`; or `stars_spent`, where a debt is not allowed.
        """
        payment = await Payment.get_or_none(charge_id=storable(charge_id)).select_related("user")
        if payment is None:
            raise NotFound("There is no such payment.", code="payment_not_found")
        if payment.refunded_at:
            raise Conflict("This payment was refunded before.", code="payment_refunded")
        if payment.held is None:
            self._check_spent((payment.stars or 0) - payment.user.free)
        await put(Job("refund", str(payment.id)))
        return payment

    def _check_spent(self, missing: int) -> None:
        if missing > 0 and not self.refund_spent:
            raise Conflict("Stars of this payment are spent.", code="stars_spent", spent=missing)

    async def hold(self, payment_id: int) -> Payment | None:
        """Holds the payment's stars, so that nobody spends them while Telegram gives it back.

        Answers the payment, or None where it was refunded before. What is held already stays so.

        Raises:
            Conflict: `stars_spent`, where a debt is not allowed: nothing is held.
        """
        async with in_transaction() as tx:
            payment = await _locked(tx, id=payment_id)
            if payment and payment.held is None:
                stars = payment.stars or 0
                payment.held = await ledger.hold(tx, payment.user_id, stars)
                self._check_spent(stars - payment.held)
                await payment.save(using_db=tx, update_fields=["held"])
        return payment

    async def release(self, payment_id: int, why: str) -> None:
        """The payment is not given back after all: its stars can be spent again, and operators hear why."""
        async with in_transaction() as tx:
            payment = await _locked(tx, id=payment_id)
            if payment is None or payment.held is None:
                return
            await ledger.release(tx, payment.user_id, payment.id, payment.held)
            payment.held = None
            await payment.save(using_db=tx, update_fields=["held"])
            text = f"Telegram refuses to refund charge {payment.charge_id}: {why}"
            # Each time that it is asked for and refused, though that is the same once more.
            await tell_operators_within(tx, self.operators, text, f"refused:{uuid.uuid4()}")

    async def take_back(self, charge_id: str) -> bool:
        """Takes back what a payment brought, because Telegram has given it back; False where it was before.

        The person and the operators are told.
        """
        async with in_transaction() as tx:
            payment = await _locked(tx, charge_id=charge_id)
            if payment is None:
                return False
            held, payment.held = payment.held or 0, None
            payment.refunded_at = datetime.now(UTC)
            await payment.save(using_db=tx, update_fields=["held", "refunded_at"])
            if payment.stars is not None:
                row_id = await ledger.chargeback(tx, payment.user_id, payment.id, payment.stars, held)
                await tell_of_stars(tx, payment.user_id, row_id)
            text = f"Charge {charge_id} was refunded: {payment.amount} XTR to {payment.user_id}."
            await tell_operators_within(tx, self.operators, text, f"refunded:{charge_id}")
        log.info("payment_taken_back", charge_id=charge_id)
        return True


async def _locked(tx: BaseDBAsyncClient, **which: Any) -> Payment | None:
    """The payment, unless it was refunded; whoever asks for it at the same time waits for `tx` to end."""
    unrefunded = Payment.filter(**which, refunded_at=None)
    return await unrefunded.using_db(tx).select_for_update(no_key=True).first()
