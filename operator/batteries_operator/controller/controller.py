"""The running operator without kopf: opens what it needs, and drives single accounts until nothing is owed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol
from weakref import WeakValueDictionary

import structlog
from kubernetes.aio.client import ApiClient, ApiException

from batteries_crds.aws_account import AwsAccount
from batteries_crds.client import UNANSWERED, Resources, connect, status_of
from batteries_crds.identity import ObjectRef
from batteries_operator.aws.gateways import Aws
from batteries_operator.controller.account_cache import Sightings
from batteries_operator.controller.wakeups import Bells
from batteries_operator.controller.wiring import make_tools
from batteries_operator.reconcile.reconciler import Runner, Visit
from batteries_operator.reconcile.result_applier import Announce, Runbook
from batteries_operator.reconcile.step_schedule import Pace
from batteries_operator.runtime.field_manager import FIELD_MANAGER
from batteries_operator.runtime.leader_election import fence
from batteries_operator.runtime.metrics import RECONCILE_ERRORS, RECONCILES, WORKQUEUE_DEPTH
from batteries_operator.runtime.settings import Settings
from batteries_operator.runtime.watchdog import Visits
from batteries_operator.status.pending import is_out_of_date
from batteries_operator.status.status_writer import LostRaceError
from batteries_operator.steps.dependencies import Tools
from batteries_operator.steps.pipeline import runbook

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

AGAIN_SECONDS = 0.2
"""After losing a race for a write: the other's write is there to be read."""

KUBERNETES_SECONDS = 5.0
"""After Kubernetes refused or failed."""

RELEASE_SECONDS = 30.0
"""Between two looks at an account that can't be let go of yet: kopf tells of no change while its handler runs."""


class Stopped(Protocol):
    """Says when to stop: kopf's own kwarg of that name, or a test's."""

    def is_set(self) -> bool:
        """Whether to stop now."""

    def wait(self) -> Awaitable[object]:
        """Returns when it is time to stop."""


@dataclass(frozen=True, slots=True)
class Service:
    """Everything one operator process holds."""

    api: ApiClient
    accounts: Resources[AwsAccount]
    tools: Tools
    runner: Runner
    bells: Bells
    runbook: Runbook
    visiting: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    """One visit to an account at a time: a resync or a deletion does not walk into one that is under way. A lock is
    there as long as somebody holds it or waits for it."""
    visits: Visits = field(default_factory=Visits)
    sightings: Sightings = field(default_factory=Sightings)

    @classmethod
    async def open(cls, settings: Settings, announce: Announce, require: Callable[[], None] | None = None) -> "Service":
        """Connects to Kubernetes, and makes the clients of AWS.

        `require` is asked right before each write and each AWS call, and raises where none may be.

        Raises:
            NoClusterError: there is no Kubernetes to talk to.
        """
        api = await connect(settings.kubeconfig, *([fence(require)] if require else []))
        accounts = Resources(api, AwsAccount, FIELD_MANAGER)
        bells = Bells()
        WORKQUEUE_DEPTH.set_function(bells.__len__)
        tools = make_tools(settings, api, await Aws.open(settings, require), bells.ring)
        chosen = partial(runbook, remove_access=settings.retained_access == "remove")
        return cls(api, accounts, tools, Runner(accounts, tools, chosen, announce), bells, chosen)

    async def close(self) -> None:
        """Lets go of the connections and threads, when the last AWS call has ended."""
        await self.tools.aws.drain()
        await self.api.close()

    def see(self, account: AwsAccount) -> bool:
        """A watch shows the account: whether it needs a visit, for which it is kept then."""
        owed = is_out_of_date(self.runbook(account), account)
        if owed:
            self.sightings.see(account)
        return owed

    async def drive(self, account: ObjectRef, stopped: Stopped) -> None:
        """Visits one account again and again until stopped: when a wait is over, or when its bell rings."""
        bell = self.bells.of(account.uid)
        stopping = asyncio.create_task(_ring_when(stopped, bell))
        structlog.contextvars.bind_contextvars(**_named(account))
        pace = Pace()
        try:
            while not stopped.is_set():
                bell.clear()
                visit = await self._visit(account, pace, bell.is_set)
                await _pass(visit.seconds, bell, pace)
        finally:
            stopping.cancel()
            self.bells.forget(account.uid)
            self.sightings.forget(account.uid)
            # Settled, maybe by another operator: a spot in line that nobody drives would hold up all behind it.
            self.tools.let_go(account.uid)

    async def release(self, account: ObjectRef) -> None:
        """Visits an account that is being deleted until nothing is owed any more; that may take weeks.

        Looks again now and then also where nothing can be done, because somebody may change the spec, or ask for
        another try. Reads the account each time: kopf shows nothing newer of it while its handler runs.
        """
        # A visit that kopf broke off may still wait for AWS, and its end takes its bell away.
        async with self._turn(account.uid):
            bell = self.bells.of(account.uid)
        structlog.contextvars.bind_contextvars(**_named(account))
        self.tools.aws.ownership.forget(account.uid)  # before access or an account is ended, its tag is read anew
        pace = Pace()
        try:
            while True:
                bell.clear()
                visit = await self._visit(account, pace, bell.is_set, is_shown=False)
                if visit.released is not None:
                    await self._discard_password(visit.released)
                    self.runner.tell_release(visit.released)
                if visit.seconds is None and not visit.stalled:
                    break
                await _pass(_at_most(visit.seconds, RELEASE_SECONDS), bell, pace)
        finally:
            self.bells.forget(account.uid)
        self.tools.let_go(account.uid)

    async def _discard_password(self, account: AwsAccount) -> None:
        """Deletes its Secret, which Kubernetes would delete a while after it: the next of its name would meet it."""
        try:
            await self.tools.passwords.discard(account)
        except (ApiException, RuntimeError, *UNANSWERED) as error:
            log.warning("the first password's secret is left to the garbage collector", detail=str(error)[:300])

    async def resync(self, account: ObjectRef) -> bool | None:
        """Compares an account at rest with AWS; says whether it had to be mended, None where AWS was too busy."""
        uid, mended = account.uid, None
        try:
            async with self._turn(uid):
                # Bound for this block only: one task compares many accounts.
                with self.visits.visit(account.key), structlog.contextvars.bound_contextvars(**_named(account)):
                    mended = await self.runner.resync(account.namespace, account.name)
                    return mended
        finally:
            # A call that AWS did not take, or a write that failed: nothing became owed, and nobody drives the account,
            # who would give back what it entered. What was written all the same takes its place back with its visit.
            if mended is None and uid not in self.bells:
                self.tools.let_go(uid)

    def forget(self, uid: str) -> None:
        """The account is gone: its places and spots in line go to others."""
        self.sightings.forget(uid)
        self.tools.aws.ownership.forget(uid)
        self.tools.let_go(uid)

    def _turn(self, uid: str) -> asyncio.Lock:
        return self.visiting.setdefault(uid, asyncio.Lock())

    async def _visit(
        self,
        account: ObjectRef,
        pace: Pace,
        stopping: Callable[[], bool],
        *,
        is_shown: bool = True,
    ) -> Visit:
        """One visit; where a watch shows the account's changes (`is_shown`) it starts from what was seen last."""
        try:
            async with self._turn(account.uid):
                with self.visits.visit(account.key):
                    seen = self.sightings.newest(account.uid) if is_shown else None
                    visit = await self.runner.visit(account.namespace, account.name, pace, stopping, seen)
        except LostRaceError as race:
            log.info("lost a race for the status", detail=str(race))
            again = Visit(AGAIN_SECONDS)
        except ApiException as error:
            log.warning("kubernetes refused", status=status_of(error), detail=str(error.reason))
            again = Visit(KUBERNETES_SECONDS)
        except UNANSWERED as error:
            log.warning("kubernetes did not answer", detail=str(error))
            again = Visit(KUBERNETES_SECONDS)
        else:
            RECONCILES.labels(_result(visit)).inc()
            if visit.left is None:
                self.sightings.forget(account.uid)
            elif is_shown:
                self.sightings.see(visit.left)
            return visit
        self.sightings.forget(account.uid)
        RECONCILES.labels("error").inc()
        RECONCILE_ERRORS.inc()
        return again


async def _pass(seconds: float | None, bell: asyncio.Event, pace: Pace) -> None:
    """Lets so many seconds pass (None: any number), or fewer where the bell rings, and then nothing need wait."""
    with contextlib.suppress(TimeoutError):
        if not bell.is_set():  # with no time to pass wait_for looks at nothing, and the ring would be lost
            await asyncio.wait_for(bell.wait(), seconds)
    if bell.is_set():
        pace.hurry()


def _named(account: ObjectRef) -> dict[str, str]:
    """What every log line about the account says."""
    return {"account": str(account.id), "resource": account.key}


def _result(visit: Visit) -> str:
    if visit.stalled:
        return "stalled"
    return "done" if visit.seconds is None else "requeued"


def _at_most(seconds: float | None, most: float) -> float:
    return most if seconds is None else min(seconds, most)


async def _ring_when(stopped: Stopped, bell: asyncio.Event) -> None:
    await stopped.wait()
    bell.set()
