"""Service control policies, enforced: what no level of the organization allows, an account can't do.

Organizations user guide, "SCP evaluation": a Deny at any level from the root down to the account
wins, and every level must allow. They bind the account's users and roles on every call, running
sessions included, and not: the management account, service-linked roles, and who comes from
outside (AssumeRole out of the management account, a web identity; believed of the latter).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.policy_document import denies, permits
from batteries_sandbox.aws.resources import action, context, resources
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.rules.access import not_authorized
from batteries_sandbox.aws.wire import Answer
from batteries_sandbox.aws.world import World

_TYPE = "SERVICE_CONTROL_POLICY"


def enforce(call: Call, world: World, proceed: Proceed) -> Answer:
    """Every call of a member account; GetCallerIdentity can't be denied (its API reference page)."""
    if call.caller is None or call.account_id == world.settings.management_account_id:
        return proceed(call)
    if call.operation == "GetCallerIdentity" or ":role/aws-service-role/" in call.caller.role_arn:
        return proceed(call)
    needed, about, keys = action(call), resources(call, world), context(call, world)
    if (reason := refusal_by(_levels(call.account_id, world), needed, about, keys)) is not None:
        raise not_authorized(call, needed, about, reason)
    return proceed(call)


def refusal_by(
    levels: Iterable[Sequence[Mapping[str, Any]]],
    action: str,
    resources: Sequence[str],
    context: Mapping[str, list[str]],
) -> str | None:
    """Why the policies of these levels, from the account up to the root, refuse an action, in AWS's words; None if
    they let it pass.
    """
    for level in levels:
        if any(denies(policy, action, resources, context) for policy in level):
            return "with an explicit deny in a service control policy"
        if not permits(level, action, resources, context):
            return f"because no service control policy allows the {action} action"
    return None


def _levels(account_id: str, world: World) -> Iterator[list[dict[str, Any]]]:
    """The policies of the account, of each unit above it, and of the root; none while they are not enabled."""
    organization = world.moto.organizations()
    root: Any = organization.ou[0]
    if all(enabled["Type"] != _TYPE for enabled in root.policy_types):
        return
    units = {unit.id: unit for unit in organization.ou}
    level: Any = world.account(account_id)
    while level is not None:
        yield [_document(policy.content) for policy in level.attached_policies if policy.type == _TYPE]
        level = units.get(level.parent_id)


@lru_cache(maxsize=256)
def _document(content: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(content)
    return document
