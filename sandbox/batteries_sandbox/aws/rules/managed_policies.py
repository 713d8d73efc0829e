"""AWS's own policies, there in every account without costing every account all of them.

moto can load all 1,500 into each account it meets (1.2 s of CPU for each) or none. Here an
account gets the two that this product attaches when it first appears, and others when named.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer
from batteries_sandbox.aws.world import World

_ALWAYS = ("AdministratorAccess", "IAMUserChangePassword")


def provide(call: Call, world: World, proceed: Proceed) -> Answer:
    """Puts the policies that a call may need into its account's IAM, then goes on."""
    backend = world.moto.iam(call.account_id)
    prefix = f"arn:{world.settings.partition}:iam::aws:policy/"
    named = [call.text("PolicyArn"), call.text("PermissionsBoundary")]
    wanted = [*_ALWAYS, *(arn.rpartition("/")[2] for arn in named if arn.startswith(prefix))]
    present = {policy.name for policy in backend.aws_managed_policies}
    for name in wanted:
        if name not in present and name in _all():
            _add(backend, call.account_id, name)
    return proceed(call)


def _add(backend: Any, account_id: str, name: str) -> None:
    from moto.iam.models import AWSManagedPolicy

    policy = AWSManagedPolicy.from_data(name, account_id, backend.region_name, _all()[name])
    backend.aws_managed_policies.append(policy)
    backend.managed_policies[policy.arn] = policy


@lru_cache(maxsize=1)
def _all() -> dict[str, Any]:
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    data: dict[str, Any] = json.loads(aws_managed_policies_data)
    return data
