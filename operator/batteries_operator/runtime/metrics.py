"""Prometheus metrics of the operator. Labels have few values: never an account, a customer or AWS's words."""

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
LONG_SECONDS = (1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 14_400, 86_400)

RECONCILES = Counter(
    "batteries_reconcile_total",
    "Reconciles, by result: done (nothing is pending), requeued (runs again later), stalled (until somebody "
    "changes something), error (Kubernetes refused, or a write conflict).",
    ["result"],
)
RECONCILE_ERRORS = Counter(
    "batteries_reconcile_errors_total", "Reconciles that failed because of Kubernetes or a write conflict."
)
RECONCILE_SECONDS = Histogram(
    "batteries_reconcile_duration_seconds", "Duration of reconciles, comparisons with AWS included.", buckets=SECONDS
)
RECONCILES_ACTIVE = Gauge("batteries_reconcile_active", "Reconciles in progress, comparisons with AWS included.")
WORKQUEUE_DEPTH = Gauge("batteries_workqueue_depth", "Accounts with pending work, including those in a queue.")

ACCOUNTS = Gauge("batteries_accounts", "AwsAccounts, by phase.", ["phase"])
ACCOUNTS_STALLED = Gauge("batteries_accounts_stalled", "AwsAccounts that make no progress: Stalled is true.")
PROVISIONING_SECONDS = Histogram(
    "batteries_account_provisioning_duration_seconds",
    "Time from an AwsAccount's creation until it was active for the first time.",
    buckets=LONG_SECONDS,
)
STEP_SECONDS = Histogram(
    "batteries_step_duration_seconds",
    "Time from a step's start until it was done, including AWS's own time and time in queues.",
    ["step"],
    buckets=LONG_SECONDS,
)
POOL_CLAIMS = Counter(
    "batteries_pool_claims_total",
    "AwsAccounts that got an AWS account where there are pools, by source: pool (it was prepared beforehand) or cold "
    "(AWS was asked for it).",
    ["source"],
)
POOL_CLAIM_SECONDS = Histogram(
    "batteries_pool_claim_duration_seconds",
    "Time from an AwsAccount's creation until a prepared AWS account was its own.",
    buckets=SECONDS,
)
POOL_FALL_THROUGHS = Counter(
    "batteries_pool_fall_throughs_total",
    "AwsAccounts for which AWS was asked although there are pools, by reason: empty (no member was ready) or unfit "
    "(those that were tried could not be handed out; they say why).",
    ["reason"],
)
STEP_OUTCOMES = Counter("batteries_step_outcomes_total", "Outcomes of steps: done, wait or fail.", ["step", "outcome"])
DRIFTS = Counter("batteries_drift_total", "Differences that a resync found in AWS and reverted, by step.", ["step"])

AWS_CALLS = Counter(
    "batteries_aws_calls_total",
    "AWS calls, by operation and outcome: ok, throttled, transient, capacity, terminal, unknown (the kinds of error), "
    "or broken_off (the operator stopped, or lost its Lease).",
    ["operation", "outcome"],
)
AWS_SECONDS = Histogram("batteries_aws_call_duration_seconds", "Duration of AWS calls.", ["operation"], buckets=SECONDS)
SLOTS_HELD = Gauge("batteries_slots_held", "Slots in use, by AWS limit: creations, assignments, closures.", ["limit"])
SLOTS_WAITING = Gauge("batteries_slots_waiting", "Accounts in the queue for a slot.", ["limit"])

MAILS = Counter(
    "batteries_mails_total",
    "Mails of Notifications, by kind and outcome: sent, failed (an attempt that is retried), dropped (no more retries) "
    "or disabled (no sender is set).",
    ["kind", "outcome"],
)
MAILS_WAITING = Gauge("batteries_mails_waiting", "Notifications whose mail is still to be sent.")

SUSPENSIONS_HELD_BACK = Gauge(
    "batteries_suspensions_held_back",
    "Customers whose accounts are due to be suspended but are not, because there are too many at the same time.",
)
CLOSURES_HELD_BACK = Gauge(
    "batteries_closures_held_back",
    "Customers whose unpaid accounts are due to be closed but are not, because there are too many at the same time.",
)
DEADLINES_LATE = Gauge(
    "batteries_deadlines_late",
    "Accounts whose notice, end or closure has been due for more than ten minutes and is not done.",
)
ACCOUNTS_TO_CLOSE = Gauge(
    "batteries_accounts_to_close",
    "AwsAccounts that AWS closes within seven days, if nothing changes, or is closing now.",
)
POOL_MEMBERS = Gauge(
    "batteries_pool_members",
    "Members of an AccountPool (`namespace/name`), by state: preparing, ready, stale (being brought up to date), "
    "broken, deleting, claimed (within the last day). All but claimed count towards its size.",
    ["pool", "state"],
)
POOL_SIZE = Gauge("batteries_pool_size", "How many members an AccountPool (`namespace/name`) is to have.", ["pool"])
POOL_STALLED = Gauge(
    "batteries_pool_stalled",
    "1 if no more members of an AccountPool (`namespace/name`) are made until somebody has looked, else 0.",
    ["pool"],
)
STATUS_WRITES = Counter("batteries_status_writes_total", "Status patches sent to Kubernetes.")
WATCH_UP = Gauge(
    "batteries_watch_up",
    "1 if the leader's watch of the accounts in the namespace `watched` (*: all namespaces) works, 0 if Kubernetes "
    "refuses it or sends nothing.",
    ["watched"],
)
ACCOUNTS_UNREADABLE = Gauge(
    "batteries_accounts_unreadable", "AwsAccounts that this release can't read and therefore leaves as they are."
)
GUARDRAILS = Gauge(
    "batteries_guardrail_in_force",
    "1 if the service control policy was found attached and with the right content when it was last checked, else 0. "
    "BatteriesDenyAll holds on two OUs: on that of pools it is BatteriesDenyAll/Pool, or whatever that OU is called.",
    ["policy"],
)
LEADING = Gauge("batteries_leading", "1 if this operator holds the Lease and works, 0 if it stands by.")
