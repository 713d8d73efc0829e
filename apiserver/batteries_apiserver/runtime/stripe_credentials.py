"""Checks Stripe's credentials by their prefix, without a request to Stripe.

https://docs.stripe.com/keys lists the prefixes. No error message contains a credential, because messages go to
terminals and logs.
"""

import re

_SECRET_KEY = re.compile(r"[sr]k_(test|live)_[A-Za-z0-9_]+")
_WEBHOOK_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_-]+")
_OTHER_KEYS = {
    "pk_": "a publishable key, which is for browsers",
    "sk_org_": "an organization's key, which requires an account id with each request",
    "rk_org_": "an organization's key, which requires an account id with each request",
    "ek_": "an ephemeral key, which is for mobile applications",
    "whsec_": "a webhook's signing secret, which belongs in STRIPE_WEBHOOK_SECRET",
}


def check_secret_key(key: str, *, test_mode: bool) -> None:
    """Accepts a secret or restricted key of one Stripe account in the right mode.

    Raises:
        ValueError: the key is something else; the sentence says what, and what to do.
    """
    for prefix, what in _OTHER_KEYS.items():
        if key.startswith(prefix):
            raise ValueError(f"STRIPE_SECRET_KEY is {what}. Use a secret key (sk_…) or a restricted key (rk_…).")
    found = _SECRET_KEY.fullmatch(key)
    if found is None:
        raise ValueError(
            "STRIPE_SECRET_KEY is not a Stripe key: those begin with sk_live_, rk_live_, sk_test_ or rk_test_, and "
            "continue with letters and digits. Copy the key again from Stripe's dashboard."
        )
    if found[1] == "test" and not test_mode:
        raise ValueError(
            "STRIPE_SECRET_KEY is a test-mode key: anybody could get real AWS accounts with Stripe's test cards, such "
            "as 4242 4242 4242 4242. Use a live key (sk_live_… or rk_live_…), or set BATTERIES_STRIPE_TEST_MODE=true "
            "(the chart's stripe.testMode) if that is what you want."
        )
    if found[1] == "live" and test_mode:
        raise ValueError(
            "STRIPE_SECRET_KEY is a live key, which charges real cards, but BATTERIES_STRIPE_TEST_MODE (the chart's "
            "stripe.testMode) says that this installation is for test cards. Use a test-mode key, or unset "
            "BATTERIES_STRIPE_TEST_MODE."
        )


def check_webhook_secret(secret: str) -> None:
    """Accepts the signing secret of a webhook endpoint.

    Raises:
        ValueError: it is something else; the sentence says what to do.
    """
    if not _WEBHOOK_SECRET.fullmatch(secret):
        raise ValueError(
            "STRIPE_WEBHOOK_SECRET is not a webhook endpoint's signing secret: those begin with whsec_. Copy it from "
            "the endpoint's page in Stripe's dashboard."
        )
