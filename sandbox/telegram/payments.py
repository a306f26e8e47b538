"""Telegram Stars: invoices, the pre-checkout question, charges and refunds (https://core.telegram.org/bots/payments-stars)."""

import asyncio
import secrets
import time
from dataclasses import dataclass
from http import HTTPStatus

from .errors import ApiError, Refused, bad_request, query_too_old
from .params import Params
from .state import Clock, Json, Person, State
from .updates import QUERY_LIFETIME, Updates

PRE_CHECKOUT_SECONDS = 10
CURRENCY = "XTR"
_LINK = "https://t.me/$"
_MAX_TITLE = 32
_MAX_DESCRIPTION = 255
_MAX_PAYLOAD = 128
_MAX_AMOUNT = 100_000
_MAX_TRANSACTIONS = 100
_NOT_WITH_STARS = (
    "need_name",
    "need_phone_number",
    "need_email",
    "need_shipping_address",
    "send_phone_number_to_provider",
    "send_email_to_provider",
    "is_flexible",
)


@dataclass
class Invoice:
    slug: str
    title: str
    description: str
    payload: str
    prices: list[Json]
    photo_url: str = ""
    paid: bool = (
        False  # of those sent as a message, which can be paid once; a link can be paid again and again
    )
    single: bool = False

    @property
    def total(self) -> int:
        return int(self.prices[0]["amount"])

    @property
    def link(self) -> str:
        return _LINK + self.slug

    @property
    def message_field(self) -> Json:
        return {
            "title": self.title,
            "description": self.description,
            "start_parameter": "",
            "currency": CURRENCY,
            "total_amount": self.total,
        }

    @property
    def form(self) -> Json:
        """What the person sees before paying."""
        return {
            "slug": self.slug,
            "title": self.title,
            "description": self.description,
            "prices": self.prices,
            "total": self.total,
            "currency": CURRENCY,
            "photo": self.photo_url or None,
            "paid": self.paid,
        }


@dataclass
class Charge:
    id: str
    person: Person
    amount: int
    payload: str
    refunded: bool = False

    @property
    def payment(self) -> Json:
        """The fields that SuccessfulPayment and RefundedPayment share."""
        return {
            "currency": CURRENCY,
            "total_amount": self.amount,
            "invoice_payload": self.payload,
            "telegram_payment_charge_id": self.id,
            "provider_payment_charge_id": "",
        }

    def transaction(self, side: str) -> Json:
        partner = {
            "type": "user",
            "transaction_type": "invoice_payment",
            "user": self.person.user,
            "invoice_payload": self.payload,
        }
        return {"id": self.id, "amount": self.amount, "date": int(time.time()), side: partner}


class Payments:
    """Everybody's payments to the bot."""

    def __init__(self, state: State, updates: Updates, clock: Clock) -> None:
        self._state = state
        self._updates = updates
        self._clock = clock
        self._by_slug: dict[str, Invoice] = {}
        self._by_message: dict[int, Invoice] = {}
        self._charges: dict[str, Charge] = {}
        self._checkouts: dict[str, asyncio.Future[str]] = {}  # why the bot refuses, empty where it doesn't
        self._transactions: list[Json] = []

    def create(self, params: Params, *, single: bool) -> Invoice:
        """An invoice by the parameters that sendInvoice and createInvoiceLink share.

        Raises:
            ApiError: it isn't one that Stars can pay.
        """
        prices = _prices(params)
        payload = params.text("payload")
        if not params.text("title").strip() or len(params.text("title")) > _MAX_TITLE:
            raise bad_request("INVOICE_TITLE_INVALID")
        if not params.text("description").strip() or len(params.text("description")) > _MAX_DESCRIPTION:
            raise bad_request("INVOICE_DESCRIPTION_INVALID")
        if not 1 <= len(payload.encode()) <= _MAX_PAYLOAD:
            raise bad_request("INVOICE_PAYLOAD_INVALID")
        invoice = Invoice(
            slug=secrets.token_urlsafe(12),
            title=params.text("title"),
            description=params.text("description"),
            payload=payload,
            prices=prices,
            photo_url=params.text("photo_url"),
            single=single,
        )
        self._by_slug[invoice.slug] = invoice
        return invoice

    def attach(self, invoice: Invoice, message_id: int) -> None:
        self._by_message[message_id] = invoice

    def find(self, person: Person, message_id: int | None, slug: str | None) -> Invoice:
        """The invoice in the person's message, or behind a link's slug.

        Raises:
            Refused: 404, there is none.
        """
        invoice = None
        if slug:
            invoice = self._by_slug.get(slug.removeprefix(_LINK).removeprefix("$"))
        elif message_id and self._state.find(person, message_id):
            invoice = self._by_message.get(message_id)
        if invoice is None:
            raise Refused("There is no such invoice.", HTTPStatus.NOT_FOUND)
        return invoice

    async def pay(self, person: Person, invoice: Invoice) -> Json:
        """Pays as the person: `{"status": "paid"}`, or `"failed"` with the reason they are shown."""
        reason = await self._pay(person, invoice)
        outcome = {"status": "failed", "reason": reason} if reason else {"status": "paid"}
        self._state.events.publish(person, "invoice_closed", {"slug": invoice.slug, **outcome})
        return outcome

    async def _pay(self, person: Person, invoice: Invoice) -> str:
        reason = _obstacle(person, invoice) or await self._ask(person, invoice)
        reason = reason or _obstacle(person, invoice)  # another payment may have gone through meanwhile
        if not reason:
            self._charge(person, invoice)
        return reason

    async def _ask(self, person: Person, invoice: Invoice) -> str:
        """The pre-checkout query; answers why the bot refused, or nothing."""
        query_id = str(secrets.randbits(62))
        self._checkouts[query_id] = asyncio.get_running_loop().create_future()
        query = {
            "id": query_id,
            "from": person.user,
            "currency": CURRENCY,
            "total_amount": invoice.total,
            "invoice_payload": invoice.payload,
        }
        self._updates.add("pre_checkout_query", query, person.id, QUERY_LIFETIME)
        try:
            async with self._clock.timeout(PRE_CHECKOUT_SECONDS):
                return await self._checkouts[query_id]
        except TimeoutError:
            return f"The bot did not answer within {PRE_CHECKOUT_SECONDS} seconds. Nothing was paid."
        finally:
            del self._checkouts[query_id]

    def _charge(self, person: Person, invoice: Invoice) -> None:
        invoice.paid = invoice.single
        charge = Charge(f"stx{secrets.token_urlsafe(40)}", person, invoice.total, invoice.payload)
        self._charges[charge.id] = charge
        self._transactions.append(charge.transaction("source"))
        self._state.change_stars(person, -charge.amount)
        self._tell(person, {"successful_payment": charge.payment})

    def _tell(self, person: Person, content: Json) -> None:
        message = self._state.post(person, content, sender=person.user)
        self._updates.add("message", message, person.id)

    def answer(self, query_id: str, reason: str) -> None:
        """The bot's answer to a pre-checkout query; an empty reason is yes.

        Raises:
            ApiError: nobody waits for it any more.
        """
        checkout = self._checkouts.get(query_id)
        if checkout is None or checkout.done():
            raise query_too_old()
        checkout.set_result(reason)

    def refund(self, person: Person, charge_id: str) -> None:
        """Raises `ApiError` where the charge isn't this person's, or was refunded before."""
        charge = self._charges.get(charge_id)
        if charge is None or charge.person is not person:
            raise bad_request("CHARGE_ID_INVALID" if charge_id else "CHARGE_ID_EMPTY")
        if charge.refunded:
            raise bad_request("CHARGE_ALREADY_REFUNDED")
        charge.refunded = True
        self._transactions.append(charge.transaction("receiver"))
        self._state.change_stars(person, charge.amount)
        self._tell(person, {"refunded_payment": charge.payment})

    def transactions(self, offset: int, limit: int) -> list[Json]:
        if not 1 <= limit <= _MAX_TRANSACTIONS or offset < 0:
            raise bad_request("invalid offset or limit specified")
        return self._transactions[offset : offset + limit]

    @property
    def balance(self) -> int:
        return sum(each["amount"] * (1 if "source" in each else -1) for each in self._transactions)

    def close(self) -> None:
        """Ends payments that wait for the bot."""
        for checkout in self._checkouts.values():
            if not checkout.done():
                checkout.set_result("Telegram was shut down. Nothing was paid.")


def _obstacle(person: Person, invoice: Invoice) -> str:
    if invoice.paid:
        return "This invoice was paid already."
    if person.stars >= invoice.total:
        return ""
    return f"Not enough Stars: this costs {invoice.total}, the wallet holds {person.stars}."


def _prices(params: Params) -> list[Json]:
    if params.text("currency") != CURRENCY:
        raise _no_provider(params)
    if params.text("provider_token") or any(params.flag(name) for name in _NOT_WITH_STARS):
        raise bad_request("STARS_INVOICE_INVALID")
    prices = params.json("prices")
    if not isinstance(prices, list):
        raise bad_request("expected an Array of labeled prices")
    for price in prices:
        if not (isinstance(price, dict) and isinstance(price.get("label"), str) and price["label"]):
            raise bad_request('can\'t parse labeled price: Field "label" must be of type String')
        if not isinstance(price.get("amount"), int) or isinstance(price["amount"], bool):
            raise bad_request('can\'t parse labeled price: Field "amount" must be of type Number')
    if len(prices) != 1:
        raise bad_request("STARS_INVOICE_INVALID")
    if not 1 <= prices[0]["amount"] <= _MAX_AMOUNT:
        raise bad_request("CURRENCY_TOTAL_AMOUNT_INVALID")
    return prices


def _no_provider(params: Params) -> ApiError:
    known = len(params.text("currency")) == 3
    return bad_request("PAYMENT_PROVIDER_INVALID" if known else "CURRENCY_INVALID")
