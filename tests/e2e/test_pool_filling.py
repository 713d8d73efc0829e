"""An AccountPool by kubectl alone: it is filled, lets a member go, and ends with its members, saying what stays."""

import json
from typing import Any

POOL = {
    "apiVersion": "aibatteriesincluded.com/v1",
    "kind": "AccountPool",
    "metadata": {"name": "filling"},
    "spec": {"size": 2},
}


def events(sandbox: Any, reason: str) -> list[str]:
    """The messages of the Events about the pool."""
    selector = f"involvedObject.kind=AccountPool,involvedObject.name=filling,reason={reason}"
    found = json.loads(sandbox.kubectl("get", "events", f"--field-selector={selector}", "-o", "json"))
    return [each["message"] for each in found["items"]]


def members(sandbox: Any) -> list[dict[str, Any]]:
    selector = "spec.poolRef.name=filling"
    found = json.loads(sandbox.kubectl("get", "pooled", f"--field-selector={selector}", "-o", "json"))
    return list(found["items"])


def test_a_pool_is_filled_and_ends_with_its_members(sandbox: Any) -> None:
    sandbox.kubectl("apply", "-f", "-", stdin=json.dumps(POOL))
    sandbox.kubectl("wait", "apool/filling", "--for=condition=Filled", "--timeout=120s")
    made = members(sandbox)
    assert len(made) == 2
    status = json.loads(sandbox.kubectl("get", "apool", "filling", "-o", "json"))["status"]
    assert (status["members"], status["ready"], status["failures"]) == (2, 2, 0)
    assert len(status["creations"]) == 2
    gone = made[0]["metadata"]["name"]
    sandbox.kubectl("delete", "pooled", gone, "--timeout=60s")

    def is_replaced() -> bool:
        there = members(sandbox)
        return len(there) == 2 and all(each["metadata"]["name"] != gone for each in there)

    sandbox.until(is_replaced, 60, "a member that was ready is replaced at once")
    sandbox.kubectl("wait", "apool/filling", "--for=condition=Filled", "--timeout=120s")
    ids = sorted(each["status"]["awsAccountId"] for each in members(sandbox))
    sandbox.kubectl("delete", "apool", "filling", "--timeout=60s")
    assert members(sandbox) == []
    sandbox.until(lambda: events(sandbox, "Released"), 30, "an Event says what stays")
    assert ", ".join(ids) in events(sandbox, "Released")[0]
