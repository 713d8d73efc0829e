"""Structured logs: one line an event, JSON for machines, with the request's id on every line of a request.

Our own lines go from structlog straight to stderr: a line a request, through the standard library, took longer than
the request. Libraries log through the standard library; their lines take the same form. Secrets are kept out where
lines are made: bodies, keys, whole session ids and paths with ids in them are never given to a logger.
"""

import logging
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Literal

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

OF_THE_REQUEST: ContextVar[Mapping[str, Any]] = ContextVar("of the request")
"""What each line of the request that is being answered says of it."""


def _add_request(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    event.update(OF_THE_REQUEST.get({}))
    return event


_SHARED: tuple[Processor, ...] = (
    _add_request,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


class _Lines(structlog.BytesLogger):
    """Writes finished lines to stderr, under the name of the module that they are of."""

    def __init__(self, name: str) -> None:
        super().__init__(sys.stderr.buffer)
        self.name = name


def configure(style: Literal["json", "console"], level: str) -> None:
    """Sets up logging for the whole process; called once, by main."""
    number = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=[*_SHARED, *_ending(style), _encoded],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_Lines,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_ending(style)],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(number)
    # It logs each request and answer at DEBUG, with what is in them.
    logging.getLogger("stripe").setLevel(logging.WARNING)


def _ending(style: Literal["json", "console"]) -> tuple[Processor, ...]:
    if style == "console":
        # Not its default, which prints the variables of every frame: keys and session ids are among them.
        plain = structlog.dev.plain_traceback
        return (structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain),)
    return (structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_json))


def _json(event: EventDict, **options: Any) -> str:
    return orjson.dumps(event, **options).decode()


def _encoded(logger: WrappedLogger, method: str, line: Any) -> bytes:
    return str(line).encode()
