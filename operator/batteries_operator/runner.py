"""Walks one account through the runbook, as far as it goes now.

Level-based: a visit starts from the account as Kubernetes showed it last, and goes in rounds. A round runs every step
that is owed and lacks nothing, side by side, and writes what came of them in one patch; the next has what that made
possible. The visit ends where each step that is left waits. What it keeps for the next one is in `Pace`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import utc_now
from batteries_crds.client import Resources
from batteries_crds.conditions import PROVISIONED, ConditionStatus, find, is_true
from batteries_crds.names import EventStatus
from batteries_operator import announcements, drift
from batteries_operator.announcements import Announcement
from batteries_operator.attempt import attempt, side_by_side
from batteries_operator.aws.acts import noted_acts
from batteries_operator.aws.errors import ErrorKind
from batteries_operator.metrics import DRIFTS, PROVISIONING_SECONDS, STEP_OUTCOMES, STEP_SECONDS
from batteries_operator.outcome import Done, Fail, Outcome, Wait
from batteries_operator.owed import blocking, is_current, is_out_of_date, ready
from batteries_operator.pace import Pace, backoff, until_next_look
from batteries_operator.recorder import Recorder
from batteries_operator.status import begin, conclude, summarize
from batteries_operator.step import Step, Tools

QUIET_TRIES = 3
"""Transient errors in a row before one is written to the status: a throttle is no news, a minute of them is."""

Runbook = Callable[[AwsAccount], Sequence[Step]]
"""The steps that hold for an account as it is now."""

Announce = Callable[[AwsAccount, str, str, str], None]
"""Tells people of a transition: account, event type (Normal or Warning), reason, message."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What a visit came to: come back after so many seconds (None: nothing to do)."""

    seconds: float | None
    stalled: bool = False
    """Nothing can be done, though something is owed: until somebody changes something."""
    released: AwsAccount | None = None
    """An account that is being deleted and for which nothing more is owed, as it was last seen."""
    left: AwsAccount | None = None
    """The account as the visit left it in Kubernetes."""


class _Scope:
    """What a step sees of the visit."""

    def __init__(self, recorder: Recorder, tools: Tools, runbook: Runbook) -> None:
        self._recorder = recorder
        self._runbook = runbook
        self.tools = tools

    @property
    def account(self) -> AwsAccount:
        return self._recorder.account

    async def record(self, **facts: Any) -> None:
        account = self.account
        # What was wanted when the visit began and is deleted meanwhile must not be asked of AWS any more.
        unless_deleted = not account.is_deleted
        status = account.status.model_copy(update=facts)
        self._recorder.account = _summarized(self._runbook, account.model_copy(update={"status": status}))
        await self._recorder.flush(unless_deleted=unless_deleted)


class Runner:
    """Visits accounts with one set of tools and one runbook."""

    def __init__(self, accounts: Resources[AwsAccount], tools: Tools, runbook: Runbook, announce: Announce) -> None:
        self._accounts = accounts
        self._tools = tools
        self._runbook = runbook
        self._announce = announce

    async def visit(
        self,
        namespace: str,
        name: str,
        pace: Pace | None = None,
        stopping: Callable[[], bool] = lambda: False,
        seen: AwsAccount | None = None,
    ) -> Visit:
        """Brings the account as far as it goes now, or to the end of a round where the operator is `stopping`.

        `pace` is that of the visits before, and is kept. The account is read first, unless it was `seen`.

        Raises:
            LostRaceError: somebody else wrote the status; visit again.
            ApiException: the Kubernetes API server refused or failed.
        """
        pace = pace or Pace()
        account = seen or await self._accounts.find(namespace, name)
        if account is None:
            return Visit(None)
        recorder = Recorder(self._accounts, account)
        scope = _Scope(recorder, self._tools, self._runbook)
        self._tools.keep_places(account)
        waiting: set[str] = set()
        while steps := [
            step for step in self._ready(recorder.account) if pace.is_due(step.name) and step.name not in waiting
        ]:
            waiting |= await self._round(recorder, scope, steps, pace)
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
        before = recorder.account.status
        recorder.account = _summarized(self._runbook, recorder.account)
        await recorder.flush()
        self._tell(recorder.account, announcements.of_phase(before, recorder.account))
        return Visit(None, stalled=stalled, left=recorder.stored)

    def tell_release(self, account: AwsAccount) -> None:
        """Tells people what is left of an account whose object goes."""
        self._tell(account, announcements.of_release(account))

    def _tell(self, account: AwsAccount, *news: Announcement | None) -> None:
        for each in dict.fromkeys(filter(None, news)):  # that an account is Stalled is told once, whoever says it
            self._announce(account, each.type, each.reason, each.message)

    async def resync(self, namespace: str, name: str) -> bool | None:
        """Compares an account at rest with AWS, and mends what somebody changed there.

        Says whether anything was; None where AWS was too busy to tell, so that it is to be asked again.

        Nothing is written where all is as it should be. What can't be mended at once becomes owed, and is seen to
        by visits.

        Raises:
            LostRaceError, ApiException: as `visit`.
        """
        account = await self._accounts.find(namespace, name)
        if account is None or account.is_deleted or is_out_of_date(self._runbook(account), account):
            return False
        recorder = Recorder(self._accounts, account)
        scope = _Scope(recorder, self._tools, self._runbook)
        drifted = False
        for step in self._runbook(account):
            if not step.drifts or not is_current(step, recorder.account):
                continue
            with noted_acts() as acts:
                outcome, error = await attempt(step, scope, self._backoff(0))
            if error is ErrorKind.TRANSIENT:
                return None
            if acts:
                drifted = True
                DRIFTS.labels(step.name).inc()
                self._announce(recorder.account, "Warning", "Drift", drift.story(step.name, acts))
            if isinstance(outcome, Done) and not acts:
                continue
            await self._conclude(recorder, [(step, outcome)])
            if not isinstance(outcome, Done):
                return True
        return drifted

    def _ready(self, account: AwsAccount) -> list[Step]:
        return ready(self._runbook(account), account)

    async def _round(self, recorder: Recorder, scope: _Scope, steps: Sequence[Step], pace: Pace) -> set[str]:
        """Runs `steps` side by side and writes what came of them; the names of those that wait now."""
        recorder.account = self._begun(recorder.account, steps)
        if any(step.undoes for step in steps):
            # Written down before it is undone in AWS: a crash between the two leaves nobody believing it stands.
            await recorder.flush()
        tries = [self._try(step, scope, pace) for step in steps]
        outcomes = [(step, *outcome) for step, outcome in zip(steps, await side_by_side(tries), strict=True)]
        news = []
        for step, outcome, error in outcomes:
            STEP_OUTCOMES.labels(step.name, type(outcome).__name__.lower()).inc()
            errors = pace.count(step.name, error=error is not None)
            transient = error is ErrorKind.TRANSIENT and step.required and errors <= QUIET_TRIES
            if not transient and not _is_no_news(recorder.account, step, outcome):
                news.append((step, outcome))
        if news:
            await self._conclude(recorder, news)
        elif recorder.account.status.observed_generation != recorder.account.metadata.generation:
            # No news, but an account without any condition looks settled to kstatus.
            recorder.account = _summarized(self._runbook, recorder.account)
            await recorder.flush()
        waits = [(step, outcome) for step, outcome, _ in outcomes if isinstance(outcome, Wait)]
        for step, outcome in waits:
            pace.put_off(step.name, self._pause(recorder.account, step, outcome))
        return {step.name for step, _ in waits}

    async def _try(self, step: Step, scope: _Scope, pace: Pace) -> tuple[Outcome, ErrorKind | None]:
        try:
            return await attempt(step, scope, self._backoff(pace.errors(step.name)))
        finally:
            pace.end(step.name)

    def _begun(self, account: AwsAccount, steps: Sequence[Step]) -> AwsAccount:
        now = utc_now()
        for step in steps:
            account = begin(self._runbook(account), account, step, now)
        return account

    async def _conclude(self, recorder: Recorder, news: Sequence[tuple[Step, Outcome]]) -> None:
        """Writes the outcomes, and the beginning of the steps after them in the same write."""
        before, account, now = recorder.account.status, recorder.account, utc_now()
        began = {step.name: _began(account, step) for step, _ in news}
        for step, outcome in news:
            account = conclude(self._runbook(account), account, step, outcome, now)
        recorder.account = _summarized(self._runbook, self._begun(account, self._ready(account)))
        await recorder.flush()
        after = recorder.account
        if not is_true(before.conditions, PROVISIONED) and is_true(after.status.conditions, PROVISIONED):
            PROVISIONING_SECONDS.observe((now - after.since).total_seconds())
        for step, outcome in news:
            if isinstance(outcome, Done) and (since := began[step.name]) is not None:
                STEP_SECONDS.labels(step.name).observe((now - since).total_seconds())
            if isinstance(outcome, Fail):
                # What has failed for good has nothing under way in AWS; others may have its places.
                self._tools.let_go(after.metadata.uid)
                self._tools.keep_places(after)
        told = [announcements.of_outcome(before, after, step, outcome) for step, outcome in news]
        self._tell(after, *told, announcements.of_phase(before, after))

    def _pause(self, account: AwsAccount, step: Step, outcome: Wait) -> float:
        """Seconds until the step is tried again."""
        if outcome.seconds is not None:
            return outcome.seconds
        settings, said = self._tools.settings, find(account.status.conditions, step.condition)
        lasted = (utc_now() - said.last_transition_time).total_seconds() if said is not None else 0.0
        return until_next_look(lasted, settings.poll_seconds, settings.poll_max_seconds)

    def _backoff(self, errors_in_a_row: int) -> float:
        return backoff(errors_in_a_row, self._tools.settings.backoff_max_seconds)


def _began(account: AwsAccount, step: Step) -> datetime | None:
    """When the step began that is under way; None where a resync runs it again, which begins nothing."""
    last = next((each for each in reversed(account.status.history) if each.step == step.name), None)
    return last.timestamp if last is not None and last.status == EventStatus.STARTED else None


def _summarized(runbook: Runbook, account: AwsAccount) -> AwsAccount:
    return summarize(runbook(account), account, utc_now())


def _is_no_news(account: AwsAccount, step: Step, outcome: Outcome) -> bool:
    """Whether the outcome need not be written: it is quiet, or says again what was said."""
    if not isinstance(outcome, Wait):
        return False
    said = find(account.status.conditions, step.condition)
    again = said is not None and said.status == ConditionStatus.FALSE and said.reason == outcome.reason
    return outcome.quiet or (outcome.steady and again)
