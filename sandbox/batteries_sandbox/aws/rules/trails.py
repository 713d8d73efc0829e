"""CloudTrail: every member sees the organization's trails, which are the management account's.

CloudTrail user guide, "Creating a trail for an organization". moto shows an account its own trails only.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer
from batteries_sandbox.aws.world import World


def describe(call: Call, world: World, proceed: Proceed) -> Answer:
    """DescribeTrails: with the organization's, unless shadows are left out."""
    answered = proceed(call)
    is_member = call.account_id != world.settings.management_account_id
    if answered.error_code is not None or not is_member or call.params.get("includeShadowTrails") is False:
        return answered
    found: dict[str, Any] = json.loads(answered.body)
    named = call.params.get("trailNameList") or []
    shared = [trail.description(include_region=True) for trail in world.moto.organization_trails(call.region)]
    found["trailList"] += [trail for trail in shared if not named or {trail["Name"], trail["TrailARN"]} & {*named}]
    return replace(answered, body=json.dumps(found).encode())
