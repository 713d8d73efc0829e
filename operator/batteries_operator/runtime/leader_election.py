"""Leader election: of several operators the one that holds the Lease works, while it is certain to hold it.

It works as client-go's leader election does, and for the same reasons: each candidate measures time from what it
observed itself and never compares two machines' clocks, and the holder stops a third of the lease duration before
another may begin. `kubernetes.aio` has an election too, but it releases no Lease when it stops, measures by the wall
clock, and ends at the first lost connection.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from kubernetes.aio.client import ApiException, CoordinationV1Api, V1Lease, V1LeaseSpec

from batteries_crds.kube.client import CONFLICT, FORBIDDEN, NOT_FOUND, UNANSWERED, UNPROCESSABLE, said_in, status_of
from batteries_operator.runtime.field_manager import FIELD_MANAGER
from batteries_operator.runtime.metrics import LEADING

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

SURE = 2 / 3
"""The fraction of the lease duration that its holder relies on: calls begun just before then end before another
operator begins.
"""

LOOKS = 15
"""How often the Lease is read, or renewed, in one lease duration."""

_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class NotLeadingError(Exception):
    """This operator may not act: another one may be leading by now."""


def _clock() -> float:
    """A clock that also runs while the process is stopped or the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Lease:
    """One candidate for one Lease."""

    def __init__(
        self,
        leases: CoordinationV1Api,
        namespace: str,
        name: str,
        identity: str,
        seconds: int,
        clock: Callable[[], float] = _clock,
    ) -> None:
        self._leases, self._namespace, self._name = leases, namespace, name
        self._identity, self._seconds, self._clock = identity, seconds, clock
        self._seen: V1Lease | None = None
        self._seen_at = 0.0
        self._until = 0.0

    def require(self) -> None:
        """Returns if this operator certainly leads; every write and every AWS call asks right before it.

        Raises:
            NotLeadingError: the Lease was not renewed in time, however it comes.
        """
        if self._clock() >= self._until:
            raise NotLeadingError(f"{self._identity} does not hold the Lease {self._name}; another operator may lead.")

    async def acquire(self) -> None:
        """Returns once the Lease is ours; tries until then, whatever goes wrong."""
        while not await self._try():  # noqa: ASYNC110  # what it waits for happens in another process
            await asyncio.sleep(self._pause())
        LEADING.set(1)

    async def hold(self) -> None:
        """Renews the Lease; returns when it is lost or could not be renewed in time."""
        try:
            while self._clock() < self._until:
                await asyncio.sleep(self._pause())
                try:
                    async with asyncio.timeout(max(self._until - self._clock(), 0)):
                        held = await self._try()
                except TimeoutError:
                    return
                if not held and self._holder() != self._identity:
                    return
        finally:
            LEADING.set(0)

    async def release(self) -> None:
        """Releases the Lease when none of our work is in progress. If that fails, it expires by itself."""
        self._until = 0.0
        try:
            async with asyncio.timeout(self._seconds):  # by then it has run out
                lease = await self._read()
                if lease is not None and lease.spec is not None and self._holder() == self._identity:
                    lease.spec.holder_identity = None
                    await self._write(lease)
        except (ApiException, *UNANSWERED) as error:
            log.warning("lease_not_released", detail=str(error), meaning="It expires by itself.")

    async def _try(self) -> bool:
        """Takes or renews the Lease if it may; returns whether it is ours now."""
        try:
            return await self._take()
        except ApiException as error:
            status = status_of(error)
            if status in (FORBIDDEN, UNPROCESSABLE):  # by RBAC, or by an admission policy
                # It stays refused until somebody acts, and this operator is idle meanwhile.
                log.error("lease_refused", status=status, detail=said_in(error), to_do=self._remedy)
            elif status != CONFLICT:
                log.warning("lease_refused", status=status, detail=said_in(error))
        except UNANSWERED as error:
            log.warning("lease_unreachable", detail=str(error) or type(error).__name__)
        return False

    async def _take(self) -> bool:
        asked_at = self._clock()
        lease = await self._read()
        if lease is None:
            body = self._body(None)
            written = await self._leases.create_namespaced_lease(self._namespace, body, field_manager=FIELD_MANAGER)
        elif not self._may_take(lease):
            return False
        else:
            written = await self._write(self._body(lease))
        self._seen, self._seen_at = written, asked_at
        self._until = asked_at + self._seconds * SURE
        return True

    async def _read(self) -> V1Lease | None:
        try:
            lease = await self._leases.read_namespaced_lease(self._name, self._namespace)
        except ApiException as error:
            if status_of(error) == NOT_FOUND:
                return None
            raise
        if self._seen is None or _version(lease) != _version(self._seen):
            self._seen, self._seen_at = lease, self._clock()
        return lease

    async def _write(self, body: V1Lease) -> V1Lease:
        return await self._leases.replace_namespaced_lease(
            self._name, self._namespace, body, field_manager=FIELD_MANAGER
        )

    def _may_take(self, lease: V1Lease) -> bool:
        """Whether it is ours, nobody's, or has not been renewed for its whole duration since we first saw it so."""
        spec = lease.spec
        if spec is None or not spec.holder_identity or spec.holder_identity == self._identity:
            return True
        return self._clock() - self._seen_at > (spec.lease_duration_seconds or self._seconds)

    def _body(self, lease: V1Lease | None) -> Any:
        """The Lease with us as its holder. Its resourceVersion lets only one of the candidates that saw it free take
        it.
        """
        now = datetime.now(UTC)
        was = lease.spec if lease is not None and lease.spec is not None else V1LeaseSpec()
        ours = was.holder_identity == self._identity
        spec = V1LeaseSpec(
            holder_identity=self._identity,
            lease_duration_seconds=self._seconds,
            acquire_time=was.acquire_time if ours else now,
            renew_time=now,
            lease_transitions=(was.lease_transitions or 0) + (0 if ours or lease is None else 1),
        )
        return V1Lease(metadata=lease.metadata if lease is not None else {"name": self._name}, spec=spec)

    def _holder(self) -> str | None:
        return self._seen.spec.holder_identity if self._seen is not None and self._seen.spec is not None else None

    @property
    def _remedy(self) -> str:
        return (
            f"Allow this operator to get, create and update the Lease {self._name} in namespace {self._namespace}. The "
            "chart's Role and admission policy allow it in the release's own namespace; BATTERIES_LEASE_NAME and "
            "BATTERIES_LEASE_NAMESPACE name the Lease."
        )

    def _pause(self) -> float:
        """Jittered, so that candidates don't ask at the same moment."""
        return self._seconds / LOOKS * random.uniform(0.8, 1.2)  # noqa: S311  # not a secret


def _version(lease: V1Lease) -> str | None:
    return lease.metadata.resource_version if lease.metadata is not None else None


def fence(
    require: Callable[[], None],
) -> Callable[[ClientRequest, ClientHandlerType], Awaitable[ClientResponse]]:
    """An aiohttp middleware for sessions to Kubernetes: reads pass, writes pass only if `require` allows them.

    The middleware raises NotLeadingError if it does not.
    """

    async def middleware(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        if request.method not in _READS:
            require()
        return await handler(request)

    return middleware
