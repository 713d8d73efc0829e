"""How reconciles are spaced: each step for itself, and what AWS is at work on the more rarely the longer it takes."""

import asyncio

import pytest
from fakes.factory import NAMESPACE, Factory, settings

from batteries_crds.conditions import is_true
from batteries_operator.controller.controller import _pass
from batteries_operator.limits.polling import next_poll_delay
from batteries_operator.reconcile.step_schedule import StepSchedule, backoff


@pytest.mark.parametrize(
    ("lasted", "pause"),
    [(0, 0.5), (4, 0.5), (10, 1.0), (120, 12.0), (3600, 60.0)],
    ids=["at first", "soon", "ten seconds", "two minutes", "an hour"],
)
def test_what_takes_long_is_looked_at_rarely_and_seen_at_most_a_tenth_late(lasted: float, pause: float) -> None:
    assert next_poll_delay(lasted, 0.5, 60) == pause


def test_a_shortest_pause_that_is_longer_than_the_longest_holds() -> None:
    assert next_poll_delay(1000, 90, 60) == 90


def test_backoff_doubles_up_to_a_bound() -> None:
    assert 0.25 <= backoff(0, 300) <= 0.5
    assert 2 <= backoff(3, 300) <= 4
    assert 150 <= backoff(1000, 300) <= 300


async def test_a_step_that_waits_holds_back_no_other() -> None:
    schedule = StepSchedule()
    schedule.postpone("slow", 100)
    assert not schedule.is_due("slow")
    assert schedule.is_due("other")
    assert (schedule.until_due(["slow", "other"]), schedule.until_due([])) == (0, None)
    assert 99 < (schedule.until_due(["slow"]) or 0) <= 100


async def test_when_something_changed_nothing_waits_and_errors_are_still_counted() -> None:
    schedule = StepSchedule()
    schedule.postpone("slow", 100)
    assert schedule.count("slow", error=True) == 1
    schedule.make_all_due()
    assert schedule.is_due("slow")
    assert (schedule.errors("slow"), schedule.errors("other")) == (1, 0)
    assert schedule.count("slow", error=False) == 0


async def test_a_pause_begins_with_the_end_of_its_step_and_not_of_those_beside_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schedule, now = StepSchedule(), [1000.0]
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now[0])
    schedule.end("quick")
    now[0] += 5
    schedule.end("slow")
    for step in ("quick", "slow"):
        schedule.postpone(step, 7)
    assert [schedule.until_due([step]) for step in ("quick", "slow")] == [2, 7]


@pytest.mark.parametrize("seconds", [0, 0.0, 5, None])
async def test_a_wakeup_during_a_reconcile_is_kept_even_where_no_time_is_to_pass(seconds: float | None) -> None:
    schedule, wakeup = StepSchedule(), asyncio.Event()
    schedule.postpone("setup_sso_access", 300)
    wakeup.set()
    await asyncio.wait_for(_pass(seconds, wakeup, schedule), 1)
    assert schedule.is_due("setup_sso_access")


async def test_time_in_the_queue_and_in_trouble_is_no_time_that_aws_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule, now = StepSchedule(), [1000.0]
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now[0])
    schedule.note("step", at_work=True)
    assert schedule.at_work_for("step") is None, "for how long before this process came is not known"
    for _ in range(2):
        schedule.note("step", at_work=False)
        now[0] += 3600
        schedule.note("step", at_work=True)
        now[0] += 20
        schedule.note("step", at_work=True)
        assert (schedule.at_work_for("step"), schedule.at_work_for("other")) == (20, None)


@pytest.mark.parametrize("operator_settings", [settings(poll_seconds=0.5)])
@pytest.mark.parametrize("standin_settings", [{"assignment_seconds": 60}])
async def test_what_was_queued_for_an_hour_is_polled_as_soon_as_what_was_not(factory: Factory) -> None:
    await factory.add()
    process, schedule = await factory.start(), StepSchedule()
    others = [f"other-{number}" for number in range(factory.settings.assignments_in_flight)]
    for other in others:
        process.deps.assignments.restore(other)
    await process.until("acme", lambda account: is_true(account.status.conditions, "OIDCConfigured"))
    await process.reconciler.reconcile(NAMESPACE, "acme", schedule)
    for condition in factory.cluster.objects["AwsAccount", NAMESPACE, "acme"]["status"]["conditions"]:
        condition["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    for other in others:
        process.deps.assignments.release(other)
    schedule.make_all_due()
    result = await process.reconciler.reconcile(NAMESPACE, "acme", schedule)
    assert result.requeue_after is not None
    assert result.requeue_after <= 0.5
    assert process.calls.count("sso:CreateAccountAssignment") == 1
