"""What operators and people read of requests for help with payments."""

from collections.abc import Sequence

from aiogram import html

from bot.i18n import _, day, speaking
from bot.views import View
from models.payment import Payment
from models.support import SupportRequest


def request_message(request: SupportRequest, payments: Sequence[Payment], language: str) -> View:
    """A request for operators, with the person's last payments."""
    with speaking(language):
        person = request.user
        lines = [
            _(
                "🆘 Request {request}: <b>{name}</b> ({id}) asks for help.",
                request=str(request.id),
                name=person.first_name,
                id=str(person.id),
            ),
            f"<blockquote>{html.quote(request.text)}</blockquote>",
            *payment_lines(payments),
            _(
                "Reply to this message, or write <code>/answer {request} …</code>, and they get your words. "
                "<code>/user {id}</code> says more.",
                request=str(request.id),
                id=str(person.id),
            ),
        ]
        return View("\n".join(lines))


def answer_message(request: SupportRequest, language: str) -> View:
    with speaking(language):
        lines = [
            _("💬 The answer to your request:"),
            f"<blockquote>{html.quote(request.answer or '')}</blockquote>",
            _("If that doesn't settle it, write again: <code>/paysupport …</code>"),
        ]
        return View("\n".join(lines))


def payment_lines(payments: Sequence[Payment]) -> list[str]:
    """Each payment with its charge, as /refund takes it."""
    if not payments:
        return [_("No payments.")]
    return [_payment_line(payment) for payment in payments]


def _payment_line(payment: Payment) -> str:
    line = _(
        "{day}: {amount} Telegram Stars, <code>{charge}</code>",
        day=day(payment.created_at.date()),
        amount=payment.amount,
        charge=payment.charge_id,
    )
    if payment.refunded_at:
        return " · ".join([line, _("refunded")])
    return " · ".join([line, _("not credited")]) if payment.problem else line
