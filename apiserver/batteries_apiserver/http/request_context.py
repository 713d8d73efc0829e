"""What every log line of a request carries: its id, its route, and its account once that is known.

This is one context variable. structlog has one for each key; binding those took a seventh of a read's CPU
(docs/decisions/008-speed-that-pays.md).
"""

from contextvars import ContextVar
from typing import Any

from structlog.typing import EventDict, WrappedLogger

LOG_CONTEXT: ContextVar[dict[str, Any]] = ContextVar("of the request")


def request_id() -> str:
    """The id of the current request."""
    return str(LOG_CONTEXT.get()["request_id"])


def bind_account(account_id: str) -> None:
    """Adds the account to the log lines of the current request."""
    if (context := LOG_CONTEXT.get(None)) is not None:
        context["account"] = account_id


def add_request(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """The structlog processor that adds the context to a line."""
    if (context := LOG_CONTEXT.get(None)) is not None:
        event.update(context)
    return event
