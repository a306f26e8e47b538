"""What a notification says to its reader."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from aiogram import html

from bot.pictures import Album, buttons_message, caption, failed_message
from bot.receipts import receipt
from bot.support import answer_message, request_message
from bot.views import View, final_message
from models import payment
from models.generation import Generation, GenStatus
from models.ledger import Cause, LedgerEntry, refund_of, settled_of
from models.lora import LoraModel
from models.notification import Notification, NotificationKind, NotificationStatus
from models.picture import Picture
from models.support import SupportRequest
from models.training import Training
from models.user import LANGUAGES, User

PAYMENTS_SHOWN = 5  # beside a request for help


@dataclass(frozen=True)
class Letter:
    """Words and pictures; the latter go as an album, or as one photo `on_a_sheet`."""

    view: View | None
    pictures: Sequence[Picture] = ()
    on_a_sheet: bool = False
    reply_to: int | None = None

    @property
    def messages(self) -> int:
        return 1 if self.on_a_sheet else max(1, len(self.pictures))


async def letter_of(note: Notification, app_url: str | None) -> Letter | None:
    """None for one who has blocked the bot, and where what it is about is gone."""
    if note.kind is NotificationKind.OPERATOR:
        return Letter(View(html.quote(note.text or "")))
    if note.kind is NotificationKind.SUPPORT_REQUEST and note.support:
        return Letter(await _request(note.chat_id, note.support))
    user = await User.get(id=note.chat_id)
    return None if user.blocked_at else await _to_person(user, note, app_url)


async def _request(operator_id: int, request: SupportRequest) -> View:
    """For an operator, who may never have written to us."""
    operator = await User.get_or_none(id=operator_id)
    payments = await payment.newest(request.user_id, PAYMENTS_SHOWN)
    return request_message(request, payments, operator.language if operator else LANGUAGES[0])


async def _to_person(user: User, note: Notification, app_url: str | None) -> Letter | None:
    if note.ledger is not None:
        debt = await settled_of(note.ledger)
        view = receipt(note.ledger, debt, user.language, app_url)
        return Letter(view) if view else None
    if note.support is not None:
        return Letter(answer_message(note.support, user.language))
    if note.training is not None:
        return await _of_training(user, note.training, app_url)
    if note.generation is not None:
        return await _of_generation(user, note, note.generation, app_url)
    return None


async def _of_training(user: User, training: Training, app_url: str | None) -> Letter:
    refund, debt = await _came_back(Cause(training.id))
    view = final_message(training, user.language, app_url, refund=refund, debt=debt)
    samples = await Generation.get_or_none(training_id=training.id, status=GenStatus.COMPLETED)
    pictures = await _pictures(samples.id) if samples else []
    return Letter(view, pictures, on_a_sheet=bool(pictures))


async def _of_generation(
    user: User, note: Notification, generation: Generation, app_url: str | None
) -> Letter | None:
    match note.kind:
        case NotificationKind.PICTURES:
            return await _album(user, note, generation)
        case NotificationKind.PICTURES_BUTTONS if generation.deleted_at:
            return None
        case NotificationKind.PICTURES_BUTTONS:
            refund, debt = await _came_back(Cause(generation_id=generation.id))
            view = buttons_message(
                generation,
                await _used(generation),
                user.language,
                app_url,
                refund=refund,
                debt=debt,
                album=await _album_of(generation.id),
            )
            return Letter(view)
        case _:
            refund, debt = await _came_back(Cause(generation_id=generation.id))
            return Letter(failed_message(generation, user.language, refund=refund, debt=debt))


async def _album(user: User, note: Notification, generation: Generation) -> Letter | None:
    pictures = await _pictures(generation.id)
    if note.picture_id:
        one = [picture for picture in pictures if picture.id == note.picture_id]
        return Letter(caption(generation, user.language), one) if one else None
    return Letter(None, pictures, reply_to=generation.message_id) if pictures else None


async def _album_of(generation_id: uuid.UUID) -> Album:
    """What became of its album."""
    sent = await Notification.filter(dedupe_key=f"pictures:{generation_id}").first()
    if sent and sent.status is NotificationStatus.DROPPED:
        return "refused"
    return "in doubt" if sent and sent.error else "sent"


async def _came_back(cause: Cause) -> tuple[LedgerEntry | None, LedgerEntry | None]:
    """The row by which stars came back, and the one by which a debt was settled of them."""
    refund = await refund_of(cause)
    return refund, await settled_of(refund) if refund else None


async def _pictures(generation_id: uuid.UUID) -> list[Picture]:
    """Those that are left of it, without their thumbnails."""
    columns = ("id", "user_id", "generation_id", "position", "file_id")
    return await Picture.filter(generation_id=generation_id).order_by("position").only(*columns)


async def _used(generation: Generation) -> list[tuple[LoraModel, float]]:
    """Its models with their scales, those that are left."""
    found = {lora.id: lora for lora in await LoraModel.filter(id__in=generation.lora_ids, deleted_at=None)}
    scales = ((uuid.UUID(used["id"]), float(used["scale"])) for used in generation.loras)
    return [(found[lora_id], scale) for lora_id, scale in scales if lora_id in found]
