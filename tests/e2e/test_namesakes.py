"""Who makes an AwsAccount with the id of another's, in another namespace, is not given that one's AWS account."""

import json
from typing import Any
from uuid import uuid4

import pytest

ELSEWHERE = "another-team"


@pytest.mark.parametrize("by_number", [False, True], ids=["by its id", "by its number"])
def test_a_namesake_in_another_namespace_is_told_that_it_is_anothers(sandbox: Any, by_number: bool) -> None:
    name = str(uuid4())
    apply(sandbox, sandbox.env["NAMESPACE"], name, "boss@example.com")
    sandbox.kubectl("wait", "--for=condition=Ready", "--timeout=60s", f"awsaccount/{name}")
    theirs = show(sandbox, sandbox.env["NAMESPACE"], name)["awsAccountId"]
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ELSEWHERE}}
    sandbox.cluster.run("apply", "--filename=-", stdin=json.dumps(namespace))
    apply(sandbox, ELSEWHERE, name, "mallory@example.com", **({"awsAccountId": theirs} if by_number else {}))
    kind, reason = ("AccountRequested", "NotOurAccount") if by_number else ("AccountCreated", "AccountIdTaken")
    waiting = f"--for=jsonpath={{.status.conditions[?(@.type=='{kind}')].reason}}={reason}"
    sandbox.cluster.run("wait", f"--namespace={ELSEWHERE}", waiting, "--timeout=60s", f"awsaccount/{name}")
    status = show(sandbox, ELSEWHERE, name)
    assert "awsAccountId" not in status
    assert status["phase"] == "failed"
    sandbox.cluster.run("delete", f"--namespace={ELSEWHERE}", "awsaccount", name, "--timeout=60s")
    assert show(sandbox, sandbox.env["NAMESPACE"], name)["phase"] == "active"


def apply(sandbox: Any, namespace: str, name: str, email: str, **spec: str) -> None:
    body = {
        "apiVersion": "aibatteriesincluded.com/v1",
        "kind": "AwsAccount",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"email": email, **spec},
    }
    sandbox.cluster.run("apply", "--filename=-", stdin=json.dumps(body))


def show(sandbox: Any, namespace: str, name: str) -> dict[str, Any]:
    found = sandbox.cluster.run("get", f"--namespace={namespace}", "awsaccount", name, "--output=json")
    status: dict[str, Any] = json.loads(found)["status"]
    return status
