"""What Flux makes of our objects: kstatus itself, of each state that the operator writes."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from fakes.account_states import STATES

from batteries_crds.account_pool import AccountPool, PoolReason
from batteries_crds.base import utc_now
from batteries_operator.pool.counts import Counts
from batteries_operator.pool.pool_status import status_of_pool
from batteries_operator.pool.refill import Decision, Progress
from batteries_sandbox import kstatus
from batteries_sandbox.errors import SandboxError

ACCOUNT = """
apiVersion: aibatteriesincluded.com/v1
kind: AwsAccount
metadata: {name: fresh}
spec: {email: a@example.com}
"""


@pytest.fixture(scope="module")
def verdicts() -> Any:
    """Asks kstatus; `make test` has built it."""
    try:
        kstatus.provide()
    except SandboxError as error:
        pytest.skip(str(error))
    return kstatus.verdicts


def test_kstatus_agrees_with_the_operator(verdicts: Any) -> None:
    told: Sequence[tuple[str, str]] = verdicts([state.wire for state in STATES.values()])
    got = {name: status for name, (status, _) in zip(STATES, told, strict=True)}
    assert got == {name: state.kstatus for name, state in STATES.items()}
    failed = [message for status, message in told if status == "Failed"]
    assert failed == [state.message for state in STATES.values() if state.kstatus == "Failed"]
    print(f"proved: kstatus tells {len(got)} states as they are: {sorted(set(got.values()))}")


def test_an_account_that_no_operator_has_seen_is_in_progress(cluster: Any, verdicts: Any) -> None:
    where = f"--namespace={cluster.namespace()}"
    cluster.run("apply", "--server-side", "-f", "-", where, stdin=ACCOUNT)
    found = json.loads(cluster.run("get", "awsaccount", "fresh", where, "--show-managed-fields", "-o", "json"))
    assert verdicts([found])[0][0] == "InProgress"
    assert ["f:status" in entry["fieldsV1"] for entry in found["metadata"]["managedFields"]] == [False]


def test_customers_and_keys_are_current_at_once(verdicts: Any) -> None:
    bodies = [
        {"apiVersion": "aibatteriesincluded.com/v1", "kind": kind, "metadata": {"name": "a", "generation": 1}}
        for kind in ("Customer", "ApiKey")
    ]
    assert [status for status, _ in verdicts(bodies)] == ["Current", "Current"]


def _pool(reason: PoolReason, generation: int = 1) -> dict[str, Any]:
    """A pool as the operator has written it at generation 1."""
    meta = {"name": "p", "namespace": "n", "generation": 1}
    pool = AccountPool.model_validate({"kind": "AccountPool", "metadata": meta, "spec": {"size": 3}})
    decision = Decision(reason, "Because.")
    status = status_of_pool(pool, Progress(), Counts.among([]), decision, utc_now())
    return pool.model_copy(update={"status": status}).to_wire() | {"metadata": meta | {"generation": generation}}


def test_a_pool_holds_up_no_rollout_for_as_long_as_it_fills_and_fails_when_it_is_stalled(verdicts: Any) -> None:
    told = [status for status, _ in verdicts([_pool(reason) for reason in PoolReason])]
    failed = PoolReason.TOO_MANY_FAILURES
    assert told == ["Failed" if reason is failed else "Current" for reason in PoolReason]
    assert verdicts([_pool(PoolReason.FILLED, generation=2)])[0][0] == "InProgress"
