"""Policies that the stand-in enforces: an organization's over its accounts, and the operator's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from batteries_sandbox.aws import StandinSettings, serve_in_thread
from batteries_sandbox.aws.policy_document import conditions_hold

SESSION: Any = boto3.Session(region_name="us-east-1")  # one, as each reads botocore's models anew
ONCE = Config(retries={"total_max_attempts": 1})
AT_ONCE: Any = {"creation_seconds": 0, "role_seconds": 0, "iam_seconds": 0, "identity_center_seconds": 0}
ACCESS_ROLE = "OrganizationAccountAccessRole"


def client(url: str, service: str, key: str = "sandbox", secret: str = "", token: str | None = None) -> Any:
    keys = {"aws_access_key_id": key, "aws_secret_access_key": secret or "s", "aws_session_token": token}
    return SESSION.client(service, endpoint_url=url, config=ONCE, **keys)


def refusal(function: Callable[..., Any], **params: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        function(**params)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


class Organization:
    """An organization with one account, in a unit within a unit."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.api = client(url, "organizations")
        self.root = self.api.list_roots()["Roots"][0]["Id"]
        self.outer = self.unit("Outer", self.root)
        self.inner = self.unit("Inner", self.outer)
        request = self.api.create_account(Email="one@example.com", AccountName="One")["CreateAccountStatus"]["Id"]
        status = self.api.describe_create_account_status(CreateAccountRequestId=request)
        self.account = status["CreateAccountStatus"]["AccountId"]
        move = {"SourceParentId": self.root, "DestinationParentId": self.inner}
        self.api.move_account(AccountId=self.account, **move)
        # The two who act in the account: the operator's role, and somebody else's.
        iam = self.client("iam", ACCESS_ROLE)
        trust = {"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole"}
        iam.create_role(RoleName="Owner", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))

    def unit(self, name: str, parent: str) -> str:
        return str(self.api.create_organizational_unit(ParentId=parent, Name=name)["OrganizationalUnit"]["Id"])

    def client(self, service: str, role: str) -> Any:
        arn = f"arn:aws:iam::{self.account}:role/{role}"
        keys = client(self.url, "sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return client(self.url, service, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    def attach(self, target: str, **statement: Any) -> str:
        document = {"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"} | statement]}
        policy = self.api.create_policy(
            Content=json.dumps(document), Name=f"deny-{target}", Description="d", Type="SERVICE_CONTROL_POLICY"
        )
        policy_id = str(policy["Policy"]["PolicySummary"]["Id"])
        self.api.attach_policy(PolicyId=policy_id, TargetId=target)
        return policy_id


@pytest.fixture
def organization() -> Iterator[Organization]:
    with serve_in_thread(StandinSettings(**AT_ONCE)) as url:
        yield Organization(url)


@pytest.mark.parametrize("level", ["root", "outer", "inner", "account"])
def test_deny_at_any_level_closes_the_account_to_running_sessions(organization: Organization, level: str) -> None:
    owner = organization.client("iam", "Owner")
    assert owner.list_users()["Users"] == []
    target = getattr(organization, level)
    policy = organization.attach(target)
    code, status, message = refusal(owner.list_users)
    assert (code, status) == ("AccessDenied", 403)
    assert "assumed-role/Owner/test is not authorized to perform: iam:ListUsers on resource: *" in message
    assert "explicit deny in a service control policy" in message
    json_service = organization.client("service-quotas", "Owner")
    assert refusal(json_service.list_services)[:2] == ("AccessDeniedException", 400)
    organization.api.detach_policy(PolicyId=policy, TargetId=target)
    assert owner.list_users()["Users"] == []


def test_denied_session_can_still_be_had_and_say_who_it_is(organization: Organization) -> None:
    organization.attach(organization.account)
    sts = organization.client("sts", "Owner")
    assert sts.get_caller_identity()["Account"] == organization.account
    arn = f"arn:aws:iam::{organization.account}:role/{ACCESS_ROLE}"
    assert refusal(sts.assume_role, RoleArn=arn, RoleSessionName="test")[0] == "AccessDenied"


@pytest.mark.parametrize(
    "condition",
    [
        {"ArnNotLike": {"aws:PrincipalARN": [f"arn:aws:iam::*:role/{ACCESS_ROLE}"]}},
        {"StringNotLike": {"aws:PrincipalArn": f"arn:*:role/{ACCESS_ROLE}"}},
    ],
    ids=["ArnNotLike", "StringNotLike"],
)
def test_condition_excepts_the_operators_role_and_nobody_else(
    organization: Organization, condition: dict[str, Any]
) -> None:
    organization.attach(organization.inner, Condition=condition)
    assert organization.client("iam", ACCESS_ROLE).list_users()["Users"] == []
    assert refusal(organization.client("iam", "Owner").list_users)[0] == "AccessDenied"


def test_condition_can_name_those_who_are_denied(organization: Organization) -> None:
    pattern = f"arn:aws:iam::{organization.account}:role/Own*"
    organization.attach(organization.outer, Condition={"ArnLike": {"aws:PrincipalARN": pattern}})
    assert organization.client("iam", ACCESS_ROLE).list_users()["Users"] == []
    assert refusal(organization.client("iam", "Owner").list_users)[0] == "AccessDenied"


def test_deny_is_of_the_actions_and_resources_that_it_names(organization: Organization) -> None:
    user = f"arn:aws:iam::{organization.account}:user/a*"
    organization.attach(organization.inner, Action=["iam:Create*", "s3:*"], Resource=user)
    owner = organization.client("iam", "Owner")
    assert refusal(owner.create_user, UserName="ada")[0] == "AccessDenied"
    owner.create_user(UserName="bob")
    owner.list_users()


def test_level_without_an_allow_denies(organization: Organization) -> None:
    owner = organization.client("iam", "Owner")
    organization.attach(organization.inner, Effect="Allow", Action="iam:List*")
    organization.api.detach_policy(PolicyId="p-FullAWSAccess", TargetId=organization.inner)
    assert owner.list_users()["Users"] == []
    assert "no service control policy allows" in refusal(owner.create_user, UserName="ada")[2]


def test_management_account_and_other_accounts_are_not_bound(organization: Organization) -> None:
    organization.attach(organization.root)
    assert client(organization.url, "iam").list_users()["Users"] == []
    assert organization.api.describe_account(AccountId=organization.account)["Account"]["State"] == "ACTIVE"


def test_policies_do_nothing_while_their_type_is_disabled(organization: Organization) -> None:
    organization.attach(organization.account)
    owner = organization.client("iam", "Owner")
    organization.api.disable_policy_type(RootId=organization.root, PolicyType="SERVICE_CONTROL_POLICY")
    assert owner.list_users()["Users"] == []


def test_arn_patterns_do_not_cross_colons() -> None:
    context = {"aws:principalarn": ["arn:aws:iam::1:role/path/Owner"]}
    for pattern, holds in (("arn:aws:iam::*:role/*", True), ("arn:*:role/*", False), ("*", True)):
        assert conditions_hold({"ArnLike": {"aws:PrincipalARN": pattern}}, context) is holds
    assert conditions_hold({"StringLike": {"aws:PrincipalARN": "arn:*:role/*"}}, context)


@pytest.fixture
def standin_of(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts a stand-in whose operator has a policy of these statements."""
    running = []

    def start(*statements: dict[str, Any]) -> str:
        path = tmp_path / "policy.json"
        path.write_text(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
        context = serve_in_thread(StandinSettings(**AT_ONCE, operator_policy=str(path), admin_key_id="admin"))
        url = context.__enter__()
        running.append(context)
        return url

    yield start
    for context in running:
        context.__exit__(None, None, None)


def allow(*actions: str, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource} | more


def test_operator_may_do_what_its_policy_grants_and_no_more(standin_of: Callable[..., str]) -> None:
    url = standin_of(allow("organizations:List*", "ses:getaccount"))
    organizations = client(url, "organizations")
    assert organizations.list_accounts()["Accounts"]
    client(url, "sesv2").get_account()  # SES's actions are ses:, and their case doesn't count
    arn = "arn:aws:iam::111111111111:user/operator"
    assert refusal(organizations.describe_organization) == (
        "AccessDeniedException",
        400,
        f"User: {arn} is not authorized to perform: organizations:DescribeOrganization on resource: * "
        "because no identity-based policy allows the organizations:DescribeOrganization action",
    )
    assert refusal(client(url, "sso-admin").list_instances)[0] == "AccessDeniedException"
    assert refusal(client(url, "sesv2").list_email_identities)[:2] == ("AccessDeniedException", 403)
    assert refusal(client(url, "iam").list_users)[:2] == ("AccessDenied", 403)
    assert client(url, "sts").get_caller_identity()["Arn"] == arn
    assert client(url, "organizations", "admin").describe_organization()["Organization"]


def test_operator_may_assume_the_roles_that_its_policy_names(standin_of: Callable[..., str]) -> None:
    url = standin_of(allow("sts:AssumeRole", resource=f"arn:aws:iam::*:role/{ACCESS_ROLE}"))
    admin = client(url, "organizations", "admin")
    for name in (ACCESS_ROLE, "Other"):
        admin.create_account(Email=f"{name}@example.com", AccountName=name, RoleName=name)
    ids = {account["Name"]: account["Id"] for account in admin.list_accounts()["Accounts"]}
    sts = client(url, "sts")
    arn = f"arn:aws:iam::{ids[ACCESS_ROLE]}:role/{ACCESS_ROLE}"
    keys = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    other = f"arn:aws:iam::{ids['Other']}:role/Other"
    code, _, message = refusal(sts.assume_role, RoleArn=other, RoleSessionName="test")
    assert (code, f"on resource: {other}" in message) == ("AccessDenied", True)
    # What the session may do in the account is not the policy's business.
    member = client(url, "iam", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    assert member.list_users()["Users"] == []


def test_tags_on_creation_need_their_own_permission(standin_of: Callable[..., str]) -> None:
    url = standin_of(allow("organizations:CreateAccount"))
    organizations = client(url, "organizations")
    params = {"Email": "one@example.com", "AccountName": "One"}
    tags = [{"Key": "a", "Value": "b"}]
    assert "organizations:TagResource" in refusal(organizations.create_account, **params, Tags=tags)[2]
    organizations.create_account(**params)


def test_deny_and_resource_of_the_operators_policy_are_held_to(standin_of: Callable[..., str]) -> None:
    root_only = "arn:aws:organizations::*:root/*"
    url = standin_of(
        allow("organizations:*"),
        {"Effect": "Deny", "Action": "organizations:CreateOrganizationalUnit", "Resource": root_only},
        {"Effect": "Deny", "NotAction": ["organizations:*", "sts:*"], "Resource": "*"},
    )
    organizations = client(url, "organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    message = refusal(organizations.create_organizational_unit, ParentId=root, Name="A")[2]
    assert "explicit deny in an identity-based policy" in message
    unit = client(url, "organizations", "admin").create_organizational_unit(ParentId=root, Name="A")
    organizations.create_organizational_unit(ParentId=unit["OrganizationalUnit"]["Id"], Name="B")
    assert "explicit deny" in refusal(client(url, "iam").list_users)[2]


def test_file_without_a_policy_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text("[]")
    with (
        pytest.raises(ValueError, match="no IAM policy"),
        serve_in_thread(StandinSettings(operator_policy=str(tmp_path / "policy.json"))),
    ):
        pass
