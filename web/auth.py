"""Whose request it is: the three proofs that are taken, and the one claim that proves nothing."""

from collections.abc import Iterator
from functools import wraps

from aiohttp import web

from models import user
from models.errors import Forbidden, Unauthenticated
from models.user import Person, User
from web.keys import IDENTITY, INIT_DATA, SESSIONS, SETTINGS, Handler, Identity


def identified(handler: Handler) -> Handler:
    """Lets only requests with a proof of identity through, and puts it into `request[IDENTITY]`."""

    @wraps(handler)
    async def check(request: web.Request) -> web.StreamResponse:
        request[IDENTITY] = identify(request)
        return await handler(request)

    return check


def identify(request: web.Request) -> Identity:
    """The identity that the request's headers prove.

    Raises:
        Unauthenticated: no proof (`identity_missing`), or one that isn't valid (see `web.identity`).
        Forbidden: the headers name different people (`identity_mismatch`).
    """
    found = list(_proven(request))
    if not found:
        raise Unauthenticated(
            "Prove who you are with `Authorization: tma <init data>`, `x-telegram-init-data: <init data>` or "
            "`Authorization: Bearer <session>`. An x-telegram-user-id proves nothing.",
            code="identity_missing",
        )
    named = {str(identity.user_id) for identity in found} | set(
        request.headers.getall("x-telegram-user-id", [])
    )
    if len(named) > 1:
        raise Forbidden("The headers of this request name different people.", code="identity_mismatch")
    return next((identity for identity in found if identity.person), found[0])


def _proven(request: web.Request) -> Iterator[Identity]:
    """One identity for each proof in the headers; every one of them has to be valid."""
    raw_init_data = [raw for raw in request.headers.getall("x-telegram-init-data", []) if raw]
    for value in request.headers.getall("Authorization", []):
        scheme, _, credentials = value.partition(" ")
        match scheme.lower():
            case "tma":
                raw_init_data.append(credentials.strip())
            case "bearer":
                yield Identity(request.app[SESSIONS].user_id(credentials.strip()), None)
            case _:
                continue
    for raw in raw_init_data:
        person = request.app[INIT_DATA].person(raw)
        yield Identity(person.id, person)


def proven_person(request: web.Request) -> Person:
    """The person as Telegram describes them, where only init data will do.

    Raises:
        Unauthenticated: `init_data_missing`.
    """
    person = request[IDENTITY].person
    if person is None:
        raise Unauthenticated(
            "A session can't be made from a session: send init data.", code="init_data_missing"
        )
    return person


async def ensure_known(request: web.Request) -> None:
    """Makes sure that the person has a row, for what is about to refer to it.

    Raises:
        Unauthenticated: a session whose person is no longer known (`session_invalid`).
    """
    identity = request[IDENTITY]
    if identity.person:
        await user.remember(identity.person, request.app[SETTINGS].welcome_stars)
    elif not await User.exists(id=identity.user_id):
        raise Unauthenticated("This session's person is not known any more.", code="session_invalid")
