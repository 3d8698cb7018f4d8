"""Structured logs: one event a line, to standard output; JSON unless a person is looking at a terminal."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from typing import Literal, TextIO, cast

import structlog


class _Output(io.TextIOBase):
    """Standard output as it is when a line is written. A line that nobody takes must not stop what it tells of."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()


def configure(process: str, level: str = "info", style: Literal["auto", "json", "console"] = "auto") -> None:
    """Set up structlog and route the standard library's loggers (aiohttp, aiortc) through it, at WARNING."""
    number = getattr(logging, level.upper())
    console = style == "console" or (style == "auto" and sys.stdout.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: list[structlog.typing.Processor] = (
        [  # never rich tracebacks: they print the values of variables, tickets and names among them
            structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, _Output())),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    handler = logging.StreamHandler(_Output())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processors=[*_foreign(), *renderer], foreign_pre_chain=shared)
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)


def _foreign() -> list[structlog.typing.Processor]:
    return [structlog.stdlib.ProcessorFormatter.remove_processors_meta]


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger that names its part of the platform."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(part=name)
    return logger
