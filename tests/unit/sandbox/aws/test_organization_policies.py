"""The stand-in is as strict as AWS about service control policies and central root access."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from unit.sandbox.aws.test_policies import AT_ONCE, Organization, client, refusal

from batteries_sandbox.aws import StandinSettings, serve_in_thread
from batteries_sandbox.aws.policy_document import conditions_hold

SCP: Any = "SERVICE_CONTROL_POLICY"
DENY = {"Sid": "A", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}


@pytest.fixture
def organization() -> Iterator[Organization]:
    with serve_in_thread(StandinSettings(**AT_ONCE)) as url:
        yield Organization(url)


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Deny", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:*"},
        DENY | {"NotAction": "s3:*"},
        DENY | {"NotResource": "*"},
        DENY | {"Principal": "*"},
        DENY | {"Effect": "deny"},
        DENY | {"Sid": "a b"},
        "s3:*",
    ],
)
def test_a_policy_that_is_none_is_refused(organization: Organization, statement: Any) -> None:
    content = json.dumps({"Version": "2012-10-17", "Statement": [DENY, statement]})
    more = {"Name": "n", "Description": "d", "Type": SCP}
    assert refusal(organization.api.create_policy, Content=content, **more)[0] == "MalformedPolicyDocumentException"


def test_a_policy_is_as_long_as_it_is_sent(organization: Organization) -> None:
    def content(length: int) -> str:
        text = json.dumps({"Statement": DENY | {"Action": ""}})
        return text.replace('""', json.dumps("s3:" + "x" * (length - len(text) - 3)))

    assert len(content(5120)) == 5120
    more = {"Description": "d", "Type": SCP}
    organization.api.create_policy(Name="a", Content=content(5120), **more)
    code, _, _ = refusal(organization.api.create_policy, Name="b", Content=content(5121), **more)
    assert code == "ConstraintViolationException"
    spaced = content(5120).replace(":", ": ", 1)
    assert (
        refusal(organization.api.create_policy, Name="b", Content=spaced, **more)[0] == "ConstraintViolationException"
    )


def test_the_last_policy_stays_and_the_sixth_is_refused(organization: Organization) -> None:
    target = organization.inner
    assert refusal(organization.api.detach_policy, PolicyId="p-FullAWSAccess", TargetId=target)[0] == (
        "ConstraintViolationException"
    )
    made = []
    for number in range(5):
        policy = organization.api.create_policy(
            Name=f"p{number}", Description="d", Type=SCP, Content=json.dumps({"Statement": DENY})
        )
        made.append(policy["Policy"]["PolicySummary"]["Id"])
    for each in made[:4]:
        organization.api.attach_policy(PolicyId=each, TargetId=target)
    code, _, _ = refusal(organization.api.attach_policy, PolicyId=made[4], TargetId=target)
    assert code == "ConstraintViolationException"
    organization.api.detach_policy(PolicyId="p-FullAWSAccess", TargetId=target)
    assert refusal(organization.api.detach_policy, PolicyId=made[4], TargetId=target)[0] == "PolicyNotAttachedException"


def test_root_credentials_are_managed_after_trusted_access_and_again_changes_nothing(
    organization: Organization,
) -> None:
    api, iam = organization.api, client(organization.url, "iam")
    for call in (iam.list_organizations_features, iam.enable_organizations_root_credentials_management):
        assert refusal(call)[0] == "ServiceAccessNotEnabledException"
    assert refusal(api.enable_aws_service_access, ServicePrincipal="iam")[0] == "InvalidInputException"
    for _ in range(2):
        api.enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    (trusted,) = api.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    assert trusted["ServicePrincipal"] == "iam.amazonaws.com"
    assert iam.list_organizations_features()["EnabledFeatures"] == []
    for _ in range(2):
        said = iam.enable_organizations_root_credentials_management()
        assert said["EnabledFeatures"] == ["RootCredentialsManagement"]
        assert said["OrganizationId"].startswith("o-")
    iam.enable_organizations_root_sessions()
    assert iam.list_organizations_features()["EnabledFeatures"] == ["RootCredentialsManagement", "RootSessions"]
    theirs = organization.client("iam", "Owner")
    assert refusal(theirs.list_organizations_features)[0] == "AccountNotManagementOrDelegatedAdministratorException"
    api.disable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    assert refusal(iam.list_organizations_features)[0] == "ServiceAccessNotEnabledException"


@pytest.mark.parametrize(
    ("operator", "values", "holds"),
    [
        ("ForAnyValue:StringLike", [], False),
        ("ForAnyValue:StringLike", ["a1", "b1"], True),
        ("ForAnyValue:StringLike", ["b1"], False),
        ("ForAnyValue:StringNotLike", [], False),
        ("ForAnyValue:StringNotLike", ["a1"], False),
        ("ForAnyValue:StringNotLike", ["a1", "b1"], True),
        ("StringNotLike", [], True),
        ("StringNotLike", ["a1"], False),
        ("StringNotLikeIfExists", [], True),
        ("ForAnyValue:StringLikeIfExists", [], True),
    ],
)
def test_a_condition_of_several_values_asks_for_one_that_matches(operator: str, values: list[str], holds: bool) -> None:
    """IAM user guide, "Set operators for multivalued context keys"; of no value, ForAnyValue is false."""
    assert conditions_hold({operator: {"x:Y": ["a*", "c*"]}}, {"x:y": values}) is holds
