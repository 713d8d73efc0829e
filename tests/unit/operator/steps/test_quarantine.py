"""What closes a suspended account is proved in AWS: before it is said, and again whenever the account is compared."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from fakes.deletion import delete, released
from fakes.factory import Factory, settings

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import find, is_true
from batteries_operator.aws.guardrail_checks import GuardrailChecks
from batteries_operator.aws.guardrails import DENY_ALL, closing
from batteries_operator.aws.organizations import NotPreparedError
from batteries_operator.aws.partition import AWS

OPEN = ["octo-org/web"]
WORKFLOW = "repo:octo-org/web:ref:refs/heads/main"
HARMLESS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "s3:PutBucketAcl", "Resource": "*"}],
}


async def the_policy(factory: Factory) -> tuple[Any, str, str]:
    """boto3's Organizations, the id of the policy that closes, and of the OU that it is on."""
    organizations = await factory.client("organizations")
    policies = organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    root = organizations.list_roots()["Roots"][0]["Id"]
    units = organizations.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"]
    (policy,) = [each["Id"] for each in policies if each["Name"] == DENY_ALL]
    (unit,) = [each["Id"] for each in units if each["Name"] == factory.settings.suspended_ou_name]
    return organizations, policy, unit


async def detach(factory: Factory) -> None:
    organizations, policy, unit = await the_policy(factory)
    organizations.detach_policy(PolicyId=policy, TargetId=unit)


async def soften(factory: Factory) -> None:
    organizations, policy, _ = await the_policy(factory)
    organizations.update_policy(PolicyId=policy, Content=json.dumps(HARMLESS))


async def let_somebody_through(factory: Factory) -> None:
    organizations, policy, _ = await the_policy(factory)
    content = json.loads(organizations.describe_policy(PolicyId=policy)["Policy"]["Content"])
    content["Statement"][0]["Condition"]["ArnNotLike"]["aws:PrincipalARN"].append("arn:aws:iam::*:role/friend")
    organizations.update_policy(PolicyId=policy, Content=json.dumps(content))


async def disable_the_type(factory: Factory) -> None:
    organizations = await factory.client("organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.disable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")


WAYS: dict[Callable[[Factory], Awaitable[None]], str] = {
    detach: "The policy BatteriesDenyAll is not attached to the OU Suspended.",
    soften: "The policy BatteriesDenyAll on the OU Suspended differs from what bootstrap writes",
    let_somebody_through: "The policy BatteriesDenyAll on the OU Suspended differs from what bootstrap writes",
    disable_the_type: "Service control policies are not enabled on the root",
}
by_every_way = pytest.mark.parametrize("spoil", WAYS, ids=lambda way: way.__name__)


def assert_waits(account: AwsAccount, words: str) -> None:
    """Nothing says that the account is closed; what is wrong is said, and what to do."""
    conditions = account.status.conditions
    assert not is_true(conditions, "Quarantined")
    assert not is_true(conditions, "Suspended")
    for kind in ("Quarantined", "Ready"):
        said = find(conditions, kind)
        assert said is not None
        assert said.reason == "OrganizationNotPrepared"
        assert words in said.message
        assert "batteries-operator bootstrap" in said.message


def other_doors(account: AwsAccount) -> list[bool]:
    """Whether the doors beside the quarantine are closed, by the conditions."""
    kinds = ("ConsoleClosed", "SSORevoked", "DeployRoleClosed")
    return [is_true(account.status.conditions, kind) for kind in kinds]


async def waiting(factory: Factory) -> AwsAccount:
    """The account when all is done that can be."""
    process = await factory.start()
    return await process.until("acme", lambda account: all(other_doors(account)))


@by_every_way
async def test_without_proof_nothing_says_closed_and_the_other_doors_close(
    factory: Factory, spoil: Callable[[Factory], Awaitable[None]]
) -> None:
    await factory.active(githubRepos=OPEN)
    await spoil(factory)
    await factory.change(suspended=True)
    account = await waiting(factory)
    assert_waits(account, WAYS[spoil])
    iam = await factory.client("iam", account.status.aws_account_id)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_login_profile(UserName="admin")
    assert not await factory.admits(account, WORKFLOW)
    assert await factory.standin("assignments") in (None, {"assignments": []})
    organizations, _, unit = await the_policy(factory)
    parent = organizations.list_parents(ChildId=account.status.aws_account_id)["Parents"][0]["Id"]
    assert parent != unit, "where the policy that keeps our role does not hold"
    await factory.bootstrap()
    account = await (await factory.start()).until("acme")
    assert (account.status.phase, account.status.error) == ("suspended", None)
    assert is_true(account.status.conditions, "Suspended")


@by_every_way
async def test_the_comparison_proves_it_again_and_takes_back_what_is_not_so(
    factory: Factory, spoil: Callable[[Factory], Awaitable[None]]
) -> None:
    process = await factory.active(githubRepos=OPEN)
    await factory.change(suspended=True)
    account = await process.until("acme")
    assert is_true(account.status.conditions, "Suspended")
    await spoil(factory)
    again = await factory.start()
    await again.resync(account)
    assert_waits(await factory.account(), WAYS[spoil])
    await factory.bootstrap()
    account = await (await factory.start()).until("acme")
    assert is_true(account.status.conditions, "Suspended")


async def test_a_door_opened_again_before_the_quarantine_is_closed_once_more(factory: Factory) -> None:
    await factory.active(githubRepos=OPEN)
    account = await factory.account()
    owner = await factory.deployer("iam", account, WORKFLOW)
    await detach(factory)
    await factory.change(suspended=True)
    await waiting(factory)
    # A session that runs goes on while nothing denies it anything.
    owner.create_login_profile(UserName="admin", Password="Of-Their-0wn-Choice!")
    await factory.bootstrap()
    account = await (await factory.start()).until("acme")
    assert is_true(account.status.conditions, "Suspended")
    iam = await factory.client("iam", account.status.aws_account_id)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_login_profile(UserName="admin")
    with pytest.raises(ClientError, match="explicit deny in a service control policy"):
        owner.create_role(RoleName="x", AssumeRolePolicyDocument="{}")


async def test_an_account_is_closed_though_its_quarantine_can_not_be_had(factory: Factory) -> None:
    await factory.active(deletionPolicy="Close")
    await detach(factory)
    account = await factory.account()
    delete(factory)
    await released(await factory.start())
    organizations = await factory.client("organizations")
    state = organizations.describe_account(AccountId=account.status.aws_account_id)["Account"]["State"]
    assert state == "CLOSED"


async def test_one_proof_serves_all_for_some_minutes(factory: Factory) -> None:
    aws, now = (await factory.start()).deps.aws, [1000.0]
    guarding = GuardrailChecks(aws.caller, aws.organizations, 300, 10, lambda: now[0])
    closes = closing(factory.settings, AWS)

    async def asked() -> int:
        calls = (await factory.standin("calls"))["calls"]
        return sum(call["operation"] == "DescribePolicy" for call in calls)

    before = await asked()
    for _ in range(3):
        await guarding.require(closes, "any")
    now[0] += 299
    await guarding.require(closes, "any")
    assert await asked() == before + 1
    await soften(factory)
    await guarding.require(closes, "any")
    now[0] += 1
    with pytest.raises(NotPreparedError):
        await guarding.require(closes, "any")
    await factory.bootstrap()
    with pytest.raises(NotPreparedError):
        await guarding.require(closes, "any")  # not asked of AWS for each of thousands that wait
    now[0] += 10
    await guarding.require(closes, "any")


@pytest.mark.parametrize("operator_settings", [settings(access_role_name="OurOwn")])
async def test_what_an_older_release_wrote_closes_accounts_of_its_own_role_and_no_other(factory: Factory) -> None:
    closes = closing(factory.settings, AWS)
    organizations, policy, _ = await the_policy(factory)
    role = factory.settings.earlier_access_role_name
    statement = {
        "Sid": "Suspended",
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"ArnNotLike": {"aws:PrincipalARN": [f"arn:aws:iam::*:role/{role}"]}},
    }
    organizations.update_policy(
        PolicyId=policy, Content=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    guarding = (await factory.start()).deps.aws.guardrail_checks
    await guarding.require(closes, role)
    with pytest.raises(NotPreparedError, match="an older release made it"):
        await guarding.require(closes, "OurOwn")
