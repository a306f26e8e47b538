"""POST /session: init data or an earlier session in, a session and the app's first screen out."""

from aiohttp import web

from fal.pictures import ASPECTS
from fal.trainers import TRAINERS
from models import generation, lora, training
from web import answers, schemas
from web.auth import known
from web.bodies import json_answer
from web.keys import ANSWERS, BOT_USERNAME, IDENTITY, SESSIONS, SETTINGS


async def open_session(request: web.Request) -> web.Response:
    settings = request.app[SETTINGS]
    user = await known(request)
    session = request.app[SESSIONS].open(request[IDENTITY].claim)
    return json_answer(
        schemas.Session(
            token=session.token,
            expires_at=session.expires_at,
            user=schemas.User(id=user.id, first_name=user.first_name, language=user.language),
            balance=user.balance,
            debt=user.debt,
            bot_username=request.app[BOT_USERNAME](),
            prices=schemas.Prices(
                stars_per_1000_steps=settings.stars_per_1000_steps,
                minimum_stars=settings.training_min_stars,
                stars_per_picture=settings.stars_per_picture,
            ),
            packs=[
                schemas.Pack(price=price, stars=stars) for price, stars in sorted(settings.star_packs.items())
            ],
            trainers=[await request.app[ANSWERS].trainer(trainer) for trainer in TRAINERS.values()],
            limits=answers.limits(settings),
            aspects=list(ASPECTS),
            has_models=await lora.has_any(user.id),
            trainings=await request.app[ANSWERS].trainings(await training.active(user.id)),
            generations=await request.app[ANSWERS].generations(await generation.active(user.id)),
        )
    )
