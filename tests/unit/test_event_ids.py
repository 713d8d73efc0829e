"""What a client that goes on after the last event that it has gets, whoever answers it: each event once.

The histories are those that the operator writes, all of it in one second, which is the worst that can be.
"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from batteries_apiserver.cache.trimmed import trimmed_account
from batteries_apiserver.events.stream import after
from batteries_apiserver.projections.event_log import EventLog
from batteries_apiserver.projections.event_views import ProvisioningEvent, event_views
from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import ConditionType, ProvisioningStep
from batteries_crds.step_records import HISTORY_LIMIT
from batteries_operator.status.transitions import apply_outcome, begin
from batteries_operator.steps.outcome import Fail, Outcome
from batteries_operator.steps.step import Scope, Step

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


async def never(_: Scope) -> Outcome:
    raise AssertionError("these tests run no step")


STEP = Step(ProvisioningStep.SETUP_OIDC, ConditionType.OIDC_CONFIGURED, never, "lets in")


def account(history: list[dict[str, Any]]) -> AwsAccount:
    meta = {"name": "a", "namespace": "n", "generation": 1}
    return AwsAccount.model_validate(
        {"metadata": meta, "spec": {"email": "a@example.com"}, "status": {"history": history}}
    )


def failing(times: int, now: datetime = NOW) -> list[AwsAccount]:
    """The account as it is stored after each event of a step that fails again and again."""
    one, stored = account([]), []
    for number in range(times):
        one = begin([STEP], one, STEP, now)
        stored.append(one)
        one = apply_outcome([STEP], one, STEP, Fail("Bad", f"try {number}"), now)
        stored.append(one)
    return stored


def test_a_client_gets_each_event_once_whichever_state_of_the_account_answers_it() -> None:
    states = [event_views(trimmed_account(one)) for one in failing(HISTORY_LIMIT)]
    every = [state[-1]["id"] for state in states]
    assert len(set(every)) == len(every)
    for had in range(len(every)):
        # A replica that is behind, the one that gave the event, one ahead, and one whose history has dropped it.
        for knows, state in enumerate(states):
            kept = range(max(0, knows - HISTORY_LIMIT + 1), knows + 1)
            wanted = [every[number] for number in kept if number > had]
            assert [one["id"] for one in after(state, every[had])] == wanted, (had, knows)


def test_a_cursor_over_all_accounts_goes_on_after_events_of_one_second_were_dropped() -> None:
    states = failing(HISTORY_LIMIT)
    log = EventLog()
    log.observe(None, states[HISTORY_LIMIT - 1])
    *_, last = log.find()
    log.observe(states[HISTORY_LIMIT - 1], states[HISTORY_LIMIT + 9])
    assert len(list(log.find(cursor=last.sort_key))) == 10


def test_moments_rise_though_the_clock_is_set_back() -> None:
    one = failing(1)[-1]
    one = apply_outcome([STEP], begin([STEP], one, STEP, NOW - timedelta(hours=1)), STEP, Fail("Bad", ""), NOW)
    moments = [event.timestamp for event in one.status.history]
    assert all(later > earlier for earlier, later in pairwise(moments))
    assert moments[-1] - NOW < timedelta(milliseconds=1)


@pytest.mark.parametrize("had", range(4))
def test_what_others_wrote_at_one_moment_has_ids_of_its_own(had: int) -> None:
    same = {"timestamp": NOW, "step": "setup_oidc", "status": "started"}
    events: list[ProvisioningEvent] = event_views(account([same, {**same, "status": "failed"}, same, same]))
    assert len({one["id"] for one in events}) == 4
    assert after(events, events[had]["id"]) == events[had + 1 :]
