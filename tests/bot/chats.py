"""People in their chats with the running bot, as tests play them."""

from dataclasses import dataclass
from typing import Any

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession

from config import Settings
from models import Training
from models.user import Person, remember
from sandbox.telegram import Json, TelegramEmulator
from tests.people import started
from tests.waiting import until


@dataclass
class Chat:
    """Somebody's private chat with the bot, and what they do there."""

    telegram: TelegramEmulator
    name: str

    @property
    def person(self) -> Person:
        person = self.telegram.person(self.name)
        return Person(person.id, person.first_name, person.username, person.language)

    @property
    def heard(self) -> list[Json]:
        """What the bot has said, as it stands there now."""
        return [message for message in self.telegram.messages(self.name) if message["from"]["is_bot"]]

    async def say(self, text: str, reply_to: Json | None = None) -> Json:
        """Writes, perhaps in reply to a message, and answers what the bot says to it."""
        sent = await self.telegram.send_text(self.name, text, reply_to["message_id"] if reply_to else None)
        return await self.telegram.next_message(self.name, after=sent["message_id"])

    async def tap(self, message: Json, label: str) -> Json:
        """Taps a button, and answers the callback query's answer."""
        query = await self.telegram.press(
            self.name, message["message_id"], button(message, label)["callback_data"]
        )
        return await self.telegram.event(
            self.name, "callback_answer", lambda e: e["callbackQueryId"] == query
        )

    async def invoice(self, label: str) -> Json:
        """Asks for packs, taps one, and answers the message with its invoice."""
        await self.tap(await self.say("/stars"), label)
        return self.heard[-1]

    async def pay(self, invoice: Json) -> str:
        """Pays, and answers "paid", or why not."""
        outcome = await self.telegram.pay(self.name, invoice["message_id"])
        return str(outcome.get("reason") or outcome["status"])

    async def send_photos(self, *photos: bytes, caption: str = "") -> list[Json]:
        return await self.telegram.send_photos(self.name, photos, caption)

    async def send_file(self, name: str, content: bytes) -> Json:
        """Sends a file, and answers what the bot says to it."""
        (sent,) = await self.telegram.send_documents(self.name, [(name, content)])
        return await self.telegram.next_message(self.name, after=sent["message_id"])

    async def train(self, **changes: Any) -> Training:
        """Begins a training, as the Mini App would."""
        await remember(self.person, 500)
        return await started(self.person, **changes)


def button(message: Json, label: str) -> Json:
    """The button under a message that `label` is part of."""
    rows: list[list[Json]] = message.get("reply_markup", {}).get("inline_keyboard", [])
    return next(each for row in rows for each in row if label in each["text"])


def labels(message: Json) -> list[str]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [each["text"] for row in rows for each in row]


async def hang_up(bot: Bot) -> None:
    """Closes the bot's connections at once; its own close waits for a TLS that isn't there."""
    assert isinstance(bot.session, AiohttpSession)
    if bot.session._session:
        await bot.session._session.close()


@dataclass
class Selfi:
    """The running bot."""

    telegram: TelegramEmulator
    bot: Bot
    dispatcher: Dispatcher
    settings: Settings
    url: str

    async def settled(self) -> None:
        """Returns when Telegram has nothing left to deliver."""
        await until(lambda: self.telegram.core.updates.count == 0, 15)
