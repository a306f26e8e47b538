"""What every update goes through, from the outside in: its turn, once only, and whose it is."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast
from weakref import WeakValueDictionary

import structlog
from aiogram import BaseMiddleware
from aiogram.enums import ChatType
from aiogram.types import CallbackQuery, Chat, Message, TelegramObject, Update
from aiogram.types import User as TelegramUser

from bot.answers import reply_to
from bot.i18n import _, speaking
from config import Settings
from models.notification import tell_operators
from models.referral import invited_by
from models.seen_update import close_update, open_update
from models.user import Person, remember, set_blocked

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 5
# Telegram waits 60 seconds for an answer, then delivers the update again: by then we have ended or given up.
TURN_SECONDS = 10
HANDLING_SECONDS = 45


class InTurn(BaseMiddleware):
    """One person's updates one after the other, though Telegram delivers taps beside messages.

    A turn that takes too long to come is a TimeoutError, and the update comes again.
    """

    def __init__(self) -> None:
        self.seconds: float = TURN_SECONDS
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        if _is_question(event):
            return await handler(event, data)
        source = data.get("event_from_user") or data.get("event_chat")
        lock = self._locks.setdefault(source.id, asyncio.Lock()) if source else asyncio.Lock()
        async with asyncio.timeout(self.seconds):
            await lock.acquire()
        try:
            return await handler(event, data)
        finally:
            lock.release()


class Once(BaseMiddleware):
    """Skips what was done before, counts attempts, and sets an update aside that fails again and again.

    A payment's never is: operators are told, and it goes on failing until it can be handled.
    Whatever else is raised here reaches the webhook's answer, and Telegram delivers the update again.
    """

    def __init__(self, operators: frozenset[int]) -> None:
        self.seconds: float = HANDLING_SECONDS
        self._operators = operators

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        if _is_question(event):
            return await handler(event, data)
        update = cast("Update", event)
        attempt = await open_update(update.update_id)
        if attempt is None:
            log.info("update_done_before")
            return None
        data["attempt"], error = attempt, None
        try:
            async with asyncio.timeout(self.seconds):
                answer = await handler(event, data)
        except Exception as e:
            if attempt >= MAX_ATTEMPTS and is_payment(update):
                await self._tell_of_payment(update, type(e).__name__)
            if attempt < MAX_ATTEMPTS or is_payment(update):
                raise
            error = type(e).__name__
            log.exception("update_set_aside", kind=update.event_type, attempts=attempt)
            answer = await self._give_up(update, error, data.get("language", "en"))
        await close_update(update.update_id, error)
        return answer

    async def _tell_of_payment(self, update: Update, error: str) -> None:
        charge = _charge(update)
        text = f"The update of charge {charge} fails again and again ({error}). It is not given up."
        await tell_operators(self._operators, text, f"update of:{charge}")

    async def _give_up(self, update: Update, error: str, language: str) -> Any:
        kind = update.event_type
        text = f"Given up after {MAX_ATTEMPTS} attempts: the {kind} of update {update.update_id}, by {error}."
        await tell_operators(self._operators, text)
        with speaking(language):
            return reply_to(
                update, _("Sorry, something went wrong here, and it is not your fault. Try again.")
            )


def _is_question(event: TelegramObject) -> bool:
    """Whether Telegram asks before a payment: it changes nothing, cannot wait, and is answered each time."""
    return cast("Update", event).pre_checkout_query is not None


def is_payment(update: Update) -> bool:
    """Whether it is about money, and so is never given up."""
    return _charge(update) is not None


def _charge(update: Update) -> str | None:
    message = update.message
    payment = message and (message.successful_payment or message.refunded_payment)
    return payment.telegram_payment_charge_id if payment else None


@dataclass(frozen=True)
class Sender:
    """Who wrote or tapped in a private chat, or pays, as we know them."""

    id: int
    first_name: str
    language: str
    balance: int  # stars
    debt: int  # stars
    is_new: bool  # seen for the first time, just now
    is_invited: bool  # came by somebody's link


class People(BaseMiddleware):
    """Remembers who writes or pays, as `sender`, and speaks their language.

    Strangers in groups are nobody to us.
    """

    def __init__(self, settings: Settings) -> None:
        self._welcome_stars = settings.welcome_stars
        self._invitations = settings.invitations

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        user: TelegramUser | None = data.get("event_from_user")
        person = (
            Person(user.id, user.first_name, user.username, user.language_code)
            if user and not user.is_bot
            else None
        )
        data["language"] = person.language if person else "en"
        if person and _writes_to_us(cast("Update", event), data.get("event_chat")):
            data["sender"] = sender = await self._remember(person, cast("Update", event))
            data["language"] = sender.language
        with speaking(data["language"]):
            return await handler(event, data)

    async def _remember(self, person: Person, update: Update) -> Sender:
        inviter = invited_by(update.message.text) if self._invitations and update.message else None
        user, is_new = await remember(person, self._welcome_stars, inviter)
        if user.blocked_at:
            await set_blocked(person.id, blocked=False)
        return Sender(
            id=user.id,
            first_name=user.first_name,
            language=user.language,
            balance=user.balance,
            debt=user.debt,
            is_new=is_new,
            is_invited=user.referred_by_id is not None,
        )


def _writes_to_us(update: Update, chat: Chat | None) -> bool:
    if is_payment(update) or update.pre_checkout_query:
        return True
    in_private = chat is not None and chat.type == ChatType.PRIVATE
    return in_private and isinstance(update.event, Message | CallbackQuery)
