"""Lists that begin with an empty page which is not the end.

Every List page of the Organizations API reference warns of it: "These operations can
occasionally return an empty set of results even when more results are available." Off by
default, as a client that doesn't page would find nothing; every so many lists where set.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, answer
from batteries_sandbox.aws.world import World

_TOKEN = "ZW1wdHktcGFnZQ=="


def begin_empty(call: Call, world: World, proceed: Proceed) -> Answer:
    """Every List operation, counted for itself, so that two kinds of list don't change each other's turn."""
    if not call.operation.startswith("List"):
        return proceed(call)
    token = call.text("NextToken")
    if token == _TOKEN:
        return proceed(_without_token(call))
    every = world.settings.empty_page_every
    if token or not every:
        return proceed(call)
    world.lists_asked[call.operation] += 1
    if world.lists_asked[call.operation] % every:
        return proceed(call)
    member = _members().get(call.operation)
    return answer(call, {member: [], "NextToken": _TOKEN}) if member else proceed(call)


def _without_token(call: Call) -> Call:
    """The call as if it were the first, for moto too, which reads the bytes."""
    params = {name: value for name, value in call.params.items() if name != "NextToken"}
    return replace(call, params=params, raw=replace(call.raw, body=json.dumps(params).encode()))


@lru_cache(maxsize=1)
def _members() -> dict[str, str]:
    """The member that holds the list of each operation, from botocore's own model."""
    import botocore.session  # only here, as it costs 0.1 s

    model = botocore.session.get_session().get_service_model("organizations")
    members = {}
    for operation in model.operation_names:
        output = model.operation_model(operation).output_shape
        found = dict(output.members) if output else {}
        lists = [name for name, shape in found.items() if shape.type_name == "list"]
        if operation.startswith("List") and lists and "NextToken" in found:
            members[operation] = lists[0]
    return members
