"""Monitors the watches of Kubernetes: which namespaces are served, and whether any is.

A namespace that can't be read (its RoleBinding is missing, or the namespace is) does not stop the others, and is served
as soon as it can be read. kopf ends all its watches when one is refused; so a middleware repeats a refused request,
unseen by kopf, until it is accepted.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from urllib.parse import unquote

import structlog
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, StreamReader

from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.client import FORBIDDEN, NOT_FOUND
from batteries_crds.names import GROUP, VERSION
from batteries_operator.runtime.metrics import WATCH_UP

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

HEARD_SECONDS = 150.0
"""Kubernetes sends a bookmark each minute, and kopf restarts a watch after 70 silent seconds: twice that and a bit."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 15.0

ALL = "*"
"""Stands for all namespaces."""

ACCOUNTS = AwsAccount.definition.plural

_BASE = ["apis", GROUP, VERSION]


class WatchMonitor:
    """Knows when each watch last received something. Without `namespaces` there is one watch for all."""

    def __init__(self, namespaces: Iterable[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._heard: dict[tuple[str, str], float] = {}
        self._refused: set[tuple[str, str]] = set()
        self._namespaces = [*namespaces] or [ALL]

    def measure(self) -> None:
        """Exports for each namespace whether it is served."""
        for namespace in self._namespaces:
            WATCH_UP.labels(namespace).set_function(partial(self._up, namespace))

    def _up(self, namespace: str) -> float:
        return float(self.is_served(namespace))

    def is_served(self, namespace: str) -> bool:
        """Whether the namespace's watch of accounts received something lately and was not refused since."""
        key = (namespace, ACCOUNTS)
        heard = self._heard.get(key)
        return key not in self._refused and heard is not None and self._clock() - heard <= HEARD_SECONDS

    def silence(self, longest: float) -> str | None:
        """A sentence if no watch received anything for more than `longest` seconds; else None."""
        lasted = self._clock() - max(self._heard.values(), default=self._since)
        if lasted <= longest:
            return None
        return f"No watch of Kubernetes was heard of for {lasted:.0f} s; restart the operator, nothing is lost."

    def heard(self, namespace: str, plural: str) -> None:
        """Notes that this watch received something."""
        key = namespace, plural
        self._heard[key] = self._clock()
        if key in self._refused:
            self._refused.discard(key)
            log.info("watch_resumed", namespace=namespace, watched=plural)

    def refused(self, namespace: str, plural: str, status: int) -> None:
        """Notes that Kubernetes refused this watch."""
        key = namespace, plural
        if key not in self._refused:
            self._refused.add(key)
            log.warning("watch_refused", namespace=namespace, watched=plural, status=status)

    async def middleware(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """An aiohttp middleware that repeats a refused list or watch of our resources until it is accepted."""
        watched = _watched(request)
        if watched is None:
            return await handler(request)
        pause = SHORTEST_PAUSE
        while True:
            response = await handler(request)
            if not _is_refused(response.status):
                break
            self.refused(*watched, response.status)
            response.release()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        if response.ok:
            self.heard(*watched)
            if "watch" in request.url.query:
                response.content = _Heard(response.content, lambda: self.heard(*watched))  # type: ignore[assignment]
        return response


class _Heard:
    """The stream of a watch. Calls `tell` for each chunk, including bookmarks, which kopf does not show to handlers."""

    def __init__(self, stream: StreamReader, tell: Callable[[], None]) -> None:
        self._stream = stream
        self._tell = tell

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """The stream's chunks, as kopf reads them."""
        async for piece in self._stream.iter_chunked(size):
            self._tell()
            yield piece


def _watched(request: ClientRequest) -> tuple[str, str] | None:
    """Namespace and plural of a list or watch of our resources; None for another request."""
    if request.method != "GET":
        return None
    parts = [unquote(part) for part in request.url.raw_path.split("/") if part]
    if parts[-6:-3] == _BASE and parts[-3] == "namespaces":
        return parts[-2], parts[-1]
    if parts[-4:-1] == _BASE:
        return ALL, parts[-1]
    return None


def _is_refused(status: int) -> bool:
    """Whether permissions or time may change this. kopf itself handles 401 (logs in again), 410 and 429."""
    return status in (FORBIDDEN, NOT_FOUND) or status >= 500
