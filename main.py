"""Selfi's composition root: settings → database → clients → jobs → web → bot, then run until stopped."""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack

import asyncpg
import structlog
import uvloop

import logs
from config import Settings, SettingsError, load


async def run(settings: Settings) -> None:
    """Runs the service until SIGTERM or SIGINT; what was started last is stopped first.

    Raises:
        SettingsError: a file that a setting names is wrong.
    """
    # Not at the top: a wrong setting is named at once, not after the seconds that aiogram's import takes.
    from bot.app import create_bot, create_dispatcher
    from bot.connection import Connection
    from bot.invoices import InvoiceLinks
    from bot.webhook import webhook
    from fal import Fal, WebhookVerifier
    from fal.trainers import TRAINERS
    from jobs.app import handlers, schedules
    from jobs.housekeeping import recover
    from jobs.worker import working
    from media.images import ImageLimits
    from media.pool import ImagePool
    from media.storage import Storage
    from models import db
    from models.lora import declare_base_models
    from models.payment import Till
    from models.photo import Drafts
    from models.styles import Styles
    from web.app import create_app, serving
    from web.events import RunEvents

    stop_on(signal.SIGTERM, signal.SIGINT)
    styles = Styles(settings.styles, settings.admin_ids)

    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context

        dsn = stack.enter_context(db.postgres(settings.database_url, settings.data_dir))
        await enter(db.database(dsn, settings.database_pool_size))
        await declare_base_models((t.id, t.title, t.painter.endpoint) for t in TRAINERS.values())

        fal = Fal(**settings.fal)
        stack.push_async_callback(fal.close)
        verifier = WebhookVerifier(settings.fal_rest_url)
        stack.push_async_callback(verifier.close)
        storage = Storage.from_url(settings.storage)
        settings.temporary_dir.mkdir(parents=True, exist_ok=True)
        limits = ImageLimits(settings.photo_max_bytes, settings.photo_max_pixels, settings.photo_min_side)
        pool = await enter(ImagePool())
        drafts = Drafts(pool, storage, limits, maximum=settings.photos_max, ttl=settings.draft_ttl)
        bot = await enter(create_bot(settings).context())
        dispatcher = create_dispatcher(settings, drafts, settings.temporary_dir, styles)
        telegram = Connection(bot, dispatcher, settings)

        await recover()
        jobs = handlers(settings, fal=fal, bot=bot, storage=storage, pool=pool)
        clock = schedules(settings, storage, bot)
        worker = await enter(working(dsn, jobs, clock, settings.job_heartbeat_seconds))

        app = create_app(
            settings,
            drafts=drafts,
            fal=fal,
            verifier=verifier,
            bot_username=lambda: telegram.username,
            invoice_link=InvoiceLinks(bot, Till(**settings.till)),
            events=await enter(RunEvents(dsn)),
            styles=styles,
            telegram_webhook=webhook(bot, dispatcher, settings),
            checks={"database": db.check, "jobs": worker.check, "telegram": telegram.check},
        )
        await enter(serving(app, settings.host, settings.port))
        await enter(telegram.open())
        await asyncio.Event().wait()  # until a signal cancels it


def stop_on(*signals: signal.Signals) -> None:
    """Makes the first of these signals cancel the current task, whatever it is at; later ones do nothing."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def stop() -> None:
        for number in signals:
            loop.add_signal_handler(number, lambda: None)
        if task:
            task.cancel()

    for number in signals:
        loop.add_signal_handler(number, stop)


def main() -> int:
    try:
        settings = load()
    except SettingsError as e:
        return _wrong(e)
    logs.configure(settings.log_format, settings.log_level, settings.secrets)
    try:
        uvloop.run(run(settings))
    except asyncio.CancelledError:
        return 0
    except SettingsError as e:
        return _wrong(e)
    except (OSError, asyncpg.PostgresError) as e:
        # A port that is taken, a database that can't be reached: nothing that a traceback would explain.
        structlog.get_logger("main").error("start_failed", error=type(e).__name__, reason=str(e))
        return 1
    return 0


def _wrong(error: SettingsError) -> int:
    for problem in error.problems:
        print(f"selfi: {problem}", file=sys.stderr)  # noqa: T201 — for whoever starts it, not for a log
    return 2


if __name__ == "__main__":
    sys.exit(main())
