"""AWS's delays and limits in the stand-in: propagation, closures, writes at once, empty pages."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from fakes.hand_clock import HandClock

from batteries_sandbox.aws import StandinSettings, serve_in_thread

SESSION: Any = boto3.Session(region_name="us-east-1")  # one, as each reads botocore's models anew
ONCE = Config(retries={"total_max_attempts": 1})
AT_ONCE = {
    "creation_seconds": 0,
    "role_seconds": 0,
    "iam_seconds": 0,
    "identity_center_seconds": 0,
    "organization_write_seconds": 0,
}
MANAGEMENT = "111111111111"


def refusal(function: Callable[..., Any], **params: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        function(**params)
    response = caught.value.response
    return {"code": response["Error"]["Code"], "reason": response.get("Reason")}


class Place:
    """A stand-in that goes by a clock of its own, and clients of it."""

    def __init__(self, url: str, clock: HandClock) -> None:
        self.url, self.clock = url, clock
        self.organizations = self.client("organizations")

    def client(self, service: str, key: str = "sandbox", secret: str = "", token: str | None = None) -> Any:
        keys = {"aws_access_key_id": key, "aws_secret_access_key": secret or "s", "aws_session_token": token}
        return SESSION.client(service, endpoint_url=self.url, config=ONCE, **keys)

    def limits(self, **changes: Any) -> None:
        request = urllib.request.Request(f"{self.url}/_standin/limits", json.dumps(changes).encode())  # noqa: S310
        urllib.request.urlopen(request).close()  # noqa: S310

    def accounts(self, *names: str) -> list[str]:
        for name in names:
            self.organizations.create_account(Email=f"{name}@example.com", AccountName=name)
        pages = self.organizations.get_paginator("list_accounts").paginate()
        ids = {account["Name"]: account["Id"] for page in pages for account in page["Accounts"]}
        return [ids[name] for name in names]

    def member(self, service: str, account: str, role: str = "OrganizationAccountAccessRole") -> Any:
        arn = f"arn:aws:iam::{account}:role/{role}"
        keys = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return self.client(service, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    def state(self, account: str) -> str:
        return str(self.organizations.describe_account(AccountId=account)["Account"]["State"])


@contextmanager
def place(**settings: Any) -> Iterator[Place]:
    clock = HandClock()
    with serve_in_thread(StandinSettings(**AT_ONCE | settings), clock.clocks) as url:
        yield Place(url, clock)


def trust(principal: str) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}]})


def test_new_user_is_not_known_to_the_next_call_but_its_name_is_taken() -> None:
    policy = "arn:aws:iam::aws:policy/IAMUserChangePassword"
    with place(iam_seconds=60) as here:
        iam = here.client("iam")
        iam.create_user(UserName="Ada")
        for function, params in (
            (iam.get_user, {}),
            (iam.attach_user_policy, {"PolicyArn": policy}),
            (iam.create_login_profile, {"Password": "Correct-Horse-1"}),
        ):
            assert refusal(function, UserName="Ada", **params)["code"] == "NoSuchEntity"
        assert refusal(iam.create_user, UserName="ada")["code"] == "EntityAlreadyExists"
        here.clock.move(59.9)
        assert refusal(iam.get_user, UserName="Ada")["code"] == "NoSuchEntity"
        here.clock.move(0.1)
        iam.attach_user_policy(UserName="Ada", PolicyArn=policy)
        assert iam.get_user(UserName="Ada")["User"]["UserName"] == "Ada"


def test_new_role_is_not_known_to_iam_sts_and_trust_policies() -> None:
    with place(iam_seconds=60) as here:
        (account,) = here.accounts("one")
        iam, sts = here.member("iam", account), here.client("sts")
        arn = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust(MANAGEMENT))["Role"]["Arn"]
        assert refusal(iam.get_role, RoleName="deploy")["code"] == "NoSuchEntity"
        assert refusal(sts.assume_role, RoleArn=arn, RoleSessionName="test")["code"] == "AccessDenied"
        other = {"RoleName": "other", "AssumeRolePolicyDocument": trust(arn)}
        assert refusal(iam.create_role, **other)["code"] == "MalformedPolicyDocument"
        here.clock.move(60)
        sts.assume_role(RoleArn=arn, RoleSessionName="test")
        iam.create_role(**other)
        assert iam.get_role(RoleName="deploy")["Role"]["Arn"] == arn


def test_refused_creation_hides_nothing() -> None:
    with place() as here:
        iam = here.client("iam")
        role = {"RoleName": "deploy", "AssumeRolePolicyDocument": trust(MANAGEMENT)}
        iam.create_role(**role)
        here.limits(iam_seconds=60)
        assert refusal(iam.create_role, **role)["code"] == "EntityAlreadyExists"
        assert iam.get_role(RoleName="deploy")["Role"]


class Center:
    """Identity Center with a permission set and a user."""

    def __init__(self, here: Place) -> None:
        self.sso = here.client("sso-admin")
        instance = self.sso.list_instances()["Instances"][0]
        arn = instance["InstanceArn"]
        named = self.sso.create_permission_set(InstanceArn=arn, Name="Admin")["PermissionSet"]
        user = here.client("identitystore").create_user(
            IdentityStoreId=instance["IdentityStoreId"],
            UserName="ada",
            DisplayName="Ada",
            Name={"GivenName": "A", "FamilyName": "B"},
        )
        self.common = {
            "InstanceArn": arn,
            "TargetType": "AWS_ACCOUNT",
            "PermissionSetArn": named["PermissionSetArn"],
            "PrincipalType": "USER",
            "PrincipalId": user["UserId"],
        }


def test_identity_center_knows_a_new_account_only_a_while_later() -> None:
    with place(identity_center_seconds=60) as here:
        center = Center(here)
        (account,) = here.accounts("one")
        assign = center.sso.create_account_assignment
        assert refusal(assign, **center.common, TargetId=account)["code"] == "ResourceNotFoundException"
        here.clock.move(60)
        status = assign(**center.common, TargetId=account)["AccountAssignmentCreationStatus"]
        assert status["Status"] == "IN_PROGRESS"


def test_account_takes_one_assignment_operation_at_a_time() -> None:
    with place(assignment_seconds=60) as here:
        center = Center(here)
        one, two = here.accounts("one", "two")
        center.sso.create_account_assignment(**center.common, TargetId=one)
        again = refusal(center.sso.create_account_assignment, **center.common, TargetId=one)
        assert again["code"] == "ConflictException"
        center.sso.create_account_assignment(**center.common, TargetId=two)
        here.clock.move(60)
        center.sso.delete_account_assignment(**center.common, TargetId=two)
        here.clock.move(60)
        center.sso.create_account_assignment(**center.common, TargetId=two)  # the deletion is over
        again = refusal(center.sso.delete_account_assignment, **center.common, TargetId=two)
        assert again["code"] == "ConflictException"


def test_account_is_closed_a_while_later_and_keeps_its_place() -> None:
    with place(closure_seconds=60) as here:
        (account,) = here.accounts("one")
        session = here.member("iam", account)
        here.organizations.close_account(AccountId=account)
        here.clock.move(59.9)
        assert here.state(account) == "PENDING_CLOSURE"
        assert refusal(here.organizations.close_account, AccountId=account)["code"] == "ConflictException"
        here.clock.move(0.1)
        assert here.state(account) == "CLOSED"
        assert refusal(here.organizations.close_account, AccountId=account)["code"] == "AccountAlreadyClosedException"
        assert account in {a["Id"] for a in here.organizations.list_accounts()["Accounts"]}
        assert refusal(session.list_users)["code"] == "InvalidClientTokenId"
        with pytest.raises(ClientError, match="AccessDenied"):
            here.member("iam", account)


def test_closed_account_may_be_shown_as_the_older_page_says() -> None:
    with place(closure_seconds=0, closed_state="SUSPENDED") as here:
        (account,) = here.accounts("one")
        here.organizations.close_account(AccountId=account)
        assert here.state(account) == "SUSPENDED"
        assert refusal(here.organizations.close_account, AccountId=account)["code"] == "AccountAlreadyClosedException"


def test_management_account_and_strangers_are_not_closed() -> None:
    with place() as here:
        answer = refusal(here.organizations.close_account, AccountId=MANAGEMENT)
        assert answer == {"code": "ConstraintViolationException", "reason": "CANNOT_CLOSE_MANAGEMENT_ACCOUNT"}
        unknown = refusal(here.organizations.close_account, AccountId="999999999999")
        assert unknown["code"] == "AccountNotFoundException"


def test_closures_are_limited_at_a_time_and_over_a_window() -> None:
    with place(closure_seconds=60, max_closures=4, closure_window_seconds=60) as here:
        accounts = here.accounts("one", "two", "three", "four", "five")
        for account in accounts[:3]:
            here.organizations.close_account(AccountId=account)
        answer = refusal(here.organizations.close_account, AccountId=accounts[3])
        assert answer == {"code": "ConstraintViolationException", "reason": "CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED"}
        assert here.state(accounts[3]) == "ACTIVE"
        here.limits(max_closures_in_progress=9)
        here.organizations.close_account(AccountId=accounts[3])
        answer = refusal(here.organizations.close_account, AccountId=accounts[4])
        assert answer == {"code": "ConstraintViolationException", "reason": "CLOSE_ACCOUNT_QUOTA_EXCEEDED"}
        here.limits(closure_window_seconds=0)  # as if a month had passed
        here.organizations.close_account(AccountId=accounts[4])


def test_fifth_of_a_large_organization_may_be_closed() -> None:
    with place(closure_seconds=0, max_closures=1, max_closures_in_progress=9) as here:
        accounts = here.accounts(*(f"n{number}" for number in range(10)))
        for account in accounts[:2]:
            here.organizations.close_account(AccountId=account)
        assert refusal(here.organizations.close_account, AccountId=accounts[2])["reason"] == (
            "CLOSE_ACCOUNT_QUOTA_EXCEEDED"
        )


def test_closed_accounts_count_for_the_account_limit() -> None:
    with place(closure_seconds=0, max_accounts=2) as here:
        (account,) = here.accounts("one")
        here.organizations.close_account(AccountId=account)
        answer = refusal(here.organizations.create_account, Email="two@example.com", AccountName="two")
        assert answer["reason"] == "ACCOUNT_NUMBER_LIMIT_EXCEEDED"


def test_second_write_at_the_same_time_is_refused_and_the_next_one_is_not() -> None:
    with place(organization_write_seconds=60) as here, ThreadPoolExecutor(2) as pool:

        def create(number: int) -> str:
            try:
                here.organizations.create_account(Email=f"n{number}@example.com", AccountName="N")
            except ClientError as error:
                return str(error.response["Error"]["Code"])
            return ""

        first = pool.submit(create, 0)
        here.clock.wait_for_held(1)
        assert create(1) == "ConcurrentModificationException"
        here.clock.move(60)
        assert first.result() == ""
        after = pool.submit(create, 2)
        here.clock.wait_for_held(1)
        here.clock.move(60)
        assert after.result() == ""


def test_reads_and_refused_writes_are_in_nobodys_way() -> None:
    with place(organization_write_seconds=60) as here, ThreadPoolExecutor(1) as pool:
        organizations = here.organizations
        assert refusal(organizations.close_account, AccountId="999999999999")["code"] == "AccountNotFoundException"
        writing = pool.submit(organizations.create_account, Email="one@example.com", AccountName="One")
        here.clock.wait_for_held(1)
        assert organizations.list_roots()["Roots"]
        here.clock.move(59.9)
        assert not writing.done(), "the answer comes when the organization is written"
        here.clock.move(0.1)
        assert writing.result()


@pytest.mark.parametrize(
    ("operation", "member", "params"),
    [
        ("list_accounts", "Accounts", {}),
        ("list_roots", "Roots", {}),
        ("list_parents", "Parents", {"ChildId": MANAGEMENT}),
        ("list_policies", "Policies", {"Filter": "SERVICE_CONTROL_POLICY"}),
        ("list_tags_for_resource", "Tags", {"ResourceId": MANAGEMENT}),
        ("list_policies_for_target", "Policies", {"TargetId": MANAGEMENT, "Filter": "SERVICE_CONTROL_POLICY"}),
    ],
)
def test_any_list_can_begin_with_an_empty_page(operation: str, member: str, params: dict[str, str]) -> None:
    with place() as here:
        here.organizations.tag_resource(ResourceId=MANAGEMENT, Tags=[{"Key": "a", "Value": "b"}])
        function = getattr(here.organizations, operation)
        here.limits(empty_page_every=2)
        assert function(**params)[member]
        empty = function(**params)
        assert empty[member] == []
        rest = function(**params, NextToken=empty["NextToken"])
        assert rest[member]
        assert "NextToken" not in rest
        pages = here.organizations.get_paginator(operation).paginate(**params)
        assert sum(len(page[member]) for page in pages) == len(rest[member])


def test_account_is_described_with_its_path_and_without_the_retired_status() -> None:
    with place() as here:
        organizations = here.organizations
        (account,) = here.accounts("one")
        root = organizations.list_roots()["Roots"][0]["Id"]
        unit = organizations.create_organizational_unit(ParentId=root, Name="U")["OrganizationalUnit"]["Id"]
        organizations.move_account(AccountId=account, SourceParentId=root, DestinationParentId=unit)
        organization = organizations.describe_organization()["Organization"]["Id"]
        described = organizations.describe_account(AccountId=account)["Account"]
        assert described["Paths"] == [f"{organization}/{root}/{unit}/{account}/"]
        assert "Status" not in described
        assert described in organizations.list_accounts()["Accounts"]
        with pytest.raises(ClientError, match="AccountNotFoundException"):
            organizations.describe_account(AccountId="999999999999")


def test_member_account_may_ask_which_organization_it_is_in() -> None:
    with place() as here:
        (account,) = here.accounts("one")
        member = here.member("organizations", account)
        assert member.describe_organization()["Organization"]["MasterAccountId"] == MANAGEMENT
        assert refusal(member.list_roots)["code"] == "AccessDeniedException"


def test_tags_are_what_aws_takes() -> None:
    with place() as here:
        (account,) = here.accounts("a")
        for bad in ({"Key": "a", "Value": "b" * 257}, {"Key": "aws:a", "Value": "b"}, {"Key": "a", "Value": "b%"}):
            assert refusal(here.organizations.tag_resource, ResourceId=account, Tags=[bad])["code"] == (
                "InvalidInputException"
            )
        many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
        here.organizations.tag_resource(ResourceId=account, Tags=many)
        answer = refusal(here.organizations.tag_resource, ResourceId=account, Tags=[{"Key": "one more", "Value": ""}])
        assert answer["reason"] == "MAX_TAG_LIMIT_EXCEEDED"
