"""SimulatePrincipalPolicy for the operator's own key: what its policy would answer, without asking for it.

moto doesn't know it. Sessions are refused: IAM simulates users, groups and roles (IAM API reference). An action that
the policy grants on some resources only is simulated on all of them, `*`, and so denied (the same page).
"""

from __future__ import annotations

import itertools

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.policy_document import denies, permits
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError, answer
from batteries_sandbox.aws.world import World


def principal(call: Call, world: World, proceed: Proceed) -> Answer:
    """Each action with its decision."""
    source = call.text("PolicySourceArn")
    if ":assumed-role/" in source or not source.startswith(f"arn:{world.settings.partition}:iam::"):
        raise AwsError("InvalidInput", f"Invalid Entity Arn: {source} does not clearly define entity type and name.")
    resources = _members(call, "ResourceArns") or ["*"]
    keys = _context(call)
    results = [
        {
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": _decision(world, action, resource, keys),
        }
        for action in _members(call, "ActionNames")
        for resource in resources
    ]
    return answer(call, {"EvaluationResults": results, "IsTruncated": False})


def _members(call: Call, name: str) -> list[str]:
    """A list of the query protocol: `name.member.1` and so on."""
    found = (call.text(f"{name}.member.{number}") for number in itertools.count(1))
    return list(itertools.takewhile(bool, found))


def _context(call: Call) -> dict[str, list[str]]:
    """The condition keys that the caller gives; IAM adds none by itself (IAM user guide, "Testing IAM policies")."""
    found: dict[str, list[str]] = {}
    for number in itertools.count(1):
        entry = f"ContextEntries.member.{number}"
        if not (name := call.text(f"{entry}.ContextKeyName")):
            return found
        found[name.lower()] = _members(call, f"{entry}.ContextKeyValues")
    return found


def _decision(world: World, action: str, resource: str, keys: dict[str, list[str]]) -> str:
    policy = world.operator_policy
    if policy is None:
        return "allowed"
    if denies(policy, action, [resource], keys):
        return "explicitDeny"
    return "allowed" if permits([policy], action, [resource], keys) else "implicitDeny"
