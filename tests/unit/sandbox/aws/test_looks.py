"""What a cheap look into an account meets in the stand-in, and what becomes of an account's name."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.hand_clock import HandClock
from unit.sandbox.aws.test_policies import ACCESS_ROLE, AT_ONCE, Organization, client, refusal

from batteries_sandbox.aws import StandinSettings, serve_in_thread

LOOKS = {"iam": "get_account_summary", "cloudtrail": "describe_trails", "s3": "list_buckets"}
ACTIONS = {"iam": "iam:GetAccountSummary", "cloudtrail": "cloudtrail:DescribeTrails", "s3": "s3:ListAllMyBuckets"}
THROTTLES = {"iam": ("Throttling", 400), "cloudtrail": ("ThrottlingException", 400), "s3": ("SlowDown", 503)}
TRUST = json.dumps(
    {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def organization(clock: HandClock) -> Iterator[Organization]:
    slow = {"account_name_seconds": 3600, "organization_write_seconds": 0}
    with serve_in_thread(StandinSettings(**AT_ONCE | slow), clock.clocks) as url:
        yield Organization(url)


def session(organization: Organization, service: str, *actions: str) -> Any:
    """A client of the access role whose session policy allows these actions."""
    policy = {"Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}
    keys = client(organization.url, "sts").assume_role(
        RoleArn=f"arn:aws:iam::{organization.account}:role/{ACCESS_ROLE}",
        RoleSessionName="look",
        Policy=json.dumps(policy),
    )["Credentials"]
    return client(organization.url, service, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


def fault(organization: Organization, **spec: Any) -> None:
    body = json.dumps(spec).encode()
    urllib.request.urlopen(urllib.request.Request(f"{organization.url}/_standin/faults", data=body))  # noqa: S310


@pytest.mark.parametrize("service", LOOKS)
def test_a_look_does_what_the_sessions_policy_allows(organization: Organization, service: str) -> None:
    getattr(session(organization, service, ACTIONS[service]), LOOKS[service])()
    others = [action for name, action in ACTIONS.items() if name != service]
    code, status, _ = refusal(getattr(session(organization, service, *others), LOOKS[service]))
    assert code.startswith("AccessDenied")
    assert status in (400, 403)


@pytest.mark.parametrize("service", LOOKS)
def test_an_scp_denies_a_look_to_all_but_whom_it_excepts(organization: Organization, service: str) -> None:
    role = f"arn:aws:iam::*:role/{ACCESS_ROLE}"
    organization.attach(organization.inner, Condition={"ArnNotLike": {"aws:PrincipalARN": [role]}})
    getattr(organization.client(service, ACCESS_ROLE), LOOKS[service])()
    assert refusal(getattr(organization.client(service, "Owner"), LOOKS[service]))[0].startswith("AccessDenied")


@pytest.mark.parametrize("service", LOOKS)
def test_a_look_is_throttled_in_its_services_words(organization: Organization, service: str) -> None:
    look = getattr(organization.client(service, ACCESS_ROLE), LOOKS[service])
    fault(organization, kind="throttle", service=service)
    assert refusal(look)[:2] == THROTTLES[service]


@pytest.mark.parametrize("service", LOOKS)
def test_a_look_into_a_closed_account_is_refused(organization: Organization, service: str) -> None:
    look = getattr(organization.client(service, ACCESS_ROLE), LOOKS[service])
    organization.api.close_account(AccountId=organization.account)
    assert refusal(look)[0] in ("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId")


def test_the_summary_counts_each_kind(organization: Organization) -> None:
    iam = organization.client("iam", ACCESS_ROLE)
    before = iam.get_account_summary()["SummaryMap"]
    assert (before["Users"], before["Roles"], before["Providers"], before["UsersQuota"]) == (0, 2, 0, 5000)
    iam.create_user(UserName="u")
    iam.create_open_id_connect_provider(Url="https://issuer.example", ClientIDList=["a"])
    after = iam.get_account_summary()["SummaryMap"]
    assert {name for name in after if after[name] != before[name]} == {"Users", "Providers"}


def test_the_summary_counts_a_user_or_role_only_once_iam_shows_it(clock: HandClock) -> None:
    with serve_in_thread(StandinSettings(**AT_ONCE | {"iam_seconds": 5}), clock.clocks) as url:
        iam = client(url, "iam")
        iam.create_user(UserName="u")
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
        counted = iam.get_account_summary()["SummaryMap"]
        assert (counted["Users"], counted["Roles"]) == (0, 0)
        clock.move(5)
        counted = iam.get_account_summary()["SummaryMap"]
        assert (counted["Users"], counted["Roles"]) == (1, 1)


def test_members_see_the_organizations_trails_and_nobody_sees_another_members(organization: Organization) -> None:
    client(organization.url, "s3").create_bucket(Bucket="logs")
    management = client(organization.url, "cloudtrail")
    management.create_trail(Name="everybody", S3BucketName="logs", IsMultiRegionTrail=True, IsOrganizationTrail=True)
    management.create_trail(Name="own", S3BucketName="logs")
    theirs = organization.client("cloudtrail", ACCESS_ROLE)
    [seen] = theirs.describe_trails()["trailList"]
    assert (seen["Name"], seen["IsOrganizationTrail"]) == ("everybody", True)
    assert ":111111111111:" in seen["TrailARN"]
    assert theirs.describe_trails(includeShadowTrails=False)["trailList"] == []
    assert {each["Name"] for each in management.describe_trails()["trailList"]} == {"everybody", "own"}


def test_a_member_gives_itself_a_name_which_organizations_shows_later(
    organization: Organization, clock: HandClock
) -> None:
    own = session(organization, "account", "account:PutAccountName", "account:GetAccountInformation")
    for _ in range(2):
        own.put_account_name(AccountName="Acme")
    assert own.get_account_information()["AccountName"] == "Acme"

    def shown() -> str:
        return str(organization.api.describe_account(AccountId=organization.account)["Account"]["Name"])

    assert shown() == "One"
    clock.move(3600)
    assert shown() == "Acme"
    assert refusal(session(organization, "account", "account:GetAccountInformation").put_account_name, AccountName="x")[
        :2
    ] == ("AccessDeniedException", 403)


def test_the_management_account_names_a_member_after_trusted_access(organization: Organization) -> None:
    api, named = client(organization.url, "account"), {"AccountId": organization.account}
    code, status, message = refusal(api.put_account_name, AccountName="Acme", **named)[:3]
    assert (code, status) == ("AccessDeniedException", 403)
    assert "account:PutAccountName (Your organization must first enable trusted access" in message
    organization.api.enable_aws_service_access(ServicePrincipal="account.amazonaws.com")
    api.put_account_name(AccountName="Acme", **named)
    assert api.get_account_information(**named)["AccountName"] == "Acme"
    for other in ("111111111111", "222222222222"):
        assert refusal(api.put_account_name, AccountName="x", AccountId=other)[0] == "AccessDeniedException"
    theirs = organization.client("account", ACCESS_ROLE)
    assert refusal(theirs.put_account_name, AccountName="x", **named)[0] == "AccessDeniedException"
    organization.api.close_account(**named)
    assert refusal(api.put_account_name, AccountName="x", **named)[0] == "AccessDeniedException"


@pytest.mark.parametrize("name", ["a<b", "é", "x" * 51])
def test_a_name_that_is_none_is_refused(organization: Organization, name: str) -> None:
    own = organization.client("account", ACCESS_ROLE)
    assert refusal(own.put_account_name, AccountName=name)[:2] == ("ValidationException", 400)


def test_the_operators_policy_may_name_the_member(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    allowed = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    path.write_text(json.dumps({"Statement": [allowed]}))
    with serve_in_thread(StandinSettings(**AT_ONCE, operator_policy=str(path), organization_write_seconds=0)) as url:
        organization = Organization(url)
        organization.api.enable_aws_service_access(ServicePrincipal="account.amazonaws.com")
        api = client(url, "account")
        for resource, is_allowed in ((f"*/{organization.account}", True), ("*/222222222222", False)):
            path.write_text(json.dumps({"Statement": [allowed | {"Resource": f"arn:aws:account::{resource}"}]}))
            if is_allowed:
                api.put_account_name(AccountName="Acme", AccountId=organization.account)
            else:
                call = {"AccountName": "Other", "AccountId": organization.account}
                assert refusal(api.put_account_name, **call)[:2] == ("AccessDeniedException", 403)


def test_what_account_management_is_not_known_for_is_refused(organization: Organization) -> None:
    own = organization.client("account", ACCESS_ROLE)
    assert refusal(own.get_primary_email, AccountId=organization.account)[1] >= 400
    fault(organization, kind="throttle", service="account", operation="PutAccountName")
    assert refusal(own.put_account_name, AccountName="Acme")[:2] == ("TooManyRequestsException", 429)
