"""Why Stripe did not do what it was asked: told to whoever runs this server, and to nobody else."""

from typing import Any

import aiohttp
import pytest
import stripe as untyped
import structlog

from batteries_apiserver.billing.failures import asking, failed, portal_not_set_up, unavailable
from batteries_apiserver.http.errors import Unavailable
from batteries_apiserver.runtime.metrics import STRIPE_FAILURES

stripe: Any = untyped
"""The errors' constructors carry no types."""

CASES: list[tuple[Any, str, str]] = [
    (stripe.AuthenticationError("Invalid API Key provided: sk_live_***1", http_status=401), "key_refused", "STRIPE_"),
    (stripe.PermissionError("The provided key lacks it", http_status=403), "not_permitted", "docs/stripe.md"),
    (stripe.RateLimitError("Too many", http_status=429), "rate_limited", ""),
    (stripe.InvalidRequestError("No such price: 'price_1'", "price"), "invalid_request", ""),
    (stripe.APIConnectionError("no route"), "unreachable", ""),
    (TimeoutError(), "unreachable", ""),
]


@pytest.mark.parametrize(("error", "outcome", "to_do"), CASES)
def test_the_log_has_stripes_reason_and_what_to_do(error: Exception, outcome: str, to_do: str) -> None:
    before = STRIPE_FAILURES.labels(outcome)._value.get()
    with structlog.testing.capture_logs() as lines:
        told = failed("read a checkout", error)
    [line] = lines
    assert (line["log_level"], line["outcome"], line["doing"]) == ("error", outcome, "read a checkout")
    assert line["reason"]
    assert str(error)[:20] in line["reason"]
    assert to_do in (line["to_do"] or "")
    assert STRIPE_FAILURES.labels(outcome)._value.get() == before + 1
    assert told.code == "stripe_unavailable"
    assert "does not respond" in told.sentence or outcome in ("key_refused", "not_permitted"), "it did respond"
    assert "sk_live" not in told.sentence


def test_no_address_of_a_customer_is_logged() -> None:
    error = stripe.InvalidRequestError("Invalid email address: 'jo@example.com'\n", "customer_email")
    with structlog.testing.capture_logs() as lines:
        failed("create a checkout", error)
    assert lines[0]["reason"] == "Invalid email address: '<e-mail>'"


@pytest.mark.parametrize("error", [aiohttp.ClientPayloadError("cut off"), TimeoutError(), ConnectionResetError()])
async def test_an_answer_that_is_cut_off_is_a_failure_of_stripes(error: Exception) -> None:
    before = STRIPE_FAILURES.labels("unreachable")._value.get()
    with pytest.raises(Unavailable) as raised:
        async with asking("read the price"):
            raise error
    assert (raised.value.code, raised.value.status) == ("stripe_unavailable", 503)
    assert STRIPE_FAILURES.labels("unreachable")._value.get() == before + 1


@pytest.mark.parametrize(("refused", "seconds"), [(True, 60), (False, 10)])
def test_who_has_to_wait_for_people_is_told_to_wait_longer(refused: bool, seconds: int) -> None:
    assert unavailable(is_refused=refused).headers["Retry-After"] == str(seconds)


def test_a_portal_that_nobody_set_up_is_the_installers_to_mend() -> None:
    before = STRIPE_FAILURES.labels("portal_not_set_up")._value.get()
    with structlog.testing.capture_logs() as lines:
        told = portal_not_set_up(stripe.InvalidRequestError("No configuration provided", None))
    assert (told.code, told.headers["Retry-After"]) == ("portal_not_configured", "3600")
    assert lines[0]["reason"] == "No configuration provided"
    assert STRIPE_FAILURES.labels("portal_not_set_up")._value.get() == before + 1


def test_a_long_reason_is_cut() -> None:
    with structlog.testing.capture_logs() as lines:
        failed("create a checkout", stripe.InvalidRequestError("x" * 10_000, None))
    assert len(lines[0]["reason"]) == 300
