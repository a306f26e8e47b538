"""What is said of stars that came or went, by receipts and in the history: every amount is a ledger row's."""

from collections.abc import Sequence

from aiogram import html

from bot.i18n import _, day, marked, ngettext, number, signed, speaking
from bot.keyboards import app_button, column, pages
from bot.pictures import SHORT, shortened
from bot.views import View, stars_after, stars_owned
from models.generation import Generation
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
            case LedgerKind.GRANT | LedgerKind.BONUS:
                lines = _gift(entry)
            case _:
                return None
        lines.append(stars_after(entry, debt))
        return View("\n".join(lines), column(app_button(_("Open Selfi"), app_url)))


def history_page(entries: Sequence[LedgerEntry], balance: int, before: int, *, more: bool) -> View:
    """Rows of the ledger with all that is behind them fetched, newest first, older than the row `before`.

    `more` is whether there are older ones.
    """
    if not entries:
        return View(_("Nothing has come or gone yet. /stars gets you stars."))
    lines = [f"⭐ {stars_owned(balance)}", *map(history_line, entries)]
    return View("\n\n".join(lines), pages(before, entries[-1].id if more else None))


def history_line(entry: LedgerEntry) -> str:
    """A row in two lines: how much, what there was then, when; and why."""
    moved = f"<b>{signed(entry.amount)}</b> → {number(entry.balance_after)}"
    return f"{moved} · {day(entry.created_at.date())}\n{reason(entry)}"


_REASONS = {
    LedgerKind.WELCOME: marked("A welcome gift."),
    LedgerKind.PURCHASE: marked("A pack of stars."),
    LedgerKind.BONUS: marked("A bonus."),
    LedgerKind.GRANT: marked("A gift of the house: {words}"),
    LedgerKind.TRAINING: marked("The training of {name}."),
    LedgerKind.GENERATION: marked("Pictures."),
    LedgerKind.REFUND: marked("{name} ended without a model: its price came back."),
    LedgerKind.CHARGEBACK: marked("A payment was refunded: its stars went back."),
    LedgerKind.DEBT: marked("Stars of a refunded payment that had been spent."),
}
_BONUSES = {
    "promo": marked("The code {code}."),
    "referral": marked("Somebody whom you invited has bought stars."),
    "referred": marked("For your first stars, because you were invited."),
}


def reason(entry: LedgerEntry) -> str:
    """Why the stars came or went, with the training or the generation behind the row fetched."""
    cause, _colon, rest = (entry.cause or "").partition(":")
    sentence = _REASONS[entry.kind]
    if entry.kind is LedgerKind.BONUS:
        sentence = _BONUSES.get(cause, sentence)
    if entry.generation:
        return _of_pictures(entry, entry.generation)
    words = rest.partition(" ")[2]  # those of the operator, after who it is and in which message
    return _(sentence, name=_name(entry), code=rest, words=words)


def _of_pictures(entry: LedgerEntry, generation: Generation) -> str:
    match entry.kind:
        case LedgerKind.GENERATION:
            sentence = ngettext("{n} picture.", "{n} pictures.", generation.count)
        case LedgerKind.REFUND if generation.held_back:
            sentence = ngettext(
                "{n} picture was held back by the safety checker: its price came back.",
                "{n} pictures were held back by the safety checker: their price came back.",
                generation.held_back,
            )
        case LedgerKind.REFUND:
            sentence = ngettext(
                "{n} picture was not made: its price came back.",
                "{n} pictures were not made: their price came back.",
                generation.count,
            )
        case _:
            return _(_REASONS[entry.kind])
    prompt = shortened(generation.prompt, SHORT)
    return f"{sentence}\n<i>{html.quote(prompt)}</i>" if prompt else sentence


def _name(entry: LedgerEntry) -> str:
    return (entry.training and entry.training.lora.name) or _("a deleted model")


def _gift(entry: LedgerEntry) -> list[str]:
    return [ngettext("🎁 {n} star is yours.", "🎁 {n} stars are yours.", entry.amount), reason(entry)]


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
