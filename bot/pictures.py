"""What is said of pictures: pure functions from a generation to text and buttons, in a person's language."""

from collections.abc import Mapping, Sequence
from typing import Literal

from aiogram import html
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.i18n import _, marked, ngettext, speaking
from bot.keyboards import (
    Again,
    CancelPictures,
    SameSeed,
    UseSettings,
    app_button,
    column,
    confirmation,
    pack_button,
    rows,
    says,
)
from bot.views import View, stars_after, stars_had
from models.generation import UNSAFE, Generation
from models.ledger import LedgerEntry
from models.lora import LoraModel
from models.params import Params
from models.run import CANCELLED

LIKE_THIS = 4  # more, where the base model makes so many at once
SHORT = 60  # characters of a prompt that only says which pictures are meant
_QUOTED = 300  # and of one that is shown for itself

Album = Literal["sent", "refused", "in doubt"]
"""What became of it: `in doubt` is one that was on its way when a process died."""


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def plain(number: float) -> str:
    """As people type it, whatever their language: 3.5, 28."""
    return f"{number:.10g}"


# --- the living message ---


def progress_message(generation: Generation, language: str, place: int | None) -> View:
    """`place` is how many requests are before it in our queue; None once it has its turn."""
    with speaking(language):
        cancel = says(_("Cancel"), CancelPictures(id=generation.id, sure=True))
        return View(_progress(generation, place), column(cancel))


def _progress(generation: Generation, place: int | None) -> str:
    if place is None:
        return ngettext(
            "🎨 Your picture is being made…", "🎨 Your {n} pictures are being made…", generation.count
        )
    waiting = ngettext(
        "⏳ Your picture waits for its turn.", "⏳ Your {n} pictures wait for their turn.", generation.count
    )
    return f"{waiting}\n{_place(place)}"


def _place(place: int) -> str:
    if not place:
        return _("It comes next.")
    return ngettext("{n} request comes before it.", "{n} requests come before it.", place)


def served_message(language: str) -> View:
    """In the place of a living message that can't be deleted."""
    with speaking(language):
        return View(_("🏁 This has ended: see below."))


# --- what came of it ---


def buttons_message(
    generation: Generation,
    models: Sequence[tuple[LoraModel, float]],
    language: str,
    app_url: str | None,
    *,
    refund: LedgerEntry | None = None,
    debt: LedgerEntry | None = None,
    album: Album = "sent",
) -> View:
    """What an album can't hold: how it was made, what was held back of it, and ways on.

    `models` are those that are left of the ones that it was made with, with their scales. `refund` is the
    ledger's row of the price of what was held back, `debt` the one that was settled of it. Where the `album`
    was refused, these words are all that there is; where it is in doubt, perhaps they are.
    """
    with speaking(language):
        lines = [
            _of_album(album),
            html.quote(shortened(generation.prompt, _QUOTED)),
            _settings(generation),
            _models(models),
            _held_back(generation, refund, debt),
        ]
        return View("\n".join(filter(None, lines)), _ways_on(generation, app_url))


def _of_album(album: Album) -> str | None:
    match album:
        case "sent":
            return None
        case "refused":
            return _("🙈 Telegram didn't take these pictures. They are in the app.")
        case "in doubt":
            return _("If you don't see these pictures above, they are in the app.")


def _settings(generation: Generation) -> str:
    return _(
        "{aspect} · {steps} steps · guidance {guidance} · seed <code>{seed}</code>",
        aspect=generation.aspect,
        steps=plain(generation.steps),
        guidance=plain(generation.guidance),
        seed=str(generation.seed),
    )


def _models(models: Sequence[tuple[LoraModel, float]]) -> str | None:
    named = ", ".join(
        f"<code>{html.quote(lora.trigger_word)}:{plain(scale)}</code>" for lora, scale in models
    )
    return named or None


def _held_back(generation: Generation, refund: LedgerEntry | None, debt: LedgerEntry | None) -> str | None:
    if not generation.held_back:
        return None
    why = ngettext(
        "🛡 {n} of {count} was held back: the safety checker didn't let it pass. It costs nothing.",
        "🛡 {n} of {count} were held back: the safety checker didn't let them pass. They cost nothing.",
        generation.held_back,
        count=generation.count,
    )
    return f"\n{why} {came_back(refund, debt)}" if refund else f"\n{why}"


def came_back(refund: LedgerEntry, debt: LedgerEntry | None) -> str:
    stars = ngettext("⭐ {n} star came back.", "⭐ {n} stars came back.", refund.amount)
    return f"{stars} {stars_after(refund, debt)}"


def _ways_on(generation: Generation, app_url: str | None) -> InlineKeyboardMarkup | None:
    return rows(
        [
            says(_("🔁 Again"), Again(id=generation.id, count=0)),
            says(
                ngettext("✨ {n} more like this", "✨ {n} more like this", LIKE_THIS),
                Again(id=generation.id, count=LIKE_THIS),
            ),
        ],
        [
            says(_("🌱 Same seed"), SameSeed(id=generation.id)),
            says(_("⚙️ Use these settings"), UseSettings(id=generation.id)),
        ],
        [app_button(_("Open in the app"), app_url, generation=generation.id)],
    )


def caption(generation: Generation, language: str) -> View:
    """Of a single picture that was sent from the app."""
    with speaking(language):
        text = html.quote(shortened(generation.prompt, _QUOTED))
        return View(f"{text}\n{_settings(generation)}", None)


def failed_message(
    generation: Generation,
    language: str,
    *,
    refund: LedgerEntry | None = None,
    debt: LedgerEntry | None = None,
) -> View:
    with speaking(language):
        cancelled = generation.error_code == CANCELLED
        lines = [
            ngettext(
                "✋ Your picture is cancelled, as you wished.",
                "✋ Your {n} pictures are cancelled, as you wished.",
                generation.count,
            )
            if cancelled
            else ngettext(
                "😔 Your picture could not be made.",
                "😔 Your {n} pictures could not be made.",
                generation.count,
            ),
            None if cancelled else _reason(generation),
            f"<blockquote>{html.quote(shortened(generation.prompt, _QUOTED))}</blockquote>"
            if generation.prompt
            else None,
            came_back(refund, debt) if refund else _("It has cost you nothing."),
        ]
        return View("\n".join(filter(None, lines)), column(_try_again(generation)))


def _try_again(generation: Generation) -> InlineKeyboardButton | None:
    if generation.deleted_at or generation.error_code in _HOPELESS:
        return None
    return says(_("🔁 Try again"), Again(id=generation.id, count=0))


_PROVIDER = marked(
    "The picture service had trouble of its own; your prompt is fine. It is worth another try."
)
_REFUSED = marked("The picture service refused it as it was. Another prompt or other settings may do.")
_REASONS: Mapping[str, str] = {
    UNSAFE: marked("The safety checker held all of it back. Another prompt, or just another try, may pass."),
    "content_policy_violation": marked("The content rules don't allow this prompt."),
    "timed_out": marked("It took far too long, so it was stopped. It is worth another try."),
    "model_gone": marked("A model that it was to be made with was deleted meanwhile."),
    "file_download_error": marked("The model could not be fetched. It is worth another try."),
    "provider_failed": _PROVIDER,
    "provider_unavailable": _PROVIDER,
    "result_expired": _PROVIDER,
    "no_answer": _PROVIDER,
    "no_result": marked("It ended without pictures. It is worth another try."),
    "bad_request": _REFUSED,
    "validation_error": _REFUSED,
}
_HOPELESS = {"model_gone", "content_policy_violation"}


def _reason(generation: Generation) -> str:
    """In the person's language where we know the code; else the stored English is better than nothing."""
    known = _REASONS.get(generation.error_code or "")
    if known or not generation.error:
        return _(known or _PROVIDER)
    return html.quote(generation.error)


# --- what stands in the way ---


_PROBLEMS = 12  # so that a message stays within Telegram's 4,096 characters


def problems_message(sentences: Sequence[str], form: str) -> View:
    """All that is wrong at once, and the right form."""
    different = list(dict.fromkeys(sentences))
    listed = [f"• {sentence}" for sentence in different[:_PROBLEMS]] if len(different) > 1 else different
    if more := len(different) - len(listed):
        listed.append(ngettext("… and {n} more.", "… and {n} more.", more))
    return View("\n".join([*listed, "", _("It goes like this:"), f"<code>{html.quote(form)}</code>"]))


def stars_missing(price: int, balance: int, debt: int, packs: Mapping[int, int]) -> View:
    """With the smallest of `packs` (stars by price, in Telegram's Stars) that is enough, if any is sold."""
    missing = price - balance + debt
    lines = [
        ngettext("This costs {n} star.", "This costs {n} stars.", price),
        stars_had(balance, debt),
        ngettext("{n} more is needed.", "{n} more are needed.", missing),
    ]
    if not packs:
        return View("\n".join(lines))
    pack = min((price for price, stars in packs.items() if stars >= missing), default=max(packs))
    label = ngettext("⭐ Get {n} star", "⭐ Get {n} stars", packs[pack])
    return View("\n".join(lines), column(pack_button(pack, label)))


# --- saved parameters ---


def settings_message(params: Params, form: str) -> View:
    """The answer to /settings. What isn't saved is left to each base model."""
    own = _("as the model likes it")
    shown = [
        (_("Aspect ratio"), "--ar", params.aspect, "1:1"),
        (_("Steps"), "--s", params.steps, own),
        (_("Guidance"), "--c", params.guidance, own),
        (_("Seed"), "--seed", params.seed, _("another one each time")),
        (_("Number of pictures"), "--n", params.count, "1"),
        (_("Scale of models"), "--scale", params.scale, "1"),
    ]
    lines = [
        f"{name} (<code>{option}</code>): {_value(value, default)}" for name, option, value, default in shown
    ]
    text = [
        _("⚙️ <b>Settings of your pictures</b>"),
        *lines,
        "",
        _("/gen takes them where you say nothing else. To change some:"),
        f"<code>{html.quote(form)}</code>",
        _("To forget them: <code>/settings reset</code>"),
    ]
    return View("\n".join(text))


def _value(value: str | float | None, default: str) -> str:
    if value is None:
        return default
    return f"<b>{html.quote(value) if isinstance(value, str) else plain(value)}</b>"


# --- cancelling, and all at once ---


def confirm_message(generation: Generation) -> View:
    lines = [
        ngettext("Cancel this picture?", "Cancel these {n} pictures?", generation.count),
        f"<blockquote>{html.quote(shortened(generation.prompt, _QUOTED))}</blockquote>",
        ngettext("Your {n} star comes back.", "Your {n} stars come back.", generation.stars_spent)
        if generation.stars_spent
        else None,
    ]
    sure = CancelPictures(id=generation.id, sure=True)
    return View("\n".join(filter(None, lines)), confirmation(sure))


def cancel_button(generation: Generation) -> InlineKeyboardButton:
    label = shortened(generation.prompt, SHORT)
    return says(f"🖼 {label}", CancelPictures(id=generation.id, sure=False))


def status_lines(generations: Sequence[tuple[Generation, int | None]]) -> list[str]:
    """Of generations that run, each with its place in our queue."""
    return [
        f"{_progress(generation, place)}\n<i>{html.quote(shortened(generation.prompt, SHORT))}</i>"
        for generation, place in generations
    ]
