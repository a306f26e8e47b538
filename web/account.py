"""/account: the person's stars, where they went and where more come from, their language, and help."""

import uuid

from aiohttp import web

from models import ledger, promo, referral, support, user
from models.ledger import LedgerEntry, LedgerKind
from web import cursors, schemas
from web.auth import known
from web.bodies import idempotency_key, json_answer, read_json, read_query
from web.keys import BOT_USERNAME, INVOICE_LINK, SETTINGS

_REASONS = {
    LedgerKind.WELCOME: "A welcome gift.",
    LedgerKind.PURCHASE: "A pack of stars.",
    LedgerKind.BONUS: "A bonus.",
    LedgerKind.GRANT: "A gift of the house.",
    LedgerKind.TRAINING: "The training of {name}.",
    LedgerKind.GENERATION: "Pictures that you asked for.",
    LedgerKind.REFUND: "{name} ended without a model: its price came back.",
    LedgerKind.CHARGEBACK: "A payment was refunded: its stars went back.",
    LedgerKind.DEBT: "Stars of a refunded payment that had been spent.",
}

_NOT_MADE = "Pictures that could not be made: their price came back."


async def show(request: web.Request) -> web.Response:
    query = read_query(request, schemas.AccountQuery)
    person = await known(request)
    before = int(query.cursor) if query.cursor else None
    rows = await ledger.history(person.id, query.limit + 1, before)
    # The balance was read before the rows: stars that came in between would be in these alone.
    balance = rows[0].balance_after if rows and before is None else person.balance
    shown, next_cursor = cursors.cut(rows, query.limit, lambda row: str(row.id))
    return json_answer(
        schemas.Account(
            balance=balance,
            debt=person.debt,
            history=[_entry(row) for row in shown],
            next_cursor=next_cursor,
            invitation=_invitation(request, person.id),
        )
    )


async def edit(request: web.Request) -> web.Response:
    body = await read_json(request, schemas.AccountEdit)
    person = await known(request)
    await user.set_language(person.id, body.language)
    return json_answer(schemas.User(id=person.id, first_name=person.first_name, language=body.language))


async def invoice(request: web.Request) -> web.Response:
    body = await read_json(request, schemas.InvoiceRequest)
    person = await known(request)
    link = await request.app[INVOICE_LINK](person, body.pack)
    return json_answer(schemas.Invoice(link=link))


async def redeem(request: web.Request) -> web.Response:
    body = await read_json(request, schemas.CodeRequest)
    person = await known(request)
    row = await promo.redeem(person.id, body.code)
    return json_answer(schemas.CodeStars(stars=row.amount, balance=row.balance_after))


async def ask_support(request: web.Request) -> web.Response:
    """The answer comes in the chat."""
    body = await read_json(request, schemas.SupportText)
    key = idempotency_key(request) or uuid.uuid4()
    person = await known(request)
    await support.ask(request.app[SETTINGS].admin_ids, person.id, f"key:{key}", body.text)
    return web.Response(status=202)


def _invitation(request: web.Request, user_id: int) -> schemas.Invitation | None:
    settings = request.app[SETTINGS]
    if not settings.invitations:
        return None
    return schemas.Invitation(
        link=referral.invitation(request.app[BOT_USERNAME](), user_id),
        inviter_stars=settings.referral_stars,
        invited_stars=settings.referred_stars,
        most=settings.referral_max,
    )


def _entry(row: LedgerEntry) -> schemas.HistoryEntry:
    lora = row.training.lora if row.training else None
    made = row.generation
    reason = _NOT_MADE if made and row.kind is LedgerKind.REFUND else _REASONS[row.kind]
    return schemas.HistoryEntry(
        id=row.id,
        kind=row.kind,
        amount=row.amount,
        balance_after=row.balance_after,
        reason=reason.format(name=lora.name if lora else ""),
        training=schemas.HistoryTraining(id=None if lora.deleted_at else lora.id, name=lora.name)
        if lora
        else None,
        generation=schemas.HistoryGeneration(id=None if made.deleted_at else made.id, count=made.count)
        if made
        else None,
        created_at=row.created_at,
    )
