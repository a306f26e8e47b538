"""How the cast proves who they are."""

from models.user import Person
from tests import people
from tests.conftest import BOT_TOKEN
from tests.people import ANA, BETO, CARLA

DANA = Person(id=42, first_name="Dana", language_code="en")
"""Somebody new."""


def init_data(person: Person, auth_date: float | None = None, **fields: str) -> str:
    return people.init_data(person, BOT_TOKEN, auth_date=auth_date, **fields)


def proof(person: Person) -> dict[str, str]:
    return {"Authorization": f"tma {init_data(person)}"}


__all__ = ["ANA", "BETO", "BOT_TOKEN", "CARLA", "DANA", "init_data", "proof"]
