"""Prometheus metrics of the operator."""

from prometheus_client import Counter, Gauge, Histogram

AWS_CALLS = Counter(
    "batteries_aws_calls_total",
    "AWS calls made, by operation and outcome (ok or the error code).",
    ["operation", "outcome"],
)
AWS_SECONDS = Histogram("batteries_aws_call_seconds", "Duration of AWS calls, in seconds.", ["operation"])
STEP_OUTCOMES = Counter("batteries_step_outcomes_total", "Outcomes of provisioning steps.", ["step", "outcome"])
STATUS_WRITES = Counter("batteries_status_writes_total", "Status patches sent to Kubernetes.")
PLACES_HELD = Gauge("batteries_places_held", "Places taken of a limit of AWS.", ["limit"])
PLACES_WAITING = Gauge("batteries_places_waiting", "Accounts in line for a place.", ["limit"])
