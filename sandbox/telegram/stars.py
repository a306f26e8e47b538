"""Bot API methods about payments in Telegram Stars; sending an invoice is among the others that send."""

from .core import Core
from .errors import bad_request
from .params import Params
from .state import Json, Person


async def answer_pre_checkout_query(core: Core, params: Params) -> bool:
    reason = "" if params.flag("ok") else params.text("error_message").strip()
    if not reason and not params.flag("ok"):
        raise bad_request("error message must be non-empty")
    core.payments.answer(params.text("pre_checkout_query_id"), reason)
    return True


async def create_invoice_link(core: Core, params: Params) -> str:
    return core.payments.create(params, single=False).link


async def refund_star_payment(core: Core, params: Params) -> bool:
    core.payments.refund(_payer(core, params), params.text("telegram_payment_charge_id"))
    return True


def _payer(core: Core, params: Params) -> Person:
    user_id = params.integer("user_id")
    if user_id <= 0:
        raise bad_request("invalid user_id specified")
    for person in core.state.people:
        if person.id == user_id:
            return person
    raise bad_request("user not found")


async def get_star_transactions(core: Core, params: Params) -> Json:
    found = core.payments.transactions(params.integer("offset"), params.integer("limit", 100))
    return {"transactions": found}


async def get_my_star_balance(core: Core, _params: Params) -> Json:
    return {"amount": core.payments.balance}
