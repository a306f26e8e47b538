"""Whose request it is: the three proofs that are taken, and the one claim that proves nothing."""

import time
from collections.abc import Iterator
from functools import wraps

from aiohttp import web

from models import user
from models.errors import Forbidden, Unauthenticated
from models.user import User
from web.identity import Claim
from web.keys import IDENTITY, INIT_DATA, SESSIONS, SETTINGS, Handler, Identity


def identified(handler: Handler, *, renewing: bool = False) -> Handler:
    """Lets only requests with a proof of identity through, and puts it into `request[IDENTITY]`.

    `renewing` also takes a session that is over, while it can be renewed.
    """

    @wraps(handler)
    async def check(request: web.Request) -> web.StreamResponse:
        request[IDENTITY] = identify(request, renewing=renewing)
        return await handler(request)

    return check


def identify(request: web.Request, *, renewing: bool = False) -> Identity:
    """The identity that the request's headers prove.

    Raises:
        Unauthenticated: no proof (`identity_missing`), or one that isn't valid (see `web.identity`).
        Forbidden: the headers name different people (`identity_mismatch`).
    """
    found = list(_proven(request, renewing=renewing))
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


def _proven(request: web.Request, *, renewing: bool) -> Iterator[Identity]:
    """One identity for each proof in the headers; every one of them has to be valid."""
    raw_init_data = [raw for raw in request.headers.getall("x-telegram-init-data", []) if raw]
    for value in request.headers.getall("Authorization", []):
        scheme, _, credentials = value.partition(" ")
        match scheme.lower():
            case "tma":
                raw_init_data.append(credentials.strip())
            case "bearer":
                yield Identity(request.app[SESSIONS].claim(credentials.strip(), renewing=renewing), None)
            case _:
                continue
    for raw in raw_init_data:
        person = request.app[INIT_DATA].person(raw)
        yield Identity(Claim(person.id, proven_at=int(time.time())), person)


async def known(request: web.Request) -> User:
    """The person's row, made where init data brings somebody new.

    Raises:
        Unauthenticated: a session whose person is no longer known (`session_invalid`).
    """
    identity = request[IDENTITY]
    if identity.person:
        row, _ = await user.remember(identity.person, request.app[SETTINGS].welcome_stars)
        return row
    found = await User.get_or_none(id=identity.user_id)
    if found is None:
        raise Unauthenticated("This session's person is not known any more.", code="session_invalid")
    return found
