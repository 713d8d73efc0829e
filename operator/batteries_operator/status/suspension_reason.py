"""Why an account is suspended, and what resumes it. Pure."""

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import Hold
from batteries_crds.conditions import SUSPENDED, ConditionStatus, find
from batteries_crds.reasons import Reason

_CLOSED = (
    "The account is closed: console, single sign-on and deploy role are closed, and AWS denies all requests of its "
    "users and roles. Machines that run keep running and cost money. Service-linked roles keep working, and so does "
    "what resource policies allow other accounts."
)
_NEVER_MADE = "The account is suspended; no AWS account was made for it."

_WAY_OUT = {
    Hold.CUSTOMER_BLOCKED: "an administrator has to unblock the Customer",
    Hold.PAYMENT_METHOD_MISSING: "the owner has to give a valid payment method",
}


def why(account: AwsAccount) -> tuple[str, str]:
    """The reason (the first of several) and the message, which names the way out of each."""
    ways: dict[str, str] = {reason: _WAY_OUT[reason] for reason in Hold if reason in account.holds}
    ways |= {reason: f"the hold {reason} has to be lifted" for reason in sorted(account.holds - set(Hold))}
    by_the_spec: dict[str, str] = {Reason.SUSPENDED: "set spec.suspended to false"}
    if account.spec.suspended or not ways:
        ways = {**by_the_spec, **ways}
    said = _CLOSED if account.status.aws_account_id else _NEVER_MADE
    return next(iter(ways)), f"{said} To open it again, {', and '.join(ways.values())}."


def is_outdated(account: AwsAccount) -> bool:
    """Whether a closed account's reason has changed: holds come and go without a new generation."""
    said = find(account.status.conditions, SUSPENDED)
    if said is None or said.status is not ConditionStatus.TRUE or account.is_wanted or account.is_deleted:
        return False
    return (said.reason, said.message) != why(account)
