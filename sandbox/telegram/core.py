"""What every Bot API method works on, and the checks that they share."""

import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from .errors import bad_request, blocked, chat_not_found, not_started
from .files import Files
from .params import Params
from .payments import Payments
from .state import Clock, Json, Person, Posted, State
from .updates import Updates
from .webhook import Webhook

CALLBACK_ANSWER_SECONDS = 15


@dataclass
class CallbackQuery:
    person: Person
    asked_at: float


@dataclass
class Core:
    clock: Clock
    state: State
    files: Files
    updates: Updates
    webhook: Webhook
    payments: Payments
    callback_queries: dict[str, CallbackQuery] = field(default_factory=dict)
    session: aiohttp.ClientSession | None = None

    @property
    def http(self) -> aiohttp.ClientSession:
        if self.session is None:
            raise RuntimeError("The emulator's application isn't running.")
        return self.session

    def chat(self, params: Params, name: str = "chat_id") -> Person:
        """The person whose chat it is.

        Raises:
            ApiError: there is no such chat.
        """
        given = params.text(name).strip()
        if not given:
            raise bad_request(f"{name} is empty")
        for person in self.state.people:
            if given in (str(person.id), f"@{person.username}"):
                return person
        raise chat_not_found()

    def reachable(self, params: Params) -> Person:
        """The person to send something to.

        Raises:
            ApiError: no such chat, never started, or blocked.
        """
        person = self.chat(params)
        if person.blocked:
            raise blocked()
        if not person.started:
            raise not_started()
        return person

    def message(self, params: Params, person: Person, verb: str) -> Posted:
        """The message that `message_id` names.

        Raises:
            ApiError: `message to <verb> not found`.
        """
        posted = self.state.find(person, params.integer("message_id"))
        if posted is None:
            raise bad_request(f"message to {verb} not found")
        return posted

    def hear(self, person: Person, content: Json) -> Json:
        """A message by the person: into the chat, and to the bot."""
        message = self.state.post(person, content, sender=person.user)
        self.updates.add("message", message, person.id)
        return message

    def change_membership(self, person: Person, *, blocked: bool) -> None:
        """The person blocks the bot or takes it back; the bot hears of it."""
        before, after = ("kicked", "member")[not person.blocked], ("kicked", "member")[not blocked]
        person.blocked = blocked
        change = {
            "chat": person.chat,
            "from": person.user,
            "date": int(time.time()),
            "old_chat_member": self.membership(before),
            "new_chat_member": self.membership(after),
        }
        self.updates.add("my_chat_member", change, person.id)

    def membership(self, status: str) -> Json:
        """The bot's own ChatMember."""
        return {"status": status, "user": self.state.bot.user} | (
            {"until_date": 0} if status == "kicked" else {}
        )


Handler = Callable[[Core, Params], Coroutine[Any, Any, Any]]
