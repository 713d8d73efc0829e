"""What came of an account's steps: derived from it, written, and then counted and told to people."""

from collections.abc import Callable, Sequence
from datetime import datetime

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import utc_now
from batteries_crds.conditions import PROVISIONED, ConditionStatus, find, is_true
from batteries_crds.names import EventStatus
from batteries_operator.runtime.metrics import PROVISIONING_SECONDS, STEP_SECONDS
from batteries_operator.status import events
from batteries_operator.status.events import Announcement
from batteries_operator.status.pending import ready
from batteries_operator.status.status_writer import Recorder
from batteries_operator.status.transitions import begin, conclude, summarize
from batteries_operator.steps.dependencies import Tools
from batteries_operator.steps.outcome import Done, Fail, Outcome, Wait, Waive
from batteries_operator.steps.step import Step

Runbook = Callable[[AwsAccount], Sequence[Step]]
"""The steps that hold for an account as it is now."""

Announce = Callable[[AwsAccount, str, str, str], None]
"""Tells people of a transition: account, event type (Normal or Warning), reason, message."""


class News:
    """Of all accounts, by one runbook."""

    def __init__(self, tools: Tools, runbook: Runbook, announce: Announce) -> None:
        self._tools = tools
        self._runbook = runbook
        self._announce = announce

    def summarized(self, account: AwsAccount) -> AwsAccount:
        """The account with everything derived brought in line."""
        return summarize(self._runbook(account), account, utc_now())

    def begun(self, account: AwsAccount, steps: Sequence[Step]) -> AwsAccount:
        """The account with these steps begun."""
        now = utc_now()
        for step in steps:
            account = begin(self._runbook(account), account, step, now)
        return account

    async def conclude(self, recorder: Recorder, outcomes: Sequence[tuple[Step, Outcome]]) -> None:
        """Has the outcomes written, and the beginning of the steps after them in the same write.

        Raises:
            LostRaceError, ApiException: as `Recorder.flush`.
        """
        before, account, now = recorder.account.status, recorder.account, utc_now()
        began = {step.name: _began(account, step) for step, _ in outcomes}
        for step, outcome in outcomes:
            account = conclude(self._runbook(account), account, step, outcome, now)
        after = self.summarized(self.begun(account, ready(self._runbook(account), account)))
        recorder.account = after

        def written() -> None:
            if not is_true(before.conditions, PROVISIONED) and is_true(after.status.conditions, PROVISIONED):
                PROVISIONING_SECONDS.observe((now - after.since).total_seconds())
            for step, outcome in outcomes:
                if isinstance(outcome, Done) and (since := began[step.name]) is not None:
                    # Of what began in this very second the moment is some microseconds later than the second.
                    STEP_SECONDS.labels(step.name).observe(max(0.0, (now - since).total_seconds()))
                if isinstance(outcome, Fail):
                    self._tools.failed(step.limit, after)
            told = [events.of_outcome(before, after, step, outcome) for step, outcome in outcomes]
            self.tell(after, *told, events.of_phase(before, after))

        recorder.when_written(written)
        if all(_may_wait(step, outcome) for step, outcome in outcomes):
            recorder.put_off()
        else:
            await recorder.flush()

    async def settle(self, recorder: Recorder) -> None:
        """Writes what an account is at which nothing is owed, or nothing can be done.

        Raises:
            LostRaceError, ApiException: as `Recorder.flush`.
        """
        before = recorder.account.status
        recorder.account = self.summarized(recorder.account)
        await recorder.flush()
        self.tell(recorder.account, events.of_phase(before, recorder.account))

    def tell(self, account: AwsAccount, *news: Announcement | None) -> None:
        """Tells people, each thing once: that an account is Stalled is the same news whoever brings it."""
        for each in dict.fromkeys(filter(None, news)):
            self._announce(account, each.type, each.reason, each.message)


def is_no_news(account: AwsAccount, step: Step, outcome: Outcome) -> bool:
    """Whether the outcome need not be written: it is quiet, or says again what was said."""
    if not isinstance(outcome, Wait):
        return False
    said = find(account.status.conditions, step.condition)
    again = said is not None and said.status == ConditionStatus.FALSE and said.reason == outcome.reason
    return outcome.quiet or (outcome.steady and again)


def _may_wait(step: Step, outcome: Outcome) -> bool:
    """Whether a crash may lose it: AWS shows it again, or the step says it again."""
    match outcome:
        case Done():
            return step.observable
        case Wait(problem=problem, facts=facts):
            return not problem and not facts
        case Fail() | Waive():
            return False


def _began(account: AwsAccount, step: Step) -> datetime | None:
    """When the step began that is under way; None where a resync runs it again, which begins nothing."""
    last = next((each for each in reversed(account.status.history) if each.step == step.name), None)
    return last.timestamp if last is not None and last.status == EventStatus.STARTED else None
