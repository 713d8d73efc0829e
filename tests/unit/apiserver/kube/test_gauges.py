"""What the gauges of the caches say."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from fakes.api_world import MINE, World
from prometheus_client import REGISTRY

from batteries_apiserver.auth.key_format import mint
from batteries_apiserver.cache import watch
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.customer import PaymentReason


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"batteries_{name}", labels)


async def test_keys_are_counted_by_what_became_of_them(world: World) -> None:
    now = utc_now()
    for spec in (
        {"revokedAt": to_rfc3339(now)},
        {"revokedAt": to_rfc3339(now), "expiresAt": to_rfc3339(now - timedelta(days=1))},
        {"expiresAt": to_rfc3339(now - timedelta(days=1))},
        {"expiresAt": to_rfc3339(now + timedelta(days=1))},
    ):
        given: Any = spec
        world.add_key(mint(), **given)
    world.kube.caches.measure()
    assert value("api_keys", state="revoked") == 2
    assert value("api_keys", state="expired") == 1
    assert value("api_keys", state="valid") == 2, "with the one that the test has"


async def test_customers_are_counted_by_why_they_can_pay_or_not(world: World) -> None:
    spec = {"email": "a@example.com"}
    for number, reason in enumerate(["InvoicePastDue", "InvoicePastDue", "SubscriptionPaid"]):
        world.add("customers", f"c{number}", spec, {"paymentReason": reason})
    world.kube.caches.measure()
    counted = {reason.value: value("customers", reason=reason.value) for reason in PaymentReason}
    assert {reason: count for reason, count in counted.items() if count} == {
        "InvoicePastDue": 2,
        "SubscriptionPaid": 1,
    }


async def test_each_cache_says_how_much_it_has_and_how_old_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: now[0]))
    for age, cache in enumerate(world.kube.caches.all()):
        now[0] = -float(age)
        cache.heard()
    now[0] = 5.0
    world.add_account(MINE)
    world.kube.caches.measure()
    every = ("awsaccounts", "customers", "apikeys")
    assert [value("api_cache_age_seconds", resource=name) for name in every] == [5, 6, 7]
    assert [value("api_cache_objects", resource=name) for name in every] == [1, 0, 1]
    assert [value("api_cache_unreadable_objects", resource=name) for name in every] == [0, 0, 0]
