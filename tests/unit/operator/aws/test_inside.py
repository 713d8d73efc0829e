"""The cheap look into a member account: what somebody left there is seen, and what AWS puts there is not."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from fakes.factory import Factory, Process, refusal

from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.inside import COUNTED, Counts, beyond

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
        ],
    }
)
ALLOWS = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
)


async def counts(factory: Factory, process: Process) -> Counts:
    account = await factory.account()
    owned = await process.deps.aws.ownership.prove(account, str(account.status.aws_account_id))
    return await process.deps.aws.counts(owned, account.status.access_role_name)


def user(iam: Any) -> None:
    iam.create_user(UserName="mallory")


def group(iam: Any) -> None:
    iam.create_group(GroupName="backdoors")


def role(iam: Any) -> None:
    iam.create_role(RoleName="Backdoor", AssumeRolePolicyDocument=TRUST)


def policy(iam: Any) -> None:
    iam.create_policy(PolicyName="all", PolicyDocument=ALLOWS)


def provider(iam: Any) -> None:
    iam.create_open_id_connect_provider(Url="https://evil.example", ClientIDList=["sts.amazonaws.com"])


def profile(iam: Any) -> None:
    iam.create_instance_profile(InstanceProfileName="evil")


def bucket(storage: Any) -> None:
    storage.create_bucket(Bucket="evil")


def trail(trails: Any) -> None:
    trails.create_trail(Name="evil", S3BucketName="evil")


def service_of(made: Callable[[Any], None]) -> str:
    return "s3" if made is bucket else "iam"


LEFT = {
    "Users: 2 instead of 1": user,
    "Groups: 1 instead of 0": group,
    "Roles: 4 instead of 3": role,
    "Policies: 1 instead of 0": policy,
    "Providers: 3 instead of 2": provider,
    "InstanceProfiles: 1 instead of 0": profile,
    "Buckets: 1 instead of 0": bucket,
}


@pytest.mark.parametrize("words", LEFT)
async def test_what_somebody_left_is_seen(factory: Factory, words: str) -> None:
    process = await factory.active()
    before = await counts(factory, process)
    assert beyond(before, await counts(factory, process)) == []
    client = await factory.client(service_of(LEFT[words]), (await factory.account()).status.aws_account_id)
    await asyncio.to_thread(LEFT[words], client)
    assert beyond(before, await counts(factory, process)) == [words]


async def test_a_trail_is_seen_and_the_organizations_is_not(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    process = await factory.active()
    before = await counts(factory, process)
    account = (await factory.account()).status.aws_account_id
    await asyncio.to_thread(bucket, await factory.client("s3", account))
    trails = await factory.client("cloudtrail", account)
    await asyncio.to_thread(trail, trails)
    assert beyond(before, await counts(factory, process)) == ["Buckets: 1 instead of 0", "Trails: 1 instead of 0"]
    call = process.deps.aws.caller.call

    async def with_the_organizations(operation: str, function: Any, **arguments: Any) -> Any:
        answer = await call(operation, function, **arguments)
        if operation == "cloudtrail:DescribeTrails":
            (own,) = answer["trailList"]
            shadow = own | {"TrailARN": own["TrailARN"].replace(str(account), "999999999999"), "Name": "shadow"}
            answer["trailList"] = [own, own | {"IsOrganizationTrail": True}, shadow]
        return answer

    monkeypatch.setattr(process.deps.aws.caller, "call", with_the_organizations)
    assert (await counts(factory, process))["Trails"] == 1


async def test_roles_that_only_aws_makes_do_not_count(factory: Factory) -> None:
    process = await factory.active()
    before = await counts(factory, process)
    iam = await factory.client("iam", (await factory.account()).status.aws_account_id)
    for path in ("/aws-service-role/x.amazonaws.com/", "/aws-reserved/sso.amazonaws.com/"):
        await asyncio.to_thread(iam.create_role, RoleName=f"Aws{len(path)}", Path=path, AssumeRolePolicyDocument=TRUST)
    assert beyond(before, await counts(factory, process)) == []


async def test_a_look_that_fails_is_no_pass(factory: Factory) -> None:
    process = await factory.active()
    for operation in ("iam:GetAccountSummary", "iam:ListRoles", "cloudtrail:DescribeTrails", "s3:ListBuckets"):
        process.before_call = refusal(operation, "AccessDenied")
        with pytest.raises(AwsError, match=operation):
            await counts(factory, process)


async def test_what_is_counted_has_a_name_of_aws(factory: Factory) -> None:
    iam = (await factory.client("iam")).meta.service_model
    assert {*COUNTED} <= {*iam.shape_for("summaryKeyType").enum}


def test_less_than_before_is_nobodys_doing() -> None:
    """Such as a root password that AWS takes away."""
    assert beyond({"AccountPasswordPresent": 1, "Users": 0}, {"AccountPasswordPresent": 0, "Users": 0}) == []
    assert beyond({}, {"Users": 1, "Buckets": 2}) == ["Buckets: 2 instead of 0", "Users: 1 instead of 0"]
