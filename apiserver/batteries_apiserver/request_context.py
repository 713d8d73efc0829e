"""What every log line of a request says of it: its id, its route, and the account that it is about, once that is known.

One variable, and not structlog's own, of which there is one for each word: binding those took longer than a read.
"""

from contextvars import ContextVar
from typing import Any

from structlog.typing import EventDict, WrappedLogger

OF_THE_REQUEST: ContextVar[dict[str, Any]] = ContextVar("of the request")


def request_id() -> str:
    """The id of the request that is being answered."""
    return str(OF_THE_REQUEST.get()["request_id"])


def is_about(account_id: str) -> None:
    """The request that is being answered is about this account."""
    if (said := OF_THE_REQUEST.get(None)) is not None:
        said["account"] = account_id


def add_request(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """The processor that puts it on a line."""
    if (said := OF_THE_REQUEST.get(None)) is not None:
        event.update(said)
    return event
