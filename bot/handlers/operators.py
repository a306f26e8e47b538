"""For operators: giving stars, looking at a person and at the last days, and promo codes."""

from datetime import UTC, datetime, timedelta

from aiogram.filters import CommandObject
from aiogram.methods import SendMessage
from aiogram.types import Message

from bot.arguments import end_of_day, whole_number, words
from bot.i18n import _, ngettext
from bot.middlewares import Sender
from bot.office import code_line, codes, day_sums, dossier
from models import books, ledger, payment, promo, training, user
from models.grant import grant

GRANT = "/grant USER STARS REASON"
USER = "/user USER"
PROMO = "/promo CODE STARS USES [LAST-DAY]"
SHOWN = 5  # of each kind, in a dossier
CODES_SHOWN = 20
STATS_DAYS = 7


async def give(message: Message, command: CommandObject, sender: Sender) -> SendMessage:
    """The person's receipt is on its way by the notify job."""
    whom, stars, reason = words(command.args, 3, 3, GRANT)
    number = whole_number(stars, GRANT)
    person = await user.find(whom)
    row = await grant(sender.id, message.message_id, person.id, number, reason)
    return message.answer(
        ngettext(
            "{n} star is {name}'s, and they are told, with your reason.",
            "{n} stars are {name}'s, and they are told, with your reason.",
            row.amount,
            name=person.first_name,
        )
    )


async def show_person(message: Message, command: CommandObject) -> SendMessage:
    (whom,) = words(command.args, 1, 1, USER)
    person = await user.find(whom)
    view = dossier(
        person,
        await ledger.history(person.id, SHOWN),
        await payment.newest(person.id, SHOWN),
        await training.page(person.id, SHOWN),
    )
    return message.answer(view.text)


async def show_days(message: Message) -> SendMessage:
    first = datetime.now(UTC).date() - timedelta(days=STATS_DAYS - 1)
    return message.answer(day_sums(await books.by_day(first)).text)


async def promote(message: Message, command: CommandObject, sender: Sender) -> SendMessage:
    """Lists the codes, makes one, or ends one."""
    match (command.args or "").split():
        case []:
            return message.answer(codes(await promo.newest(CODES_SHOWN), PROMO).text)
        case [code, "off"]:
            ended = await promo.end(code)
            return message.answer(_("{code} gives nothing any more.", code=ended.code))
    code, stars, uses, *last_day = words(command.args, 3, 4, PROMO)
    made = await promo.make(
        sender.id,
        code,
        whole_number(stars, PROMO),
        whole_number(uses, PROMO),
        end_of_day(last_day[0], PROMO) if last_day else None,
    )
    return message.answer(code_line(made))
