"""Prometheus metrics of the API server, and the little application that serves them on their own port."""

from collections.abc import Callable, Iterable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

REQUESTS = Counter(
    "batteries_http_requests_total",
    "Requests answered, by route, status and fault: none, caller (4xx), configuration (such as no key of Stripe's), "
    "or ours.",
    ["method", "route", "status", "fault"],
)
REQUEST_SECONDS = Histogram(
    "batteries_http_request_duration_seconds", "Time to answer a request.", ["method", "route", "status"]
)
KEYS = Gauge("batteries_api_keys", "ApiKeys, by state: valid, revoked or expired.", ["state"])
SESSIONS = Counter(
    "batteries_checkout_sessions_total",
    "Checkout sessions at Stripe, by event: opened, or fetched (the key that it earned).",
    ["event"],
)
STRIPE_FAILURES = Counter(
    "batteries_stripe_failures_total",
    "Calls that Stripe did not do, by outcome: key_refused, not_permitted, rate_limited, invalid_request, unreachable.",
    ["outcome"],
)
for _outcome in ("key_refused", "not_permitted", "rate_limited", "invalid_request", "unreachable"):
    STRIPE_FAILURES.labels(_outcome)  # from 0 on, or a rate misses the first of each
CUSTOMERS = Gauge(
    "batteries_customers",
    "Customers by why they can pay or not, as Stripe said last; each replica tells of all.",
    ["reason"],
)
STREAMS = Gauge("batteries_event_streams", "Event streams open.")
CACHE_AGE = Gauge(
    "batteries_api_cache_age_seconds", "Time since a cache last heard from Kubernetes, at home.", ["resource"]
)
WATCH_AGE = Gauge(
    "batteries_api_watch_age_seconds",
    "Time since Kubernetes last told of the accounts of the namespace `watched` (*: of all), +Inf where it never did.",
    ["watched"],
)
CACHE_OBJECTS = Gauge("batteries_api_cache_objects", "Objects in a cache.", ["resource"])
CACHE_UNREADABLE = Gauge(
    "batteries_api_cache_unreadable_objects",
    "Objects in Kubernetes that this version can't read, and so does not show; the log names them.",
    ["resource"],
)
CACHE_RELISTS = Counter("batteries_api_cache_lists_total", "Whole lists read from Kubernetes.", ["resource"])


def metrics_app(refresh: Iterable[Callable[[], None]]) -> web.Application:
    """Answers GET /metrics; each of `refresh` is called first, to set what is known only when asked."""
    refreshers = tuple(refresh)

    async def show(request: web.Request) -> web.Response:
        for refresher in refreshers:
            refresher()
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", show)
    return app
