"""Prometheus metrics of the operator."""

from prometheus_client import Counter, Gauge, Histogram

AWS_CALLS = Counter(
    "batteries_aws_calls_total",
    "AWS calls made, by operation and outcome (ok or the error code).",
    ["operation", "outcome"],
)
AWS_SECONDS = Histogram("batteries_aws_call_seconds", "Duration of AWS calls, in seconds.", ["operation"])
RECONCILES = Counter(
    "batteries_reconcile_total",
    "Visits to accounts, by result: done (nothing is owed), requeued (comes again later), stalled (until somebody "
    "changes something), error (Kubernetes refused, or another wrote first).",
    ["result"],
)
RECONCILE_ERRORS = Counter("batteries_reconcile_errors_total", "Visits that Kubernetes or a lost race broke off.")
RECONCILE_SECONDS = Histogram(
    "batteries_reconcile_duration_seconds",
    "Duration of visits, in seconds.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
RECONCILES_ACTIVE = Gauge("batteries_reconcile_active", "Visits under way.")
STEP_OUTCOMES = Counter("batteries_step_outcomes_total", "Outcomes of provisioning steps.", ["step", "outcome"])
STATUS_WRITES = Counter("batteries_status_writes_total", "Status patches sent to Kubernetes.")
LEADING = Gauge("batteries_leading", "1 where this operator holds the Lease and works, 0 where it stands by.")
PLACES_HELD = Gauge("batteries_places_held", "Places taken of a limit of AWS.", ["limit"])
PLACES_WAITING = Gauge("batteries_places_waiting", "Accounts in line for a place.", ["limit"])
