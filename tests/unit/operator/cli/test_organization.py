"""Bootstrap and doctor on an organization, and the management account, which nothing may change."""

import asyncio
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from fakes.aws_world import assert_exactly_right
from fakes.factory import NAMESPACE, Factory, settings

from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import TAG_ACCOUNT_ID, TAG_RESOURCE
from batteries_operator.aws.guardrails import keeping_access
from batteries_operator.aws.organizations import ManagementAccountError, NotPreparedError
from batteries_operator.aws.partition import AWS
from batteries_operator.cli import doctor
from batteries_sandbox.aws.policy_document import denies

MANAGEMENT = "111111111111"
CHANGES = ("Create", "Enable", "Attach", "Put", "Update", "Delete")


async def changes(factory: Factory) -> list[str]:
    """Every call so far that changed the organization."""
    calls = (await factory.standin("calls"))["calls"]
    return [call["operation"] for call in calls if call["operation"].startswith(CHANGES)]


async def test_bootstrap_makes_what_is_missing_and_the_second_time_nothing(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    await bare_factory.bootstrap()
    first = await changes(bare_factory)
    made = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in made] == [*["made"] * 3, "there", *["made"] * 9, "there", *["made"] * 2]
    assert "made   OU Customers" in made
    await bare_factory.bootstrap()
    assert await changes(bare_factory) == first
    again = capsys.readouterr().out.splitlines()
    assert [line.replace("made ", "there") for line in made] == again


async def test_an_owner_can_not_change_the_role_by_which_we_come_in(bare_factory: Factory) -> None:
    """The role is exempt in suspended accounts: whoever could assume it before could assume it then."""
    await bare_factory.bootstrap()
    await bare_factory.active(githubRepos=["octo-org/web"])
    account, role = await bare_factory.account(), bare_factory.settings.access_role_name
    ours = await bare_factory.client("iam", account.status.aws_account_id)
    theirs = await bare_factory.deployer("iam", account, "repo:octo-org/web:ref:refs/heads/main")
    trust = json.dumps(ours.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"])
    more: dict[str, Any]
    for change, more in (
        (theirs.update_assume_role_policy, {"PolicyDocument": trust}),
        (theirs.detach_role_policy, {"PolicyArn": bare_factory.settings.managed_policy_arn}),
        (theirs.delete_role, {}),
    ):
        with pytest.raises(ClientError, match="explicit deny in a service control policy"):
            change(RoleName=role, **more)
    for name in bare_factory.settings.access_role_names:
        arn: dict[str, Any] = {"RoleName": name}
        for change, more in (
            (theirs.create_role, {"AssumeRolePolicyDocument": trust}),
            (theirs.tag_role, {"Tags": [{"Key": "a", "Value": "b"}]}),
            (theirs.untag_role, {"TagKeys": ["a"]}),
        ):
            with pytest.raises(ClientError, match="explicit deny in a service control policy"):
                change(**arn, **more)
    ours.update_assume_role_policy(RoleName=role, PolicyDocument=trust)
    theirs.create_role(RoleName="their-own", AssumeRolePolicyDocument=trust)
    theirs.update_assume_role_policy(RoleName="their-own", PolicyDocument=trust)


async def test_an_owner_can_not_take_the_account_out_of_the_organization(bare_factory: Factory) -> None:
    await bare_factory.bootstrap()
    await bare_factory.active(githubRepos=["octo-org/web"])
    account = await bare_factory.account()
    theirs = await bare_factory.deployer("organizations", account, "repo:octo-org/web:ref:refs/heads/main")
    with pytest.raises(ClientError, match="explicit deny in a service control policy"):
        theirs.leave_organization()
    # No API of AWS's closes one's own account, but its console asks for this permission.
    keeps = keeping_access(bare_factory.settings, AWS)
    owner = {"aws:principalarn": ["arn:aws:iam::111122223333:role/GitHubActionsDeployRole"]}
    root = {"aws:principalarn": ["arn:aws:iam::111122223333:root"]}
    for who in (owner, root):
        assert denies(keeps.content, "account:CloseAccount", ["*"], who)
        assert denies(keeps.content, "organizations:LeaveOrganization", ["*"], who)
    assert not denies(keeps.content, "account:GetContactInformation", ["*"], owner)


async def test_bootstrap_finishes_what_was_begun(bare_factory: Factory, capsys: pytest.CaptureFixture[str]) -> None:
    organizations = await bare_factory.client("organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.create_organizational_unit(ParentId=root, Name="Customers")
    await bare_factory.bootstrap()
    assert "there  OU Customers" in capsys.readouterr().out
    assert await doctor.doctor(bare_factory.settings) == 0


async def test_the_doctor_says_what_is_missing_and_what_to_do(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await doctor.doctor(bare_factory.settings) == 1
    before = capsys.readouterr().out.splitlines()
    missing = [line for line in before if line.startswith("FAIL")]
    assert len(missing) == 7
    assert all("batteries-operator bootstrap" in line for line in missing), missing
    assert f"ok    credentials belong to the organization's management account {MANAGEMENT}" in before
    await bare_factory.bootstrap()
    capsys.readouterr()
    assert await doctor.doctor(bare_factory.settings) == 0
    after = capsys.readouterr().out.splitlines()
    assert len(after) == len(before)
    assert {line.split()[0] for line in after} == {"ok"}


@pytest.mark.parametrize("operator_settings", [settings(mail_sender="stranger@example.org")])
async def test_the_doctor_warns_of_a_sender_that_ses_refuses(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    await bare_factory.bootstrap()
    assert await doctor.doctor(bare_factory.settings) == 0, "a mail keeps nothing back"
    assert "warn  SES may not send from stranger@example.org; verify" in capsys.readouterr().out


async def test_looking_changes_nothing(factory: Factory) -> None:
    before = await changes(factory)
    await doctor.doctor(factory.settings)
    assert await changes(factory) == before


async def test_the_management_account_is_never_proved_to_be_somebodys(factory: Factory) -> None:
    """Without a proof no gateway does anything to an account, or in it."""
    process, account = await factory.start(), await factory.add()
    with pytest.raises(ManagementAccountError, match="never provisioned, moved, suspended or closed"):
        await process.deps.aws.ownership.prove(account, MANAGEMENT)
    assert process.calls == ["organizations:DescribeOrganization"]


async def test_the_management_account_is_not_adopted(factory: Factory) -> None:
    await factory.add(awsAccountId=MANAGEMENT)
    organizations = await factory.client("organizations")
    tag = {"Key": "aibatteriesincluded.com/resource", "Value": f"{NAMESPACE}/acme"}
    organizations.tag_resource(ResourceId=MANAGEMENT, Tags=[tag])
    process = await factory.start()
    account = await process.until("acme")
    assert (account.status.phase, account.status.aws_account_id) == ("failed", None)
    assert "management account" in (account.status.error or "")
    assert process.calls == ["sts:GetCallerIdentity", "organizations:DescribeOrganization"], "looks alone"


@pytest.mark.parametrize("condition", ["RoleReady", "InCustomersOU", "IAMUserReady", "OIDCConfigured"])
async def test_a_status_that_names_the_management_account_is_not_acted_upon(factory: Factory, condition: str) -> None:
    """Whoever may write a status could point it there."""
    await factory.active(githubRepos=["o/r"])
    account = await factory.account()
    kept = [c.to_wire() for c in account.status.conditions if c.type != condition]
    forged = {"awsAccountId": MANAGEMENT, "conditions": kept}
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": forged})
    await factory.change(githubRepos=["o/r2"])
    process = await factory.start()
    account = await process.until("acme")
    assert "management account" in (account.status.error or "")
    assert not [call for call in process.calls if call.startswith(("iam:", "sts:", "organizations:Move"))]


async def existing(factory: Factory, resource: str) -> str:
    """A member account that somebody created before us."""
    process = await factory.start()
    creations = process.deps.aws.creations
    identity = AwsAccount.model_validate({"metadata": {"name": "acme", "namespace": NAMESPACE}, "spec": {}}).account_id
    request = await creations.create(
        email="old@example.com",
        name="old",
        role=factory.settings.access_role_name,
        tags={TAG_ACCOUNT_ID: str(identity), TAG_RESOURCE: resource},
    )
    async with asyncio.timeout(5):
        while not (found := (await creations.status(request.request_id)).account_id):
            await asyncio.sleep(0.01)
    return found


async def test_an_existing_account_that_carries_our_tag_is_adopted(factory: Factory) -> None:
    found = await existing(factory, f"{NAMESPACE}/acme")
    process = await factory.active(awsAccountId=found)
    await assert_exactly_right(factory, await factory.account())
    assert "organizations:CreateAccount" not in process.calls


async def test_an_existing_account_without_our_tag_is_left_alone(factory: Factory) -> None:
    found = await existing(factory, "somebody/else")
    await factory.add(awsAccountId=found)
    process = await factory.start()
    account = await process.until("acme")
    assert (account.status.phase, account.status.aws_account_id) == ("failed", None)
    assert f"tag it aibatteriesincluded.com/resource={account.key}" in (account.status.error or "")
    assert {call.split(":")[1] for call in process.calls} == {
        "GetCallerIdentity",
        "DescribeOrganization",
        "ListTagsForResource",
    }


async def test_what_was_not_found_is_asked_for_again_after_it_is_made(bare_factory: Factory) -> None:
    process = await bare_factory.start()
    with pytest.raises(NotPreparedError, match="has no OU 'Customers' under its root"):
        await process.deps.aws.organizations.ou("Customers")
    with pytest.raises(NotPreparedError, match="no permission set"):
        await process.deps.aws.identity_center.permission_set(bare_factory.settings.permission_set_name)
    await bare_factory.bootstrap()
    assert await process.deps.aws.organizations.ou("Customers")
    assert await process.deps.aws.identity_center.permission_set(bare_factory.settings.permission_set_name)
