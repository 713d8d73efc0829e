"""The operator without kopf: opens the connections, and reconciles accounts until nothing is pending."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol
from weakref import WeakValueDictionary

import structlog
from kubernetes.aio.client import ApiClient, ApiException

from batteries_crds.aws_account import AwsAccount
from batteries_crds.identity import ObjectRef
from batteries_crds.kube.client import UNANSWERED, Resources, connect, status_of
from batteries_operator.aws.gateways import Aws
from batteries_operator.controller.account_cache import AccountCache
from batteries_operator.controller.wakeups import Wakeups
from batteries_operator.controller.wiring import make_dependencies
from batteries_operator.reconcile.reconciler import Reconciler, Result
from batteries_operator.reconcile.result_applier import Pipeline, PostEvent
from batteries_operator.reconcile.step_schedule import StepSchedule
from batteries_operator.runtime.field_manager import FIELD_MANAGER
from batteries_operator.runtime.leader_election import fence
from batteries_operator.runtime.metrics import RECONCILE_ERRORS, RECONCILES, WORKQUEUE_DEPTH
from batteries_operator.runtime.settings import Settings
from batteries_operator.runtime.watchdog import Watchdog
from batteries_operator.status.pending import is_out_of_date
from batteries_operator.status.status_writer import LostRaceError
from batteries_operator.steps.dependencies import Dependencies
from batteries_operator.steps.pipeline import pipeline_of

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

AGAIN_SECONDS = 0.2
"""The pause after a lost race for a write: the other's write can be read at once."""

KUBERNETES_SECONDS = 5.0
"""The pause after Kubernetes refused a request or failed."""

RELEASE_SECONDS = 30.0
"""Between two reconciles of an account that can't be released yet: kopf shows no change while its handler runs."""


class Stopped(Protocol):
    """Says when to stop: kopf's own kwarg of that name, or a test's."""

    def is_set(self) -> bool:
        """Whether to stop now."""

    def wait(self) -> Awaitable[object]:
        """Returns when it is time to stop."""


@dataclass(frozen=True, slots=True)
class Controller:
    """Everything one operator process holds."""

    api: ApiClient
    accounts: Resources[AwsAccount]
    deps: Dependencies
    reconciler: Reconciler
    wakeups: Wakeups
    pipeline: Pipeline
    locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    """One lock for each account, so that reconcile, resync and deletion do not run at the same time. It exists as long
    as somebody holds it or waits for it."""
    watchdog: Watchdog = field(default_factory=Watchdog)
    model: type[AwsAccount] = AwsAccount
    """Which kind it reconciles: customers' accounts, or the members of pools, which are accounts too."""
    cache: AccountCache = field(default_factory=AccountCache)

    def __post_init__(self) -> None:
        """Adds the registries that know accounts being worked on; locks and watchdog forget by themselves."""
        if self.model is AwsAccount:  # members share them
            self.deps.registries.while_worked_on(self.wakeups)
        self.deps.registries.while_worked_on(self.cache)

    @classmethod
    async def open(
        cls, settings: Settings, post_event: PostEvent, require: Callable[[], None] | None = None
    ) -> "Controller":
        """Connects to Kubernetes and makes the AWS clients.

        `require` is called right before each write and each AWS call, and raises if this process must not make it.

        Raises:
            NoClusterError: no Kubernetes is configured.
        """
        api = await connect(settings.kubeconfig, *([fence(require)] if require else []))
        accounts = Resources(api, AwsAccount, FIELD_MANAGER)
        wakeups = Wakeups()
        WORKQUEUE_DEPTH.set_function(wakeups.__len__)
        deps = make_dependencies(settings, api, await Aws.open(settings, require), wakeups.wake, post_event)
        chosen = pipeline_of(settings)
        return cls(api, accounts, deps, Reconciler(accounts, deps, chosen, post_event), wakeups, chosen)

    async def close(self) -> None:
        """Closes connections and threads after the last AWS call has ended."""
        await self.deps.aws.drain()
        await self.api.close()

    def observe(self, account: AwsAccount) -> bool:
        """Returns whether the account, as a watch event shows it, needs a reconcile; then it is cached for that."""
        pending = is_out_of_date(self.pipeline(account), account)
        if pending:
            self.cache.update(account)
        return pending

    async def drive(self, account: ObjectRef, stopped: Stopped) -> None:
        """Reconciles one account until stopped: after each wait, and whenever it is woken."""
        wakeup = self.wakeups.of(account.uid)
        stopping = asyncio.create_task(_wake_when(stopped, wakeup))
        structlog.contextvars.bind_contextvars(**self._named(account))
        schedule = StepSchedule()
        try:
            while not stopped.is_set():
                wakeup.clear()
                result = await self._reconcile(account, schedule, wakeup.is_set)
                await _pass(result.requeue_after, wakeup, schedule)
        finally:
            stopping.cancel()
            # Also if another operator settled it: the queue position of an account at rest would block all behind it.
            self.deps.registries.settle(account.uid)

    async def release(self, account: ObjectRef) -> None:
        """Reconciles an account that is being deleted until nothing is pending; that may take weeks.

        If nothing can be done it still looks now and then, because somebody may change the spec or ask for a retry.
        Each reconcile reads the account: kopf shows nothing newer of it while its handler runs.
        """
        # A reconcile that kopf cancelled may still wait for AWS, and its task forgets the wakeup at its end.
        async with self._lock(account.uid):
            wakeup = self.wakeups.of(account.uid)
        structlog.contextvars.bind_contextvars(**self._named(account))
        self.deps.aws.ownership.forget(account.uid)  # read the tag again before access or an account is removed
        schedule = StepSchedule()
        try:
            while True:
                wakeup.clear()
                result = await self._reconcile(account, schedule, wakeup.is_set, is_shown=False)
                if result.released is not None:
                    await self._discard_password(result.released)
                    self.reconciler.post_released(result.released)
                if result.requeue_after is None and not result.stalled:
                    break
                await _pass(_at_most(result.requeue_after, RELEASE_SECONDS), wakeup, schedule)
        finally:
            self.wakeups.forget(account.uid)  # not the slots: if kopf cancels this, AWS is still at work
        self.deps.registries.settle(account.uid)

    async def _discard_password(self, account: AwsAccount) -> None:
        """Deletes its Secret now; Kubernetes would do so later, and the next account of that name would find it."""
        if self.model is not AwsAccount:
            return  # a pool's member has none, and one of that name is the AwsAccount's
        try:
            await self.deps.passwords.discard(account)
        except (ApiException, RuntimeError, *UNANSWERED) as error:
            log.warning(
                "password_secret_not_deleted", detail=str(error)[:300], meaning="Garbage collection deletes it."
            )

    async def resync(self, account: ObjectRef) -> bool | None:
        """Compares an account at rest with AWS; returns whether it was corrected, None if AWS was too busy to tell."""
        uid, mended = account.uid, None
        try:
            async with self._lock(uid):
                # Bound only for this block: one task compares many accounts.
                with (
                    self.watchdog.reconciling(account.key),
                    structlog.contextvars.bound_contextvars(**self._named(account)),
                ):
                    mended = await self.reconciler.resync(account.namespace, account.name)
                    return mended
        finally:
            # A call was throttled or a write failed: nothing is pending and nobody drives the account, so nobody else
            # would release its slots. If something was written all the same, the next reconcile takes the slot again.
            if mended is None and uid not in self.wakeups:
                self.deps.registries.settle(uid)

    def _named(self, account: ObjectRef) -> dict[str, str]:
        """The fields of every log line about the account."""
        if self.model is AwsAccount:
            return {"account": str(account.id), "resource": account.key}
        return {"resource": f"{self.model.definition.plural}/{account.key}"}

    def _lock(self, uid: str) -> asyncio.Lock:
        return self.locks.setdefault(uid, asyncio.Lock())

    async def _reconcile(
        self,
        account: ObjectRef,
        schedule: StepSchedule,
        stopping: Callable[[], bool],
        *,
        is_shown: bool = True,
    ) -> Result:
        """Runs one reconcile, from the cached account if a watch shows the account's changes (`is_shown`)."""
        try:
            async with self._lock(account.uid):
                with self.watchdog.reconciling(account.key):
                    seen = self.cache.get(account.uid) if is_shown else None
                    result = await self.reconciler.reconcile(account.namespace, account.name, schedule, stopping, seen)
        except LostRaceError as race:
            log.info("status_conflict", detail=str(race))
            again = Result(AGAIN_SECONDS)
        except ApiException as error:
            log.warning("kubernetes_refused", status=status_of(error), detail=str(error.reason))
            again = Result(KUBERNETES_SECONDS)
        except UNANSWERED as error:
            log.warning("kubernetes_unreachable", detail=str(error))
            again = Result(KUBERNETES_SECONDS)
        else:
            RECONCILES.labels(_result(result)).inc()
            if result.account is None:
                self.cache.forget(account.uid)
            elif is_shown:
                self.cache.update(result.account)
            return result
        self.cache.forget(account.uid)
        RECONCILES.labels("error").inc()
        RECONCILE_ERRORS.inc()
        return again


async def _pass(seconds: float | None, wakeup: asyncio.Event, schedule: StepSchedule) -> None:
    """Waits so many seconds (None: for ever) or until woken; a wakeup makes every step due."""
    with contextlib.suppress(TimeoutError):
        if not wakeup.is_set():  # with a timeout of 0 wait_for does not look at the event, and the wakeup would be lost
            await asyncio.wait_for(wakeup.wait(), seconds)
    if wakeup.is_set():
        schedule.make_all_due()


def _result(result: Result) -> str:
    if result.stalled:
        return "stalled"
    return "done" if result.requeue_after is None else "requeued"


def _at_most(seconds: float | None, most: float) -> float:
    return most if seconds is None else min(seconds, most)


async def _wake_when(stopped: Stopped, wakeup: asyncio.Event) -> None:
    await stopped.wait()
    wakeup.set()
