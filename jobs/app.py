"""The table of jobs, and what runs by the clock."""

from collections.abc import Awaitable, Callable, Mapping

from aiogram import Bot

from config import Settings
from fal import Fal
from jobs.housekeeping import CleanUp, recover
from jobs.messages import MessageJobs
from jobs.training import TrainingJobs
from jobs.worker import Handler
from media.storage import Storage


def handlers(settings: Settings, fal: Fal, bot: Bot) -> Mapping[str, Handler]:
    """What each job does, by its name."""
    training, messages = TrainingJobs(settings, fal), MessageJobs(settings, bot)
    return {
        "submit": training.submit,
        "watch": training.watch,
        "settle": training.settle,
        "cancel": training.cancel,
        "status": messages.status,
        "notify": messages.notify,
        "draft": messages.draft,
    }


def schedules(
    settings: Settings, storage: Storage
) -> Mapping[str, tuple[str, Callable[[], Awaitable[None]]]]:
    """What runs by the clock: a cron expression and an action, by name."""
    return {
        "recover": ("* * * * *", recover),
        "clean_up": ("*/10 * * * *", CleanUp(storage, settings.temporary_dir)),
    }
