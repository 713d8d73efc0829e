"""Prometheus metrics of the API server, and the small application that serves them on a separate port."""

from collections.abc import Callable, Iterable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

REQUESTS = Counter(
    "batteries_http_requests_total",
    "Responses, by route, status and fault: none, caller (4xx), configuration (such as a missing Stripe key), or ours.",
    ["method", "route", "status", "fault"],
)
REQUEST_SECONDS = Histogram(
    "batteries_http_request_duration_seconds", "Time to respond to a request.", ["method", "route", "status"]
)
KEYS = Gauge("batteries_api_keys", "ApiKeys, by state: valid, revoked or expired.", ["state"])
SESSIONS = Counter(
    "batteries_checkout_sessions_total",
    "Checkout sessions at Stripe, by event: opened, or fetched (the customer fetched the API key).",
    ["event"],
)
STRIPE_FAILURES = Counter(
    "batteries_stripe_failures_total",
    "Failed calls to Stripe, by outcome: key_refused, not_permitted, portal_not_set_up, rate_limited, invalid_request, "
    "unreachable.",
    ["outcome"],
)
for _outcome in (
    "key_refused",
    "not_permitted",
    "portal_not_set_up",
    "rate_limited",
    "invalid_request",
    "unreachable",
):
    STRIPE_FAILURES.labels(_outcome)  # exported as 0 from the start, or a rate misses the first failure of each
CUSTOMERS = Gauge(
    "batteries_customers",
    "Customers, by the reason why they can or can't pay, as Stripe last reported it; each replica counts all of them.",
    ["reason"],
)
TOKENS = Counter(
    "batteries_tokens_total",
    "Requests for tokens for AWS, by outcome: issued, or the error's code.",
    ["outcome"],
)
TOKENS.labels("issued")  # exported as 0 from the start
ISSUER_KEY_AGE = Gauge(
    "batteries_issuer_key_age_seconds", "Time since the key that signs tokens for AWS began to; NaN if none signs."
)
ISSUER_KEYS = Gauge("batteries_issuer_keys", "Published keys that verify tokens for AWS.")
STREAMS = Gauge("batteries_event_streams", "Open event streams.")
CACHE_AGE = Gauge(
    "batteries_api_cache_age_seconds",
    "Time since a cache last heard from Kubernetes about the API's own namespace.",
    ["resource"],
)
WATCH_AGE = Gauge(
    "batteries_api_watch_age_seconds",
    "Time since Kubernetes last sent anything about the accounts of the namespace `watched` (*: all namespaces); +Inf "
    "if it never did.",
    ["watched"],
)
CACHE_OBJECTS = Gauge("batteries_api_cache_objects", "Objects in a cache.", ["resource"])
CACHE_UNREADABLE = Gauge(
    "batteries_api_cache_unreadable_objects",
    "Objects in Kubernetes that this version can't read and therefore does not show; the log names them.",
    ["resource"],
)
CACHE_RELISTS = Counter("batteries_api_cache_lists_total", "Full lists read from Kubernetes.", ["resource"])


def metrics_app(refresh: Iterable[Callable[[], None]]) -> web.Application:
    """Serves GET /metrics. It first calls each of `refresh`, which sets gauges that are computed on demand."""
    refreshers = tuple(refresh)

    async def show(request: web.Request) -> web.Response:
        for refresher in refreshers:
            refresher()
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", show)
    return app
