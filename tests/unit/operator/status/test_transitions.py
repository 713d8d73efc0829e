"""What the status says after each thing that can happen: pure, with a clock of our own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import CreateRequest
from batteries_crds.conditions import (
    PROVISIONED,
    READY,
    RECONCILING,
    STALLED,
    Condition,
    ConditionStatus,
    find,
)
from batteries_crds.names import ClosingStep, ConditionType
from batteries_crds.names import ProvisioningStep as Name
from batteries_crds.step_records import HISTORY_LIMIT
from batteries_operator.status.pending import is_current, is_out_of_date, runnable
from batteries_operator.status.transitions import apply_outcome, begin, summarize
from batteries_operator.steps.outcome import Done, Fail, Outcome, Wait
from batteries_operator.steps.step import Scope, Step

START = datetime(2026, 11, 24, tzinfo=UTC)


async def never(_: Scope) -> Outcome:
    raise AssertionError("these tests run no step")


MAKE = Step(Name.CREATE_ACCOUNT, ConditionType.ACCOUNT_REQUESTED, never, "makes it")
ADMIT = Step(
    Name.SETUP_OIDC, ConditionType.OIDC_CONFIGURED, never, "lets in", inputs=lambda account: account.spec.github_repos
)
MAIL = Step(Name.SEND_WELCOME_EMAIL, ConditionType.WELCOME_EMAIL_SENT, never, "tells", required=False)
STEPS = (MAKE, ADMIT, MAIL)


class Story:
    """An account and the clock: each word of the story takes a minute."""

    def __init__(self, steps: tuple[Step, ...] = STEPS) -> None:
        self.steps = steps
        self.now = START
        meta = {"name": "acme", "namespace": "customers", "generation": 1}
        self.account = AwsAccount.model_validate({"metadata": meta, "spec": {"email": "a@example.com"}})
        self.look()

    def look(self) -> "Story":
        self.account = summarize(self.steps, self.account, self.now)
        return self

    def then(self, step: Step, outcome: Outcome) -> "Story":
        self.now += timedelta(minutes=1)
        self.account = begin(self.steps, self.account, step, self.now)
        self.account = apply_outcome(self.steps, self.account, step, outcome, self.now)
        return self.look()

    def spec(self, **changes: Any) -> "Story":
        self.account = self.account.model_copy(
            update={
                "spec": self.account.spec.model_copy(update=changes),
                "metadata": self.account.metadata.model_copy(
                    update={"generation": self.account.metadata.generation + 1}
                ),
            }
        )
        return self

    def active(self) -> "Story":
        for step in self.steps:
            self.then(step, Done("done."))
        return self

    def condition(self, kind: str) -> Condition:
        found = find(self.account.status.conditions, kind)
        assert found is not None, f"{kind} is not there"
        return found

    def has(self, kind: str) -> bool:
        return find(self.account.status.conditions, kind) is not None

    @property
    def picture(self) -> tuple[str, str]:
        return self.account.status.phase, self.account.status.provisioning_step

    @property
    def events(self) -> list[tuple[str, str]]:
        return [(event.step, event.status) for event in self.account.status.history]


REQUEST = {"create_request": CreateRequest(email="a@b.co", account_name="a", recorded_at=START)}


@pytest.mark.parametrize(
    ("story", "phase", "step", "is_ready", "summary"),
    [
        pytest.param(lambda s: s, "pending", "create_account", "False", RECONCILING, id="first sight"),
        pytest.param(
            lambda s: s.then(MAKE, Wait.queued(1, "InLine", "In line.")),
            *("pending", "create_account", "False", RECONCILING),
            id="in line",
        ),
        pytest.param(
            lambda s: s.then(MAKE, Wait.polling(1, "Asked", "Asked.", facts=REQUEST)),
            *("creating", "create_account", "False", RECONCILING),
            id="an intent is on record",
        ),
        pytest.param(
            lambda s: s.then(MAKE, Done("made", REQUEST)),
            *("creating", "setup_oidc", "False", RECONCILING),
            id="one step done",
        ),
        pytest.param(
            lambda s: s.then(MAKE, Done("made", REQUEST)).then(ADMIT, Done("in")),
            *("creating", "send_welcome_email", "False", RECONCILING),
            id="mail not tried yet",
        ),
        pytest.param(lambda s: s.active(), "active", "complete", "True", None, id="all done"),
        pytest.param(
            lambda s: s.then(MAKE, Done("", REQUEST)).then(ADMIT, Done("")).then(MAIL, Wait.blocked(1, "No", "no")),
            *("active", "complete", "True", None),
            id="mail fails for now",
        ),
        pytest.param(
            lambda s: s.then(MAKE, Done("", REQUEST)).then(ADMIT, Done("")).then(MAIL, Fail("Never", "never")),
            *("active", "complete", "True", None),
            id="mail fails for good",
        ),
        pytest.param(
            lambda s: s.then(MAKE, Fail("Bad", "Bad input.")), "failed", "failed", "False", STALLED, id="failed"
        ),
        pytest.param(
            lambda s: s.active().spec(github_repos=["o/r"]).look(),
            *("active", "setup_oidc", "False", RECONCILING),
            id="a change is pending",
        ),
        pytest.param(
            lambda s: s.active().spec(github_repos=["o/r"]).then(ADMIT, Wait.polling(1, "Slow", "slow")),
            *("active", "setup_oidc", "False", RECONCILING),
            id="a change is under way",
        ),
        pytest.param(
            lambda s: s.active().spec(github_repos=["o/r"]).then(ADMIT, Fail("TooLarge", "too large")),
            *("active", "setup_oidc", "False", STALLED),
            id="a change failed",
        ),
        pytest.param(
            lambda s: s.active().spec(github_repos=["o/r"]).then(ADMIT, Done("in")),
            *("active", "complete", "True", None),
            id="a change is done",
        ),
        pytest.param(
            lambda s: s.active().spec(display_name="x").look(),
            *("active", "complete", "True", None),
            id="a change that no step depends on",
        ),
    ],
)
def test_phase_step_and_summaries_follow_from_the_outcomes(
    story: Any, phase: str, step: str, is_ready: str, summary: str | None
) -> None:
    seen = story(Story())
    assert seen.picture == (phase, step)
    assert seen.condition(READY).status == is_ready
    # kstatus: these two are there only while true, and never both.
    assert [kind for kind in (RECONCILING, STALLED) if seen.has(kind)] == ([summary] if summary else [])
    if summary is not None:
        assert seen.condition(summary).status == "True"
    assert seen.condition(PROVISIONED).status == ("True" if phase == "active" else "False")
    assert seen.account.status.observed_generation == seen.account.metadata.generation


def test_ready_says_why_it_is_not() -> None:
    seen = Story().then(MAKE, Wait.blocked(1, "CustomerNotFound", "Create it."))
    assert (seen.condition(READY).reason, seen.condition(READY).message) == ("CustomerNotFound", "Create it.")
    assert seen.account.status.error == "Create it."


def test_an_error_is_gone_once_it_is_overcome() -> None:
    assert Story().then(MAKE, Wait.blocked(1, "X", "trouble")).then(MAKE, Done("")).account.status.error is None


def test_a_wait_that_is_no_problem_is_no_error() -> None:
    assert Story().then(MAKE, Wait.polling(1, "X", "stall_timeouts")).account.status.error is None


def test_a_mail_that_fails_is_no_error_of_the_account() -> None:
    seen = Story().active().then(MAIL, Wait.blocked(1, "Rejected", "no such address"))
    assert seen.account.status.error is None
    assert seen.condition(ConditionType.WELCOME_EMAIL_SENT).message == "no such address"
    assert runnable(STEPS, seen.account) == [MAIL], "it is tried again"


def test_every_step_is_shown_as_unknown_from_first_sight_in_the_order_of_the_runbook() -> None:
    seen = Story().account.status.conditions
    assert [c.type for c in seen][:3] == [
        ConditionType.ACCOUNT_REQUESTED,
        ConditionType.OIDC_CONFIGURED,
        ConditionType.WELCOME_EMAIL_SENT,
    ]
    assert {c.status for c in seen[:3]} == {ConditionStatus.UNKNOWN}


def test_each_run_of_a_step_is_in_the_history_once() -> None:
    seen = Story()
    for _ in range(3):
        seen.then(MAKE, Wait.polling(1, "Slow", "slow"))
    seen.then(MAKE, Done("made"))
    assert seen.events == [("create_account", "started"), ("create_account", "succeeded")]


def test_a_failure_is_in_the_history_once_and_its_next_try_begins_anew() -> None:
    seen = Story().then(MAKE, Fail("Bad", "bad"))
    assert seen.events == [("create_account", "started"), ("create_account", "failed")]
    assert seen.account.status.history[-1].error == "bad"
    seen.spec(display_name="x").then(MAKE, Wait.polling(1, "Slow", "slow")).then(MAKE, Done(""))
    assert [status for _, status in seen.events] == ["started", "failed", "started", "succeeded"]


def test_the_history_keeps_the_newest() -> None:
    seen = Story().active()
    for number in range(HISTORY_LIMIT):
        seen.spec(github_repos=[f"o/r{number}"]).then(ADMIT, Done(f"admits {number}"))
    assert len(seen.account.status.history) == HISTORY_LIMIT
    assert seen.account.status.history[-1].detail == f"admits {HISTORY_LIMIT - 1}"


def test_transition_times_move_only_with_the_status() -> None:
    seen = Story().then(MAKE, Wait.polling(1, "Slow", "slow"))
    first = seen.condition(ConditionType.ACCOUNT_REQUESTED).last_transition_time
    seen.then(MAKE, Wait.polling(1, "Slower", "slower"))
    assert seen.condition(ConditionType.ACCOUNT_REQUESTED).last_transition_time == first
    seen.then(MAKE, Done(""))
    assert seen.condition(ConditionType.ACCOUNT_REQUESTED).last_transition_time == seen.now


def test_what_gave_up_is_tried_again_for_a_changed_spec_only() -> None:
    seen = Story().then(MAKE, Fail("Bad", "bad"))
    assert runnable(STEPS, seen.account) == []
    assert not is_out_of_date(STEPS, seen.account)
    seen.spec(display_name="x")
    assert runnable(STEPS, seen.account) == [MAKE]
    assert is_out_of_date(STEPS, seen.account)


def test_a_step_of_a_later_release_is_pending_on_an_old_account() -> None:
    seen = Story((MAKE, ADMIT)).active()
    assert not is_out_of_date((MAKE, ADMIT), seen.account)
    assert runnable(STEPS, seen.account) == [MAIL]
    seen.steps = STEPS
    assert seen.look().picture == ("active", "send_welcome_email")


def test_a_step_that_renders_otherwise_in_a_later_release_is_pending_again() -> None:
    seen = Story().active()
    later = (MAKE, replace(ADMIT, revision=2), MAIL)
    assert runnable(later, seen.account) == [later[1]]


def test_a_changed_input_makes_its_step_pending_alone() -> None:
    seen = Story().active().spec(github_repos=["o/r"])
    assert [step for step in STEPS if not is_current(step, seen.account)] == [ADMIT]


def test_a_step_whose_fact_is_gone_is_pending_again() -> None:
    held = replace(MAKE, precondition=lambda account: account.status.aws_account_id is not None)
    seen = Story((held, ADMIT)).then(held, Done("", {"aws_account_id": "123456789012"}))
    assert is_current(held, seen.account)
    lost = seen.account.model_copy(update={"status": seen.account.status.model_copy(update={"aws_account_id": None})})
    assert runnable((held, ADMIT), lost) == [held]


def test_done_steps_are_observed_for_the_new_generation_too() -> None:
    seen = Story().active().spec(display_name="x")
    assert is_out_of_date(STEPS, seen.account), "the spec was not observed yet"
    seen.look()
    assert {c.observed_generation for c in seen.account.status.conditions} == {2}
    assert not is_out_of_date(STEPS, seen.account)


def test_long_messages_are_cut_to_what_the_schema_takes() -> None:
    seen = Story().then(MAKE, Fail("Bad", "x" * 5000)).account.status
    AwsAccount.model_validate({"spec": {"email": "a@b.co"}, "status": seen.to_wire()})
    assert seen.error is not None
    assert len(seen.error) == 1024


def test_a_step_outside_the_contract_shows_as_the_contracts_step_before_it() -> None:
    ours = Step(ClosingStep.QUARANTINE, ConditionType.QUARANTINED, never, "what the contract knows nothing of")
    story = Story((MAKE, ours, ADMIT)).then(MAKE, Done("Made."))
    shown = [story.account.status.provisioning_step]
    story.then(ours, Done("Ours."))
    shown.append(story.account.status.provisioning_step)
    assert shown == [Name.CREATE_ACCOUNT, Name.SETUP_OIDC]
