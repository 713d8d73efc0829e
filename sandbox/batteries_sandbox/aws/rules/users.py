"""IAM users: their names are unique whatever the case, and they can be deleted only when nothing is attached to them.

IAM API reference, CreateUser and DeleteUser; moto compares the exact name and deletes anything.
"""

from __future__ import annotations

import re

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError
from batteries_sandbox.aws.world import World

_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)


def create(call: Call, world: World, proceed: Proceed) -> Answer:
    """CreateUser."""
    name = call.text("UserName")
    if not _NAME.fullmatch(name):
        raise AwsError("ValidationError", "The specified value for userName is invalid.")
    if any(existing.lower() == name.lower() for existing in world.moto.iam(call.account_id).users):
        raise AwsError("EntityAlreadyExists", f"User with name {name} already exists.", status=409)
    return proceed(call)


def delete(call: Call, world: World, proceed: Proceed) -> Answer:
    """DeleteUser."""
    backend = world.moto.iam(call.account_id)
    user = backend.users.get(call.text("UserName"))
    if user is not None and user.password:
        raise _in_use("must delete login profile first.")
    if user is not None and user.access_keys:
        raise _in_use("must delete access keys first.")
    if user is not None and any(user in group.users for group in backend.groups.values()):
        raise _in_use("must remove users from group first.")
    return proceed(call)


def _in_use(what: str) -> AwsError:
    return AwsError("DeleteConflict", f"Cannot delete entity, {what}", status=409)
