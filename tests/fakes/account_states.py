"""An AwsAccount in each state that people tell apart, as the operator's own status code writes it.

What GitOps tools make of them is tested three times, of the same objects: the Lua in plain Lua, the Lua in Argo CD's
own machine, and kstatus.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import CreateRequest, Hold, HoldRecord
from batteries_operator.status.pending import runnable
from batteries_operator.status.transitions import apply_outcome, begin, summarize
from batteries_operator.steps.outcome import Done, Fail, Outcome, Wait
from batteries_operator.steps.pipeline import steps_for

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ASKED = CreateRequest(email="a@example.com", account_name="a", recorded_at=NOW, request_id="car-1")
FACTS: dict[str, dict[str, object]] = {
    "create_account": {"create_request": ASKED, "owner": "a@example.com"},
    "check_status": {"aws_account_id": "123456789012"},
}
DONE_FOR_GOOD = "AWS has an account of another owner by this e-mail address."
LIMIT = "Queue position 3: the organization has as many AWS accounts as its quota allows."


@dataclass(frozen=True)
class State:
    """One object, and what is to be said of it: by Argo CD, with the beginning of its message, and by kstatus."""

    account: AwsAccount
    argocd: str
    message: str
    kstatus: str
    seen: bool = True

    @property
    def wire(self) -> dict[str, Any]:
        """As the API server gives it; one that nobody has seen has the CRD's default status."""
        head = {"apiVersion": "aibatteriesincluded.com/v1", "kind": "AwsAccount"}
        body = self.account.to_wire() | head
        return body if self.seen else body | {"status": {"observedGeneration": 0, "phase": "pending"}}


def _new(**spec: Any) -> AwsAccount:
    meta = {"name": "acme", "namespace": "customers", "generation": 1, "uid": "u", "creationTimestamp": NOW}
    account = AwsAccount.model_validate({"metadata": meta, "spec": {"email": "a@example.com", **spec}})
    return _looked_at(account)


def _looked_at(account: AwsAccount) -> AwsAccount:
    return summarize(steps_for(account), account, NOW)


def _begun(account: AwsAccount) -> AwsAccount:
    steps = steps_for(account)
    step = runnable(steps, account)[0]
    return summarize(steps, begin(steps, account, step, NOW), NOW)


def _next(account: AwsAccount, outcome: Outcome | None = None) -> AwsAccount:
    """The step that is pending, concluded: done, where nothing else is said."""
    steps = steps_for(account)
    step = runnable(steps, account)[0]
    outcome = outcome or Done("Done.", FACTS.get(step.name, {}))
    return summarize(steps, apply_outcome(steps, begin(steps, account, step, NOW), step, outcome, NOW), NOW)


def _all_done(account: AwsAccount) -> AwsAccount:
    for _ in range(20):
        if not runnable(steps_for(account), account):
            return account
        account = _next(account)
    raise AssertionError(f"still pending: {runnable(steps_for(account), account)}")


def _at_mail(account: AwsAccount) -> AwsAccount:
    while runnable(steps_for(account), account)[0].condition != "WelcomeEmailSent":
        account = _next(account)
    return account


def _changed(account: AwsAccount, **spec: Any) -> AwsAccount:
    """With another spec, which the operator has not seen."""
    meta = account.metadata.model_copy(update={"generation": account.metadata.generation + 1})
    return account.model_copy(update={"metadata": meta, "spec": account.spec.model_copy(update=spec)})


def _held(account: AwsAccount) -> AwsAccount:
    status = account.status.model_copy(update={"holds": {Hold.PAYMENT_METHOD_MISSING: HoldRecord(since=NOW)}})
    return _looked_at(account.model_copy(update={"status": status}))


def _deleted(account: AwsAccount) -> AwsAccount:
    return account.model_copy(update={"metadata": account.metadata.model_copy(update={"deletion_timestamp": NOW})})


_ACTIVE = _all_done(_new())
_REPOS = _changed(_ACTIVE, github_repos=["acme/app"])
_SUSPENDED = _all_done(_looked_at(_changed(_ACTIVE, suspended=True)))
_FAILED = _next(_next(_new()), Fail("EmailTaken", DONE_FOR_GOOD))
_ACTIVE_SAYS = "The AWS account is ready to use."
_UNSEEN_SAYS = "The operator has not seen"

STATES: dict[str, State] = {
    "not seen": State(_new(), "Progressing", _UNSEEN_SAYS, "InProgress", seen=False),
    "first seen": State(_new(), "Progressing", "create_account", "InProgress"),
    "in line": State(
        _next(_new(), Wait.queue_closed(60, "AccountLimitReached", LIMIT)),
        "Progressing",
        f"create_account: {LIMIT}",
        "InProgress",
    ),
    "a step done": State(_next(_new()), "Progressing", "check_status", "InProgress"),
    "a step begun": State(
        _begun(_next(_next(_new()))), "Progressing", "wait_for_role: wait_for_role has begun.", "InProgress"
    ),
    "failed": State(_FAILED, "Degraded", DONE_FOR_GOOD, "Failed"),
    "failed, spec mended": State(_changed(_FAILED, display_name="A"), "Progressing", _UNSEEN_SAYS, "InProgress"),
    "active": State(_ACTIVE, "Healthy", _ACTIVE_SAYS, "Current"),
    "active, mail failed": State(
        _all_done(_next(_at_mail(_new()), Fail("Mail", "No."))),
        "Healthy",
        _ACTIVE_SAYS,
        "Current",
    ),
    "changed": State(_REPOS, "Progressing", _UNSEEN_SAYS, "InProgress"),
    "change seen": State(_looked_at(_REPOS), "Progressing", "setup_oidc", "InProgress"),
    "change refused": State(
        _next(_looked_at(_REPOS), Fail("TrustPolicyTooLarge", "Too many.")), "Degraded", "Too many.", "Failed"
    ),
    "change applied": State(_all_done(_looked_at(_REPOS)), "Healthy", _ACTIVE_SAYS, "Current"),
    "suspending": State(
        _begun(_looked_at(_changed(_ACTIVE, suspended=True))),
        "Progressing",
        "suspending: quarantine has begun.",
        "InProgress",
    ),
    "suspended": State(_SUSPENDED, "Suspended", "The account is closed", "InProgress"),
    "suspended, unpaid": State(_all_done(_held(_ACTIVE)), "Suspended", "The account is closed: ", "InProgress"),
    "suspended before it was made": State(
        _all_done(_new(suspended=True)), "Suspended", "The account is suspended; no AWS account was made", "InProgress"
    ),
    "resuming": State(
        _begun(_looked_at(_changed(_SUSPENDED, suspended=False))),
        "Progressing",
        "move_to_ou: move_to_ou has begun.",
        "InProgress",
    ),
    "resumed": State(_all_done(_looked_at(_changed(_SUSPENDED, suspended=False))), "Healthy", _ACTIVE_SAYS, "Current"),
    "being deleted": State(_deleted(_ACTIVE), "Progressing", "Pending deletion", "Terminating"),
}
