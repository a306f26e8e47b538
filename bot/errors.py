"""The domain's errors in words, once; whatever else goes wrong is not ours to explain."""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiogram import BaseMiddleware, html
from aiogram.exceptions import TelegramForbiddenError
from aiogram.types import TelegramObject, Update

from bot.answers import reply_to
from bot.i18n import _, duration, marked
from models.errors import DomainError, Problems, TooOften
from models.user import set_blocked

log = structlog.get_logger(__name__)

_SENTENCES = {
    "not_an_image": marked("This is no photo: send a JPEG, PNG, WebP or HEIC."),
    "unsupported_format": marked("This is a {format} file: send a JPEG, PNG, WebP or HEIC."),
    "corrupt": marked("This file is damaged and can't be opened: send the original again."),
    "too_small": marked(
        "This photo is {width}×{height} pixels: its shorter side must have at least {min_side}."
    ),
    "too_many_pixels": marked("This photo has too many pixels: at most {max_pixels} are taken."),
    "file_too_large": marked("This file is too large: a photo may have {max_mb} MB."),
    "too_large_for_chat": marked(
        "This file is too large for the chat, where bots can fetch {limit_mb} MB at most. Send a smaller one."
    ),
    "duplicate": marked("This photo is in your draft already."),
    "storage_unavailable": marked("Photos can't be stored just now. Send it again in a minute."),
    "training_not_found": marked("There is no such training."),
    "training_ended": marked("This training has ended already."),
    "pack_gone": marked("This pack is not sold any more. See /stars for those that are."),
    "purchases_paused": marked("Stars can't be bought just now. Try again later: nothing was paid."),
    "invoice_of_another": marked("This invoice is somebody else's. Get your own with /stars."),
    "invoice_unknown": marked("This invoice is not valid any more. Get a new one with /stars."),
    "wrong_amount": marked("This invoice is not valid any more. Get a new one with /stars."),
    "wrong_currency": marked("Only Telegram Stars are taken here."),
    "payment_not_found": marked(
        "I know of no such payment. If it is new, its update may be on its way: try again in some minutes."
    ),
    "payment_refunded": marked("This payment was refunded before."),
    "stars_spent": marked("{spent} of its stars are spent, and REFUND_SPENT_STARS doesn't allow a debt."),
    "promo_unknown": marked("I know of no such code."),
    "promo_redeemed": marked("You have had the stars of this code."),
    "promo_over": marked("This code is over."),
    "promo_used_up": marked("This code is used up."),
    "support_empty": marked(
        "What is wrong, and with which payment? Write it after the command: "
        "<code>/paysupport I paid, and no stars came</code>"
    ),
    "support_too_long": marked("This is too long: say it in {most} characters."),
    "support_nobody": marked(
        "Nobody would read this yet: whoever runs this bot must name somebody who answers (ADMIN_IDS)."
    ),
    "request_not_found": marked("There is no request of this number."),
    "answer_empty": marked("An answer is a text: reply to the request in words."),
    "answer_too_long": marked("This is too long for an answer: say it in {most} characters."),
    "support_answered": marked("This was answered before: <blockquote>{answer}</blockquote>"),
    "words_missing": marked("Something is missing. It is: <code>{form}</code>"),
    "no_number": marked("“{word}” is no whole number. It is: <code>{form}</code>"),
    "no_day": marked("“{word}” is no day such as 2030-12-31. It is: <code>{form}</code>"),
    "person_not_found": marked("I know nobody of this id or name."),
    "person_ambiguous": marked("Several people have had this name: say which by the id. {ids}"),
    "grant_stars": marked("Between 1 and {most} stars can be granted at once."),
    "grant_reason": marked("The reason may have {most} characters."),
    "promo_code": marked("A code has 3 to 32 of A-Z, 0-9, _ and -."),
    "promo_stars": marked("A code gives between 1 and {most} stars."),
    "promo_uses": marked("A code can be used between 1 and {most} times."),
    "promo_past": marked("This day is over."),
    "promo_exists": marked("There is such a code already."),
    "param_unknown": marked("There is no parameter --{name}."),
    "param_missing": marked("--{name} needs a value after it."),
    "param_twice": marked("--{name} is there twice: which one is meant?"),
    "param_no_whole_number": marked("--{name} takes a whole number, and “{value}” is none."),
    "param_no_number": marked("--{name} takes a number, and “{value}” is none."),
    "param_no_aspect": marked("--{name} takes one of {known}, and not “{value}”."),
    "param_no_model": marked(
        "--{name} takes trigger words, each perhaps with a colon and its scale, and not “{value}”."
    ),
    "prompt_empty": marked("A prompt is missing: say what the pictures shall show."),
    "prompt_too_long": marked("The prompt has {length} characters: at most {most} are taken."),
    "word_refused": marked("“{word}” is not allowed here."),
    "model_unknown": marked("There is no model “{word}” that you may use."),
    "no_model": marked("Which model? Select one in the app, or name it by its trigger word after --l."),
    "models_mixed": marked("These models are of different kinds, and can't be used together: {names}."),
    "too_many_models": marked("{title} takes at most {most} models at once."),
    "scale_out_of_range": marked("The scale of a model is between 0 and {most}."),
    "steps_out_of_range": marked("Steps (--s) are between {least} and {most}."),
    "guidance_out_of_range": marked("Guidance (--c) is between {least} and {most}."),
    "seed_out_of_range": marked("A seed (--seed) is between {least} and {most}."),
    "count_out_of_range": marked("The number of pictures (--n) is between {least} and {most}."),
    "aspect_unknown": marked("The aspect ratio (--ar) is one of {known}."),
    "settings_prompt": marked("“{value}” is no setting: a prompt goes after /gen."),
    "settings_models": marked("Models aren't saved here: select them in the app."),
    "too_many_waiting": marked("{limit} requests of yours are waiting already: let some of them end first."),
    "generation_not_found": marked("These pictures are not there any more."),
    "generation_ended": marked("This has ended already."),
    "model_gone": marked("A model of these pictures can't be used any more."),
    "model_not_found": marked("There is no such model any more."),
    "question_over": marked("This question is over: /gen asks it anew."),
    "word_invalid": marked("A word has 1 to {most} letters and digits."),
    "word_not_listed": marked("This word isn't on the list."),
    "no_id": marked("“{word}” is no model's id. It is: <code>{form}</code>"),
    "too_often": marked("That was too often: try again in {wait}."),
}


def words(error: DomainError) -> str:
    """The error in the current language; in English where the catalogue doesn't know its code."""
    if isinstance(error, Problems):
        return "\n".join(words(problem) for problem in error.problems)
    known = _SENTENCES.get(error.code)
    if known is None:
        return html.quote(error.detail)
    wait = duration(error.retry_after) if isinstance(error, TooOften) else ""
    return _(known, **error.extra, max_mb=error.extra.get("max_bytes", 0) / 1024**2, wait=wait)


class Errors(BaseMiddleware):
    """Answers what a handler says can't be done. Any other error goes on: the update will be tried again."""

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        try:
            return await handler(event, data)
        except DomainError as e:
            person = data.get("event_from_user")
            log.info("refused", code=e.code, user_id=person.id if person else None)
            return reply_to(event, words(e)) if isinstance(event, Update) else None
        except TelegramForbiddenError:
            if sender := data.get("sender"):
                await set_blocked(sender.id, blocked=True)
            return None
