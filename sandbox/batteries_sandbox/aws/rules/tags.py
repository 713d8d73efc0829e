"""Tags of the organization's resources: checked as on creation, and 50 on one at most.

Organizations API reference, TagResource: the errors of CreateAccount's tags, and TargetNotFoundException.
"""

from __future__ import annotations

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.rules.account_creation import MAX_TAGS, check_tags
from batteries_sandbox.aws.wire import Answer, AwsError
from batteries_sandbox.aws.world import World


def put(call: Call, world: World, proceed: Proceed) -> Answer:
    """TagResource."""
    tags = call.params.get("Tags") or []
    check_tags(tags)
    account = world.account(call.text("ResourceId"))
    if account is not None and len({*account.tags, *(tag["Key"] for tag in tags)}) > MAX_TAGS:
        message = "You have exceeded the number of tags allowed."
        raise AwsError("ConstraintViolationException", message, Reason="MAX_TAG_LIMIT_EXCEEDED")
    return proceed(call)
