"""What messages look like: pure functions from what is known to text and buttons, in a person's language."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiogram import html
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.i18n import _, duration, marked, ngettext, percentage, speaking
from bot.keyboards import (
    CancelTraining,
    MakeWith,
    app_button,
    cancel_button,
    column,
    confirmation,
    pack_button,
    says,
)
from models.ledger import LedgerEntry
from models.photo import Photo
from models.run import CANCELLED
from models.training import Training, TrainStatus

BAR_CELLS = 12

# A photo that comes so soon after another belongs to the same album, or to the same burst.
BURST = timedelta(seconds=1.5)


@dataclass(frozen=True)
class View:
    text: str  # Telegram's HTML
    keyboard: InlineKeyboardMarkup | None = None


# --- the living message ---


def status_message(training: Training, language: str, app_url: str | None, *, eta: int | None = None) -> View:
    """A training as it is now, with its LoRA model fetched. `eta` is in seconds, where it is known."""
    with speaking(language):
        keyboard = column(
            app_button(_("Open in the app"), app_url, training=training.id),
            cancel_button(training, _("Cancel")) if training.is_active else None,
        )
        return View(_status_text(training, eta), keyboard)


def _status_text(training: Training, eta: int | None) -> str:
    match training.status:
        case TrainStatus.PENDING:
            return _lines(
                _("⏳ <b>{name}</b> is waiting for its turn", name=training.lora.name),
                _bar(0),
                _place(training.queue_position),
            )
        case TrainStatus.TRAINING:
            return _lines(
                _("🎨 <b>{name}</b> is in training", name=training.lora.name),
                _bar(training.progress),
                _steps(training),
                _("About {duration} left", duration=duration(eta)) if eta else None,
            )
        case TrainStatus.COMPLETED:
            return _lines(_("✅ <b>{name}</b> is ready", name=training.lora.name), _bar(100))
        case TrainStatus.FAILED if training.error_code == CANCELLED:
            return _("✋ The training of <b>{name}</b> is cancelled", name=training.lora.name)
        case TrainStatus.FAILED:
            return _("❌ The training of <b>{name}</b> did not work out", name=training.lora.name)


def _bar(percent: int) -> str:
    full = BAR_CELLS * percent // 100
    return f"<code>{'▰' * full}{'▱' * (BAR_CELLS - full)}</code> {percentage(percent)}"


def _place(position: int | None) -> str:
    if not position:
        return _("It starts as soon as a machine is free.")
    return ngettext("{n} training is ahead of it.", "{n} trainings are ahead of it.", position)


def _steps(training: Training) -> str:
    if training.step is None:
        return ngettext("{n} step", "{n} steps", training.steps)
    return ngettext("{done} of {n} step", "{done} of {n} steps", training.steps, done=training.step)


# --- the one message at the end ---


def final_message(
    training: Training,
    language: str,
    app_url: str | None,
    *,
    refund: LedgerEntry | None = None,
    debt: LedgerEntry | None = None,
) -> View:
    """What became of a training that has ended.

    `refund` is the ledger's row of the price that came back, `debt` the one that was settled of it.
    """
    with speaking(language):
        if training.status is TrainStatus.COMPLETED:
            return _completed(training, app_url)
        cancelled = training.error_code == CANCELLED
        text = _lines(
            _("✋ <b>{name}</b> is cancelled, as you wished.", name=training.lora.name)
            if cancelled
            else _("😔 <b>{name}</b> could not be trained.", name=training.lora.name),
            None if cancelled else _reason(training),
            "",
            _refund(refund, debt),
        )
        again = _("Start another") if cancelled else _("Try again")
        return View(text, column(app_button(again, app_url)))


def _completed(training: Training, app_url: str | None) -> View:
    text = _lines(
        _("🎉 <b>{name}</b> is ready!", name=training.lora.name),
        "",
        _("Trigger word: <code>{word}</code>", word=training.lora.trigger_word),
        _took(training),
    )
    keyboard = column(
        says(_("🎨 Make pictures"), MakeWith(id=training.lora_id)),
        app_button(_("See the model"), app_url, model=training.lora_id),
        app_button(_("Train another"), app_url),
    )
    return View(text, keyboard)


def _took(training: Training) -> str:
    if training.completed_at is None:
        return _steps(training)
    began = training.running_at or training.started_at
    return ngettext(
        "Trained for {n} step in {duration}",
        "Trained for {n} steps in {duration}",
        training.steps,
        duration=duration((training.completed_at - began).total_seconds()),
    )


def _refund(refund: LedgerEntry | None, debt: LedgerEntry | None) -> str:
    if refund is None:
        return _("It has cost you nothing.")
    came_back = ngettext("⭐ {n} star came back.", "⭐ {n} stars came back.", refund.amount)
    return f"{came_back} {stars_after(refund, debt)}"


def stars_after(entry: LedgerEntry, debt: LedgerEntry | None) -> str:
    """What somebody has after a row, and after the one by which a debt was settled of its stars."""
    if debt is None:
        return stars_owned(entry.balance_after)
    settled = ngettext(
        "{n} went for a refunded payment whose star was spent.",
        "{n} went for a refunded payment whose stars were spent.",
        -debt.amount,
    )
    return f"{settled} {stars_owned(debt.balance_after)}"


def pack_offer(packs: Mapping[int, int], balance: int, debt: int) -> View:
    """The answer to /stars; `packs` are stars by price, in Telegram's Stars."""
    text = _lines(stars_had(balance, debt), _("Which pack shall it be?"))
    return View(text, column(*(pack_button(price, _pack(price, n)) for price, n in sorted(packs.items()))))


def _pack(price: int, stars: int) -> str:
    if stars == price:
        return ngettext("⭐ {n} star", "⭐ {n} stars", stars)
    return ngettext("⭐ {price} + {n} as a bonus", "⭐ {price} + {n} as a bonus", stars - price, price=price)


def stars_had(balance: int, debt: int) -> str:
    """What somebody has, and owes."""
    owed = ngettext(
        "You owe {n} star of a refunded payment: the next that comes settles it.",
        "You owe {n} stars of a refunded payment: the next that come settle them.",
        debt,
    )
    return _lines(f"⭐ {stars_owned(balance)}", owed if debt else None)


def stars_owned(balance: int) -> str:
    return ngettext("You have {n} star.", "You have {n} stars.", balance)


# --- why a training failed ---

_PROVIDER = marked(
    "The training service had trouble of its own; your photos are fine. It is worth another try."
)
_NO_RESULT = marked("It ended without a model. It is worth another try, perhaps with other photos.")
_REFUSED = marked("The trainer refused it as it was. Other photos or other settings may do.")
_REASONS = {
    "timed_out": marked("It took far too long, so it was stopped. It is worth another try."),
    "provider_failed": _PROVIDER,
    "provider_unavailable": _PROVIDER,
    "result_expired": _PROVIDER,
    "no_result": _NO_RESULT,
    "no_media_generated": _NO_RESULT,
    "bad_request": _REFUSED,
    "validation_error": _REFUSED,
    "invalid_archive": marked("The photos' zip could not be opened. Make it anew, with photos only."),
    "archive_file_count_below_minimum": marked("It needs more photos than these."),
    "archive_file_count_exceeds_maximum": marked("These are more photos than it takes."),
    "file_download_error": marked("The photos could not be fetched. Is their address open to everybody?"),
    "file_too_large": marked("The photos' zip is larger than it takes."),
    "image_load_error": marked("One of the photos could not be opened. Leave it out, or send it anew."),
    "image_too_small": marked("One of the photos is too small. Leave it out, or send a larger one."),
    "image_too_large": marked("One of the photos is too large. Leave it out, or send a smaller one."),
    "content_policy_violation": marked("The content rules don't allow these photos or this trigger word."),
}


def _reason(training: Training) -> str:
    """In the person's language where we know the code; else the stored English is better than nothing."""
    known = _REASONS.get(training.error_code or "")
    if known or not training.error:
        return _(known or _PROVIDER)
    return html.quote(training.error)


# --- cancelling ---


def confirm_message(training: Training) -> View:
    text = _lines(
        _("Cancel the training of <b>{name}</b>?", name=training.lora.name),
        ngettext("Your {n} star comes back.", "Your {n} stars come back.", training.stars_spent)
        if training.stars_spent
        else None,
    )
    return View(text, confirmation(CancelTraining(id=training.id, sure=True)))


def pick_message(trainings: Sequence[Training], pictures: Sequence[InlineKeyboardButton] = ()) -> View:
    """`pictures` are the buttons of generations."""
    buttons = (cancel_button(training, training.lora.name) for training in trainings)
    return View(_("What shall be cancelled?"), column(*buttons, *pictures))


# --- all trainings at once ---


def overview(
    running: Sequence[Training], pictures: Sequence[str], ended: Sequence[Training], app_url: str | None
) -> View:
    """The answer to /status; `pictures` is what is said of generations that run."""
    if not running and not pictures and not ended:
        return View(
            _("You have no trainings yet. Send me photos, and we can begin."),
            column(app_button(_("Open Selfi"), app_url)),
        )
    parts = [*(_status_text(training, None) for training in running), *pictures]
    if ended:
        parts.append(_lines(*(status_line(training) for training in ended)))
    return View("\n\n".join(parts), column(app_button(_("Open Selfi"), app_url)))


def status_line(training: Training) -> str:
    if training.status is TrainStatus.COMPLETED:
        return _(
            "✅ <b>{name}</b> is ready, trigger word <code>{word}</code>",
            name=training.lora.name,
            word=training.lora.trigger_word,
        )
    return _status_text(training, None)


# --- the draft ---


def draft_message(
    photos: Sequence[Photo], language: str, app_url: str | None, minimum: int, maximum: int
) -> View:
    """What the draft holds, after photos came in chat. A training takes `minimum` to `maximum` of them."""
    with speaking(language):
        text = _lines(
            ngettext("📸 Your draft has {n} photo.", "📸 Your draft has {n} photos.", len(photos)),
            *_warnings(photos),
            "",
            _next_step(len(photos), minimum, maximum, app_url),
        )
        return View(text, column(app_button(_("Review and train"), app_url)))


_WARNINGS: dict[str, Callable[[int], str]] = {
    "blurred": lambda n: ngettext(
        "⚠️ {n} looks blurred; a sharper one would teach more.",
        "⚠️ {n} look blurred; sharper ones would teach more.",
        n,
    ),
    "near_duplicate": lambda n: ngettext(
        "⚠️ {n} looks almost like another; variety teaches more.",
        "⚠️ {n} look almost like others; variety teaches more.",
        n,
    ),
}


def _warnings(photos: Sequence[Photo]) -> list[str]:
    counts = {code: sum(photo.warning == code for photo in photos) for code in _WARNINGS}
    return [_WARNINGS[code](count) for code, count in counts.items() if count]


def _next_step(count: int, minimum: int, maximum: int, app_url: str | None) -> str:
    if count < minimum:
        return ngettext(
            "{n} more is needed for a training.", "{n} more are needed for a training.", minimum - count
        )
    if count >= maximum:
        return _("That is as many as a training takes; any more are left out.")
    if app_url is None:
        return _without_app()
    return _("Enough for a training. Add more for variety, or go on in the app.")


def rest_of_burst(photos: Sequence[Photo]) -> timedelta:
    """How long more photos may still be on their way; zero or less when the burst is over."""
    newest = max((photo.created_at for photo in photos), default=datetime.min.replace(tzinfo=UTC))
    return newest + BURST - datetime.now(UTC)


# --- greeting ---


def greeting(name: str, welcome_stars: int, invited_stars: int, minimum: int, app_url: str | None) -> View:
    """The person was just given `welcome_stars`, and may expect `invited_stars` because they were invited."""
    text = _lines(
        _("👋 <b>Hi, {name}!</b>", name=name),
        "",
        _(
            "I train an AI model on a handful of photos, of you, of your pet, of a thing or of a style, and "
            "make pictures with it."
        ),
        ngettext(
            "Send me at least {n} photo right here, or choose it in the app.",
            "Send me at least {n} photos right here, or choose them in the app.",
            minimum,
        ),
        ngettext(
            "🎁 {n} star is yours, as a welcome.", "🎁 {n} stars are yours, as a welcome.", welcome_stars
        )
        if welcome_stars
        else None,
        ngettext(
            "🎁 {n} more comes with the first that you buy, because you were invited.",
            "🎁 {n} more come with the first that you buy, because you were invited.",
            invited_stars,
        )
        if invited_stars
        else None,
        _without_app() if app_url is None else None,
    )
    return View(text, column(app_button(_("Open Selfi"), app_url)))


def _without_app() -> str:
    return _(
        "The app, where a training starts, can't be opened yet: whoever runs this bot must give it a public "
        "https address (PUBLIC_URL)."
    )


def _lines(*lines: str | None) -> str:
    return "\n".join(line for line in lines if line is not None)
