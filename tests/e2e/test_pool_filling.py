"""An AccountPool by kubectl alone: it is filled, lets a member go, and ends with its members, saying what stays."""

from typing import Any

from e2e.pools import Pool


def test_a_pool_is_filled_and_ends_with_its_members(sandbox: Any, pool: Pool) -> None:
    made = pool.fill(2)
    status = pool.status
    assert (status["members"], status["ready"], status["failures"]) == (2, 2, 0)
    assert len(status["creations"]) == 2
    gone = made[0]["metadata"]["name"]
    pool.kubectl("delete", "pooled", gone, "--timeout=60s")

    def is_replaced() -> bool:
        there = pool.members
        return len(there) == 2 and all(each["metadata"]["name"] != gone for each in there)

    sandbox.until(is_replaced, 60, "a member that was ready is replaced at once")
    pool.kubectl("wait", f"apool/{pool.name}", "--for=condition=Filled", "--timeout=120s")
    ids = sorted(each["status"]["awsAccountId"] for each in pool.members)
    pool.end()
    assert pool.members == []

    def released() -> list[str]:
        return pool.events("AccountPool", pool.name, "Released")

    sandbox.until(released, 30, "an Event says what stays")
    assert ", ".join(ids) in released()[0]
