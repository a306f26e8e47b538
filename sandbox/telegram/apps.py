"""What people do in their Telegram apps, and what their apps then show them."""

import asyncio
import mimetypes
import secrets
from collections.abc import Callable, Sequence
from http import HTTPStatus

from . import entities
from .core import CALLBACK_ANSWER_SECONDS, CallbackQuery, Core
from .errors import ApiError, Refused
from .files import PHONE_SIDE, renditions
from .initdata import InitDataSigner, launch
from .keyboards import buttons
from .params import Upload
from .sending import MAX_CAPTION, MAX_TEXT
from .state import Json, Person
from .updates import QUERY_LIFETIME

_ALBUM = 10

Who = Person | int | str
"""A person, or their id, first name or user name."""


class Apps:
    """Every method raises `Refused` for what Telegram's apps would not let a person do."""

    def __init__(self, core: Core, signer: InitDataSigner) -> None:
        self.core = core
        self.signer = signer

    @property
    def people(self) -> list[Person]:
        return self.core.state.people

    def person(self, who: Who) -> Person:
        return who if isinstance(who, Person) else self.core.state.person(who)

    def messages(self, who: Who) -> list[Json]:
        """The chat as the person sees it, the oldest first."""
        chat = self.core.state.chats[self.person(who).id]
        return [posted.view for posted in chat.posted.values()]

    async def send_text(self, who: Who, text: str, reply_to: int | None = None) -> Json:
        """Writes, perhaps in reply to a message, by its id."""
        formatted = entities.plain(text)
        if not formatted.text:
            raise Refused("A message needs a text.")
        if len(formatted.text) > MAX_TEXT:
            raise Refused(f"A message holds at most {MAX_TEXT} characters.")
        person = self._writer(who)
        reply = self.core.state.reply(person, reply_to) if reply_to else {}
        return self.core.hear(person, formatted.fields("text") | reply)

    async def send_photos(
        self, who: Who, photos: Sequence[bytes], caption: str = "", *, side: int = PHONE_SIDE
    ) -> list[Json]:
        """Photos as apps send them: recompressed to `side` pixels at most, several as albums."""
        person = self._writer(who)
        try:
            made = [await renditions(photo, side) for photo in photos]
        except ApiError as error:
            raise Refused(f"Not every one can be sent as a photo ({error}); send it as a file.") from None
        contents = [{"photo": self.core.files.add_photo(sizes)} for sizes in made]
        return self._send_albums(person, contents, caption)

    async def send_documents(
        self, who: Who, documents: Sequence[tuple[str, bytes]], caption: str = ""
    ) -> list[Json]:
        """Files by name, byte for byte."""
        person = self._writer(who)
        contents = []
        for name, content in documents:
            content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
            contents.append({"document": self.core.files.add_document(Upload(name, content, content_type))})
        return self._send_albums(person, contents, caption)

    def _send_albums(self, person: Person, contents: list[Json], caption: str) -> list[Json]:
        if not contents:
            raise Refused("There is nothing to send.")
        if len(caption) > MAX_CAPTION:
            raise Refused(f"A caption holds at most {MAX_CAPTION} characters.")
        contents[0] |= entities.plain(caption).fields("caption")
        sent = []
        for start in range(0, len(contents), _ALBUM):
            album = contents[start : start + _ALBUM]
            group = {"media_group_id": str(secrets.randbits(60))} if len(album) > 1 else {}
            sent += [self.core.hear(person, content | group) for content in album]
        return sent

    async def press(self, who: Who, message_id: int, data: str) -> str:
        """Taps an inline button; answers the callback query's id, by which the answer can be known."""
        person = self._writer(who)
        posted = self.core.state.find(person, message_id)
        shown = buttons(posted.message.get("reply_markup")) if posted else ()
        if posted is None or all(button.get("callback_data") != data for button in shown):
            raise Refused("That message has no such button.", HTTPStatus.NOT_FOUND)
        query_id = str(secrets.randbits(62))
        self._remember_query(query_id, person)
        query = {
            "id": query_id,
            "from": person.user,
            "message": posted.message,
            "chat_instance": str(person.id),
            "data": data,
        }
        self.core.updates.add("callback_query", query, person.id, QUERY_LIFETIME)
        return query_id

    def _remember_query(self, query_id: str, person: Person) -> None:
        now = self.core.clock.now()
        recent = {
            key: query
            for key, query in self.core.callback_queries.items()
            if query.asked_at + CALLBACK_ANSWER_SECONDS > now
        }
        self.core.callback_queries = recent | {query_id: CallbackQuery(person, now)}

    def invoice(self, who: Who, message_id: int | None = None, slug: str | None = None) -> Json:
        return self.core.payments.find(self.person(who), message_id, slug).form

    async def pay(self, who: Who, message_id: int | None = None, slug: str | None = None) -> Json:
        """Pays the invoice in a message or behind a link: `{"status": "paid" | "failed", "reason"?}`."""
        person = self.person(who)
        return await self.core.payments.pay(person, self.core.payments.find(person, message_id, slug))

    async def block(self, who: Who, *, blocked: bool = True) -> None:
        person = self.person(who)
        if person.blocked != blocked:
            self.core.change_membership(person, blocked=blocked)

    async def restart(self, who: Who) -> Json:
        """“Restart bot”: takes a block back and sends /start."""
        await self.block(who, blocked=False)
        return await self.send_text(who, "/start")

    def init_data(
        self,
        who: Who,
        start_param: str | None = None,
        auth_date: int | None = None,
        query_id: str | None = None,
    ) -> str:
        return self.signer.init_data(self.person(who), start_param, auth_date, query_id)

    def web_app(self, who: Who, url: str, theme: str = "light", start_param: str | None = None) -> Json:
        """Opens a Mini App: its address with the launch parameters, and the init data in them."""
        return launch(url, self.init_data(who, start_param), theme, start_param)

    async def event(
        self,
        who: Who,
        name: str,
        where: Callable[[Json], bool] = lambda _data: True,
        within: float = 5,
    ) -> Json:
        """The first event of the person's app, past or to come, that `where` accepts.

        Raises:
            TimeoutError: there was none `within` that many real seconds.
        """
        async with asyncio.timeout(within):
            return await self.core.state.events.wait(self.person(who), name, where)

    async def next_message(self, who: Who, after: int = 0, within: float = 5) -> Json:
        """The bot's first message with an id over `after`, in the same way."""
        bot_id = self.core.state.bot.id
        return await self.event(
            who,
            "message",
            lambda message: message["from"]["id"] == bot_id and message["message_id"] > after,
            within,
        )

    def _writer(self, who: Who) -> Person:
        """The person, about to write; the first time is what starts the bot."""
        person = self.person(who)
        if person.blocked:
            raise Refused("You blocked the bot; unblock it to write to it.", HTTPStatus.CONFLICT)
        person.started = True
        return person
