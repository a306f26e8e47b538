"""The table of jobs, and what runs by the clock."""

from collections.abc import Awaitable, Callable, Mapping

from aiogram import Bot

from config import Settings
from fal import Fal
from jobs.delivery import Delivery
from jobs.files import FileJobs, MissingCopies
from jobs.generation import GenerationJobs
from jobs.housekeeping import CleanUp, CloseDays, recover
from jobs.messages import MessageJobs
from jobs.payments import Reconciliation, RefundJobs
from jobs.status import StatusJobs
from jobs.training import TrainingJobs
from jobs.worker import Handler
from media.pool import ImagePool
from media.storage import Storage
from models.payment import Till
from models.turns import Turns


def handlers(
    settings: Settings, *, fal: Fal, bot: Bot, storage: Storage, pool: ImagePool
) -> Mapping[str, Handler]:
    """What each job does, by its name."""
    delivery = Delivery(bot, max(1, int(1.5 * settings.job_heartbeat_seconds)))
    training, status = TrainingJobs(settings, fal), StatusJobs(settings, delivery)
    messages = MessageJobs(settings, delivery, storage)
    files = FileJobs(settings, fal, storage)
    generation = GenerationJobs(settings, fal, pool, storage, Turns(**settings.turns))
    return {
        "submit": training.submit,
        "watch": training.watch,
        "settle": training.settle,
        "cancel": training.cancel,
        "take_turns": generation.take_turns,
        "submit_generation": generation.submit,
        "watch_generation": generation.watch,
        "settle_generation": generation.settle,
        "cancel_generation": generation.cancel,
        "collect": generation.collect,
        "keep_weights": files.keep_weights,
        "forget_run": files.forget_run,
        "delete_file": files.delete_file,
        "status": status.training,
        "generation_status": status.generation,
        "accompany": status.accompany,
        "notify": messages.notify,
        "draft": messages.draft,
        "refund": RefundJobs(bot, Till(**settings.till)).refund,
    }


def schedules(
    settings: Settings, storage: Storage, bot: Bot
) -> Mapping[str, tuple[str, Callable[[], Awaitable[None]]]]:
    """What runs by the clock: a cron expression and an action, by name."""
    return {
        "recover": ("* * * * *", recover),
        "missing_copies": ("17 * * * *", MissingCopies(settings)),
        "reconcile": ("*/10 * * * *", Reconciliation(bot, Till(**settings.till), settings.welcome_stars)),
        "close_days": ("10 0 * * *", CloseDays(settings.admin_ids)),
        "clean_up": ("*/10 * * * *", CleanUp(storage, settings.temporary_dir)),
    }
