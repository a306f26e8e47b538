"""What the emulated Telegram remembers: the bot, the people, their chats, and what their apps are told."""

import asyncio
import secrets
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from .errors import Refused

Json = dict[str, Any]

COLORS = ("#e17076", "#65aadd", "#7bc862", "#a695e7", "#ee7aae", "#6ec9cb", "#faa774")
WALLET = 10_000
EVENTS_REMEMBERED = 2_000
_MESSAGE_IDS_EPOCH = 1_735_689_600  # 1 January 2025


class Clock:
    """Telegram's own seconds, each lasting `time_scale` of ours: its waits shrink together in tests."""

    def __init__(self, time_scale: float = 1.0) -> None:
        self.time_scale = time_scale
        self._skipped = 0.0

    def now(self) -> float:
        return time.monotonic() / self.time_scale + self._skipped

    def advance(self, seconds: float) -> None:
        """Lets time pass at once. Whoever sleeps already sleeps on."""
        self._skipped += seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self.time_scale)

    def timeout(self, seconds: float) -> asyncio.Timeout:
        return asyncio.timeout(seconds * self.time_scale)


@dataclass
class Person:
    """Somebody with a Telegram account; their chat with the bot has the same id."""

    id: int
    first_name: str
    language: str = "en"
    last_name: str = ""
    username: str = ""
    color: str = COLORS[0]
    stars: int = WALLET
    started: bool = False
    blocked: bool = False

    @property
    def names(self) -> Json:
        names = {"first_name": self.first_name, "last_name": self.last_name, "username": self.username}
        return {name: value for name, value in names.items() if value}

    @property
    def user(self) -> Json:
        return {"id": self.id, "is_bot": False, **self.names, "language_code": self.language}

    @property
    def chat(self) -> Json:
        return {"id": self.id, **self.names, "type": "private"}

    @property
    def profile(self) -> Json:
        """The person as the chat page knows them."""
        return {
            "id": self.id,
            "firstName": self.first_name,
            "lastName": self.last_name,
            "username": self.username,
            "language": self.language,
            "color": self.color,
            "blocked": self.blocked,
            "stars": self.stars,
            "started": self.started,
        }


# Ids beyond 32 bits, as new accounts have them, and the same at every start: a database outlives the sandbox.
CAST = (
    Person(7_100_000_001, "Ana", "en", "Alvarez", "ana_sandbox", COLORS[0]),
    Person(7_100_000_002, "Beto", "es", "Benitez", "beto_sandbox", COLORS[1]),
    Person(7_100_000_003, "Carla", "en", "Castro", "carla_sandbox", COLORS[2]),
    Person(7_100_000_004, "Diego", "es", "Dominguez", "diego_sandbox", COLORS[3]),
)


@dataclass
class Posted:
    """A message as the bot sees it, with what only the person's app is shown."""

    message: Json
    keyboard: Json | None = None
    reactions: list[Json] = field(default_factory=list)

    @property
    def view(self) -> Json:
        """The message as the person sees it."""
        keyboard = {"reply_markup": self.keyboard} if self.keyboard else {}
        reactions = {"reactions": self.reactions} if self.reactions else {}
        return self.message | keyboard | reactions


@dataclass
class Chat:
    person: Person
    posted: dict[int, Posted] = field(default_factory=dict)
    pinned: int | None = None


class Events:
    """What people's apps are told, in order; the last ones are kept for whoever asks late."""

    def __init__(self) -> None:
        self._queues: dict[int, set[asyncio.Queue[tuple[str, Json] | None]]] = defaultdict(set)
        self._past: dict[int, deque[tuple[str, Json]]] = defaultdict(lambda: deque(maxlen=EVENTS_REMEMBERED))
        self._closed = False

    def publish(self, person: Person, name: str, data: Json) -> None:
        self._past[person.id].append((name, data))
        for queue in self._queues[person.id]:
            queue.put_nowait((name, data))

    @contextmanager
    def subscribe(self, person: Person) -> Iterator[asyncio.Queue[tuple[str, Json] | None]]:
        """A queue of (name, data) from now on; `None` in it means that the emulator is closing."""
        queue: asyncio.Queue[tuple[str, Json] | None] = asyncio.Queue()
        self._queues[person.id].add(queue)
        if self._closed:
            queue.put_nowait(None)
        try:
            yield queue
        finally:
            self._queues[person.id].discard(queue)

    async def wait(self, person: Person, name: str, where: Callable[[Json], bool]) -> Json:
        """The first event, past or to come, of that name that `where` accepts."""
        with self.subscribe(person) as queue:
            for past_name, data in self._past[person.id]:
                if past_name == name and where(data):
                    return data
            while (event := await queue.get()) is not None:
                if event[0] == name and where(event[1]):
                    return event[1]
        raise Refused("The emulator is closing.", HTTPStatus.SERVICE_UNAVAILABLE)

    def close(self) -> None:
        self._closed = True
        for queues in self._queues.values():
            for queue in queues:
                queue.put_nowait(None)


@dataclass
class Bot:
    """The one bot: who it is, and what it has told Telegram about itself."""

    token: str
    name: str
    username: str
    texts: dict[tuple[str, str], str] = field(default_factory=dict)  # (field, language)
    commands: dict[tuple[str, str], list[Json]] = field(default_factory=dict)  # (scope, language)
    menu_buttons: dict[int | None, Json] = field(default_factory=dict)  # by chat; None is everybody's

    @property
    def id(self) -> int:
        return int(self.token.partition(":")[0])

    @property
    def user(self) -> Json:
        return {"id": self.id, "is_bot": True, "first_name": self.name, "username": self.username}

    def text(self, field_name: str, language: str) -> str:
        return self.texts.get((field_name, language)) or self.texts.get((field_name, ""), "")

    def commands_for(self, person: Person) -> list[Json]:
        """By the order of https://core.telegram.org/bots/api#determining-list-of-commands."""
        for scope in (f"chat:{person.id}", "all_private_chats", "default"):
            for language in (person.language.partition("-")[0], ""):
                if commands := self.commands.get((scope, language)):
                    return commands
        return []

    def menu_button_for(self, person: Person) -> Json:
        own = self.menu_buttons.get(person.id, {"type": "default"})
        common = self.menu_buttons.get(None, {"type": "default"})
        chosen = common if own["type"] == "default" else own
        return {"type": "commands"} if chosen["type"] == "default" else chosen

    def menu_for(self, person: Person) -> Json:
        return {"menuButton": self.menu_button_for(person), "commands": self.commands_for(person)}


class State:
    """People and their chats. Message ids increase over all chats of the bot, as its one message box does.

    They begin later at every start, so that a bot's memory of an earlier run never names a new message.
    """

    def __init__(self, bot: Bot, people: tuple[Person, ...]) -> None:
        self.bot = bot
        self.events = Events()
        self.chats: dict[int, Chat] = {}
        self._message_id = int(time.time()) - _MESSAGE_IDS_EPOCH
        for person in people:
            self.add(person)

    @property
    def people(self) -> list[Person]:
        return [chat.person for chat in self.chats.values()]

    def add(self, person: Person) -> Person:
        self.chats[person.id] = Chat(person)
        return person

    def create(self, first_name: str, language: str, last_name: str, username: str, stars: int) -> Person:
        # Not from a counter: after a restart the same id would be somebody else.
        person_id = 7_200_000_000 + secrets.randbelow(10**9)
        color = COLORS[len(self.chats) % len(COLORS)]
        return self.add(Person(person_id, first_name, language, last_name, username, color, stars))

    def person(self, key: int | str) -> Person:
        """Somebody by id, first name or user name.

        Raises:
            Refused: 404, nobody is called so.
        """
        for person in self.people:
            if key in (person.id, str(person.id), person.first_name, person.username):
                return person
        raise Refused(f"There is nobody called {key} here.", HTTPStatus.NOT_FOUND)

    def find(self, person: Person, message_id: int) -> Posted | None:
        return self.chats[person.id].posted.get(message_id)

    def reply(self, person: Person, message_id: int) -> Json:
        """The field of a message that replies to this one; empty where it isn't there."""
        original = self.find(person, message_id)
        if original is None:
            return {}
        return {"reply_to_message": {k: v for k, v in original.message.items() if k != "reply_to_message"}}

    def post(self, person: Person, content: Json, *, sender: Json, keyboard: Json | None = None) -> Json:
        """Puts a message into the chat, shows it to the person, and answers it as the bot sees it."""
        self._message_id += 1
        message = {
            "message_id": self._message_id,
            "from": sender,
            "chat": person.chat,
            "date": int(time.time()),
            **content,
        }
        posted = Posted(message, keyboard)
        self.chats[person.id].posted[self._message_id] = posted
        self.events.publish(person, "message", posted.view)
        return message

    def post_as_bot(self, person: Person, content: Json, keyboard: Json | None = None) -> Json:
        return self.post(person, content, sender=self.bot.user, keyboard=keyboard)

    def replace(self, person: Person, message: Json) -> Json:
        """Puts an edited message in the place of the one with its id."""
        posted = self.chats[person.id].posted[message["message_id"]]
        posted.message = message
        self.events.publish(person, "edit", posted.view)
        return message

    def delete(self, person: Person, message_ids: list[int]) -> None:
        """Deletes what is there of these messages."""
        chat = self.chats[person.id]
        gone = [message_id for message_id in message_ids if chat.posted.pop(message_id, None)]
        if chat.pinned in gone:
            chat.pinned = None
        if gone:
            self.events.publish(person, "delete", {"message_ids": gone})

    def change_stars(self, person: Person, amount: int) -> None:
        person.stars += amount
        self.events.publish(person, "stars", {"stars": person.stars})
