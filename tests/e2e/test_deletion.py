"""Deleted with kubectl: kept or closed as the policy says, and never made where there was none yet."""

import json
from typing import Any

import pytest

ACCOUNT = """
apiVersion: aibatteriesincluded.com/v1
kind: AwsAccount
metadata: {{name: {name}}}
spec: {{email: {name}@example.com, deletionPolicy: {policy}}}
"""


def show(sandbox: Any, name: str) -> dict[str, Any]:
    return json.loads(sandbox.kubectl("get", "awsaccount", name, "--output=json"))


def member(sandbox: Any, aws_account_id: str) -> dict[str, Any]:
    found = [each for each in sandbox.aws("accounts")["accounts"] if each["id"] == aws_account_id]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(("policy", "state"), [("Close", "CLOSED"), ("Retain", "ACTIVE")])
def test_deletion_does_what_the_policy_says_and_ends(sandbox: Any, policy: str, state: str) -> None:
    name = f"delete-{policy.lower()}"
    sandbox.kubectl("apply", "--filename=-", stdin=ACCOUNT.format(name=name, policy=policy))
    sandbox.kubectl("wait", "--for=condition=Ready", "--timeout=60s", f"awsaccount/{name}")
    aws_account_id = show(sandbox, name)["status"]["awsAccountId"]
    sandbox.kubectl("delete", "awsaccount", name, "--timeout=60s")
    assert member(sandbox, aws_account_id)["state"] == state
    left = sandbox.kubectl("get", "awsaccounts", "--output=name").split()
    assert f"awsaccount.aibatteriesincluded.com/{name}" not in left


def test_a_closure_that_waits_says_what_for_and_ends_when_aws_allows_it(sandbox: Any) -> None:
    name = "delete-waits"
    sandbox.kubectl("apply", "--filename=-", stdin=ACCOUNT.format(name=name, policy="Close"))
    sandbox.kubectl("wait", "--for=condition=Ready", "--timeout=60s", f"awsaccount/{name}")
    aws_account_id = show(sandbox, name)["status"]["awsAccountId"]
    organizations = sandbox.boto3("organizations")
    key: Any = "aibatteriesincluded.com/resource"
    ours = organizations.list_tags_for_resource(ResourceId=aws_account_id)["Tags"]
    organizations.untag_resource(ResourceId=aws_account_id, TagKeys=[key])
    sandbox.kubectl("delete", "awsaccount", name, "--wait=false")
    sandbox.kubectl("wait", "--for=condition=Stalled", "--timeout=30s", f"awsaccount/{name}")
    said = {each["type"]: each for each in show(sandbox, name)["status"]["conditions"]}
    assert said["Quarantined"]["reason"] == "NotOurAccount"
    assert member(sandbox, aws_account_id)["state"] == "ACTIVE", "nobody is closed who isn't ours"
    organizations.tag_resource(ResourceId=aws_account_id, Tags=ours)
    sandbox.kubectl("annotate", "awsaccount", name, "aibatteriesincluded.com/retry=1")
    sandbox.kubectl("wait", "--for=delete", "--timeout=60s", f"awsaccount/{name}")
    assert member(sandbox, aws_account_id)["state"] == "CLOSED"
