"""Two writes to one organization at the same time: the second is refused.

Organizations API reference: ConcurrentModificationException, "the target of the operation is currently being modified
by a different request". How long AWS takes is not published. Two writes overlap if the second was received before the
first was answered: a client that waits for the response never meets this.
"""

from __future__ import annotations

from dataclasses import replace

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError
from batteries_sandbox.aws.world import World


def one_at_a_time(call: Call, world: World, proceed: Proceed) -> Answer:
    """Every operation that is not a read."""
    seconds = world.settings.organization_write_seconds
    if not seconds or call.operation.startswith(("Describe", "List")):
        return proceed(call)
    if call.arrived < world.organization_written_until:
        message = "The target of the operation is currently being modified by a different request."
        raise AwsError("ConcurrentModificationException", message)
    answered = proceed(call)
    if answered.error_code is not None:
        return answered
    world.organization_written_until = world.clock() + seconds
    return replace(answered, hold=seconds)
