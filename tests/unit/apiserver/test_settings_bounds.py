"""Which values each setting of the API server takes: each bound from both sides, and texts that are none."""

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from batteries_apiserver.settings import Settings

TINY = 1e-9
DAY = 24 * 3600
AT_LEAST = {
    "trust_policy_limit": 512,
    "api_port": 0,
    "api_metrics_port": 0,
    "delete_quarantine_seconds": 0,
    "max_ttl_seconds": 0,
    "key_retrieval_seconds": 60,
    "api_body_limit": 65_536,
    "api_wait_seconds": 0,
    "api_streams_per_customer": 1,
    "api_key_limit": 1,
    "api_cache_stale_seconds": 3,
    "api_shutdown_seconds": 0,
    "trusted_proxies": 0,
    "rate_limit_sign_up": 0,
    "rate_limit_anonymous": 0,
    "rate_limit_key": 0,
    "rate_limit_token": 0,
    "breaker_customers": 0,
    "suspend_unpaid_seconds": 0,
    "payment_close_after_seconds": 0,
    "issuer_key_ahead_seconds": 0,
}
MORE_THAN = (
    *("api_request_seconds", "api_idle_seconds", "api_heartbeat_seconds", "api_last_used_seconds"),
    *("breaker_percent", "stripe_recheck_seconds", "issuer_poll_seconds"),
)
AT_MOST = {
    "trust_policy_limit": 8192,
    "api_port": 65_535,
    "api_metrics_port": 65_535,
    "delete_quarantine_seconds": 365 * DAY,
    "max_ttl_seconds": 100 * 365 * DAY,
    "key_retrieval_seconds": DAY,
    "trusted_proxies": 10,
    "breaker_percent": 100,
    "issuer_key_days": 365,
    "issuer_key_ahead_seconds": 7 * DAY,
    "issuer_poll_seconds": 60,
}
LONGEST = {"namespace": ("", 63), "managed_policy_arn": ("", 256), "admin_key_secret": ("", 253)}
LONGEST |= {"installation": ("", 63), "issuer_keys_secret": ("", 253), "issuer_url": ("https://", 255)}
LONGEST |= {"stripe_price_id": ("price_", 255), "stripe_portal_configuration": ("bpc_", 255)}
WRONG = [
    ("namespace", ""),
    ("managed_policy_arn", ""),
    ("managed_policy_arn", "arn:aws:iam::aws:policy/a b"),
    ("issuer_url", "http://issuer.example"),
    ("issuer_url", "https://issuer.example?x"),
    ("issuer_url", "https://issuer.example#x"),
    ("account_region", "Frankfurt"),
    ("account_region", "eu-central"),
    ("installation", "a b"),
    ("stripe_price_id", "prod_1"),
    ("stripe_portal_configuration", "price_1"),
    ("issuer_keys_secret", "-a"),
    ("issuer_keys_secret", "A"),
]


def taken(name: str, value: Any) -> bool:
    given = {name: value, **({"issuer_key_days": 30} if name == "issuer_key_ahead_seconds" else {})}
    try:
        found = getattr(Settings(**given), name)
    except ValidationError:
        return False
    return bool((found.get_secret_value() if isinstance(found, SecretStr) else found) == value)


@pytest.mark.parametrize(("name", "lowest"), AT_LEAST.items())
def test_a_lowest_value_is_taken_and_nothing_below_it(name: str, lowest: int) -> None:
    assert taken(name, lowest)
    assert not taken(name, lowest - 1)


@pytest.mark.parametrize("name", MORE_THAN)
def test_nothing_is_refused_and_anything_above_it_taken(name: str) -> None:
    assert not taken(name, 0)
    assert taken(name, TINY)


@pytest.mark.parametrize(("name", "highest"), AT_MOST.items())
def test_a_highest_value_is_taken_and_nothing_above_it(name: str, highest: int) -> None:
    assert taken(name, highest)
    assert not taken(name, highest + 1)


@pytest.mark.parametrize(("name", "begins", "longest"), [(name, *of) for name, of in LONGEST.items()])
def test_a_text_may_be_so_long_and_no_longer(name: str, begins: str, longest: int) -> None:
    assert taken(name, begins.ljust(longest, "x"))
    assert not taken(name, begins.ljust(longest + 1, "x"))


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_text_that_can_not_be_right_is_refused(name: str, value: str) -> None:
    assert not taken(name, value)


def test_every_bound_is_among_these() -> None:
    bounded = {
        name
        for name, field in Settings.model_fields.items()
        if any(hasattr(each, bound) for each in field.metadata for bound in ("ge", "gt", "le", "max_length"))
    }
    texts = {name for name, _ in WRONG} | LONGEST.keys() | {"default_deploy_from"}
    assert bounded - AT_LEAST.keys() - set(MORE_THAN) - AT_MOST.keys() - texts == set()
