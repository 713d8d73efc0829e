"""The logs of both programs: one event a line, as JSON for machines or as text for people.

Our own lines go from structlog straight to stderr: through the standard library a line took longer than the request
that it logs. Libraries log through the standard library; their lines get the same form. What concerns a whole request,
a whole reconcile or a step (request_id, account, step) is bound once by structlog's context variables, and is then on
every line. Secrets are kept out where lines are created: bodies, keys, whole session ids and paths with ids in them are
never given to a logger.
"""

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

Style = Literal["json", "console"]

_LEVELS = {"exception": "error", "warn": "warning"}
"""Logger methods whose name is not the level's."""


class _Lines(structlog.BytesLogger):
    """Writes finished lines to stderr, under the name of their module."""

    def __init__(self, name: str) -> None:
        super().__init__(sys.stderr.buffer)
        self.name = name


class FrequentEvent:
    """One event that is logged often, at level info: the line that structlog would make, in less than half the time."""

    def __init__(self, name: str, event: str) -> None:
        self._name = name
        self._event = event
        self._log = structlog.get_logger(name)

    def __call__(self, **fields: Any) -> None:
        """Logs it with these fields alone, so they include what is bound for a whole request."""
        if _written is None:
            self._log.info(self._event, **fields)
        else:
            _written(_json_line("info", self._event, fields, self._name))


_written: Callable[[bytes], None] | None = None
"""Takes finished lines; None if structlog has to be asked, which knows the level and writes for people."""


def configure(
    style: Style,
    level: str,
    *,
    context: Processor = structlog.contextvars.merge_contextvars,
    quiet: Mapping[str, int] | None = None,
    foreign: Sequence[Processor] = (),
) -> None:
    """Sets up logging for the whole process; called once, by main.

    `context` adds what is bound for a whole request or reconcile. `quiet` names loggers of libraries and their lowest
    level; `foreign` are processors for lines of libraries only.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: tuple[Processor, ...] = (
        context,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    )
    global _written  # logging is the process's own, as structlog's configuration is
    _written = _Lines("").msg if style == "json" and number <= logging.INFO else None
    structlog.configure(
        processors=[context, _as_json] if style == "json" else [*shared, *_ending(style), _encoded],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_Lines,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, *foreign],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_ending(style)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name, least in (quiet or {}).items():
        logging.getLogger(name).setLevel(max(least, number))


def _as_json(logger: WrappedLogger, method: str, event: EventDict) -> bytes:
    """Builds the whole line: the same as the processors for libraries' lines, in a fifth of their time."""
    if event.get("exc_info"):
        structlog.processors.format_exc_info(logger, method, event)
    return _json_line(_LEVELS.get(method, method), event.pop("event"), event, logger.name)


def _json_line(level: str, event: str, fields: Mapping[str, Any], name: str) -> bytes:
    line = {"timestamp": datetime.now(UTC), "level": level, "event": event, **fields, "logger": name}
    return orjson.dumps(line, default=repr, option=orjson.OPT_UTC_Z)


def _first_things_first(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Puts timestamp, level and event first: people read these lines too."""
    return {name: event[name] for name in ("timestamp", "level", "event") if name in event} | dict(event)


def _ending(style: Style) -> tuple[Processor, ...]:
    if style == "console":
        # Not its default, which prints the variables of every frame, including keys and passwords.
        plain = structlog.dev.plain_traceback
        return (structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain),)
    return (structlog.processors.format_exc_info, _first_things_first, structlog.processors.JSONRenderer(_json))


def _json(event: EventDict, **options: Any) -> str:
    return orjson.dumps(event, **options).decode()


def _encoded(logger: WrappedLogger, method: str, line: Any) -> bytes:
    return str(line).encode()
