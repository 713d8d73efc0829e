"""The IAM policy of the operator's own key: what it does not grant is refused.

Only where the setting `operator_policy` names one: so a test can prove that the policy that is
documented is enough, and that nothing of it can be left out.
"""

from __future__ import annotations

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.policy_document import denies, permits
from batteries_sandbox.aws.resources import actions, context, request_keys, resource_keys, resources
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.rules.access import not_authorized
from batteries_sandbox.aws.wire import Answer
from batteries_sandbox.aws.world import World


def enforce(call: Call, world: World, proceed: Proceed) -> Answer:
    """Every call with the operator's key; GetCallerIdentity needs no permission (its API reference page)."""
    policy = world.operator_policy
    if policy is None or call.access_key != world.settings.access_key_id or call.operation == "GetCallerIdentity":
        return proceed(call)
    common = context(call, world) | request_keys(call)
    for needed in actions(call):
        for about in resources(call, world) or ("",):  # each with the tags of its own
            named, keys = (about,) if about else (), common | resource_keys(about, world)
            if denies(policy, needed, named, keys):
                raise not_authorized(call, needed, named, "with an explicit deny in an identity-based policy")
            if not permits([policy], needed, named, keys):
                reason = f"because no identity-based policy allows the {needed} action"
                raise not_authorized(call, needed, named, reason)
    return proceed(call)
