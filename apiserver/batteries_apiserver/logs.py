"""Structured logs: one line an event, JSON for machines, with the request's id on every line of a request.

Libraries log through the standard library; their lines take the same form. Secrets are kept out where lines are
made: bodies, keys, whole session ids and paths with ids in them are never given to a logger.
"""

import logging
import sys
from typing import Literal

import structlog
from structlog.typing import Processor

_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure(style: Literal["json", "console"], level: str) -> None:
    """Sets up logging for the whole process; called once, by main."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
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
    root.setLevel(level)
    # It logs each request and answer at DEBUG, with what is in them.
    logging.getLogger("stripe").setLevel(logging.WARNING)


def _ending(style: Literal["json", "console"]) -> tuple[Processor, ...]:
    if style == "console":
        # Not its default, which prints the variables of every frame: keys and session ids are among them.
        plain = structlog.dev.plain_traceback
        return (structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain),)
    return (structlog.processors.format_exc_info, structlog.processors.JSONRenderer())
