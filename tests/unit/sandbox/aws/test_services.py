"""The stand-in's Identity Center, its mail, its journal, and its life as a process."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from fakes.hand_clock import HANG_SECONDS, HandClock

from batteries_sandbox.aws import StandinSettings, serve, serve_in_thread
from batteries_sandbox.mailboxes import SENDER

SESSION: Any = boto3.Session(aws_access_key_id="sandbox", aws_secret_access_key="s", region_name="us-east-1")
ONCE = Config(retries={"total_max_attempts": 1})
ASSIGNMENT_SECONDS = 60


def client(url: str, service: str, region: str = "us-east-1") -> Any:
    return SESSION.client(service, endpoint_url=url, config=ONCE, region_name=region)


def refusal(function: Callable[..., Any], **params: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        function(**params)
    return dict(caught.value.response)


def get(url: str, path: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/_standin/{path}") as answer:  # noqa: S310
        return json.load(answer)


class Center:
    """Identity Center with one account, one user and one permission set, and the clock that it goes by."""

    def __init__(self, url: str, clock: HandClock) -> None:
        self.url, self.clock = url, clock
        self.sso = client(url, "sso-admin")
        self.store = client(url, "identitystore")
        instance = self.sso.list_instances()["Instances"][0]
        self.instance, self.store_id = instance["InstanceArn"], instance["IdentityStoreId"]
        client(url, "organizations").create_account(Email="one@example.com", AccountName="One")
        account = get(url, "accounts")["accounts"][0]["id"]
        named = {"InstanceArn": self.instance, "Name": "Admin"}
        permission_set = self.sso.create_permission_set(**named)["PermissionSet"]["PermissionSetArn"]
        self.assignment = {
            "InstanceArn": self.instance,
            "TargetId": account,
            "TargetType": "AWS_ACCOUNT",
            "PermissionSetArn": permission_set,
            "PrincipalType": "USER",
            "PrincipalId": self.user("ada")["UserId"],
        }

    def user(self, name: str, email: str = "") -> Any:
        return self.store.create_user(
            IdentityStoreId=self.store_id,
            UserName=name,
            DisplayName=name,
            Name={"GivenName": "A", "FamilyName": "B"},
            Emails=[{"Value": email or f"{name}@example.com", "Primary": True}],
        )

    def assign(self, **changes: str) -> dict[str, Any]:
        answer = self.sso.create_account_assignment(**self.assignment | changes)
        return answer["AccountAssignmentCreationStatus"]

    def created(self, request_id: str) -> dict[str, Any]:
        """What became of the request once its time has passed."""
        self.clock.move(ASSIGNMENT_SECONDS)
        answer = self.sso.describe_account_assignment_creation_status(
            InstanceArn=self.instance, AccountAssignmentCreationRequestId=request_id
        )
        return dict(answer["AccountAssignmentCreationStatus"])

    def listed(self) -> list[Any]:
        return self.sso.list_account_assignments(
            InstanceArn=self.instance,
            AccountId=self.assignment["TargetId"],
            PermissionSetArn=self.assignment["PermissionSetArn"],
        )["AccountAssignments"]


@pytest.fixture
def center() -> Iterator[Center]:
    clock = HandClock()
    settings = StandinSettings(
        creation_seconds=0,
        assignment_seconds=ASSIGNMENT_SECONDS,
        identity_center_seconds=0,
        organization_write_seconds=0,
    )
    with serve_in_thread(settings, clock.clocks) as url:
        yield Center(url, clock)


@pytest.fixture
def url() -> Iterator[str]:
    quick = StandinSettings(creation_seconds=0, iam_seconds=0, organization_write_seconds=0)
    with serve_in_thread(quick, HandClock().clocks) as url:
        yield url


def test_assignment_is_true_only_after_a_while_and_only_once(center: Center) -> None:
    status = center.assign()
    assert status["Status"] == "IN_PROGRESS"
    assert center.listed() == []
    assert center.created(status["RequestId"])["Status"] == "SUCCEEDED"
    assert len(center.listed()) == 1
    assert center.created(center.assign()["RequestId"])["Status"] == "SUCCEEDED"
    assert len(center.listed()) == 1


def test_assignment_is_deleted_only_after_a_while(center: Center) -> None:
    response = refusal(center.sso.delete_account_assignment, **center.assignment)
    assert response["Error"]["Code"] == "ResourceNotFoundException"
    center.created(center.assign()["RequestId"])
    answer = center.sso.delete_account_assignment(**center.assignment)
    status = answer["AccountAssignmentDeletionStatus"]
    assert status["Status"] == "IN_PROGRESS"
    assert len(center.listed()) == 1

    center.clock.move(ASSIGNMENT_SECONDS)
    answer = center.sso.describe_account_assignment_deletion_status(
        InstanceArn=center.instance, AccountAssignmentDeletionRequestId=status["RequestId"]
    )
    assert answer["AccountAssignmentDeletionStatus"]["Status"] == "SUCCEEDED"
    assert center.listed() == []


def test_assignment_to_an_unknown_user_fails_later(center: Center) -> None:
    status = center.assign(PrincipalId="11111111-2222-3333-4444-555555555555")
    done = center.created(status["RequestId"])
    assert done["Status"] == "FAILED"
    assert done["FailureReason"]
    assert center.listed() == []


def test_assignment_of_unknown_things_is_refused(center: Center) -> None:
    unknown_set = center.assignment["PermissionSetArn"][:-4] + "0000"
    for changes in ({"TargetId": "999999999999"}, {"PermissionSetArn": unknown_set}):
        response = refusal(center.sso.create_account_assignment, **center.assignment | changes)
        assert response["Error"]["Code"] == "ResourceNotFoundException"


def test_eleventh_outstanding_assignment_is_a_conflict() -> None:
    settings = StandinSettings(
        creation_seconds=0, assignment_seconds=60, identity_center_seconds=0, organization_write_seconds=0
    )
    clock = HandClock()
    with serve_in_thread(settings, clock.clocks) as url:
        center = Center(url, clock)
        organizations = client(url, "organizations")
        for number in range(10):  # one for each account, as an account takes one at a time
            organizations.create_account(Email=f"n{number}@example.com", AccountName="N")
            newest = get(url, "accounts")["accounts"][-1]["id"]
            center.assign(TargetId=newest)
        response = refusal(center.sso.create_account_assignment, **center.assignment)
        assert response["Error"]["Code"] == "ConflictException"
        assert "too many requests" in response["Error"]["Message"]


def test_permission_set_names_and_directories_are_known_ones(center: Center) -> None:
    response = refusal(center.sso.create_permission_set, InstanceArn=center.instance, Name="Admin")
    assert response["Error"]["Code"] == "ConflictException"
    unknown = center.instance[:-4] + "0000"
    response = refusal(center.sso.list_permission_sets, InstanceArn=unknown)
    assert response["Error"]["Code"] == "ResourceNotFoundException"
    response = refusal(center.store.list_users, IdentityStoreId="d-0000000000")
    assert response["Error"]["Code"] == "ResourceNotFoundException"


def test_a_permission_set_that_somebody_is_assigned_by_is_not_deleted(center: Center) -> None:
    center.created(center.assign()["RequestId"])
    named = {"InstanceArn": center.instance, "PermissionSetArn": center.assignment["PermissionSetArn"]}
    assert refusal(center.sso.delete_permission_set, **named)["Error"]["Code"] == "ConflictException"
    center.sso.delete_account_assignment(**center.assignment)
    center.clock.move(ASSIGNMENT_SECONDS)
    center.sso.delete_permission_set(**named)


def test_identity_center_is_in_one_region_only(center: Center) -> None:
    elsewhere = client(center.url, "sso-admin", region="eu-west-1")
    assert elsewhere.list_instances()["Instances"] == []
    store = client(center.url, "identitystore", region="eu-west-1")
    response = refusal(store.list_users, IdentityStoreId=center.store_id)
    assert response["Error"]["Code"] == "ResourceNotFoundException"


def test_directory_user_is_unique_and_found_whatever_the_case(center: Center) -> None:
    for name, email in (("ADA", "new@example.com"), ("bob", "ADA@example.com")):
        response = refusal(center.user, name=name, email=email)
        assert response["Error"]["Code"] == "ConflictException"
        assert response["Reason"] == "UNIQUENESS_CONSTRAINT_VIOLATION"
    for path, value in (("userName", "Ada"), ("emails.value", "Ada@Example.com")):
        identifier = {"UniqueAttribute": {"AttributePath": path, "AttributeValue": value}}
        found = center.store.get_user_id(IdentityStoreId=center.store_id, AlternateIdentifier=identifier)
        assert found["UserId"] == center.assignment["PrincipalId"]
    identifier = {"UniqueAttribute": {"AttributePath": "userName", "AttributeValue": "nobody"}}
    response = refusal(center.store.get_user_id, IdentityStoreId=center.store_id, AlternateIdentifier=identifier)
    assert response["Error"]["Code"] == "ResourceNotFoundException"
    assert len(center.store.list_users(IdentityStoreId=center.store_id)["Users"]) == 1


def test_mail_is_sent_from_a_verified_identity_only(url: str) -> None:
    ses = client(url, "sesv2")
    account = ses.get_account()
    assert account["ProductionAccessEnabled"]
    assert account["SendingEnabled"]
    assert account["SendQuota"]["MaxSendRate"] > 0
    assert ses.get_email_identity(EmailIdentity=SENDER)["VerifiedForSendingStatus"] is True
    mail = {
        "Destination": {"ToAddresses": ["ada@example.com"]},
        "Content": {"Simple": {"Subject": {"Data": "Welcome"}, "Body": {"Text": {"Data": "Hello Ada"}}}},
    }
    message_id = ses.send_email(FromEmailAddress=f"Batteries <{SENDER}>", **mail)["MessageId"]
    assert refusal(ses.send_email, FromEmailAddress="x@example.com", **mail)["Error"]["Code"] == "MessageRejected"
    response = refusal(ses.send_email, FromEmailAddress=SENDER, **mail | {"Destination": {}})
    assert response["Error"]["Code"] == "BadRequestException"
    ses.create_email_identity(EmailIdentity="x@example.com")  # not verified by being asked for
    assert refusal(ses.send_email, FromEmailAddress="x@example.com", **mail)["Error"]["Code"] == "MessageRejected"
    (sent,) = get(url, "mails")["mails"]
    assert (sent["messageId"], sent["to"]) == (message_id, ["ada@example.com"])
    assert (sent["subject"], sent["body"]) == ("Welcome", "Hello Ada")


def test_journal_tells_each_call_and_no_password(url: str) -> None:
    iam = client(url, "iam")
    iam.create_user(UserName="ada")
    before = get(url, "calls")["lastSeq"]
    iam.create_login_profile(UserName="ada", Password="Correct-Horse-1")
    refusal(iam.create_user, UserName="ada")
    calls = get(url, f"calls?service=iam&since={before}")["calls"]
    assert [(c["operation"], c["httpStatus"], c["errorCode"]) for c in calls] == [
        ("CreateLoginProfile", 200, None),
        ("CreateUser", 409, "EntityAlreadyExists"),
    ]
    assert calls[0]["params"]["UserName"] == "ada"
    assert calls[0]["accountId"] == "111111111111"
    assert "Correct-Horse" not in json.dumps(get(url, "calls"))
    assert get(url, "calls/count?operation=CreateUser")["count"] == 2
    assert get(url, f"calls/count?service=iam&since={before}")["byOperation"] == {
        "iam.CreateLoginProfile": 1,
        "iam.CreateUser": 1,
    }


def test_error_of_moto_is_in_the_journal_too(url: str) -> None:
    refusal(client(url, "iam").get_user, UserName="nobody")
    (call,) = get(url, "calls?operation=GetUser")["calls"]
    assert (call["httpStatus"], call["errorCode"]) == (404, "NoSuchEntity")


def test_creations_and_accounts_can_be_inspected() -> None:
    clock = HandClock()
    with serve_in_thread(StandinSettings(creation_seconds=60, organization_write_seconds=0), clock.clocks) as url:
        organizations = client(url, "organizations")
        tags = [{"Key": "request", "Value": "r-1"}]
        for name in ("one", "two"):
            organizations.create_account(Email=f"{name}@example.com", AccountName=name, Tags=tags)
        assert get(url, "accounts")["accounts"] == []
        assert get(url, "creations")["inProgress"] == 2
        clock.move(60)
        accounts = get(url, "accounts")["accounts"]
        assert accounts[0]["email"] == "one@example.com"
        assert accounts[0]["tags"] == {"request": "r-1"}
        assert accounts[0]["parentId"].startswith("r-")
        assert accounts[0]["state"] == "ACTIVE"
        assert get(url, "creations")["inProgress"] == 0
        creations = get(url, "creations")
        assert creations["maxInProgress"] == 2
        assert {c["state"] for c in creations["creations"]} == {"SUCCEEDED"}


def test_services_without_rules_go_to_moto(url: str) -> None:
    s3 = client(url, "s3")
    s3.create_bucket(Bucket="a-bucket")
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["a-bucket"]


def test_each_stand_in_starts_empty() -> None:
    for _ in range(2):
        quick = StandinSettings(creation_seconds=0, organization_write_seconds=0)
        with serve_in_thread(quick, HandClock().clocks) as url:
            assert get(url, "accounts")["accounts"] == []
            client(url, "organizations").create_account(Email="one@example.com", AccountName="One")
            assert len(get(url, "accounts")["accounts"]) == 1


async def test_second_stand_in_of_a_process_is_refused() -> None:
    async with serve(StandinSettings()):
        with pytest.raises(RuntimeError, match="process already"):
            async with serve(StandinSettings()):
                pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_process_says_when_it_is_ready_and_ends_cleanly(number: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "batteries_sandbox.aws", "--port", port, "--access-key-id", "other"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().split()[-1]
        assert url == f"http://127.0.0.1:{port}"
        assert get(url, "health")["status"] == "ok"
        response = refusal(client(url, "sts").get_caller_identity)
        assert response["Error"]["Code"] == "InvalidClientTokenId"
        process.send_signal(number)
        assert process.wait(timeout=HANG_SECONDS) == 0
        assert process.stderr.read() == ""


def test_support_answers_nobody_who_has_no_plan_for_it(url: str) -> None:
    response = refusal(client(url, "support").describe_severity_levels)
    assert response["Error"]["Code"] == "SubscriptionRequiredException"
