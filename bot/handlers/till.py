"""For operators: giving payments back, and pausing purchases."""

from aiogram.filters import CommandObject
from aiogram.methods import SendMessage
from aiogram.types import Message

from bot.i18n import _
from models.payment import Till
from models.switch import SwitchName, turn


async def refund(message: Message, command: CommandObject, till: Till) -> SendMessage:
    """How it ended is told by a message to all operators."""
    if not command.args:
        return message.answer(
            _("Which payment? <code>/refund CHARGE</code>, the charge as its receipt has it.")
        )
    payment = await till.refund(command.args.strip())
    return message.answer(
        _(
            "{amount} Telegram Stars are on their way back to {name}. I tell you when it is done.",
            amount=payment.amount,
            name=payment.user.first_name,
        )
    )


async def pause(message: Message) -> SendMessage:
    if await turn(SwitchName.PURCHASES_PAUSED, on=True):
        return message.answer(_("Purchases are paused. /resume lets people buy again."))
    return message.answer(_("Purchases are paused already. /resume lets people buy again."))


async def resume(message: Message) -> SendMessage:
    if await turn(SwitchName.PURCHASES_PAUSED, on=False):
        return message.answer(_("People can buy again."))
    return message.answer(_("Purchases weren't paused."))
