"""One account's events as server-sent events: the existing ones, then each new one, until the account settles.

Then comes a last event, `active`, `failed` or `suspended`, with the account's detail as data, and the stream ends: who
follows a new account needs no other request to know what became of it. A browser's EventSource reconnects after every
end; with the id of that last event it gets 204, at which it stops (HTML standard, "Server-sent events"). With
`follow=true` the stream stays open, and another such event says each time that the account has settled again.

The server also ends a stream when it shuts down, when the account is deleted, or when the key is revoked. The ids of
provisioning events are those of the JSON list. With Last-Event-ID the stream continues after that event; if the event
was dropped already, or this replica has not seen it yet, it continues with newer ones.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import orjson
from aiohttp import web

from batteries_apiserver.accounts.prefer_wait import is_settled
from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.events.last_event_id import END
from batteries_apiserver.http.errors import TooManyRequests
from batteries_apiserver.kube.clients import Kube
from batteries_apiserver.projections import account_views
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
    last_id = (last_id or "").partition(END)[0]
    if not last_id:
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


def end_id(account: AwsAccount) -> str:
    """The id of the event that ends a stream: of the newest event, and the state that the account settled in."""
    events = event_views(account)
    newest = events[-1]["id"] if events else ""
    return f"{newest}{END}{account_views.status_of(account)}"


async def stream(
    response: web.StreamResponse,
    kube: Kube,
    account: AwsAccount,
    *,
    last_id: str | None,
    heartbeat: float,
    follow: bool,
    allowed: Callable[[], bool],
) -> None:
    """Writes events to a prepared response until the stream has to end; `follow`: a settled account does not end it."""
    changes = kube.caches.changes
    await response.write(f"retry: {_RECONNECT_MILLISECONDS}\n\n".encode())
    with changes.of(account.key) as changed:
        while not changes.stopping and allowed():
            changed.clear()
            for event in after(event_views(account), last_id):
                last_id = event["id"]
                await response.write(_written(last_id, "provisioning", event))
            if is_settled(account) and last_id != (end := end_id(account)):
                last_id = end
                await response.write(_written(end, account_views.status_of(account), account_views.detail(account)))
            if is_settled(account) and not follow:
                break
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


def _written(event_id: str, name: str, data: Mapping[str, Any]) -> bytes:
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (event_id.encode(), name.encode(), orjson.dumps(data))
