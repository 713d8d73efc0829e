"""How many requests one caller may send: a customer, whichever of its keys it shows; an administrator's key; and
else, while no key that is known is shown, an address.

Each replica counts for itself, so that a limit costs nobody a round trip; behind n replicas a caller gets up to n times
as much. The headers are those of draft-ietf-httpapi-ratelimit-headers.

Stripe's own limit is shared by all callers. So what is about to ask Stripe for somebody without a key counts once more,
by address whatever key is shown: beginning a sign-up, and looking for a session's key, made-up sessions included. What
is refused before that (no e-mail address, no session's id, a key that was fetched) takes nothing from it: whoever
shares the address with a broken client can still sign up.

Not limited are probes, and Stripe's webhooks: they come in bursts, from addresses that also others may have behind a
proxy, and each is refused at the price of one HMAC where it is not signed.
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
"""The key that the request counts for, so that the guard before its handler need not look for it again."""

_POLICY: str = istr("RateLimit-Policy")
_LIMIT: str = istr("RateLimit")

_WINDOW_SECONDS = 60


@dataclass(frozen=True)
class Policy:
    """One limit, by the name that the headers give it."""

    name: str
    whose: str
    quota: int

    @cached_property
    def text(self) -> str:
        """As the header has it."""
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
        self._key = _policy("key", "API key", settings.rate_limit_key)

    def take(self, request: web.Request) -> None:
        """Counts the request.

        Raises:
            TooManyRequests: there were as many in this minute as there may be.
        """
        self._count(request, *self._of(request))

    def take_sign_up(self, request: web.Request) -> None:
        """Counts a sign-up that Stripe is about to be asked for.

        Raises:
            TooManyRequests: as `take`.
        """
        self._count(request, self._sign_up, client_address(request, self._proxies))

    def take_session(self, request: web.Request) -> None:
        """Counts a session that Stripe is about to be asked for.

        Raises:
            TooManyRequests: as `take`.
        """
        self._count(request, self._session, client_address(request, self._proxies))

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
            raise TooManyRequests(
                "too_many_requests",
                f"Too many requests: one {policy.whose} may send {policy.quota} of these in {_WINDOW_SECONDS} seconds. "
                f"Send the same request again in {seconds} seconds.",
                retry_after=seconds,
            )

    def _of(self, request: web.Request) -> tuple[Policy | None, str]:
        """Which limit counts, and for whom."""
        resource = request.match_info.route.resource
        path = resource.canonical if resource is not None else ""
        if path in _UNLIMITED:
            return None, ""
        # A key that the cache does not know counts as none, so that guessing keys is limited by address.
        given = request.headers.get(AUTHORIZATION)
        key = request.app[AUTHENTICATOR].known(given) if given else None
        if key is None:
            return self._anonymous, client_address(request, self._proxies)
        request[KNOWN_KEY] = key
        owner = key.spec.customer_ref
        return (self._key, f"key/{key.metadata.name}") if owner is None else (self._customer, f"customer/{owner.name}")


RATE_LIMITS = web.AppKey("rate limits", RateLimits)


def _policy(name: str, whose: str, per_minute: int) -> Policy | None:
    return Policy(name, whose, per_minute) if per_minute else None
