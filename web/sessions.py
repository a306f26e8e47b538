"""POST /session: init data in, a session and the app's first screen out."""

from aiohttp import web

from fal.trainers import TRAINERS
from models import training, user
from web import answers, schemas
from web.auth import proven_person
from web.bodies import json_answer
from web.keys import ANSWERS, BOT_USERNAME, SESSIONS, SETTINGS


async def open_session(request: web.Request) -> web.Response:
    person = proven_person(request)
    settings = request.app[SETTINGS]
    row = await user.remember(person, settings.welcome_stars)
    session = request.app[SESSIONS].open(person.id)
    return json_answer(
        schemas.Session(
            token=session.token,
            expires_at=session.expires_at,
            user=schemas.User(id=person.id, first_name=row["first_name"], language=row["language"]),
            balance=row["balance"],
            bot_username=request.app[BOT_USERNAME](),
            prices=schemas.Prices(
                stars_per_1000_steps=settings.stars_per_1000_steps,
                minimum_stars=settings.training_min_stars,
            ),
            trainers=[answers.trainer(trainer) for trainer in TRAINERS.values()],
            limits=answers.limits(settings),
            trainings=await request.app[ANSWERS].trainings(await training.active(person.id)),
        )
    )
