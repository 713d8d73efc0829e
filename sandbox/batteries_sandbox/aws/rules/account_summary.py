"""IAM's summary of an account: it counts what IAM shows, so that a user of a moment ago may be missing.

IAM user guide, "Changes that I make are not always immediately visible"; that it holds for the summary is believed.
"""

from __future__ import annotations

import re
from dataclasses import replace

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer
from batteries_sandbox.aws.world import World

_KINDS = {"Users": "user", "Roles": "role"}


def count(call: Call, world: World, proceed: Proceed) -> Answer:
    """GetAccountSummary: without the users and roles that are hidden still."""
    answered = proceed(call)
    body = answered.body.decode()
    for name, kind in _KINDS.items():
        hidden = world.propagation.count_of(call.account_id, kind)

        def less(found: re.Match[str], hidden: int = hidden) -> str:
            return f"{found[1]}{int(found[2]) - hidden}"

        body = re.sub(rf"(<key>{name}</key>\s*<value>)(\d+)", less, body)
    return replace(answered, body=body.encode())
