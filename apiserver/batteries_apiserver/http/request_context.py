"""What every log line of a request says of it: its id, its route, and the account that it is about, once that is known.

One variable, and not structlog's own, of which there is one for each word: binding those took longer than a read.
"""

from contextvars import ContextVar
from typing import Any

from structlog.typing import EventDict, WrappedLogger

LOG_CONTEXT: ContextVar[dict[str, Any]] = ContextVar("of the request")


def request_id() -> str:
    """The id of the request that is being answered."""
    return str(LOG_CONTEXT.get()["request_id"])


def bind_account(account_id: str) -> None:
    """The request that is being answered is about this account."""
    if (context := LOG_CONTEXT.get(None)) is not None:
        context["account"] = account_id


def add_request(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """The processor that puts it on a line."""
    if (context := LOG_CONTEXT.get(None)) is not None:
        event.update(context)
    return event
