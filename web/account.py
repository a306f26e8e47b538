"""/account: the person's stars and where they went, and their language."""

from aiohttp import web

from models import ledger, user
from models.ledger import LedgerEntry, LedgerKind
from web import cursors, schemas
from web.auth import known
from web.bodies import json_answer, read_json, read_query

_REASONS = {
    LedgerKind.WELCOME: "A welcome gift.",
    LedgerKind.TRAINING: "The training of {name}.",
    LedgerKind.REFUND: "{name} ended without a model: its price came back.",
}


async def show(request: web.Request) -> web.Response:
    query = read_query(request, schemas.AccountQuery)
    person = await known(request)
    before = int(query.cursor) if query.cursor else None
    rows = await ledger.history(person.id, query.limit + 1, before)
    shown, next_cursor = cursors.cut(rows, query.limit, lambda row: str(row.id))
    return json_answer(
        schemas.Account(
            balance=person.balance,
            history=[_entry(row) for row in shown],
            next_cursor=next_cursor,
        )
    )


async def edit(request: web.Request) -> web.Response:
    body = await read_json(request, schemas.AccountEdit)
    person = await known(request)
    await user.set_language(person.id, body.language)
    return json_answer(schemas.User(id=person.id, first_name=person.first_name, language=body.language))


def _entry(row: LedgerEntry) -> schemas.HistoryEntry:
    lora = row.training.lora if row.training else None
    return schemas.HistoryEntry(
        id=row.id,
        kind=row.kind,
        amount=row.amount,
        balance_after=row.balance_after,
        reason=_REASONS[row.kind].format(name=lora.name if lora else ""),
        training=schemas.HistoryTraining(id=None if lora.deleted_at else lora.id, name=lora.name)
        if lora
        else None,
        created_at=row.created_at,
    )
