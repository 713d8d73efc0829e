"""Walks one account through the runbook, as far as it goes now.

Level-based: a visit starts from the account as Kubernetes has it, runs the first step that is owed, writes the
outcome, and goes on until a step has to wait or nothing is owed. It keeps nothing from one visit to the next but how
often in a row it failed, which only spaces the tries.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import utc_now
from batteries_crds.client import Resources
from batteries_crds.conditions import PROVISIONED, ConditionStatus, find, is_true
from batteries_operator import announcements, drift
from batteries_operator.announcements import Announcement
from batteries_operator.aws.acts import noted_acts
from batteries_operator.aws.errors import AwsError, ErrorKind
from batteries_operator.aws.organizations import ManagementAccountError, NotPreparedError
from batteries_operator.lease import NotLeadingError
from batteries_operator.metrics import DRIFTS, PROVISIONING_SECONDS, STEP_OUTCOMES, STEP_SECONDS
from batteries_operator.outcome import Done, Fail, Outcome, Wait
from batteries_operator.recorder import LostRaceError, Recorder
from batteries_operator.status import (
    begin,
    blocking,
    conclude,
    is_current,
    is_out_of_date,
    next_owed,
    summarize,
)
from batteries_operator.step import Step, Tools

log: structlog.stdlib.BoundLogger = structlog.get_logger()

QUIET_TRIES = 3
"""Transient errors in a row before one is written to the status: a throttle is no news, a minute of them is."""

Runbook = Callable[[AwsAccount], Sequence[Step]]
"""The steps that hold for an account as it is now."""

Announce = Callable[[AwsAccount, str, str, str], None]
"""Tells people of a transition: account, event type (Normal or Warning), reason, message."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What a visit came to: come back after so many seconds (None: nothing to do); errors in a row so far."""

    seconds: float | None
    errors: int = 0
    stalled: bool = False
    """Nothing can be done, though something is owed: until somebody changes something."""
    released: AwsAccount | None = None
    """An account that is being deleted and for which nothing more is owed, as it was last seen."""


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
        self, namespace: str, name: str, errors_in_a_row: int, stopping: Callable[[], bool] = lambda: False
    ) -> Visit:
        """Brings the account as far as it goes now, or to the end of a step where the operator is `stopping`.

        Raises:
            LostRaceError: somebody else wrote the status; visit again.
            ApiException: the Kubernetes API server refused or failed.
        """
        account = await self._accounts.find(namespace, name)
        if account is None:
            return Visit(None)
        recorder = Recorder(self._accounts, account)
        scope = _Scope(recorder, self._tools, self._runbook)
        errors = errors_in_a_row
        self._tools.keep_places(account)
        while (step := next_owed(self._runbook(recorder.account), recorder.account)) is not None:
            recorder.account = begin(self._runbook(recorder.account), recorder.account, step, utc_now())
            if step.undoes:
                # Written down before it is undone in AWS: a crash between the two leaves nobody believing it stands.
                await recorder.flush()
            outcome, error = await self._outcome(step, scope, errors)
            STEP_OUTCOMES.labels(step.name, type(outcome).__name__.lower()).inc()
            errors = errors + 1 if error is not None else 0
            transient = error is ErrorKind.TRANSIENT and step.required and errors <= QUIET_TRIES
            if not transient and not _is_no_news(recorder.account, step, outcome):
                await self._conclude(recorder, step, outcome)
            elif recorder.account.status.observed_generation != recorder.account.metadata.generation:
                # No news, but an account without any condition looks settled to kstatus.
                recorder.account = _summarized(self._runbook, recorder.account)
                await recorder.flush()
            if isinstance(outcome, Wait):
                return Visit(outcome.seconds, errors)
            if stopping():
                return Visit(0, errors)
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
        return Visit(None, stalled=stalled)

    def tell_release(self, account: AwsAccount) -> None:
        """Tells people what is left of an account whose object goes."""
        self._tell(account, announcements.of_release(account))

    def _tell(self, account: AwsAccount, *news: Announcement | None) -> None:
        for each in filter(None, news):
            self._announce(account, each.type, each.reason, each.message)

    async def resync(self, namespace: str, name: str) -> bool:
        """Compares an account at rest with AWS, and mends what somebody changed there; says whether anything was.

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
                outcome, error = await self._outcome(step, scope, 0)
            if error is ErrorKind.TRANSIENT:
                return drifted  # the next round sees to it
            if acts:
                drifted = True
                DRIFTS.labels(step.name).inc()
                self._announce(recorder.account, "Warning", "Drift", drift.story(step.name, acts))
            if isinstance(outcome, Done) and not acts:
                continue
            await self._conclude(recorder, step, outcome)
            if not isinstance(outcome, Done):
                return True
        return drifted

    async def _outcome(self, step: Step, scope: _Scope, errors_in_a_row: int) -> tuple[Outcome, ErrorKind | None]:
        """The step's outcome; a known error becomes one here, once for all steps."""
        try:
            return await step.run(scope), None
        except AwsError as error:
            backoff = self._backoff(errors_in_a_row)
            log.warning(
                "aws call failed", step=step.name, error=str(error), kind=error.kind, again_in=round(backoff, 1)
            )
            return _from_error(error, backoff), error.kind
        except NotPreparedError as error:
            seconds = self._backoff(errors_in_a_row)
            return Wait(seconds, "OrganizationNotPrepared", str(error), problem=True, counts=True), ErrorKind.UNKNOWN
        except ManagementAccountError as error:
            return Fail("ManagementAccountRefused", str(error)), None
        except (LostRaceError, NotLeadingError):
            raise
        except Exception as error:
            # A bug, or Kubernetes refusing us: visible on the account, and tried again, because it may be mended.
            log.exception("step raised", step=step.name)
            message = f"The operator met an error of its own ({type(error).__name__}: {error}); trying again."
            seconds = self._backoff(errors_in_a_row)
            return Wait(seconds, "UnexpectedError", message, problem=True, counts=True), ErrorKind.UNKNOWN

    async def _conclude(self, recorder: Recorder, step: Step, outcome: Outcome) -> None:
        """Writes the outcome, and the beginning of the step after it in the same write."""
        now = utc_now()
        account = conclude(self._runbook(recorder.account), recorder.account, step, outcome, now)
        following = next_owed(self._runbook(account), account)
        if isinstance(outcome, Done) and following is not None:
            account = begin(self._runbook(account), account, following, now)
        before = recorder.account.status
        was_provisioned = is_true(before.conditions, PROVISIONED)
        recorder.account = _summarized(self._runbook, account)
        await recorder.flush()
        after = recorder.account
        if not was_provisioned and is_true(after.status.conditions, PROVISIONED):
            PROVISIONING_SECONDS.observe((now - account.since).total_seconds())
        if isinstance(outcome, Done):
            _measure_step(after, step, now)
        if isinstance(outcome, Fail):
            # What has failed for good has nothing under way in AWS; others may have its places.
            self._tools.let_go(account.metadata.uid)
        self._tell(after, announcements.of_outcome(before, after, step, outcome), announcements.of_phase(before, after))

    def _backoff(self, errors_in_a_row: int) -> float:
        """Seconds until the next try: doubling from one, with jitter, so that many accounts don't come at once."""
        longest = self._tools.settings.backoff_max_seconds
        return float(min(longest, 2.0 ** min(errors_in_a_row, 16)) * random.uniform(0.5, 1.0))  # noqa: S311  # not a secret


def _measure_step(account: AwsAccount, step: Step, now: datetime) -> None:
    began = [each.timestamp for each in account.status.history if each.step == step.name and each.status == "started"]
    if began:
        STEP_SECONDS.labels(step.name).observe((now - began[-1]).total_seconds())


def _summarized(runbook: Runbook, account: AwsAccount) -> AwsAccount:
    return summarize(runbook(account), account, utc_now())


def _is_no_news(account: AwsAccount, step: Step, outcome: Outcome) -> bool:
    """Whether the outcome need not be written: it is quiet, or says again what was said."""
    if not isinstance(outcome, Wait):
        return False
    said = find(account.status.conditions, step.condition)
    again = said is not None and said.status == ConditionStatus.FALSE and said.reason == outcome.reason
    return outcome.quiet or (outcome.steady and again)


def _from_error(error: AwsError, backoff: float) -> Outcome:
    """What an AWS error means for the account."""
    match error.kind:
        case ErrorKind.TRANSIENT:
            return Wait(backoff, "AwsUnavailable", f"AWS did not take {error.operation} ({error.code}); trying again.")
        case ErrorKind.CAPACITY:
            message = f"A limit of AWS holds {error.operation} back: {error.message} It goes on when there is room."
            return Wait(max(backoff, 30.0), "LimitReached", message, problem=True)
        case ErrorKind.TERMINAL:
            message = f"AWS refuses {error.operation}: {error.message or error.code}. Mend the spec or the settings."
            return Fail("RefusedByAws", message)
        case ErrorKind.UNKNOWN:
            message = f"{error.operation} failed ({error.code}: {error.message}); trying again."
            if error.code.startswith("AccessDenied"):
                message = f"The operator may not call {error.operation}. Grant it that permission: {error.message}"
            return Wait(backoff, "UnexpectedAwsError", message, problem=True, counts=True)
