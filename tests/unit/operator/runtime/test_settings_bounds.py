"""Which values each setting of the operator takes, and its value where none is given."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from batteries_operator.runtime.settings import Settings

TINY = 1e-9
AT_LEAST = {
    "creations_in_flight": 1,
    "assignments_in_flight": 1,
    "closures_in_flight": 1,
    "resync_seconds": 0,
    "suspend_unpaid_seconds": 0,
    "breaker_customers": 0,
    "intent_grace_seconds": 0,
    "aws_threads": 1,
    "lease_seconds": 3,
    "trust_policy_limit": 512,
    "metrics_port": 0,
    "health_port": 0,
}
MORE_THAN = {
    "mails_per_second": 0,
    "breaker_percent": 0,
    "poll_seconds": 0,
    "poll_max_seconds": 0,
    "backoff_max_seconds": 0,
    "standstill_seconds": 0,
    "watch_silence_seconds": 0,
    "stop_seconds": 0,
}
AT_MOST = {
    "mails_per_second": 100,
    "creations_in_flight": 100,
    "assignments_in_flight": 10,
    "closures_in_flight": 100,
    "breaker_percent": 100,
    "aws_threads": 256,
    "lease_seconds": 300,
    "trust_policy_limit": 8192,
    "metrics_port": 65535,
    "health_port": 65535,
}
LONGEST = {
    "support_contact": 200,
    "lease_name": 63,
    "account_name_prefix": 20,
    "permission_set_name": 32,
    "iam_user_name": 64,
}
DEFAULTS = {
    "trust_policy_limit": 2048,
    "mails_per_second": 5,
    "creations_in_flight": 5,
    "assignments_in_flight": 8,
    "closures_in_flight": 3,
    "resync_seconds": 3600,
    "suspend_unpaid_seconds": 7 * 24 * 3600,
    "intent_grace_seconds": 10,
    "poll_seconds": 0.5,
    "poll_max_seconds": 60,
    "backoff_max_seconds": 300,
    "aws_threads": 32,
    "leader_election": True,
    "lease_seconds": 15,
    "standstill_seconds": 600,
    "watch_silence_seconds": 300,
    "stop_seconds": 25,
    "metrics_port": 9091,
    "health_port": 8081,
}


def taken(name: str, value: Any) -> bool:
    try:
        return bool(getattr(Settings(**{name: value}), name) == value)
    except ValidationError:
        return False


@pytest.mark.parametrize(("name", "lowest"), AT_LEAST.items())
def test_a_lowest_value_is_taken_and_nothing_below_it(name: str, lowest: int) -> None:
    assert taken(name, lowest)
    assert not taken(name, lowest - 1)


@pytest.mark.parametrize(("name", "bound"), MORE_THAN.items())
def test_a_bound_that_is_excluded_is_refused_and_anything_above_it_taken(name: str, bound: int) -> None:
    assert not taken(name, bound)
    assert taken(name, bound + TINY)


@pytest.mark.parametrize(("name", "highest"), AT_MOST.items())
def test_a_highest_value_is_taken_and_nothing_above_it(name: str, highest: int) -> None:
    assert taken(name, highest)
    assert not taken(name, highest + 1)


@pytest.mark.parametrize(("name", "longest"), LONGEST.items())
def test_a_text_may_be_so_long_and_no_longer(name: str, longest: int) -> None:
    assert taken(name, "x" * longest)
    assert not taken(name, "x" * (longest + 1))


@pytest.mark.parametrize(("name", "value"), DEFAULTS.items())
def test_the_value_of_a_setting_that_nobody_set(name: str, value: Any) -> None:
    assert getattr(Settings(), name) == value


def test_a_lease_has_a_name() -> None:
    assert not taken("lease_name", "")


def test_names_of_namespaces_are_separated_by_commas_whatever_is_around_them() -> None:
    assert (Settings().namespace_list, Settings().listed_namespaces) == ([], [None])
    some = Settings(namespaces=" a, ,b ,")
    assert some.namespace_list == some.listed_namespaces == ["a", "b"]


def test_an_account_is_entered_by_the_role_that_it_records_or_by_the_one_that_was_usual_then() -> None:
    assert Settings().role_of("Recorded") == "Recorded"
    assert Settings().role_of(None) == Settings().role_of("") == "OrganizationAccountAccessRole"
    own = Settings(access_role_name="Own")
    assert own.role_of(None) == "Own"
    assert own.access_role_names == ("Own", "OrganizationAccountAccessRole")
    assert Settings(access_role_name="OrganizationAccountAccessRole").access_role_names == (
        "OrganizationAccountAccessRole",
    )


def test_without_a_time_to_suspend_nobody_is_suspended_for_a_payment() -> None:
    assert Settings(suspend_unpaid_seconds=0).payment_grace is None
    assert Settings().payment_grace == timedelta(days=7)
