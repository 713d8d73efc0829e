"""Walks one account through the runbook, as far as it goes now.

Level-based: a visit starts from the account as Kubernetes showed it last. Each step that is owed runs as soon as it
lacks nothing, beside those that run already, and what came of it is written before the visit ends. It ends where each
step that is left waits. What it keeps for the next one is in `Pace`.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import utc_now
from batteries_crds.client import Resources
from batteries_crds.conditions import find
from batteries_crds.names import FINALIZER
from batteries_operator.aws.errors import ErrorKind
from batteries_operator.aws.mutations import noted_acts
from batteries_operator.aws.ownership import OwnedAccount
from batteries_operator.limits.polling import until_next_look
from batteries_operator.reconcile.attempt import attempt
from batteries_operator.reconcile.result_applier import Announce, News, Runbook, is_no_news
from batteries_operator.reconcile.step_schedule import Pace, backoff
from batteries_operator.runtime.metrics import DRIFTS, STEP_OUTCOMES
from batteries_operator.runtime.watchdog import beside
from batteries_operator.status import drift, events
from batteries_operator.status.events import Announcement
from batteries_operator.status.pending import blocking, is_current, is_out_of_date, only_seen, ready
from batteries_operator.status.status_writer import Recorder
from batteries_operator.steps.dependencies import Tools
from batteries_operator.steps.outcome import Done, Fail, Outcome, Wait
from batteries_operator.steps.step import Step

UNKEPT_SECONDS = 1.0
"""Until an account without our finalizer is read again, where no watch shows it with that before."""

QUIET_TRIES = 4
"""Transient errors in a row before one is written to the status: a throttle is no news, many of them are."""

Tried = tuple[Outcome, ErrorKind | None]
"""A step's outcome, and the kind of the error that it is made of."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What a visit came to: come back after so many seconds (None: nothing to do)."""

    seconds: float | None
    stalled: bool = False
    """Nothing can be done, though something is owed: until somebody changes something."""
    released: AwsAccount | None = None
    """An account that is being deleted and for which nothing more is owed, as it was last seen."""
    left: AwsAccount | None = None
    """The account as the visit left it in Kubernetes; None where it is to be read before the next one."""


class _Scope:
    """What a step sees of the visit."""

    def __init__(self, recorder: Recorder, tools: Tools, news: News) -> None:
        self._recorder = recorder
        self._news = news
        self.tools = tools

    @property
    def account(self) -> AwsAccount:
        return self._recorder.account

    async def owned_account(self) -> OwnedAccount:
        aws_account_id = self.account.status.aws_account_id
        assert aws_account_id is not None  # check_status is done
        return await self.tools.aws.ownership.prove(self.account, aws_account_id)

    async def record(self, **facts: Any) -> None:
        account = self.account
        # What was wanted when the visit began and is deleted meanwhile must not be asked of AWS any more.
        unless_deleted = not account.is_deleted
        status = account.status.model_copy(update=facts)
        self._recorder.account = self._news.summarized(account.model_copy(update={"status": status}))
        await self._recorder.flush(unless_deleted=unless_deleted)


def _says_so(account: AwsAccount, outcome: Done) -> bool:
    """Whether the status has all that the outcome tells: a user may have got another name."""
    return all(getattr(account.status, name) == value for name, value in outcome.facts.items())


def _counts(outcome: Outcome) -> bool:
    """Whether it is trouble that wears out patience: a visit sees to that."""
    return isinstance(outcome, Wait) and outcome.counts


class Runner:
    """Visits accounts with one set of tools and one runbook."""

    def __init__(self, accounts: Resources[AwsAccount], tools: Tools, runbook: Runbook, announce: Announce) -> None:
        self._accounts = accounts
        self._tools = tools
        self._runbook = runbook
        self._news = News(tools, runbook, announce)

    async def visit(
        self,
        namespace: str,
        name: str,
        pace: Pace | None = None,
        stopping: Callable[[], bool] = lambda: False,
        seen: AwsAccount | None = None,
    ) -> Visit:
        """Brings the account as far as it goes now.

        Once it is `stopping`, because the operator ends or there is news of the account, nothing more is begun.

        `pace` is that of the visits before, and is kept. The account is read first, unless it was `seen`.

        Nothing is begun before our finalizer is on it: deleted then, it would be gone while AWS makes what it asks for.
        kopf puts that on while it begins to drive a new account; a write of ours before would only meet that one.

        Raises:
            LostRaceError: somebody else wrote the status; visit again.
            ApiException: the Kubernetes API server refused or failed.
        """
        pace = pace or Pace()
        account = seen or await self._accounts.find(namespace, name)
        if account is None:
            return Visit(None)
        if FINALIZER not in account.metadata.finalizers:
            return Visit(None if account.is_deleted else UNKEPT_SECONDS)
        recorder = Recorder(self._accounts, account)
        self._tools.keep_places(account)
        await self._walk(recorder, pace, stopping)
        await recorder.flush()
        if stopping():
            return Visit(0, left=recorder.stored)
        seconds = pace.until_due(step.name for step in self._ready(recorder.account))
        if seconds is not None:
            return Visit(seconds, left=recorder.stored)
        return await self._nothing_to_do(recorder)

    async def _nothing_to_do(self, recorder: Recorder) -> Visit:
        """The end of a visit after which nothing is owed, or nothing can be done."""
        stalled = blocking(self._runbook(recorder.account), recorder.account) is not None
        if not stalled and recorder.account.is_deleted:  # the status of an object that is about to go is of no use
            return Visit(None, released=recorder.account)
        await self._news.settle(recorder)
        return Visit(None, stalled=stalled, left=recorder.stored)

    def tell_release(self, account: AwsAccount) -> None:
        """Tells people what is left of an account whose object goes."""
        self._news.tell(account, events.of_release(account))

    async def resync(self, namespace: str, name: str) -> bool | None:
        """Compares an account at rest with AWS, and mends what somebody changed there.

        Says whether anything was; None where AWS was too busy to tell, so that it is to be asked again.

        Nothing is written where all is as it should be. What can't be mended at once becomes owed, and is seen to
        by visits.

        Raises:
            LostRaceError, ApiException: as `visit`.
        """
        account = await self._accounts.find(namespace, name)
        if account is None or account.is_deleted:
            return False
        seen = only_seen(self._runbook(account), account)
        if not seen and is_out_of_date(self._runbook(account), account):
            return False
        recorder = Recorder(self._accounts, account)
        scope = _Scope(recorder, self._tools, self._news)
        # Whose the AWS account is may have changed as well.
        self._tools.aws.ownership.forget(account.metadata.uid)
        return await (self._seen_otherwise(recorder, scope, seen) if seen else self._compare(recorder, scope))

    async def _compare(self, recorder: Recorder, scope: _Scope) -> bool | None:
        account, drifted = recorder.account, False
        for step in self._runbook(account):
            if not step.drifts or not is_current(step, recorder.account):
                continue
            with noted_acts() as acts:
                outcome, error = await attempt(step, scope, self._backoff(0))
            if error is ErrorKind.TRANSIENT and not _counts(outcome):
                return None
            if acts:
                drifted = True
                DRIFTS.labels(step.name).inc()
                self._news.tell(recorder.account, Announcement("Warning", "Drift", drift.story(step.name, acts)))
            if isinstance(outcome, Done) and not acts and _says_so(recorder.account, outcome):
                continue
            await self._news.conclude(recorder, [(step, outcome)])
            await recorder.flush()
            if not isinstance(outcome, Done):
                return True
        return drifted

    async def _seen_otherwise(self, recorder: Recorder, scope: _Scope, steps: Sequence[Step]) -> bool | None:
        """Looks again at what kept these steps from being done; None where it is as it was, so that one looks soon."""
        for step in steps:
            outcome, error = await attempt(step, scope, self._backoff(0))
            said = find(recorder.account.status.conditions, step.condition)
            as_before = isinstance(outcome, Fail) and said is not None and said.reason == outcome.reason
            if error is not None or as_before:
                return None
            await self._news.conclude(recorder, [(step, outcome)])
            await recorder.flush()
        return True

    def _ready(self, account: AwsAccount) -> list[Step]:
        return ready(self._runbook(account), account)

    async def _walk(self, recorder: Recorder, pace: Pace, stopping: Callable[[], bool]) -> None:
        """Runs each step as soon as it lacks nothing and is due, until none runs.

        One that waits is tried again only while others run. Where one raises, that is raised when all have ended, so
        that nothing goes on unseen.
        """
        scope = _Scope(recorder, self._tools, self._news)
        running: dict[asyncio.Task[Tried], Step] = {}
        waited: set[str] = set()
        try:
            while True:
                ready_now = [] if stopping() else self._ready(recorder.account)
                left = [step for step in ready_now if step not in running.values()]
                due = [step for step in left if pace.is_due(step.name) and (running or step.name not in waited)]
                if due:
                    await self._begin(recorder, due)
                    running |= {asyncio.create_task(self._try(step, scope, pace)): step for step in due}
                if not running:
                    return
                pauses = (recorder.unwritten_for, pace.until_due(step.name for step in left if step not in due))
                shortest = min((pause for pause in pauses if pause is not None), default=None)
                ended, _ = await asyncio.wait(running, timeout=shortest, return_when=asyncio.FIRST_COMPLETED)
                if not ended and recorder.unwritten_for == 0:
                    # A write that fails here must not take what runs with it: it may be written yet when that ends.
                    await recorder.flush_in_passing()
                if ended:
                    outcomes = [(running.pop(task), *task.result()) for task in [*running] if task in ended]
                    await self._take(recorder, pace, outcomes)
                    waited |= {step.name for step, outcome, _ in outcomes if isinstance(outcome, Wait)}
        except asyncio.CancelledError:
            for task in running:
                task.cancel()
            raise
        finally:
            await asyncio.gather(*running, return_exceptions=True)

    async def _begin(self, recorder: Recorder, steps: Sequence[Step]) -> None:
        recorder.account = self._news.begun(recorder.account, steps)
        known, stored = recorder.account.status.conditions, recorder.stored.status.conditions
        undone = any(find(known, kind) != find(stored, kind) for step in steps for kind in step.undoes)
        # Written down before it is undone in AWS: a crash between the two leaves nobody believing it stands. And before
        # what AWS does not show again: a mail sent while that write failed would be forgotten with it.
        if undone or (recorder.unwritten_for is not None and not all(step.observable for step in steps)):
            await recorder.flush()

    async def _take(
        self, recorder: Recorder, pace: Pace, outcomes: Sequence[tuple[Step, Outcome, ErrorKind | None]]
    ) -> None:
        """Has written what is news of it, and notes when those that wait are due again."""
        news = []
        for step, outcome, error in outcomes:
            STEP_OUTCOMES.labels(step.name, type(outcome).__name__.lower()).inc()
            errors = pace.count(step.name, error=error is not None)
            transient = error is ErrorKind.TRANSIENT and step.required and errors <= QUIET_TRIES
            if not transient and not is_no_news(recorder.account, step, outcome):
                news.append((step, outcome))
        if news:
            await self._news.conclude(recorder, news)
        elif recorder.account.status.observed_generation != recorder.account.metadata.generation:
            # No news, but an account without any condition looks settled to kstatus.
            recorder.account = self._news.summarized(recorder.account)
            await recorder.flush()
        for step, outcome, _ in outcomes:
            if isinstance(outcome, Wait):
                pace.note(step.name, at_work=not (outcome.steady or outcome.problem))
                pace.put_off(step.name, self._pause(recorder.account, step, outcome, pace))

    async def _try(self, step: Step, scope: _Scope, pace: Pace) -> Tried:
        try:
            with beside():
                return await attempt(step, scope, self._backoff(pace.errors(step.name)))
        finally:
            pace.end(step.name)

    def _pause(self, account: AwsAccount, step: Step, outcome: Wait, pace: Pace) -> float:
        """Seconds until the step is tried again."""
        if outcome.seconds is not None:
            return outcome.seconds
        settings, said = self._tools.settings, find(account.status.conditions, step.condition)
        # The condition was false in line already: an hour there says nothing of how long AWS takes.
        lasted = pace.at_work_for(step.name)
        if lasted is None:
            lasted = (utc_now() - said.last_transition_time).total_seconds() if said is not None else 0.0
        return until_next_look(lasted, settings.poll_seconds, settings.poll_max_seconds)

    def _backoff(self, errors_in_a_row: int) -> float:
        return backoff(errors_in_a_row, self._tools.settings.backoff_max_seconds)
