"""The panels of the chart's Grafana dashboard. NAMESPACE in a query becomes the selector of the chosen namespaces."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: queries by their legends, the unit as Grafana names it, and how much of a row's width it takes."""

    title: str
    queries: dict[str, str]
    unit: str = "short"
    width: int = 8
    kind: str = "timeseries"
    stacked: bool = False
    description: str = ""


def _quantile(quantile: float, metric: str, by: str = "", window: str = "$__rate_interval") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({quantile}, sum by ({labels}) (rate({metric}_bucket{{NAMESPACE}}[{window}])))"


def _rate(metric: str, by: str, more: str = "") -> str:
    return f"sum by ({by}) (rate({metric}{{NAMESPACE{more}}}[$__rate_interval]))"


_PROVISIONING = "batteries_account_provisioning_duration_seconds"
_READS = ', route!~".*(events|stripe|checkout).*|/healthz|/readyz"'

ROWS: dict[str, tuple[Panel, ...]] = {
    "Accounts and provisioning": (
        Panel("Stalled", {"stalled": "sum(batteries_accounts_stalled{NAMESPACE})"}, width=4, kind="stat"),
        Panel("Accounts", {"{{phase}}": "sum by (phase) (batteries_accounts{NAMESPACE})"}, width=10, stacked=True),
        Panel(
            "Time until active",
            {
                "median": _quantile(0.5, _PROVISIONING, window="1h"),
                "90 %": _quantile(0.9, _PROVISIONING, window="1h"),
            },
            unit="s",
            width=10,
            description="For the accounts that became active within the last hour.",
        ),
        Panel(
            "Step durations, 90th percentile",
            {"{{step}}": _quantile(0.9, "batteries_step_duration_seconds", "step", "1h")},
            unit="s",
            description="Includes time in queues and AWS's own time.",
        ),
        Panel(
            "Step outcomes", {"{{step}} {{outcome}}": _rate("batteries_step_outcomes_total", "step, outcome")}, "ops"
        ),
        Panel(
            "Drift reverted in an hour",
            {"{{step}}": "sum by (step) (increase(batteries_drift_total{NAMESPACE}[1h]))"},
            description="Somebody changed in AWS what this step sets.",
        ),
        Panel(
            "Policies in force",
            {"{{policy}}": "min by (policy) (batteries_guardrail_in_force{NAMESPACE})"},
            width=24,
            description="0: detached from its OU, or with other content than bootstrap writes.",
        ),
    ),
    "Mails, ends and closures": (
        Panel("Mails", {"{{kind}} {{outcome}}": _rate("batteries_mails_total", "kind, outcome")}, "ops"),
        Panel(
            "Mails waiting",
            {"waiting": "sum(batteries_mails_waiting{NAMESPACE})"},
            description="Includes mails that wait because their address has reached its limit.",
        ),
        Panel(
            "Accounts to close",
            {
                "within 7 days": "sum(batteries_accounts_to_close{NAMESPACE})",
                "late": "sum(batteries_deadlines_late{NAMESPACE})",
            },
            description="Late: a notice, an end or a closure has been due for more than ten minutes.",
        ),
    ),
    "Pools of prepared accounts": (
        Panel(
            "Members",
            {"{{pool}} {{state}}": "max by (pool, state) (batteries_pool_members{NAMESPACE})"},
            width=12,
            description="All but claimed count towards the pool's size. Stale: being brought up to date.",
        ),
        Panel(
            "Ready of wanted",
            {
                "{{pool}}": 'max by (pool) (batteries_pool_members{NAMESPACE, state="ready"}) / '
                "max by (pool) (batteries_pool_size{NAMESPACE} > 0)"
            },
            "percentunit",
        ),
        Panel("Stalled", {"{{pool}}": "max by (pool) (batteries_pool_stalled{NAMESPACE})"}, width=4, kind="stat"),
        Panel(
            "Claims, and accounts that found no member",
            {
                "{{source}}": "sum by (source) (rate(batteries_pool_claims_total{NAMESPACE}[5m])) * 60",
                "without: {{reason}}": "sum by (reason) (rate(batteries_pool_fall_throughs_total{NAMESPACE}[5m])) * 60",
            },
            width=12,
            description="A minute. An account that finds no member is made by AWS, as without a pool.",
        ),
        Panel(
            "From request to claim",
            {
                "median": "histogram_quantile(0.5, sum by (le) "
                "(rate(batteries_pool_claim_duration_seconds_bucket{NAMESPACE}[1h])))",
            },
            "s",
            width=12,
        ),
    ),
    "Reconciling": (
        Panel("Leading operators", {"leading": "sum(batteries_leading{NAMESPACE})"}, width=4, kind="stat"),
        Panel("Reconciles by result", {"{{result}}": _rate("batteries_reconcile_total", "result")}, "ops", 10),
        Panel(
            "Failed reconciles",
            {"errors": "sum(rate(batteries_reconcile_errors_total{NAMESPACE}[$__rate_interval]))"},
            "ops",
            10,
        ),
        Panel(
            "Duration of reconciles",
            {
                "median": _quantile(0.5, "batteries_reconcile_duration_seconds"),
                "99 %": _quantile(0.99, "batteries_reconcile_duration_seconds"),
            },
            "s",
        ),
        Panel(
            "Work queue",
            {
                "depth": "sum(batteries_workqueue_depth{NAMESPACE})",
                "reconciling": "sum(batteries_reconcile_active{NAMESPACE})",
            },
            description="Accounts with pending work, including those in a queue.",
        ),
        Panel(
            "Writes to Kubernetes",
            {"status writes": "sum(rate(batteries_status_writes_total{NAMESPACE}[$__rate_interval]))"},
            "ops",
        ),
    ),
    "AWS": (
        Panel("Calls by outcome", {"{{outcome}}": _rate("batteries_aws_calls_total", "outcome")}, "ops", stacked=True),
        Panel("Calls by operation", {"{{operation}}": _rate("batteries_aws_calls_total", "operation")}, "ops"),
        Panel(
            "Refused",
            {
                "{{operation}} {{outcome}}": _rate(
                    "batteries_aws_calls_total", "operation, outcome", ', outcome=~"terminal|unknown|capacity"'
                )
            },
            "ops",
            description="sts:AssumeRole is refused until a new account's role exists.",
        ),
        Panel(
            "Duration of calls, 90th percentile",
            {"{{operation}}": _quantile(0.9, "batteries_aws_call_duration_seconds", "operation")},
            "s",
            24,
        ),
    ),
    "Queues and limits": (
        Panel("Slots in use", {"{{limit}}": "sum by (limit) (batteries_slots_held{NAMESPACE})"}, width=12),
        Panel("Accounts in queues", {"{{limit}}": "sum by (limit) (batteries_slots_waiting{NAMESPACE})"}, width=12),
    ),
    "API": (
        Panel(
            "Failed calls to Stripe",
            {"{{outcome}}": _rate("batteries_stripe_failures_total", "outcome")},
            "ops",
            24,
            description="key_refused and not_permitted need a person; the API server's log has Stripe's message.",
        ),
        Panel(
            "Requests by route",
            {"{{method}} {{route}}": _rate("batteries_http_requests_total", "method, route")},
            "reqps",
        ),
        Panel(
            "Requests by status",
            {"{{status}}": _rate("batteries_http_requests_total", "status")},
            "reqps",
            stacked=True,
        ),
        Panel(
            "Duration of requests, 99th percentile",
            {
                "{{method}} {{route}}": "histogram_quantile(0.99, sum by (le, method, route) (rate("
                f"batteries_http_request_duration_seconds_bucket{{NAMESPACE{_READS}}}[$__rate_interval])))"
            },
            "s",
            description="Without event streams, Stripe's paths and probes.",
        ),
        Panel(
            "Tokens for AWS in an hour",
            {"{{outcome}}": "sum by (outcome) (increase(batteries_tokens_total{NAMESPACE}[1h]))"},
            width=8,
        ),
        Panel(
            "Age of the key that signs tokens",
            {"signs": "max(batteries_issuer_key_age_seconds{NAMESPACE})"},
            "s",
            8,
            description="It falls to zero when the next key begins to sign: every BATTERIES_ISSUER_KEY_DAYS.",
        ),
        Panel("Published keys", {"published": "max(batteries_issuer_keys{NAMESPACE})"}, width=8),
        Panel("API keys", {"{{state}}": "max by (state) (batteries_api_keys{NAMESPACE})"}, width=6),
        Panel(
            "Checkout sessions in an hour",
            {"{{event}}": "sum by (event) (increase(batteries_checkout_sessions_total{NAMESPACE}[1h]))"},
            width=6,
        ),
        Panel("Event streams", {"open": "sum(batteries_event_streams{NAMESPACE})"}, width=6),
        Panel(
            "Time since Kubernetes sent anything",
            {"{{resource}}": "max by (resource) (batteries_api_cache_age_seconds{NAMESPACE})"},
            "s",
            6,
        ),
        Panel("Cached objects", {"{{resource}}": "max by (resource) (batteries_api_cache_objects{NAMESPACE})"}),
        Panel(
            "Unreadable objects",
            {"{{resource}}": "max by (resource) (batteries_api_cache_unreadable_objects{NAMESPACE})"},
            description="From a later version of the CRD, or changed by hand; the API server's log names them.",
        ),
        Panel("Full lists read", {"{{resource}}": _rate("batteries_api_cache_lists_total", "resource")}, "ops"),
    ),
}
