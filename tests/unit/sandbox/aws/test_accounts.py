"""The stand-in's organization: accounts come slowly, once for an e-mail, and only so many at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from fakes.hand_clock import HandClock

from batteries_sandbox.aws import StandinSettings, serve_in_thread

SESSION = boto3.Session(aws_access_key_id="sandbox", aws_secret_access_key="s", region_name="us-east-1")
ONCE = Config(retries={"total_max_attempts": 1})
# Tests that look at what is in progress need it to stay so; the others want it over.
SLOW = StandinSettings(creation_seconds=60, role_seconds=0, assignment_seconds=0, organization_write_seconds=0)
QUICK = StandinSettings(creation_seconds=0.2, role_seconds=0.3, assignment_seconds=0.2, organization_write_seconds=0)


CLOCK = HandClock()
"""Of the stand-ins in which nothing takes long; `finished` moves it."""


@pytest.fixture
def quick() -> Iterator[Any]:
    with serve_in_thread(QUICK, CLOCK.clocks) as url:
        yield SESSION.client("organizations", endpoint_url=url, config=ONCE)


@pytest.fixture
def slow() -> Iterator[Any]:
    with serve_in_thread(SLOW) as url:
        yield SESSION.client("organizations", endpoint_url=url, config=ONCE)


def finished(organizations: Any, request_id: str) -> dict[str, Any]:
    CLOCK.move(QUICK.creation_seconds)
    status = organizations.describe_create_account_status(CreateAccountRequestId=request_id)["CreateAccountStatus"]
    assert status["State"] != "IN_PROGRESS"
    return dict(status)


def create(organizations: Any, email: str = "one@example.com", name: str = "One", **more: Any) -> dict[str, Any]:
    return organizations.create_account(Email=email, AccountName=name, **more)["CreateAccountStatus"]


def refusal(function: Callable[..., Any], **params: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        function(**params)
    return dict(caught.value.response)


def test_account_appears_only_when_its_creation_succeeded(quick: Any) -> None:
    tags = [{"Key": "request", "Value": "r-1"}]
    status = create(quick, Tags=tags)
    assert status["State"] == "IN_PROGRESS"
    assert "AccountId" not in status
    assert len(quick.list_accounts()["Accounts"]) == 1  # the management account
    done = finished(quick, status["Id"])
    assert done["State"] == "SUCCEEDED"
    account = quick.describe_account(AccountId=done["AccountId"])["Account"]
    assert (account["Email"], account["Name"], account["State"]) == ("one@example.com", "One", "ACTIVE")
    assert quick.list_tags_for_resource(ResourceId=done["AccountId"])["Tags"] == tags
    root = quick.list_roots()["Roots"][0]
    assert root["PolicyTypes"] == [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}]
    assert quick.list_parents(ChildId=done["AccountId"])["Parents"][0]["Id"] == root["Id"]
    assert {a["Id"] for a in quick.list_accounts()["Accounts"]} == {"111111111111", done["AccountId"]}


def test_second_creation_with_an_email_fails_whatever_its_case_and_state(quick: Any) -> None:
    first = create(quick)
    racing = create(quick, email="ONE@example.com", name="Two")
    assert finished(quick, first["Id"])["State"] == "SUCCEEDED"
    failed = finished(quick, racing["Id"])
    assert (failed["State"], failed["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")
    assert "AccountId" not in failed
    assert finished(quick, create(quick, name="Late")["Id"])["FailureReason"] == "EMAIL_ALREADY_EXISTS"
    assert len(quick.list_accounts()["Accounts"]) == 2


def test_email_stays_taken_after_the_account_is_closed_and_by_the_management_account(quick: Any) -> None:
    account_id = finished(quick, create(quick)["Id"])["AccountId"]
    quick.close_account(AccountId=account_id)
    again = create(quick)
    owner = create(quick, email=quick.describe_organization()["Organization"]["MasterAccountEmail"])
    for request in (again, owner):
        assert finished(quick, request["Id"])["FailureReason"] == "EMAIL_ALREADY_EXISTS"


def test_sixth_creation_in_progress_is_refused(slow: Any) -> None:
    for number in range(5):
        create(slow, email=f"n{number}@example.com")
    response = refusal(slow.create_account, Email="n6@example.com", AccountName="Six")
    assert response["Error"]["Code"] == "ConstraintViolationException"
    assert response["Reason"] == "ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED"
    assert len(slow.list_create_account_status()["CreateAccountStatuses"]) == 5


def test_organization_full_of_accounts_takes_no_more() -> None:
    with serve_in_thread(StandinSettings(creation_seconds=60, max_accounts=2)) as url:
        organizations = SESSION.client("organizations", endpoint_url=url, config=ONCE)
        create(organizations)
        response = refusal(organizations.create_account, Email="two@example.com", AccountName="Two")
        assert response["Reason"] == "ACCOUNT_NUMBER_LIMIT_EXCEEDED"
        quotas = SESSION.client("service-quotas", endpoint_url=url, config=ONCE)
        quota = quotas.get_service_quota(ServiceCode="organizations", QuotaCode="L-E619E033")["Quota"]
        assert quota["Value"] == 2


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        pytest.param({"Email": "a" * 59 + "@ab.de"}, "MAX_LENGTH_EXCEEDED", id="email-of-65"),
        pytest.param({"Email": "two@@example.com"}, "INVALID_PATTERN", id="two-ats"),
        pytest.param({"Email": "one@localhost"}, "INVALID_PATTERN", id="domain-without-dot"),
        pytest.param({"Email": ".one@example.com"}, "INVALID_PATTERN", id="leading-dot"),
        pytest.param({"Email": "o ne@example.com"}, "INVALID_PATTERN", id="space"),
        pytest.param({"Email": "öne@example.com"}, "INVALID_PATTERN", id="not-ascii"),
        pytest.param({"AccountName": "n" * 51}, "MAX_LENGTH_EXCEEDED", id="name-of-51"),
        pytest.param({"AccountName": "Zoë"}, "INVALID_PATTERN", id="name-not-ascii"),
        pytest.param({"RoleName": "a role"}, "INVALID_ROLE_NAME", id="role-name"),
        pytest.param(
            {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}, "DUPLICATE_TAG_KEY", id="tags"
        ),
    ],
)
def test_bad_input_is_refused_with_its_reason(slow: Any, params: dict[str, Any], reason: str) -> None:
    response = refusal(slow.create_account, **{"Email": "one@example.com", "AccountName": "One"} | params)
    assert (response["Error"]["Code"], response["Reason"]) == ("InvalidInputException", reason)
    assert slow.list_create_account_status()["CreateAccountStatuses"] == []


def test_plus_address_of_64_and_name_of_50_are_accepted(slow: Any) -> None:
    assert create(slow, email="aws+" + "a" * 53 + "@ab.def", name="n" * 50)["State"] == "IN_PROGRESS"


def test_status_list_pages_before_it_filters() -> None:
    settings = StandinSettings(creation_seconds=60, max_creations=30)
    with serve_in_thread(settings) as url:
        organizations = SESSION.client("organizations", endpoint_url=url, config=ONCE)
        for number in range(25):
            create(organizations, email=f"n{number}@example.com")
        first = organizations.list_create_account_status()
        assert len(first["CreateAccountStatuses"]) == 20
        rest = organizations.list_create_account_status(NextToken=first["NextToken"])
        assert len(rest["CreateAccountStatuses"]) == 5
        assert "NextToken" not in rest
        empty = organizations.list_create_account_status(States=["FAILED"])
        assert empty["CreateAccountStatuses"] == []
        assert empty["NextToken"]  # an empty page is not the end
        response = refusal(organizations.list_create_account_status, MaxResults=21)
        assert response["Reason"] == "MAX_VALUE_EXCEEDED"
        response = refusal(organizations.list_create_account_status, NextToken="nonsense")
        assert response["Reason"] == "INVALID_NEXT_TOKEN"


def test_accounts_are_listed_in_pages_of_20() -> None:
    with serve_in_thread(StandinSettings(creation_seconds=0)) as url:
        organizations = SESSION.client("organizations", endpoint_url=url, config=ONCE)
        for number in range(24):
            create(organizations, email=f"n{number}@example.com")
        first = organizations.list_accounts()
        assert len(first["Accounts"]) == 20
        rest = organizations.list_accounts(NextToken=first["NextToken"])["Accounts"]
        assert len({account["Id"] for account in [*first["Accounts"], *rest]}) == 25
        assert refusal(organizations.list_accounts, MaxResults=21)["Reason"] == "MAX_VALUE_EXCEEDED"


def test_unknown_request_is_not_found(slow: Any) -> None:
    response = refusal(slow.describe_create_account_status, CreateAccountRequestId="car-00000000")
    assert response["Error"]["Code"] == "CreateAccountStatusNotFoundException"


def test_move_needs_the_real_source_and_another_destination(quick: Any) -> None:
    account_id = finished(quick, create(quick)["Id"])["AccountId"]
    root = quick.list_roots()["Roots"][0]["Id"]
    unit = quick.create_organizational_unit(ParentId=root, Name="Customers")["OrganizationalUnit"]["Id"]

    def move(account: str, source: str, destination: str) -> str:
        params = {"AccountId": account, "SourceParentId": source, "DestinationParentId": destination}
        return refusal(quick.move_account, **params)["Error"]["Code"]

    assert move(account_id, root, root) == "DuplicateAccountException"
    assert move(account_id, unit, root) == "DuplicateAccountException"
    assert move(account_id, root, "ou-none-00000000") == "DestinationParentNotFoundException"
    assert move("999999999999", root, unit) == "AccountNotFoundException"
    quick.move_account(AccountId=account_id, SourceParentId=root, DestinationParentId=unit)
    other = quick.create_organizational_unit(ParentId=root, Name="Suspended")["OrganizationalUnit"]["Id"]
    assert move(account_id, root, other) == "SourceParentNotFoundException"
    assert [a["Id"] for a in quick.list_accounts_for_parent(ParentId=unit)["Accounts"]] == [account_id]


def test_units_and_attachments_are_not_made_twice(slow: Any) -> None:
    root = slow.list_roots()["Roots"][0]["Id"]
    unit = slow.create_organizational_unit(ParentId=root, Name="Customers")["OrganizationalUnit"]["Id"]
    response = refusal(slow.create_organizational_unit, ParentId=root, Name="Customers")
    assert response["Error"]["Code"] == "DuplicateOrganizationalUnitException"
    document = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
    params = {"Name": "deny", "Description": "d", "Type": "SERVICE_CONTROL_POLICY"}
    policy = slow.create_policy(Content=document, **params)["Policy"]["PolicySummary"]["Id"]
    slow.attach_policy(PolicyId=policy, TargetId=unit)
    response = refusal(slow.attach_policy, PolicyId=policy, TargetId=unit)
    assert response["Error"]["Code"] == "DuplicatePolicyAttachmentException"
    slow.detach_policy(PolicyId=policy, TargetId=unit)
    response = refusal(slow.detach_policy, PolicyId=policy, TargetId=unit)
    assert response["Error"]["Code"] == "PolicyNotAttachedException"
    response = refusal(slow.create_policy, Content="not json", **params | {"Name": "other"})
    assert response["Error"]["Code"] == "MalformedPolicyDocumentException"
    too_long = document + " " * 5120
    response = refusal(slow.create_policy, Content=too_long, **params | {"Name": "other"})
    assert response["Reason"] == "POLICY_CONTENT_LIMIT_EXCEEDED"


def test_aws_and_its_support_change_an_accounts_state_and_one_that_leaves_loses_its_tags() -> None:
    with serve_in_thread(StandinSettings(creation_seconds=0, role_seconds=0, closure_seconds=60)) as url:
        organizations = SESSION.client("organizations", endpoint_url=url, config=ONCE)
        aws_id = finished(organizations, create(organizations)["Id"])["AccountId"]
        organizations.tag_resource(ResourceId=aws_id, Tags=[{"Key": "a", "Value": "b"}])

        def put(state: str) -> int:
            return requests.post(f"{url}/_standin/accounts/{aws_id}", json={"state": state}, timeout=5).status_code

        def state() -> Any:
            return organizations.describe_account(AccountId=aws_id)["Account"]["State"]

        assert (put("SUSPENDED"), state()) == (200, "SUSPENDED")
        assert (put("ACTIVE"), state()) == (200, "ACTIVE")
        organizations.close_account(AccountId=aws_id)
        assert (put("ACTIVE"), state()) == (200, "ACTIVE"), "reopened while it was being closed"
        assert put("LEFT") == 200
        assert refusal(organizations.describe_account, AccountId=aws_id)["Error"]["Code"] == "AccountNotFoundException"
        assert put("ACTIVE") == 200
        assert organizations.list_tags_for_resource(ResourceId=aws_id)["Tags"] == []
        root = organizations.list_roots()["Roots"][0]["Id"]
        assert organizations.list_parents(ChildId=aws_id)["Parents"][0]["Id"] == root
        assert put("MELTED") == 400


def test_an_ou_with_anything_in_it_is_not_deleted(quick: Any) -> None:
    root = quick.list_roots()["Roots"][0]["Id"]
    unit = quick.create_organizational_unit(ParentId=root, Name="Full")["OrganizationalUnit"]["Id"]
    below = quick.create_organizational_unit(ParentId=unit, Name="Below")["OrganizationalUnit"]["Id"]
    found = refusal(quick.delete_organizational_unit, OrganizationalUnitId=unit)
    assert found["Error"]["Code"] == "OrganizationalUnitNotEmptyException"
    quick.delete_organizational_unit(OrganizationalUnitId=below)
    quick.delete_organizational_unit(OrganizationalUnitId=unit)
