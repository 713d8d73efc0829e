"""Who may call the API, and in which version: one secret key, one API version.

Both ways of https://docs.stripe.com/api/authentication are taken, Bearer and Basic (the key as user name).
"""

import base64
import binascii
import hmac

import stripe
from aiohttp import web

from batteries_sandbox.stripe.errors import StripeError


def check_key(request: web.Request, secret_key: str) -> None:
    """Refuses a request without the account's secret key."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    given = _basic_user(value) if scheme.lower() == "basic" else value.strip()
    if scheme.lower() not in ("basic", "bearer") or not given:
        raise StripeError(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using"
            " Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication"
            " for details, or we can help at https://support.stripe.com/.",
            status=401,
        )
    if not hmac.compare_digest(given.encode(), secret_key.encode()):
        raise StripeError(f"Invalid API Key provided: {given[:8]}****{given[-4:]}", status=401)


def check_version(request: web.Request) -> None:
    """Refuses another API version than the library's: its rules are not the ones kept here."""
    version = request.headers.get("Stripe-Version", stripe.api_version)
    if version != stripe.api_version:
        raise StripeError(
            f"The stand-in speaks API version {stripe.api_version} only, and was asked for {version}.",
            code="standin_not_implemented",
        )


def _basic_user(value: str) -> str:
    try:
        return base64.b64decode(value.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""
