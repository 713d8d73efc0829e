"""An account suspended and resumed: every door seen closed in AWS, and opened again for what the spec says then."""

import base64
import json
from typing import Any

import boto3
import requests

ASSUMED_BY = "repo:{}:ref:refs/heads/main"


def client(sandbox: Any, service: str) -> Any:
    env = sandbox.env
    connect: Any = boto3.client
    return connect(
        service,
        endpoint_url=env["AWS_ENDPOINT_URL"],
        region_name=env["AWS_REGION"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )


def status(sandbox: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sandbox.kubectl("get", "awsaccount", name, "-o", "json"))
    return found.get("status", {})


def until_phase(sandbox: Any, name: str, phase: str) -> dict[str, Any]:
    sandbox.until(lambda: status(sandbox, name).get("phase") == phase, 60, f"{name} is {phase}")
    return status(sandbox, name)


def apply(sandbox: Any, name: str, **spec: Any) -> None:
    manifest = {
        "apiVersion": "aibatteriesincluded.com/v1",
        "kind": "AwsAccount",
        "metadata": {"name": name},
        "spec": {"email": f"{name}@example.com", **spec},
    }
    sandbox.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))


def password(sandbox: Any, secret: str) -> str:
    data = json.loads(sandbox.kubectl("get", "secret", secret, "-o", "json"))["data"]
    return base64.b64decode(data["password"]).decode()


def signs_in(sandbox: Any, aws_account_id: str, user: str, secret: str) -> bool:
    body = {"accountId": aws_account_id, "userName": user, "password": secret}
    url = f"{sandbox.env['AWS_ENDPOINT_URL']}/_standin/console-sign-in"
    return requests.post(url, json=body, timeout=10).status_code == 200


def ou_of(sandbox: Any, aws_account_id: str) -> str:
    organizations = client(sandbox, "organizations")
    parent = organizations.list_parents(ChildId=aws_account_id)["Parents"][0]["Id"]
    name: str = organizations.describe_organizational_unit(OrganizationalUnitId=parent)["OrganizationalUnit"]["Name"]
    return name


def assigned(sandbox: Any, aws_account_id: str) -> int:
    admin = client(sandbox, "sso-admin")
    instance = admin.list_instances()["Instances"][0]["InstanceArn"]
    return sum(
        len(
            admin.list_account_assignments(InstanceArn=instance, AccountId=aws_account_id, PermissionSetArn=arn)[
                "AccountAssignments"
            ]
        )
        for arn in admin.list_permission_sets(InstanceArn=instance)["PermissionSets"]
    )


def test_suspension_closes_every_door_and_resume_opens_what_the_spec_says_then(sandbox: Any) -> None:
    name = "suspended"
    apply(sandbox, name, githubRepos=["acme/app"])
    before = until_phase(sandbox, name, "active")
    account, role, user = before["awsAccountId"], before["oidcRoleArn"], before["iamUserName"]
    first = password(sandbox, before["credentialsSecretName"])
    assert ou_of(sandbox, account) == "Customers"
    assert signs_in(sandbox, account, user, first)
    assert sandbox.assumes(role, ASSUMED_BY.format("acme/app"))
    assert assigned(sandbox, account) == 1

    apply(sandbox, name, githubRepos=["acme/other"], suspended=True)
    closed = until_phase(sandbox, name, "suspended")
    assert ou_of(sandbox, account) == "Suspended"
    assert not signs_in(sandbox, account, user, first)
    assert not sandbox.assumes(role, ASSUMED_BY.format("acme/app"))
    assert not sandbox.assumes(role, ASSUMED_BY.format("acme/other"))
    assert assigned(sandbox, account) == 0
    assert next(each for each in closed["conditions"] if each["type"] == "Ready")["reason"] == "Suspended"

    apply(sandbox, name, githubRepos=["acme/other"], suspended=False)
    opened = until_phase(sandbox, name, "active")
    assert ou_of(sandbox, account) == "Customers"
    assert signs_in(sandbox, account, user, password(sandbox, opened["credentialsSecretName"]))
    assert not signs_in(sandbox, account, user, first), "the old password went with the door"
    assert sandbox.assumes(role, ASSUMED_BY.format("acme/other"))
    assert not sandbox.assumes(role, ASSUMED_BY.format("acme/app"))
    assert assigned(sandbox, account) == 1
    assert opened["awsAccountId"] == account


def test_an_account_suspended_from_the_start_is_not_made_until_it_is_resumed(sandbox: Any) -> None:
    name = "unmade"
    made = len(sandbox.aws("creations")["creations"])
    apply(sandbox, name, suspended=True)
    assert "awsAccountId" not in until_phase(sandbox, name, "suspended")
    assert len(sandbox.aws("creations")["creations"]) == made
    apply(sandbox, name, suspended=False)
    until_phase(sandbox, name, "active")
    assert len(sandbox.aws("creations")["creations"]) == made + 1
