"""The IAM policy of the operator's own key: what it does not grant is refused.

Only where the setting `operator_policy` names one: so a test can prove that the policy that is
documented is enough, and that nothing of it can be left out.
"""

from __future__ import annotations

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.policy_document import denies, permits
from batteries_sandbox.aws.resources import actions, context, resources
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.rules.access import not_authorized
from batteries_sandbox.aws.wire import Answer
from batteries_sandbox.aws.world import World


def enforce(call: Call, world: World, proceed: Proceed) -> Answer:
    """Every call with the operator's key; GetCallerIdentity needs no permission (its API reference page)."""
    policy = world.operator_policy
    if policy is None or call.access_key != world.settings.access_key_id or call.operation == "GetCallerIdentity":
        return proceed(call)
    about, keys = resources(call, world), context(call, world)
    for needed in actions(call):
        if denies(policy, needed, about, keys):
            raise not_authorized(call, needed, about, "with an explicit deny in an identity-based policy")
        if not permits([policy], needed, about, keys):
            reason = f"because no identity-based policy allows the {needed} action"
            raise not_authorized(call, needed, about, reason)
    return proceed(call)
