"""AWS Support, as an organization with Basic support has it: its API answers nobody.

The code is in botocore's support model's documentation: without a Business, Enterprise On-Ramp, or Enterprise Support
plan every operation is refused so.
"""

from __future__ import annotations

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError
from batteries_sandbox.aws.world import World


def needs_a_plan(call: Call, world: World, proceed: Proceed) -> Answer:
    """Refuses every operation."""
    raise AwsError(
        "SubscriptionRequiredException",
        "Amazon Web Services Premium Support Subscription is required to use this service.",
    )
