"""What is said of stars that came or went by themselves: every amount is the ledger's row's."""

from bot.i18n import _, ngettext, speaking
from bot.keyboards import app_button, column
from bot.views import View, stars_after
from models.ledger import LedgerEntry, LedgerKind


def receipt(entry: LedgerEntry, debt: LedgerEntry | None, language: str, app_url: str | None) -> View | None:
    """Of a row with its payment fetched, and of the row by which a debt was settled of its stars.

    None for the kinds that other messages tell of.
    """
    with speaking(language):
        match entry.kind:
            case LedgerKind.PURCHASE:
                lines = _purchase(entry)
            case LedgerKind.CHARGEBACK:
                lines = _chargeback(entry)
            case LedgerKind.GRANT:
                lines = [
                    ngettext(
                        "🎁 {n} star is yours, just so.", "🎁 {n} stars are yours, just so.", entry.amount
                    )
                ]
            case LedgerKind.BONUS:
                lines = [
                    ngettext(
                        "🎁 {n} star is yours, as a bonus.",
                        "🎁 {n} stars are yours, as a bonus.",
                        entry.amount,
                    )
                ]
            case _:
                return None
        lines.append(stars_after(entry, debt))
        return View("\n".join(lines), column(app_button(_("Open Selfi"), app_url)))


def _purchase(entry: LedgerEntry) -> list[str]:
    lines = [ngettext("⭐ {n} star is yours. Thank you!", "⭐ {n} stars are yours. Thank you!", entry.amount)]
    if payment := entry.payment:
        if bonus := entry.amount - payment.amount:
            lines.append(ngettext("{n} of them is a bonus.", "{n} of them are a bonus.", bonus))
        lines.append(_("Payment: <code>{charge}</code>", charge=payment.charge_id))
    return lines


def _chargeback(entry: LedgerEntry) -> list[str]:
    taken = -entry.amount
    lines = [_("↩️ A payment of yours was refunded.")]
    if taken:
        lines.append(ngettext("Its {n} star went back.", "Its {n} stars went back.", taken))
    if payment := entry.payment:
        if owed := (payment.stars or 0) - taken:
            lines.append(
                ngettext(
                    "{n} star of it was spent already: the next that you get settles it.",
                    "{n} stars of it were spent already: the next that you get settle them.",
                    owed,
                )
            )
        lines.append(_("Payment: <code>{charge}</code>", charge=payment.charge_id))
    return lines
