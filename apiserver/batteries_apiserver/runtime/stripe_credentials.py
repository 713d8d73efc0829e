"""Stripe's credentials by their form: what they begin with says what they are for, before anybody is asked.

https://docs.stripe.com/keys names the prefixes. No sentence shows a credential: they go to a terminal and to logs.
"""

import re

_SECRET_KEY = re.compile(r"[sr]k_(test|live)_[A-Za-z0-9_]+")
_WEBHOOK_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_-]+")
_OTHER_KEYS = {
    "pk_": "a publishable key, which is for browsers",
    "sk_org_": "a key of an organization, which needs an account named with each request",
    "rk_org_": "a key of an organization, which needs an account named with each request",
    "ek_": "an ephemeral key, which is for mobile applications",
    "whsec_": "a webhook's signing secret; it belongs into STRIPE_WEBHOOK_SECRET",
}


def check_secret_key(key: str, *, test_mode: bool) -> None:
    """Refuses what is no secret or restricted key of one Stripe account, or is of the other mode.

    Raises:
        ValueError: the sentence says what it is and what to do.
    """
    for prefix, what in _OTHER_KEYS.items():
        if key.startswith(prefix):
            raise ValueError(f"STRIPE_SECRET_KEY is {what}. Give a secret key (sk_…) or a restricted one (rk_…).")
    found = _SECRET_KEY.fullmatch(key)
    if found is None:
        raise ValueError(
            "STRIPE_SECRET_KEY is not a key of Stripe's: those begin with sk_live_, rk_live_, sk_test_ or rk_test_ and "
            "hold letters and digits. Copy it anew from Stripe's dashboard."
        )
    if found[1] == "test" and not test_mode:
        raise ValueError(
            "STRIPE_SECRET_KEY is a test-mode key: anybody could get real AWS accounts with Stripe's test cards, such "
            "as 4242 4242 4242 4242. Give a live key (sk_live_… or rk_live_…), or set BATTERIES_STRIPE_TEST_MODE=true "
            "(the chart's stripe.testMode) if that is what you want."
        )
    if found[1] == "live" and test_mode:
        raise ValueError(
            "STRIPE_SECRET_KEY is a live key, which takes real cards, and BATTERIES_STRIPE_TEST_MODE (the chart's "
            "stripe.testMode) says that this installation is for test cards. Give a test-mode key, or unset "
            "BATTERIES_STRIPE_TEST_MODE."
        )


def check_webhook_secret(secret: str) -> None:
    """Refuses what is no signing secret of a webhook endpoint.

    Raises:
        ValueError: the sentence says what to do.
    """
    if not _WEBHOOK_SECRET.fullmatch(secret):
        raise ValueError(
            "STRIPE_WEBHOOK_SECRET is not a webhook endpoint's signing secret: those begin with whsec_. Copy it from "
            "the endpoint's page in Stripe's dashboard."
        )
