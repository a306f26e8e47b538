"""Whether a page of the gallery takes as long with 10,000 pictures as with 10."""

import statistics
import time
from collections.abc import Sequence

from models.db import connect
from models.user import Person
from tests.people import ANA, BETO
from tests.service.running import Service

FEW, MANY = 10, 10_000
PAGE = 10
CALLS = 300

# Each picture was asked for alone. Thumbnails of a gallery's own size, which a page must not read.
_FILL = """
    WITH model AS (
        INSERT INTO lora_models
            (id, user_id, base_model_id, name, trigger_word, status, is_public, created_at)
        VALUES (gen_random_uuid(), $1, 'flux-lora-fast', 'Model', 'tok', 'READY', false, now()) RETURNING id
    ), asked AS (
        INSERT INTO generations
            (id, user_id, base_model_id, origin, prompt, loras, aspect, steps, guidance, seed, count,
             held_back, stars_spent, status, version, status_version, submits_in_doubt, started_at,
             completed_at, idempotency_key, idempotency_body)
        SELECT gen_random_uuid(), $1, 'flux-lora-fast', 'app', 'a prompt',
               jsonb_build_array(jsonb_build_object('id', model.id, 'scale', 1.0)), '1:1', 28, 3.5, n, 1, 0,
               0, 'COMPLETED', 0, -1, 0, now() - n * interval '1 minute', now(), 'bench:' || n, ''
        FROM model, generate_series(1, $2::int) AS n
        RETURNING id
    )
    INSERT INTO pictures (id, user_id, generation_id, position, width, height, bytes, thumbnail, created_at)
    SELECT gen_random_uuid(), $1, id, 0, 1024, 1024, 100000,
           decode(string_agg(md5(id::text || part), ''), 'hex'), now()
    FROM asked, generate_series(1, 512) AS part GROUP BY id
"""


async def gallery_pages(service: Service, dsn: str) -> None:
    """Both people's first page, and one in the middle of the long gallery, in turns."""
    galleries = ((ANA, MANY), (BETO, FEW))
    database = await connect(dsn)
    for person, count in galleries:
        await service.call("POST", "/session", person)
        await database.execute("DELETE FROM generations WHERE user_id = $1", person.id)
        await database.execute(_FILL, person.id, count)
    await database.execute("ANALYZE")
    await database.close()
    middle = f"&cursor={await cursor_after(service, MANY // 2)}"
    took: dict[str, list[float]] = {"few": [], "many": [], "middle": []}
    for _ in range(CALLS):
        took["few"].append(await page(service, BETO))
        took["many"].append(await page(service, ANA))
        took["middle"].append(await page(service, ANA, middle))
    base = statistics.median(took["few"])
    show(f"gallery of {FEW} pictures", took["few"], base)
    show(f"gallery of {MANY:,} pictures", took["many"], base)
    show("  a page in its middle", took["middle"], base)


async def cursor_after(service: Service, pictures: int) -> str:
    cursor = ""
    for _ in range(pictures // 100):
        shown = await service.call("GET", f"/generation?limit=100{cursor}")
        cursor = f"&cursor={shown['nextCursor']}"
    return str(shown["nextCursor"])


async def page(service: Service, person: Person, cursor: str = "") -> float:
    began = time.perf_counter()
    shown = await service.call("GET", f"/generation?limit={PAGE}{cursor}", person)
    milliseconds = (time.perf_counter() - began) * 1000
    assert len(shown["items"]) == PAGE
    return milliseconds


def show(name: str, took: Sequence[float], base: float) -> None:
    median = statistics.median(took)
    print(f"{name:28} {median:8.1f} ms in the median of {len(took)}   ratio {median / base:.2f}")
