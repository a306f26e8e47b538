"""Help with payments, the terms, and operators' answers."""

from aiogram.filters import CommandObject
from aiogram.methods import SendMessage
from aiogram.types import Message

from bot.arguments import whole_number, words
from bot.i18n import _
from bot.middlewares import Sender
from config import Settings
from models import support

ANSWER = "/answer REQUEST WORDS"


async def ask(message: Message, command: CommandObject, sender: Sender, settings: Settings) -> SendMessage:
    once = f"message:{message.message_id}"
    await support.ask(settings.admin_ids, sender.id, once, command.args or "")
    return message.answer(
        _("A person reads this, with your last payments beside it. The answer comes here, in this chat.")
    )


async def tell_terms(message: Message) -> SendMessage:
    terms = [
        _("<b>Terms</b>"),
        _(
            "Stars here pay for trainings and for pictures. They are bought with Telegram Stars, don't "
            "expire, and can't be passed on or turned into money."
        ),
        _(
            "What fails, is cancelled or is held back by the safety checker gives its price back by itself, "
            "in stars."
        ),
        _(
            "A payment can be given back as long as its stars are unspent: ask with /paysupport. Telegram's "
            "own support can't help with purchases made here."
        ),
        _("Train on photos that are yours to use, and of people who agree."),
    ]
    return message.answer("\n\n".join(terms))


async def is_reply(message: Message) -> dict[str, int] | bool:
    """Whether an operator replies to a request, and to which."""
    replied = message.reply_to_message
    request_id = await support.request_in(message.chat.id, replied.message_id) if replied else None
    return {"request_id": request_id} if request_id else False


async def answer(message: Message, request_id: int, sender: Sender) -> SendMessage:
    """The answer is on its way by the notify job."""
    return await _send(message, request_id, message.text or "", sender)


async def answer_by_number(message: Message, command: CommandObject, sender: Sender) -> SendMessage:
    request, text = words(command.args, 2, 2, ANSWER)
    return await _send(message, whole_number(request, ANSWER), text, sender)


async def _send(message: Message, request_id: int, text: str, sender: Sender) -> SendMessage:
    request = await support.answer(request_id, sender.id, text)
    return message.answer(_("Your answer is on its way to {name}.", name=request.user.first_name))
