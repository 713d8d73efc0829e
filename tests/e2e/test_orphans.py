"""The operator's commands with the operator's own, limited key: what is lost is found and adopted, and all is well."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from batteries_sandbox import components

PROGRAM = Path(sys.executable).parent / "batteries-operator"
ACCOUNT = """
apiVersion: aibatteriesincluded.com/v1
kind: AwsAccount
metadata: {name: to-be-orphaned}
spec: {email: orphan@example.com, githubRepos: [octo-org/web]}
"""


def command(sandbox: Any, name: str) -> subprocess.CompletedProcess[str]:
    """Runs one as a person would who has the operator's permissions in AWS, and kubectl's in the cluster."""
    env = sandbox.env
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": env["AWS_ENDPOINT_URL"],
        "AWS_ACCESS_KEY_ID": "sandbox_operator",
        "AWS_SECRET_ACCESS_KEY": "sandbox_operator",
        "AWS_REGION": env["AWS_REGION"],
        "BATTERIES_KUBECONFIG": env["KUBECONFIG"],
        **components.OPERATOR_SETTINGS,
    }
    return subprocess.run([PROGRAM, name], env=environment, capture_output=True, text=True, check=False)


def show(sandbox: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sandbox.kubectl("get", "awsaccount", name, "--output=json"))
    return found


def test_an_account_whose_object_was_deleted_comes_back_by_the_yaml_that_orphans_prints(sandbox: Any) -> None:
    sandbox.kubectl("apply", "--filename=-", stdin=ACCOUNT)
    sandbox.kubectl("wait", "--for=condition=Ready", "--timeout=90s", "awsaccount/to-be-orphaned")
    before = show(sandbox, "to-be-orphaned")["status"]
    sandbox.kubectl("delete", "awsaccount", "to-be-orphaned", "--timeout=30s")
    found = command(sandbox, "orphans")
    assert found.returncode == 1, found.stderr
    whose = f"{sandbox.env['NAMESPACE']}/to-be-orphaned"
    assert f"{before['awsAccountId']}: is AwsAccount {whose}'s by its tag" in found.stderr
    (manifest,) = [each for each in found.stdout.split("---\n") if before["awsAccountId"] in each]
    asked = len(sandbox.aws("creations")["creations"])
    sandbox.kubectl("apply", "--filename=-", stdin=manifest)
    sandbox.kubectl("wait", "--for=condition=Ready", "--timeout=90s", "awsaccount/to-be-orphaned")
    adopted = show(sandbox, "to-be-orphaned")
    assert adopted["status"]["accountId"] == before["accountId"]
    assert adopted["status"]["awsAccountId"] == before["awsAccountId"]
    assert adopted["spec"]["email"] == "orphan@example.com", "found by the access that they have"
    ours = [
        each for each in sandbox.aws("creations")["creations"][asked:] if before["accountId"] in each["tags"].values()
    ]
    assert ours == [], "nothing was asked for"
    assert before["awsAccountId"] not in command(sandbox, "orphans").stdout


def test_the_doctor_is_content_with_the_sandbox_and_the_operators_own_key(sandbox: Any) -> None:
    found = command(sandbox, "doctor")
    assert found.returncode == 0, found.stdout
    lines = found.stdout.splitlines()
    assert all(line.startswith("ok") for line in lines), found.stdout
    assert any("every permission is granted" in line for line in lines)
    assert any("accounts left: " in line for line in lines)


def test_what_the_policy_does_not_grant_is_refused_to_the_operators_key(sandbox: Any) -> None:
    found = command(sandbox, "bootstrap")
    # All is there, so bootstrap has only to look; through all policies of the organization the operator may not.
    assert found.returncode == 1
    assert "The operator may not call organizations:ListPolicies" in found.stdout
