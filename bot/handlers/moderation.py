"""For operators: words that nobody may use, and models that nobody but their owners should see."""

import uuid

from aiogram import html
from aiogram.filters import CommandObject
from aiogram.methods import SendMessage
from aiogram.types import Message

from bot.arguments import words
from bot.i18n import _, ngettext
from bot.middlewares import Sender
from models import moderation
from models.errors import Invalid
from models.lora import LoraModel

WORDS = "/words add|remove WORD"
HIDE, SHOW = "/hide MODEL", "/show MODEL"
LONGEST = 3500  # characters of a list, so that its message stays within Telegram's 4,096


async def edit_words(message: Message, command: CommandObject, sender: Sender) -> SendMessage:
    """Lists the words, adds one, or takes one off."""
    if not (command.args or "").strip():
        return message.answer(_listed(await moderation.words()))
    action, text = words(command.args, 2, 2, WORDS)
    match action.casefold():
        case "add":
            word = await moderation.refuse(sender.id, text)
            return message.answer(_("“{word}” is refused from now on.", word=word))
        case "remove":
            word = await moderation.allow(text)
            return message.answer(_("“{word}” is allowed again.", word=word))
    raise Invalid("It is to add or to remove.", field="text", code="words_missing", form=WORDS)


def _listed(refused: list[str]) -> str:
    shown: list[str] = []
    for word in refused:
        if sum(len(one) + 1 for one in [*shown, word]) > LONGEST:
            break
        shown.append(word)
    lines = [
        ngettext(
            "{n} word is refused in prompts and trigger words.",
            "{n} words are refused in prompts and trigger words.",
            len(refused),
        ),
        *(f"<code>{html.quote(word)}</code>" for word in shown),
    ]
    if rest := len(refused) - len(shown):
        lines.append(ngettext("And {n} more.", "And {n} more.", rest))
    lines.append(_("To change that: <code>{form}</code>", form=WORDS))
    return "\n".join(lines)


async def hide(message: Message, command: CommandObject) -> SendMessage:
    model = await _turned(command, HIDE, hidden=True)
    return message.answer(
        _(
            "<b>{name}</b> is hidden from everybody but its owner. <code>/show {id}</code> shows it again.",
            name=model.name,
            id=str(model.id),
        )
    )


async def show(message: Message, command: CommandObject) -> SendMessage:
    model = await _turned(command, SHOW, hidden=False)
    return message.answer(_("<b>{name}</b> is shown again.", name=model.name))


async def _turned(command: CommandObject, form: str, *, hidden: bool) -> LoraModel:
    (text,) = words(command.args, 1, 1, form)
    try:
        lora_id = uuid.UUID(text)
    except ValueError as e:
        raise Invalid("This is no id.", field="text", code="no_id", word=text[:64], form=form) from e
    return await moderation.hide(lora_id, hidden=hidden)
