"""Identity Center's instance and permission sets: known ones only, names used once.

moto answers for any instance ARN and makes any number of sets of one name.
"""

from __future__ import annotations

import re

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError
from batteries_sandbox.aws.world import World

_NAME = re.compile(r"[\w+=,.@-]{1,32}", re.ASCII)


def known_instance(call: Call, world: World, proceed: Proceed) -> Answer:
    """Refuses an instance that isn't there."""
    instances = {instance.instance_arn for instance in world.moto.identity_center().instances}
    if "InstanceArn" in call.params and call.text("InstanceArn") not in instances:
        raise AwsError("ResourceNotFoundException", "Instance not found")  # believed
    return proceed(call)


def delete(call: Call, world: World, proceed: Proceed) -> Answer:
    """DeletePermissionSet: not while anybody is assigned by it (user guide, "Delete permission sets")."""
    arn = call.text("PermissionSetArn")
    if any(assignment.permission_set_arn == arn for assignment in world.moto.identity_center().account_assignments):
        raise AwsError("ConflictException", "PermissionSet is assigned to accounts; remove the assignments first.")
    return proceed(call)


def create(call: Call, world: World, proceed: Proceed) -> Answer:
    """CreatePermissionSet."""
    name = call.text("Name")
    if not _NAME.fullmatch(name):
        raise AwsError("ValidationException", "The name of the permission set is invalid.")
    if any(existing.name == name for existing in world.moto.identity_center().permission_sets):
        raise AwsError("ConflictException", f"PermissionSet with name {name} already exists.")
    return proceed(call)
