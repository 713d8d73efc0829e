"""A wall clock that is set back or forward breaks no cache, limit or wait across restarts."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import inf
from types import SimpleNamespace
from typing import Any, cast

import pytest

from batteries_apiserver.auth.usage import Usage
from batteries_apiserver.billing.reconcile import Reconciler
from batteries_crds.api_key import ApiKey
from batteries_crds.base import AHEAD_SECONDS, seconds_since
from batteries_crds.customer import Customer
from batteries_operator.aws.cache import IdCaches
from batteries_operator.aws.sts import LIFETIME_SECONDS, Sts

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
METADATA = {"name": "x", "namespace": "n", "uid": "u", "resourceVersion": "1"}


@pytest.mark.parametrize(("age", "expected"), [(90, 90), (0, 0), (-30, 0), (-3600, inf)])
def test_a_time_that_lies_ahead_is_nothing_to_wait_for(age: float, expected: float) -> None:
    # A clock that is a little ahead is another machine's; one that is an hour ahead was set back.
    assert seconds_since(datetime.now(UTC) - timedelta(seconds=age)) == pytest.approx(expected, abs=5)


@pytest.mark.parametrize(("asked", "due"), [(-60, False), (-7200, True), (30, False), (7200, True)])
def test_a_customer_asked_for_in_the_future_is_asked_for_again(asked: float, due: bool) -> None:
    checked = (NOW + timedelta(seconds=asked)).isoformat()
    status = {"paymentMethodCheckedAt": checked, "cardFingerprints": []}  # or it would be asked for those
    customer = Customer.model_validate(
        {"metadata": METADATA, "spec": {"email": "a@example.com", "stripeCustomerId": "cus_1"}, "status": status}
    )
    nothing = cast(Any, None)
    assert Reconciler(nothing, nothing, seconds=3600, now=lambda: NOW)._is_due(customer) is due
    assert AHEAD_SECONDS < 3600


@pytest.mark.parametrize(("used", "noted"), [(-60, False), (-3600, True), (3600, True)])
def test_a_key_used_in_the_future_is_used_now(used: float, noted: bool) -> None:
    status = {"lastUsedAt": (NOW + timedelta(seconds=used)).isoformat()}
    spec = {"customerRef": {"name": "c"}, "keyPrefix": "0" * 8, "keyHash": "0" * 64}
    key = ApiKey.model_validate({"metadata": METADATA, "spec": spec, "status": status})
    usage = Usage("n", cast(Any, None), cast(Any, None), now=lambda: NOW)
    usage.note(key)
    assert bool(usage._uses) is noted


class _Caller:
    """Returns credentials for AssumeRole that expire by a clock that is an hour off."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.caches = IdCaches()

    async def call(self, operation: str, function: Any, **arguments: Any) -> Any:
        if operation == "sts:GetCallerIdentity":
            return {"Arn": "arn:aws:iam::222222222222:role/operator"}
        self.asked.append(arguments)
        expiration = datetime.now(UTC) + timedelta(hours=2)
        return {
            "Credentials": {
                "AccessKeyId": "a",
                "SecretAccessKey": "b",
                "SessionToken": "c",
                "Expiration": expiration,
            },
            "AssumedRoleUser": {"AssumedRoleId": "a:s", "Arn": "arn:aws:sts::111111111111:assumed-role/role/s"},
        }


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    now = [1000.0]
    with monkeypatch.context() as patched:
        patched.setattr("batteries_operator.aws.sts.time.monotonic", lambda: now[0])
        yield now


async def test_credentials_are_renewed_in_time_whatever_the_wall_clock_says(monotonic: list[float]) -> None:
    assert time.monotonic() == 1000.0
    caller = _Caller()
    sts = Sts(cast(Any, caller), cast(Any, _Client()), cast(Any, None), "role")
    account = cast(Any, SimpleNamespace(id="111111111111"))
    await sts.assume(account)
    monotonic[0] += LIFETIME_SECONDS - 700
    await sts.assume(account)
    assert len(caller.asked) == 1
    monotonic[0] += 200  # less than ten minutes are left, though by the expiration there would be an hour
    await sts.assume(account)
    assert [each["DurationSeconds"] for each in caller.asked] == [LIFETIME_SECONDS] * 2


class _Client:
    assume_role = get_caller_identity = None
