"""The events of all accounts, in the order of time, following what becomes of the accounts."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from batteries_apiserver.events.stream import after
from batteries_apiserver.projections.event_log import EventLog
from batteries_apiserver.projections.event_views import event_views
from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import EventStatus

BEGUN = datetime(2026, 11, 24, 8, tzinfo=UTC)


def event(second: float, status: str = "started", step: str = "create_account") -> dict[str, Any]:
    return {"timestamp": BEGUN + timedelta(seconds=second), "step": step, "status": status}


def account(name: str, *history: dict[str, Any], namespace: str = "n") -> AwsAccount:
    metadata = {"name": name, "namespace": namespace}
    return AwsAccount.model_validate(
        {"metadata": metadata, "spec": {"email": "a@example.com"}, "status": {"history": history}}
    )


def seconds(log: EventLog, **wanted: Any) -> list[float]:
    moments = [datetime.fromisoformat(entry.event["timestamp"]) for entry in log.find(**wanted)]
    return [(moment - BEGUN).total_seconds() for moment in moments]


def test_events_of_all_accounts_come_in_the_order_of_time_with_fractions_of_a_second() -> None:
    log = EventLog()
    log.observe(None, account("a", event(1), event(5)))
    log.observe(None, account("b", event(0.5), event(1.000001)))
    assert seconds(log) == [0.5, 1, 1.000001, 5]


def test_since_and_status_choose_and_a_cursor_goes_on() -> None:
    log = EventLog()
    log.observe(None, account("a", event(1), event(2, "failed"), event(3), event(4, "failed")))
    assert seconds(log, since=BEGUN + timedelta(seconds=2)) == [2, 3, 4]
    assert seconds(log, status=EventStatus.FAILED) == [2, 4]
    first, *_ = log.find(status=EventStatus.FAILED)
    assert seconds(log, status=EventStatus.FAILED, cursor=first.sort_key) == [4]
    assert seconds(log, cursor="") == [1, 2, 3, 4]
    assert seconds(log, cursor="!") == [1, 2, 3, 4]
    assert seconds(log, cursor="0000000000000000~x") == [1, 2, 3, 4]
    for later in ("zzz", "9" * 18, "9" * 30):
        assert seconds(log, cursor=later) == []


def test_a_cursor_goes_on_within_one_instant_and_across_spans() -> None:
    log = EventLog()
    for name in ("a", "b", "c"):
        log.observe(None, account(name, event(1), event(1, "succeeded"), event(1000), event(100_000)))
    every = list(log.find())
    assert [entry.sort_key for entry in every] == sorted({entry.sort_key for entry in every})
    assert len(every) == 12
    for number, entry in enumerate(every):
        assert list(log.find(cursor=entry.sort_key)) == every[number + 1 :]


def test_what_is_dropped_from_a_history_or_deleted_is_gone_and_the_rest_stays() -> None:
    log = EventLog()
    old = account("a", event(1), event(1, "succeeded"), event(2))
    log.observe(None, old)
    log.observe(None, account("b", event(1)))
    new = account("a", event(1, "succeeded"), event(2), event(3))
    log.observe(old, new)
    assert seconds(log) == [1, 1, 2, 3]
    assert seconds(log, status=EventStatus.SUCCEEDED) == [1]
    log.observe(new, None)
    assert seconds(log) == [1]


def test_many_that_come_in_any_order_are_in_order_and_can_all_be_removed() -> None:
    log = EventLog()
    chance = random.Random(7)  # noqa: S311 - no secret
    accounts = [account(f"a{n}", *(event(s) for s in sorted(chance.sample(range(10**6), 9)))) for n in range(400)]
    for one in accounts:
        log.observe(None, one)
    found = seconds(log)
    assert len(found) == 3600
    assert found == sorted(found)
    for one in accounts:
        log.observe(one, None)
    assert seconds(log) == []


def test_two_accounts_of_one_name_in_two_namespaces_keep_their_events_apart() -> None:
    log = EventLog()
    log.observe(None, account("a", event(1)))
    other = account("a", event(1), namespace="o")
    log.observe(None, other)
    log.observe(other, None)
    assert seconds(log) == [1]


def test_a_stream_goes_on_after_the_last_event_and_loses_none_where_that_was_dropped() -> None:
    history = event_views(account("a", event(1), event(1, "succeeded"), event(2.5), event(3)))
    ids = [one["id"] for one in history]
    assert after(history, None) == history
    assert after(history, ids[1]) == history[2:]
    assert after(history, ids[-1]) == []
    assert after(history, "2026-11-24T08:00:02Z/move_to_ou/started") == history[2:]
    for garbage in ("", "x", "2026-11-24", "2026-11-24T08:00:02", "9999", "-1/2"):
        assert after(history, garbage) == history, garbage


def test_any_time_that_can_be_written_can_be_asked_for() -> None:
    log = EventLog()
    log.observe(None, account("a", event(1)))
    assert seconds(log, since=datetime.fromisoformat("0001-01-01T00:00:00+23:59")) == [1]
    assert seconds(log, since=datetime.fromisoformat("9999-12-31T23:59:59-23:59")) == []
