"""Rate limits: by customer, over all of its keys; by administrator's key; by address for requests without a known key.

Each replica counts for itself, so a limit costs no round trip; with n replicas a caller gets up to n times as much. The
headers are those of draft-ietf-httpapi-ratelimit-headers.

All callers share Stripe's own limit. So a request that is about to call Stripe for somebody without a key counts once
more, by address and whatever key is sent: starting a sign-up, and looking for a session's key, made-up sessions
included. A request that is refused before that (no e-mail address, no session id, a key that was already fetched) does
not count: people who share an address with a broken client can still sign up.

Probes and Stripe's webhooks are not limited. Webhooks come in bursts, and behind a proxy other callers may have the
same address. Refusing an unsigned webhook costs only one HMAC.
"""

import math
from dataclasses import dataclass
from functools import cached_property

from aiohttp import web
from aiohttp.hdrs import AUTHORIZATION
from multidict import istr

from batteries_apiserver.auth.authenticator import AUTHENTICATOR
from batteries_apiserver.http.client_address import client_address
from batteries_apiserver.http.errors import TooManyRequests
from batteries_apiserver.http.fixed_window import FixedWindows
from batteries_apiserver.http.headers import RATE_LIMIT_HEADERS
from batteries_apiserver.settings import Settings
from batteries_crds.api_key import ApiKey

_UNLIMITED = frozenset({"/v1/stripe/callback", "/healthz", "/readyz"})

KNOWN_KEY = web.RequestKey("known key", ApiKey)
"""The key that the request counts for, so that the guard of its handler need not look it up again."""

_POLICY: str = istr("RateLimit-Policy")
_LIMIT: str = istr("RateLimit")

_WINDOW_SECONDS = 60


@dataclass(frozen=True)
class Policy:
    """One limit, with its name in the headers."""

    name: str
    whose: str
    quota: int
    what: str = "may send {quota} of these"

    @cached_property
    def text(self) -> str:
        """The value of the RateLimit-Policy header."""
        return f'"{self.name}";q={self.quota};w={_WINDOW_SECONDS}'


class RateLimits:
    """The limits of an application, and the counts of this replica."""

    def __init__(self, settings: Settings, windows: FixedWindows | None = None) -> None:
        self._windows = windows or FixedWindows()
        self._proxies = settings.trusted_proxies
        self._sign_up = _policy("sign-up", "address", settings.rate_limit_sign_up)
        self._session = _policy("session", "address", settings.rate_limit_sign_up)
        self._anonymous = _policy("anonymous", "address", settings.rate_limit_anonymous)
        self._customer = _policy("key", "customer", settings.rate_limit_key)  # the name that clients know
        self._portal = _policy("portal", "customer", settings.rate_limit_sign_up)
        self._token = _policy("token", "account", settings.rate_limit_token, "may get {quota} tokens")
        self._key = _policy("key", "API key", settings.rate_limit_key)

    def take(self, request: web.Request) -> None:
        """Counts the request.

        Raises:
            TooManyRequests: the caller exceeds its limit for this minute.
        """
        self._count(request, *self._of(request))

    def take_sign_up(self, request: web.Request) -> None:
        """Counts a sign-up, before it calls Stripe.

        Raises:
            TooManyRequests: as `take`.
        """
        self._count(request, self._sign_up, client_address(request, self._proxies))

    def take_session(self, request: web.Request) -> None:
        """Counts a request for a session's key, before it calls Stripe.

        Raises:
            TooManyRequests: as `take`.
        """
        self._count(request, self._session, client_address(request, self._proxies))

    def take_portal(self, request: web.Request, customer: str) -> None:
        """Counts a visit to Stripe's customer portal, before it calls Stripe.

        Raises:
            TooManyRequests: as `take`.
        """
        self._count(request, self._portal, customer)

    def take_token(self, request: web.Request, account: str) -> None:
        """Counts a token for the account, before it is signed.

        Raises:
            TooManyRequests: as `take`.
        """
        self._count(request, self._token, account)

    def _count(self, request: web.Request, policy: Policy | None, who: str) -> None:
        if policy is None:
            return
        count, left = self._windows.incr(f"{policy.name}/{who}", _WINDOW_SECONDS)
        seconds, remaining = math.ceil(left) or 1, policy.quota - count
        if remaining < 0:
            remaining = 0
        request[RATE_LIMIT_HEADERS] = {
            _POLICY: policy.text,
            _LIMIT: f'"{policy.name}";r={remaining};t={seconds}',
        }
        if count > policy.quota:
            may = policy.what.format(quota=policy.quota)
            raise TooManyRequests(
                "too_many_requests",
                f"Too many requests: one {policy.whose} {may} in {_WINDOW_SECONDS} seconds. "
                f"Send the same request again in {seconds} seconds.",
                retry_after=seconds,
            )

    def _of(self, request: web.Request) -> tuple[Policy | None, str]:
        """The limit that applies, and the caller that it counts for."""
        resource = request.match_info.route.resource
        path = resource.canonical if resource is not None else ""
        if path in _UNLIMITED:
            return None, ""
        # A key that the cache does not know counts as no key, so that guessing keys is limited by address.
        given = request.headers.get(AUTHORIZATION)
        key = request.app[AUTHENTICATOR].known(given) if given else None
        if key is None:
            return self._anonymous, client_address(request, self._proxies)
        request[KNOWN_KEY] = key
        owner = key.spec.customer_ref
        return (self._key, f"key/{key.metadata.name}") if owner is None else (self._customer, f"customer/{owner.name}")


RATE_LIMITS = web.AppKey("rate limits", RateLimits)


def _policy(name: str, whose: str, per_minute: int, what: str = Policy.what) -> Policy | None:
    return Policy(name, whose, per_minute, what) if per_minute else None
