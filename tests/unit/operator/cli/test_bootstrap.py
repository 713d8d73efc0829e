"""Bootstrap updates what is ours and reports what is somebody else's; two may run at once."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from fakes.factory import Factory, settings

from batteries_operator.aws.guardrails import DENY_ALL, KEEP_ACCESS
from batteries_operator.aws.permission_sets import DESCRIPTION
from batteries_operator.cli import bootstrap, doctor

SCP = "SERVICE_CONTROL_POLICY"
HARMLESS = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:PutBucketAcl", "Resource": "*"}]}
)


async def run(factory: Factory, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Its exit status, and what it printed."""
    capsys.readouterr()
    return await bootstrap.bootstrap(factory.settings), capsys.readouterr().out.splitlines()


async def examined(factory: Factory, capsys: pytest.CaptureFixture[str], words: str) -> str:
    """The doctor's line that has these words."""
    capsys.readouterr()
    await doctor.doctor(factory.settings)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if words in line]
    return line


def policy_named(organizations: Any, name: str) -> Any:
    (summary,) = [each for each in organizations.list_policies(Filter=SCP)["Policies"] if each["Name"] == name]
    return organizations.describe_policy(PolicyId=summary["Id"])["Policy"]


@pytest.mark.parametrize("name", [DENY_ALL, KEEP_ACCESS])
async def test_a_policy_of_ours_that_says_something_else_is_brought_up_to_date(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    await run(bare_factory, capsys)
    organizations = await bare_factory.client("organizations")
    ours = policy_named(organizations, name)
    organizations.update_policy(PolicyId=ours["PolicySummary"]["Id"], Content=HARMLESS)
    line = await examined(bare_factory, capsys, f"  policy {name} ")
    assert line.startswith("FAIL")
    assert "differs from what bootstrap writes" in line
    assert "batteries-operator bootstrap" in line
    status, printed = await run(bare_factory, capsys)
    assert (status, f"updated  policy {name}" in printed) == (0, True)
    assert policy_named(organizations, name) == ours
    assert (await examined(bare_factory, capsys, f"  policy {name} ")).startswith("ok")
    status, printed = await run(bare_factory, capsys)
    assert {line.split()[0] for line in printed} == {"there"}


async def test_the_same_content_in_another_order_is_left_alone(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    await run(bare_factory, capsys)
    organizations = await bare_factory.client("organizations")
    ours = policy_named(organizations, DENY_ALL)
    content = json.loads(ours["Content"])
    content["Statement"] = [dict(reversed(statement.items())) for statement in content["Statement"]]
    content["Statement"][0]["Action"], content["Statement"][0]["Resource"] = ["*"], "*"
    spaced = json.dumps(content, indent=4)
    organizations.update_policy(PolicyId=ours["PolicySummary"]["Id"], Content=spaced)
    assert (await examined(bare_factory, capsys, f"  policy {DENY_ALL} ")).startswith("ok")
    await run(bare_factory, capsys)
    assert policy_named(organizations, DENY_ALL)["Content"] == spaced


async def test_a_strangers_policy_of_our_name_is_told_and_not_overwritten(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    organizations = await bare_factory.client("organizations")
    organizations.create_policy(Name=DENY_ALL, Description="The security team's.", Type=SCP, Content=HARMLESS)
    status, printed = await run(bare_factory, capsys)
    assert status == 1
    (left,) = [line for line in printed if line.startswith("left   policy BatteriesDenyAll:")]
    assert "bootstrap did not create" in left
    assert policy_named(organizations, DENY_ALL)["Content"] == HARMLESS
    assert any(line.startswith("made   permission set") for line in printed), "all else is done"
    assert (await examined(bare_factory, capsys, f"  policy {DENY_ALL} ")).startswith("FAIL")


@pytest.mark.parametrize("name", ["Customers", "Suspended", "Pool"])
async def test_no_policy_is_put_on_an_ou_with_a_strangers_account(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    organizations = await bare_factory.client("organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name=name)["OrganizationalUnit"]["Id"]
    organizations.create_account(Email="payroll@acme.io", AccountName="Payroll")
    payroll = await _made(organizations)
    organizations.move_account(AccountId=payroll, SourceParentId=root, DestinationParentId=unit)
    status, printed = await run(bare_factory, capsys)
    left, *_ = [line for line in printed if line.startswith("left ")]
    assert status == 1
    assert f"The OU {name} holds the AWS account {payroll}, which no tag names as the account factory's" in left
    attached = organizations.list_policies_for_target(TargetId=unit, Filter=SCP)["Policies"]
    assert [policy["Name"] for policy in attached] == ["FullAWSAccess"]


async def _made(organizations: Any) -> str:
    async with asyncio.timeout(5):
        while True:
            for account in organizations.list_accounts()["Accounts"]:
                if account["Name"] == "Payroll":
                    return str(account["Id"])
            await asyncio.sleep(0.01)


async def test_an_ou_of_that_name_elsewhere_is_not_taken(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    organizations = await bare_factory.client("organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    other = organizations.create_organizational_unit(ParentId=root, Name="Sales")["OrganizationalUnit"]["Id"]
    theirs = organizations.create_organizational_unit(ParentId=other, Name="Suspended")["OrganizationalUnit"]["Id"]
    status, printed = await run(bare_factory, capsys)
    assert (status, "made   OU Suspended" in printed) == (0, True)
    attached = organizations.list_policies_for_target(TargetId=theirs, Filter=SCP)["Policies"]
    assert [policy["Name"] for policy in attached] == ["FullAWSAccess"]
    assert (await examined(bare_factory, capsys, "OU Suspended ")).startswith("ok")


class PermissionSet:
    """The permission set of our name, as an administrator of Identity Center handles it."""

    def __init__(self, admin: Any) -> None:
        self.admin = admin
        self.instance = {"InstanceArn": admin.list_instances()["Instances"][0]["InstanceArn"]}

    @property
    def which(self) -> dict[str, str]:
        (arn,) = self.admin.list_permission_sets(**self.instance)["PermissionSets"]
        return {**self.instance, "PermissionSetArn": arn}

    def put_inline(self) -> None:
        self.admin.put_inline_policy_to_permission_set(**self.which, InlinePolicy=HARMLESS)

    def shorten(self) -> None:
        self.admin.update_permission_set(**self.which, SessionDuration="PT1H", Description=DESCRIPTION)

    def empty(self) -> None:
        policy = "arn:aws:iam::aws:policy/AdministratorAccess"
        self.admin.detach_managed_policy_from_permission_set(**self.which, ManagedPolicyArn=policy)

    def add_policy(self) -> None:
        policy = "arn:aws:iam::aws:policy/ReadOnlyAccess"
        self.admin.attach_managed_policy_to_permission_set(**self.which, ManagedPolicyArn=policy)


@pytest.mark.parametrize(
    ("spoil", "words", "did"),
    [
        (PermissionSet.empty, "it lacks arn:aws:iam::aws:policy/AdministratorAccess", "updated"),
        (PermissionSet.shorten, "its sessions last PT1H instead of PT8H", "updated"),
        (PermissionSet.put_inline, "it also holds an inline policy", "left"),
        (PermissionSet.add_policy, "it also holds arn:aws:iam::aws:policy/ReadOnlyAccess", "left"),
    ],
)
async def test_what_a_permission_set_of_ours_holds_is_compared(
    bare_factory: Factory,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[PermissionSet], None],
    words: str,
    did: str,
) -> None:
    await run(bare_factory, capsys)
    spoil(PermissionSet(await bare_factory.client("sso-admin")))
    line = await examined(bare_factory, capsys, "permission set")
    assert line.startswith("FAIL")
    assert words in line
    status, printed = await run(bare_factory, capsys)
    assert status == (did == "left")
    assert printed[-1].startswith(f"{did:<5}  permission set BatteriesAdministrator")
    after = await examined(bare_factory, capsys, "permission set")
    assert after.startswith("ok" if did == "updated" else "FAIL")


async def test_a_permission_set_that_somebody_else_made_is_told_and_left(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    admin = await bare_factory.client("sso-admin")
    instance = {"InstanceArn": admin.list_instances()["Instances"][0]["InstanceArn"]}
    admin.create_permission_set(**instance, Name="BatteriesAdministrator", Description="Ours, says payroll.")
    PermissionSet(admin).put_inline()
    status, printed = await run(bare_factory, capsys)
    assert status == 1
    assert "that bootstrap did not create, and owners get what it has: an inline policy" in printed[-1]
    assert admin.list_managed_policies_in_permission_set(**PermissionSet(admin).which)["AttachedManagedPolicies"] == []
    line = await examined(bare_factory, capsys, "permission set")
    assert line.startswith("warn")
    assert "an inline policy" in line


@pytest.mark.parametrize("standin_settings", [{"organization_write_seconds": 0.05}])
@pytest.mark.parametrize("several", [2, 4])
@pytest.mark.parametrize("_", range(5))
async def test_bootstraps_at_the_same_time_all_end_well(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str], several: int, _: int
) -> None:
    capsys.readouterr()
    ended = await asyncio.gather(*(bootstrap.bootstrap(bare_factory.settings) for _ in range(several)))
    printed = capsys.readouterr().out.splitlines()
    assert ended == [0] * several
    assert len(printed) == 16 * several
    made = [line for line in printed if line.startswith("made")]
    assert len(set(made)) == 14, made
    calls = (await bare_factory.standin("calls"))["calls"]
    assert any(call["errorCode"] == "ConcurrentModificationException" for call in calls), "they met"
    assert await doctor.doctor(bare_factory.settings) == 0


async def test_the_check_before_a_start_says_what_to_run_and_lets_the_operator_start(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await doctor.check(bare_factory.settings) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed[:-1]] == ["ok", "ok", *["FAIL"] * 5, "ok", "FAIL"]
    assert "run `batteries-operator bootstrap` once with a person's credentials" in printed[-1]
    await bare_factory.bootstrap()
    capsys.readouterr()
    assert await doctor.check(bare_factory.settings) == 0
    assert {line.split()[0] for line in capsys.readouterr().out.splitlines()} == {"ok"}


async def test_the_check_changes_nothing(bare_factory: Factory) -> None:
    await doctor.check(bare_factory.settings)
    calls = (await bare_factory.standin("calls"))["calls"]
    assert [call for call in calls if not call["operation"].startswith(("List", "Describe", "Get"))] == []


@pytest.mark.parametrize("operator_settings", [settings(), settings(pool_rename=True)])
async def test_accounts_can_be_named_only_where_the_setting_asks(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    names = "AWS Account Management"
    capsys.readouterr()
    await doctor.doctor(bare_factory.settings)
    before = [line for line in capsys.readouterr().out.splitlines() if names in line]
    status, printed = await run(bare_factory, capsys)
    assert status == 0
    organizations = await bare_factory.client("organizations")
    trusted = organizations.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    is_trusted = "account.amazonaws.com" in {each["ServicePrincipal"] for each in trusted}
    assert is_trusted is bare_factory.settings.pool_rename
    if not bare_factory.settings.pool_rename:
        assert before == []
        return
    (line,) = before
    assert line.startswith("warn")
    assert "run `batteries-operator bootstrap`, or set BATTERIES_POOL_RENAME=false" in line
    assert f"made   trusted access of {names}: accounts from pools can be named" in printed
    assert (await examined(bare_factory, capsys, names)).startswith("ok")
    assert {line.split()[0] for line in (await run(bare_factory, capsys))[1]} == {"there"}
