"""Records when keys were last used: collected in memory, written in batches.

A write for each request would cost etcd more than the requests themselves. So a key's time is written at most once in
ten minutes, by whichever replica comes first. A crash loses a few seconds of it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import structlog
from kubernetes.aio.client import ApiException

from batteries_apiserver.cache.watch_cache import WatchCache
from batteries_apiserver.runtime.background import in_background
from batteries_crds.api_key import ApiKey
from batteries_crds.base import to_rfc3339, utc_now_exactly
from batteries_crds.kube.client import UNANSWERED, Resources

log = structlog.get_logger(__name__)

AT_MOST_EVERY = timedelta(minutes=10)


class Usage:
    """The uses that are not written yet."""

    def __init__(
        self,
        namespace: str,
        live: Resources[ApiKey],
        cache: WatchCache[ApiKey],
        *,
        now: Callable[[], datetime] = utc_now_exactly,
    ) -> None:
        self._namespace = namespace
        self._live = live
        self._cache = cache
        self._now = now
        self._uses: dict[str, datetime] = {}

    def note(self, key: ApiKey) -> None:
        """Records that the key was used now."""
        now, last = self._now(), key.status.last_used_at
        if last is None or not timedelta() <= now - last < AT_MOST_EVERY:  # ahead of now: the clock was set back
            self._uses[key.metadata.name] = now

    async def flush(self) -> None:
        """Writes the pending uses. A use stays pending if Kubernetes does not respond, and is dropped if it refuses."""
        unwritten, self._uses = self._uses, {}
        for name, moment in unwritten.items():
            try:
                written = await self._live.merge_status(
                    self._namespace, name, {"status": {"lastUsedAt": to_rfc3339(moment.replace(microsecond=0))}}
                )
                self._cache.put(written)
            except ApiException as error:
                log.warning("last_use_not_written", key=name, status=error.status)
            except UNANSWERED as error:
                self._uses.setdefault(name, moment)
                log.warning("last_use_not_written", key=name, error=type(error).__name__)

    @asynccontextmanager
    async def written_every(self, seconds: float) -> AsyncIterator[None]:
        """Writes in the background while the block runs, and once more at its end."""
        try:
            async with in_background(self._write_every(seconds), "last use of keys"):
                yield
        finally:
            await self.flush()

    async def _write_every(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            await self.flush()
