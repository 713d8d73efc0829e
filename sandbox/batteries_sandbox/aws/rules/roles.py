"""Roles: what moto takes that IAM refuses, and what it changes that nobody named."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError
from batteries_sandbox.aws.world import World

_SHORTEST, _LONGEST = 3600, 43_200  # botocore's iam model, MaxSessionDuration


def limits(call: Call, world: World, proceed: Proceed) -> Answer:
    """CreateRole, UpdateRole and PutRolePermissionsBoundary: sessions of 1 to 12 hours, a boundary that is there."""
    longest, boundary = call.text("MaxSessionDuration"), call.text("PermissionsBoundary")
    if longest and not (longest.isdigit() and _SHORTEST <= int(longest) <= _LONGEST):
        message = "1 validation error detected: Value at 'maxSessionDuration' failed to satisfy constraint"
        raise AwsError("ValidationError", message)
    if boundary and boundary not in world.moto.iam(call.account_id).managed_policies:
        raise AwsError("NoSuchEntity", f"Policy {boundary} does not exist or is not attachable.", status=404)
    return proceed(call)


def update(call: Call, world: World, proceed: Proceed) -> Answer:
    """UpdateRole: a description that the call does not name stays."""
    roles: Iterable[Any] = world.moto.iam(call.account_id).get_roles()
    role = next((each for each in roles if each.name == call.text("RoleName")), None)
    described = role.description if role is not None else None
    result = proceed(call)
    if role is not None and "Description" not in call.params:
        role.description = described
    return result
