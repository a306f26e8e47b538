"""The HTTP side in a process of its own, to measure: `python -m tests.web.alone <settings as JSON>`."""

import asyncio
import sys

from config import Settings
from fal.client import Fal
from fal.webhooks import WebhookVerifier
from media.images import ImageLimits
from media.pool import ImagePool
from media.storage import Storage
from models import db
from models.photo import Drafts
from web.app import create_app, serving
from web.events import TrainingEvents


async def main(settings: Settings) -> None:
    fal = Fal(
        key="test-key",
        queue_url=settings.fal_queue_url,
        rest_url=settings.fal_rest_url,
        cdn_url=settings.fal_cdn_url,
        api_url=settings.fal_api_url,
    )
    dsn = str(settings.database_url)
    async with db.database(dsn), ImagePool() as pool, TrainingEvents(dsn) as events:
        drafts = Drafts(
            pool=pool,
            storage=Storage.from_url(str(settings.data_dir / "objects")),
            limits=ImageLimits(max_bytes=settings.photo_max_bytes),
            maximum=settings.photos_max,
            ttl=settings.draft_ttl,
        )
        verifier = WebhookVerifier(settings.fal_rest_url)
        app = create_app(
            settings,
            drafts=drafts,
            fal=fal,
            verifier=verifier,
            events=events,
            bot_username=lambda: "selfi_test_bot",
        )
        async with serving(app, "127.0.0.1", 0) as port:
            sys.stdout.write(f"port {port}\n")
            sys.stdout.flush()
            await asyncio.to_thread(sys.stdin.read)  # until the test closes it
        await fal.close()
        await verifier.close()


if __name__ == "__main__":
    asyncio.run(main(Settings.model_validate_json(sys.argv[1])))
