"""One account's events as server-sent events: the existing ones, then each new one, until the client disconnects.

The server ends a stream when it shuts down, when the account is deleted, or when the key is revoked. The event ids are
those of the JSON list. With Last-Event-ID the stream continues after that event; if the event was dropped already, or
this replica has not seen it yet, it continues with newer ones.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import orjson
from aiohttp import web

from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.http.errors import TooManyRequests
from batteries_apiserver.kube.clients import Kube
from batteries_apiserver.projections.event_views import ProvisioningEvent, event_views
from batteries_apiserver.runtime import metrics
from batteries_crds.aws_account import AwsAccount

_RECONNECT_MILLISECONDS = 2000


class Streams:
    """How many streams each caller, a customer or an administrator's key, has open on this replica."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: dict[tuple[str | None, str | None], int] = {}

    @contextmanager
    def one(self, caller: Caller) -> Iterator[None]:
        """Counts one stream while the block runs.

        Raises:
            TooManyRequests: the caller has reached the limit.
        """
        who = caller.customer, None if caller.customer else caller.key_name
        if self._open.get(who, 0) >= self._limit:
            raise TooManyRequests(
                "too_many_streams",
                f"Limit of open event streams reached ({self._limit}, over all of your API keys). Close one.",
            )
        self._open[who] = self._open.get(who, 0) + 1
        metrics.STREAMS.inc()
        try:
            yield
        finally:
            metrics.STREAMS.dec()
            self._open[who] -= 1
            if self._open[who] == 0:
                del self._open[who]


STREAMS = web.AppKey("streams", Streams)


def after(events: Sequence[ProvisioningEvent], last_id: str | None) -> Sequence[ProvisioningEvent]:
    """The events after that one; if it is not in the list (any more, or yet), the events newer than it."""
    if last_id is None:
        return events
    for index in range(len(events) - 1, -1, -1):
        if events[index]["id"] == last_id:
            return events[index + 1 :]
    moment = _moment(last_id)
    return events if moment is None else [one for one in events if datetime.fromisoformat(one["timestamp"]) >= moment]


def _moment(last_id: str) -> datetime | None:
    """The time of that event; None if it is not an id of ours."""
    try:
        moment = datetime.fromisoformat(last_id.partition("/")[0])
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


async def stream(
    response: web.StreamResponse,
    kube: Kube,
    account: AwsAccount,
    *,
    last_id: str | None,
    heartbeat: float,
    allowed: Callable[[], bool],
) -> None:
    """Writes events to a prepared response until the stream has to end."""
    changes = kube.caches.changes
    await response.write(f"retry: {_RECONNECT_MILLISECONDS}\n\n".encode())
    with changes.of(account.key) as changed:
        while not changes.stopping and allowed():
            changed.clear()
            for event in after(event_views(account), last_id):
                last_id = event["id"]
                body = orjson.dumps(event)
                await response.write(b"id: %s\nevent: provisioning\ndata: %s\n\n" % (last_id.encode(), body))
            try:
                async with asyncio.timeout(heartbeat):
                    await changed.wait()
            except TimeoutError:
                await response.write(b": still here\n\n")
            now = kube.caches.accounts.get(account.metadata.name)
            if now is None or now.metadata.uid != account.metadata.uid:
                break
            account = now
    await response.write_eof()
