"""What operators read: about a person, about the last days, and the promo codes."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby

from aiogram import html

from bot.i18n import _, day, marked, ngettext, signed
from bot.receipts import history_line
from bot.support import payment_lines
from bot.views import View, status_line
from models.books import DaySum, Telegrams
from models.ledger import LedgerEntry, LedgerKind
from models.payment import Payment
from models.promo import PromoCode
from models.training import Training
from models.user import User


def dossier(
    user: User, rows: Sequence[LedgerEntry], payments: Sequence[Payment], trainings: Sequence[Training]
) -> View:
    """The answer to /user: who they are, and the newest of everything."""
    handle = [f"@{html.quote(user.username)}"] if user.username else []
    blocked = [_("They have blocked the bot.")] if user.blocked_at else []
    stars = ngettext("⭐ {n} star, {debt} owed", "⭐ {n} stars, {debt} owed", user.balance, debt=user.debt)
    parts = [
        " · ".join([f"<b>{html.quote(user.first_name)}</b>", f"<code>{user.id}</code>", *handle]),
        "\n".join([stars, _("Here since {day}", day=day(user.created_at.date())), *blocked]),
        *map(history_line, rows),
        "\n".join(payment_lines(payments)),
        "\n".join(map(status_line, trainings)) or _("No trainings."),
    ]
    return View("\n\n".join(parts))


_KINDS: dict[LedgerKind | Telegrams, str] = {
    Telegrams.TAKEN: marked("Telegram Stars taken: {stars} ({rows})"),
    Telegrams.GIVEN_BACK: marked("Telegram Stars given back: {stars} ({rows})"),
    LedgerKind.PURCHASE: marked("Credited: {stars} ({rows})"),
    LedgerKind.TRAINING: marked("Trainings: {stars} ({rows})"),
    LedgerKind.GENERATION: marked("Pictures: {stars} ({rows})"),
    LedgerKind.REFUND: marked("Prices back: {stars} ({rows})"),
    LedgerKind.CHARGEBACK: marked("Taken back: {stars} ({rows})"),
    LedgerKind.DEBT: marked("Debts settled: {stars} ({rows})"),
    LedgerKind.GRANT: marked("Grants: {stars} ({rows})"),
    LedgerKind.BONUS: marked("Bonuses: {stars} ({rows})"),
    LedgerKind.WELCOME: marked("Welcomes: {stars} ({rows})"),
}


def day_sums(sums: Sequence[DaySum]) -> View:
    """The answer to /stats: stars, and in brackets how many rows they are the sum of."""
    if not sums:
        return View(_("Nothing has moved in the last 7 days."))
    days = ["\n".join(_day(list(of_day))) for _date, of_day in groupby(sums, lambda row: row.day)]
    return View("\n\n".join(days))


def _day(sums: Sequence[DaySum]) -> list[str]:
    by_kind = {row.kind: row for row in sums}
    shown = [(text, by_kind[kind]) for kind, text in _KINDS.items() if kind in by_kind]
    lines = [_(text, stars=signed(row.stars), rows=row.rows) for text, row in shown]
    return [f"<b>{day(sums[0].day)}</b>", *lines]


def codes(found: Sequence[PromoCode], form: str) -> View:
    """The answer to a bare /promo."""
    lines = [code_line(code) for code in found] or [_("There are no codes.")]
    return View("\n".join([*lines, "", _("A new one: <code>{form}</code>", form=form)]))


def code_line(code: PromoCode) -> str:
    line = _(
        "<code>{code}</code>: ⭐ {stars}, used {uses} of {most} times",
        code=code.code,
        stars=code.stars,
        uses=code.uses,
        most=code.uses_max,
    )
    if code.is_over:
        return " · ".join([line, _("over")])
    if code.expires_at is None:
        return line
    last = code.expires_at - timedelta(microseconds=1)
    return " · ".join([line, _("until {day}", day=day(last.date()))])
