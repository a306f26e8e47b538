"""Logs: one JSON object a line in production, readable on a terminal, with the ids that bind lines together.

`structlog.contextvars` carries them (request_id, update_id, job, subject) into each line, other libraries'
lines included. No token, init data, prompt or photo URL is logged; as a last line of defence, the settings'
own secrets are struck out of whatever is about to be written.
"""

import logging
import sys
from collections.abc import Sequence
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# They name addresses, or say at `info` what we say ourselves.
QUIET = ("httpx", "httpcore", "aiogram.event", "aiohttp.access", "pgqueuer", "tortoise", "asyncio")


def configure(
    log_format: Literal["auto", "json", "console"],
    level: str,
    secrets: Sequence[str],
    stream: TextIO = sys.stderr,
) -> None:
    """Sets up structlog and the standard library's logging, both onto `stream`."""
    json = log_format == "json" or (log_format == "auto" and not stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendered: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(sort_keys=False)]
        if json
        else [
            structlog.dev.ConsoleRenderer(
                colors=stream.isatty(),
                # The pretty one prints local variables, which may be anybody's.
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *rendered,
                _without(secrets),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("aiohttp.server").addFilter(_without_content)


def _without_content(record: logging.LogRecord) -> bool:
    """aiohttp quotes what it couldn't read as HTTP, and that may be somebody's init data."""
    kind = record.exc_info[0] if record.exc_info else None
    record.msg, record.args = "http_unreadable (%s)", (kind.__name__ if kind else "unknown",)
    record.exc_info = record.exc_text = None
    record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def _without(secrets: Sequence[str]) -> Processor:
    def strike_out(_logger: WrappedLogger, _method: str, line: EventDict | str) -> str:
        text = str(line)
        for secret in secrets:
            text = text.replace(secret, "[secret]")
        return text

    return strike_out
