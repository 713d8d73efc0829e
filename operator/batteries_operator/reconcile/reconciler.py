"""Reconciles one account: runs its pipeline as far as it goes now.

Level-based: a reconcile starts from the account as Kubernetes showed it last. Each pending step runs as soon as it is
runnable, beside those that run already, and its result is written before the reconcile ends. The reconcile ends when
every step that is left waits. What the next one needs to know is in `StepSchedule`.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import utc_now
from batteries_crds.conditions import find
from batteries_crds.kube.client import Resources
from batteries_crds.names import FINALIZER
from batteries_operator.aws.error_meanings import ErrorKind
from batteries_operator.aws.mutations import recorded_mutations
from batteries_operator.limits.polling import next_poll_delay
from batteries_operator.reconcile.attempt import attempt
from batteries_operator.reconcile.result_applier import Pipeline, PostEvent, ResultApplier, is_unchanged
from batteries_operator.reconcile.scope import ReconcileScope
from batteries_operator.reconcile.step_schedule import StepSchedule, backoff
from batteries_operator.runtime.metrics import DRIFTS, STEP_OUTCOMES
from batteries_operator.runtime.watchdog import concurrent_step
from batteries_operator.status import drift, events
from batteries_operator.status.events import Event
from batteries_operator.status.pending import blocking, gave_up, is_current, is_out_of_date, observed_failures, runnable
from batteries_operator.status.status_writer import StatusWriter
from batteries_operator.steps.dependencies import Dependencies
from batteries_operator.steps.outcome import Done, Fail, Outcome, Wait
from batteries_operator.steps.step import Step

UNKEPT_SECONDS = 1.0
"""Until an account without our finalizer is read again, if no watch event shows the finalizer before."""

QUIET_TRIES = 4
"""Transient errors in a row that are not written to the status: one throttle tells nobody anything."""

Tried = tuple[Outcome, ErrorKind | None]
"""A step's outcome, and the kind of the error behind it."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a reconcile: requeue after so many seconds, or None if there is nothing to do."""

    requeue_after: float | None
    stalled: bool = False
    """Whether a step is pending that can't be done until somebody changes something."""
    released: AwsAccount | None = None
    """The account, if it is being deleted and nothing is pending any more."""
    account: AwsAccount | None = None
    """The account as written to Kubernetes; None if the next reconcile has to read it."""


def _says_so(account: AwsAccount, step: Step, outcome: Outcome) -> bool:
    """Whether the status has the outcome and all its facts: a user may have got another name, for example."""
    said = find(account.status.conditions, step.condition)
    match outcome:
        case Done():
            as_before = is_current(step, account)
        case Fail(reason=reason, message=message):
            as_before = said is not None and (said.reason, said.message) == (reason, message)
        case _:
            as_before = False
    return as_before and all(getattr(account.status, name) == value for name, value in outcome.facts.items())


def _can_stall(outcome: Outcome) -> bool:
    """Whether the outcome counts towards the stall timeout, which a reconcile has to handle."""
    return isinstance(outcome, Wait) and outcome.can_stall


class Reconciler:
    """Reconciles accounts with one set of dependencies and one pipeline."""

    def __init__(
        self, accounts: Resources[AwsAccount], deps: Dependencies, pipeline: Pipeline, post_event: PostEvent
    ) -> None:
        self._accounts = accounts
        self._deps = deps
        self._pipeline = pipeline
        self._results = ResultApplier(deps, pipeline, post_event)

    async def reconcile(
        self,
        namespace: str,
        name: str,
        schedule: StepSchedule | None = None,
        stopping: Callable[[], bool] = lambda: False,
        seen: AwsAccount | None = None,
    ) -> Result:
        """Runs the account's steps as far as they go now.

        `schedule` is kept from one reconcile to the next. Once `stopping` returns True, because the operator ends or
        the account has changed, no further step begins. The account is read first, unless it is given as `seen`.

        No step begins before the account has our finalizer: if it was deleted before that, its object would be gone
        while AWS makes the account. kopf adds the finalizer to a new account; writing before that would only conflict.

        Raises:
            LostRaceError: somebody else wrote the status; reconcile again.
            ApiException: the Kubernetes API server refused or failed.
        """
        schedule = schedule or StepSchedule()
        account = seen or await self._accounts.find(namespace, name)
        if account is None:
            return Result(None)
        if FINALIZER not in account.metadata.finalizers:
            return Result(None if account.is_deleted else UNKEPT_SECONDS)
        writer = StatusWriter(self._accounts, account)
        self._deps.sync_slots(account)
        await self._walk(writer, schedule, stopping)
        await writer.flush()
        if stopping():
            return Result(0, account=writer.stored)
        seconds = schedule.until_due(step.name for step in self._runnable(writer.account))
        if seconds is not None:
            return Result(seconds, account=writer.stored)
        return await self._nothing_to_do(writer)

    async def _nothing_to_do(self, writer: StatusWriter) -> Result:
        """Ends a reconcile after which nothing is pending, or nothing can be done."""
        stalled = blocking(self._pipeline(writer.account), writer.account) is not None
        if not stalled and writer.account.is_deleted:  # nobody reads the status of an object that is about to go
            return Result(None, released=writer.account)
        await self._results.settle(writer)
        return Result(None, stalled=stalled, account=writer.stored)

    def post_released(self, account: AwsAccount) -> None:
        """Posts the Event that says what is left in AWS of a deleted account."""
        self._results.post(account, events.of_release(account))

    async def resync(self, namespace: str, name: str) -> bool | None:
        """Compares an account at rest with AWS, and corrects what somebody changed there.

        Returns whether anything was changed; None if AWS was too busy to tell, so that it has to be asked again.
        Nothing is written if all is as it should be. What can't be corrected at once becomes pending, and reconciles
        deal with it.

        Raises:
            LostRaceError, ApiException: as `reconcile`.
        """
        account = await self._accounts.find(namespace, name)
        if account is None or account.is_deleted:
            return False
        seen = observed_failures(self._pipeline(account), account)
        if not seen and is_out_of_date(self._pipeline(account), account):
            return False
        writer = StatusWriter(self._accounts, account)
        scope = ReconcileScope(writer, self._deps, self._results)
        # Whose the AWS account is may have changed as well.
        self._deps.aws.ownership.forget(account.metadata.uid)
        return await (self._seen_otherwise(writer, scope, seen) if seen else self._compare(writer, scope))

    async def _compare(self, writer: StatusWriter, scope: ReconcileScope) -> bool | None:
        account, drifted = writer.account, False
        for step in self._pipeline(account):
            current = is_current(step, writer.account)
            if not (current and step.drifts) and not (step.drifts_while_failed and gave_up(step, writer.account)):
                continue
            with recorded_mutations() as acts:
                outcome, error = await attempt(step, scope, self._backoff(0))
            if error is ErrorKind.TRANSIENT and not _can_stall(outcome):
                return None
            if acts and (current or not isinstance(outcome, Done)):  # what failed and is done now has not drifted
                drifted = True
                DRIFTS.labels(step.name).inc()
                self._results.post(writer.account, Event("Warning", "Drift", drift.drift_message(step.name, acts)))
            if not acts and _says_so(writer.account, step, outcome):
                continue
            await self._results.apply(writer, [(step, outcome)])
            await writer.flush()
            if not isinstance(outcome, Done):
                return True
        await self._results.settle(writer)  # an earlier release may have derived less from the same status
        return drifted

    async def _seen_otherwise(self, writer: StatusWriter, scope: ReconcileScope, steps: Sequence[Step]) -> bool | None:
        """Tries these failed steps again; None if they fail as before, so that the next resync comes soon."""
        for step in steps:
            outcome, error = await attempt(step, scope, self._backoff(0))
            said = find(writer.account.status.conditions, step.condition)
            as_before = isinstance(outcome, Fail) and said is not None and said.reason == outcome.reason
            if error is not None or as_before:
                return None
            await self._results.apply(writer, [(step, outcome)])
            await writer.flush()
        return True

    def _runnable(self, account: AwsAccount) -> list[Step]:
        return runnable(self._pipeline(account), account)

    async def _walk(self, writer: StatusWriter, schedule: StepSchedule, stopping: Callable[[], bool]) -> None:
        """Runs each step as soon as it is runnable and due, until none runs.

        A step that waits is tried again only while others run. If one raises, the exception is raised here after all
        have ended, so that no step goes on unobserved.
        """
        scope = ReconcileScope(writer, self._deps, self._results)
        running: dict[asyncio.Task[Tried], Step] = {}
        waited: set[str] = set()
        try:
            while True:
                runnable = [] if stopping() else self._runnable(writer.account)
                left = [step for step in runnable if step not in running.values()]
                due = [step for step in left if schedule.is_due(step.name) and (running or step.name not in waited)]
                if due:
                    await self._begin(writer, due)
                    running |= {asyncio.create_task(self._try(step, scope, schedule)): step for step in due}
                if not running:
                    return
                pauses = (writer.deferred_for, schedule.until_due(step.name for step in left if step not in due))
                shortest = min((pause for pause in pauses if pause is not None), default=None)
                ended, _ = await asyncio.wait(running, timeout=shortest, return_when=asyncio.FIRST_COMPLETED)
                if not ended and writer.deferred_for == 0:
                    # A failed write must not cancel the running steps: it is tried again when they end.
                    await writer.try_flush()
                if ended:
                    outcomes = [(running.pop(task), *task.result()) for task in [*running] if task in ended]
                    await self._take(writer, schedule, outcomes)
                    waited |= {step.name for step, outcome, _ in outcomes if isinstance(outcome, Wait)}
        except asyncio.CancelledError:
            for task in running:
                task.cancel()
            raise
        finally:
            await asyncio.gather(*running, return_exceptions=True)

    async def _begin(self, writer: StatusWriter, steps: Sequence[Step]) -> None:
        writer.account = self._results.begun(writer.account, steps)
        known, stored = writer.account.status.conditions, writer.stored.status.conditions
        undone = any(find(known, kind) != find(stored, kind) for step in steps for kind in step.invalidates)
        # The invalidated conditions are written before AWS is changed, so that a crash leaves none wrongly true. A
        # deferred write also goes out before a step that AWS does not show again, such as a mail: if that write failed
        # after the mail was sent, the mail would be forgotten too.
        if undone or (writer.deferred_for is not None and not all(step.observable for step in steps)):
            await writer.flush()

    async def _take(
        self, writer: StatusWriter, schedule: StepSchedule, outcomes: Sequence[tuple[Step, Outcome, ErrorKind | None]]
    ) -> None:
        """Writes what changed, and notes when the steps that wait are due again."""
        results, waited_for = [], {kind for each in self._pipeline(writer.account) for kind in each.after}
        for step, outcome, error in outcomes:
            STEP_OUTCOMES.labels(step.name, type(outcome).__name__.lower()).inc()
            errors = schedule.count(step.name, error=error is not None)
            # An optional step is told of at once, so that the account is ready without it; but not where another step
            # goes ahead once it was tried: an account closed after one lost response would keep its single sign-on.
            matters = step.required or step.condition in waited_for
            transient = error is ErrorKind.TRANSIENT and matters and errors <= QUIET_TRIES
            if not transient and not is_unchanged(writer.account, step, outcome):
                results.append((step, outcome))
        if results:
            await self._results.apply(writer, results)
        elif writer.account.status.observed_generation != writer.account.metadata.generation:
            # Nothing changed, but kstatus takes an account without conditions for settled.
            writer.account = self._results.summarized(writer.account)
            await writer.flush()
        for step, outcome, _ in outcomes:
            if isinstance(outcome, Wait):
                schedule.note(step.name, at_work=outcome.is_aws_at_work)
                schedule.postpone(step.name, self._pause(writer.account, step, outcome, schedule))

    async def _try(self, step: Step, scope: ReconcileScope, schedule: StepSchedule) -> Tried:
        try:
            with concurrent_step():
                return await attempt(step, scope, self._backoff(schedule.errors(step.name)))
        finally:
            schedule.end(step.name)

    def _pause(self, account: AwsAccount, step: Step, outcome: Wait, schedule: StepSchedule) -> float:
        """Seconds until the step runs again."""
        if outcome.seconds is not None:
            return outcome.seconds
        settings, said = self._deps.settings, find(account.status.conditions, step.condition)
        # The condition was false already in the queue: an hour there says nothing about how long AWS takes.
        lasted = schedule.at_work_for(step.name)
        if lasted is None:
            lasted = (utc_now() - said.last_transition_time).total_seconds() if said is not None else 0.0
        return next_poll_delay(lasted, settings.poll_seconds, settings.poll_max_seconds)

    def _backoff(self, errors_in_a_row: int) -> float:
        return backoff(errors_in_a_row, self._deps.settings.backoff_max_seconds)
