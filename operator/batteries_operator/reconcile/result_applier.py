"""Applies step results: status, then metrics and Events."""

from collections.abc import Callable, Sequence
from datetime import datetime

from prometheus_client import Histogram

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import utc_now
from batteries_crds.conditions import PROVISIONED, ConditionStatus, find, is_true
from batteries_crds.names import EventStatus
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.runtime.metrics import PROVISIONING_SECONDS, STEP_SECONDS
from batteries_operator.status import events
from batteries_operator.status.events import Event
from batteries_operator.status.pending import runnable
from batteries_operator.status.status_writer import StatusWriter
from batteries_operator.status.transitions import apply_outcome, begin, summarize
from batteries_operator.steps.dependencies import Dependencies
from batteries_operator.steps.outcome import Done, Fail, Outcome, Wait, Waive
from batteries_operator.steps.step import Step

Pipeline = Callable[[AwsAccount], Sequence[Step]]
"""The steps that apply to an account as it is now."""

PostEvent = Callable[[AwsAccount, str, str, str], None]
"""Posts an Event of a transition: account, type (Normal or Warning), reason, message."""


class ResultApplier:
    """Applies outcomes of steps, for all accounts."""

    def __init__(self, deps: Dependencies, pipeline: Pipeline, post_event: PostEvent) -> None:
        self._deps = deps
        self._pipeline = pipeline
        self._post_event = post_event

    def summarized(self, account: AwsAccount) -> AwsAccount:
        """The account with its summaries, phase and step derived anew."""
        return summarize(self._pipeline(account), account, utc_now())

    def begun(self, account: AwsAccount, steps: Sequence[Step]) -> AwsAccount:
        """The account with these steps marked as begun."""
        now = utc_now()
        for step in steps:
            account = begin(self._pipeline(account), account, step, now)
        return account

    async def apply(self, writer: StatusWriter, outcomes: Sequence[tuple[Step, Outcome]]) -> None:
        """Writes the outcomes, and in the same write the beginning of the steps that can run now.

        Raises:
            LostRaceError, ApiException: as `StatusWriter.flush`.
        """
        before, account, now = writer.account.status, writer.account, utc_now()
        began = {step.name: _began(account, step) for step, _ in outcomes}
        for step, outcome in outcomes:
            account = apply_outcome(self._pipeline(account), account, step, outcome, now)
        after = self.summarized(self.begun(account, runnable(self._pipeline(account), account)))
        writer.account = after

        def written() -> None:
            if not is_true(before.conditions, PROVISIONED) and is_true(after.status.conditions, PROVISIONED):
                _measure(PROVISIONING_SECONDS, after, after.since, now)
            for step, outcome in outcomes:
                if isinstance(outcome, Done) and (since := began[step.name]) is not None:
                    _measure(STEP_SECONDS.labels(step.name), after, since, now)
                if isinstance(outcome, Fail):
                    self._deps.failed(step.limit, after)
            told = [events.of_outcome(before, after, step, outcome) for step, outcome in outcomes]
            self.post(after, *told, events.of_phase(before, after))

        writer.on_written(written)
        if all(_may_wait(step, outcome) for step, outcome in outcomes):
            writer.defer()
        else:
            await writer.flush()

    async def settle(self, writer: StatusWriter) -> None:
        """Writes the summaries of an account for which nothing is pending, or nothing can be done.

        Raises:
            LostRaceError, ApiException: as `StatusWriter.flush`.
        """
        before = writer.account.status
        writer.account = self.summarized(writer.account)
        await writer.flush()
        self.post(writer.account, events.of_phase(before, writer.account))

    def post(self, account: AwsAccount, *news: Event | None) -> None:
        """Posts the Events, equal ones once: several steps may say that the account is Stalled."""
        for each in dict.fromkeys(filter(None, news)):
            self._post_event(account, each.type, each.reason, each.message)


def is_unchanged(account: AwsAccount, step: Step, outcome: Outcome) -> bool:
    """Whether nothing has to be written: the outcome never is, or only its message changed in a queue."""
    if not isinstance(outcome, Wait):
        return False
    said = find(account.status.conditions, step.condition)
    again = said is not None and said.status == ConditionStatus.FALSE and said.reason == outcome.reason
    return not outcome.is_written or (outcome.is_written_once and again)


def _measure(histogram: Histogram, account: AwsAccount, since: datetime, now: datetime) -> None:
    """Observes how long somebody waited. Nobody waits for a pool's member, which may stand in the queue for days."""
    if not isinstance(account, PooledAccount):
        # A step that began in this second may have a start some microseconds after `now`.
        histogram.observe(max(0.0, (now - since).total_seconds()))


def _may_wait(step: Step, outcome: Outcome) -> bool:
    """Whether a crash may lose the outcome, because AWS shows it again or the step repeats it."""
    match outcome:
        case Done():
            return step.observable
        case Wait():
            return not outcome.is_problem and not outcome.facts
        case Fail() | Waive():
            return False


def _began(account: AwsAccount, step: Step) -> datetime | None:
    """When the step began; None if a resync runs it, which notes no beginning."""
    last = next((each for each in reversed(account.status.history) if each.step == step.name), None)
    return last.timestamp if last is not None and last.status == EventStatus.STARTED else None
