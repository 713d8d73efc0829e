"""Leaving the organization: a member may ask, unless a service control policy says no.

An account that the organization made has to be a week old, and be able to pay for itself (Organizations user guide,
"Leave an organization from your member account"). Nothing here is ever a week old, so who may ask is told to wait.
"""

from __future__ import annotations

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError
from batteries_sandbox.aws.world import World


def leave(call: Call, world: World, proceed: Proceed) -> Answer:
    """LeaveOrganization."""
    if call.account_id == world.settings.management_account_id:
        raise AwsError("MasterCannotLeaveOrganizationException", "You can't remove a management account.")
    message = "The account was created in the organization less than seven days ago."  # wording is ours
    raise AwsError("ConstraintViolationException", message, Reason="WAIT_PERIOD_ACTIVE")
