"""IAM's delay: a new user or role is not visible yet to the calls that need it.

The call that would create it again knows it at once: names are unique from the first moment. Lists are not delayed
here, and an account's first role has a separate, longer delay (role_seconds).
"""

from __future__ import annotations

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError
from batteries_sandbox.aws.world import World

_MAKES = {"CreateUser": "user", "CreateRole": "role"}
_NAMES = {"user": "UserName", "role": "RoleName"}


def delay(call: Call, world: World, proceed: Proceed) -> Answer:
    """Hides what CreateUser and CreateRole made, and refuses the calls on it for a while."""
    if call.operation in _MAKES:
        answered = proceed(call)
        if answered.error_code is None and world.settings.iam_seconds > 0:
            kind = _MAKES[call.operation]
            key = (call.account_id, kind, call.text(_NAMES[kind]).lower())
            world.propagation.hide(key, world.clock() + world.settings.iam_seconds)
        return answered
    for kind, parameter in _NAMES.items():
        name = call.text(parameter)
        if name and world.propagation.hides((call.account_id, kind, name.lower())):
            raise AwsError("NoSuchEntity", f"The {kind} with name {name} cannot be found.", status=404)
    return proceed(call)
