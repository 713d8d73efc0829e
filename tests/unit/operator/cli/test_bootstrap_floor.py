"""Bootstrap and the floor of policy: the plan before it, settings that change, profiles, and the root user."""

import asyncio
import json
from typing import Any

import pytest
from fakes.factory import Factory, settings

from batteries_operator.aws import policy_setup
from batteries_operator.aws.floor.policies import DoesNotFitError
from batteries_operator.aws.guardrails import FLOOR, KEEP_ACCESS, LIMITS, guardrails
from batteries_operator.aws.partition import AWS
from batteries_operator.cli import bootstrap, doctor
from batteries_operator.runtime.settings import Settings

SCP: Any = "SERVICE_CONTROL_POLICY"
LOOKS = ("List", "Describe", "Get")
PROFILES = settings(policy_profiles='{"gpu": {"purchases": "allow"}}', denied_instance_types="p*")


@pytest.fixture(autouse=True)
def calls_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else writes here, so nothing is waited for."""
    monkeypatch.setattr(policy_setup, "patiently", lambda ask: ask())


class Organization:
    """The organization as its administrator sees it."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.root = api.list_roots()["Roots"][0]["Id"]

    def unit(self, *path: str) -> str:
        found = self.root
        for name in path:
            units = self.api.list_organizational_units_for_parent(ParentId=found)["OrganizationalUnits"]
            (found,) = [unit["Id"] for unit in units if unit["Name"] == name]
        return str(found)

    def attached(self, *path: str) -> list[str]:
        listed = self.api.list_policies_for_target(TargetId=self.unit(*path), Filter=SCP)["Policies"]
        return sorted(policy["Name"] for policy in listed if policy["Name"] != "FullAWSAccess")

    def policy(self, name: str) -> str:
        (found,) = [each["Id"] for each in self.api.list_policies(Filter=SCP)["Policies"] if each["Name"] == name]
        return str(found)

    def content(self, name: str) -> Any:
        return json.loads(self.api.describe_policy(PolicyId=self.policy(name))["Policy"]["Content"])


async def seen(factory: Factory) -> Organization:
    return Organization(await factory.client("organizations"))


async def run(capsys: pytest.CaptureFixture[str], chosen: Settings, *, planned: bool = False) -> tuple[int, list[str]]:
    """Its exit status, and what it printed."""
    capsys.readouterr()
    return await bootstrap.bootstrap(chosen, planned=planned), capsys.readouterr().out.splitlines()


async def writes(factory: Factory) -> list[str]:
    calls = (await factory.standin("calls"))["calls"]
    return [call["operation"] for call in calls if not call["operation"].startswith(LOOKS)]


async def test_a_plan_says_what_bootstrap_then_does_and_changes_nothing(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    before = await writes(bare_factory)
    status, planned = await run(capsys, PROFILES, planned=True)
    assert await writes(bare_factory) == before == []
    assert status == 0
    assert "make   OU Customers/gpu" in planned
    assert "make   policy BatteriesGuardrails attached to Customers" in planned
    assert planned[-1] == "Nothing was changed. `batteries-operator bootstrap` does it."
    lines = planned[: planned.index("")]
    _, made = await run(capsys, PROFILES)
    assert made == [line.replace("make ", "made ", 1) for line in lines]
    before = await writes(bare_factory)
    _, planned = await run(capsys, PROFILES, planned=True)
    assert {line.split()[0] for line in planned[: planned.index("")]} == {"there"}
    assert "0 accounts in the OU Customers: nothing changes for them." in planned
    assert "0 accounts in the OU Customers/gpu: nothing changes for them." in planned
    assert await writes(bare_factory) == before


async def test_a_plan_says_what_begins_changes_and_ends_for_how_many_accounts(
    factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    """As an upgrade does it: first an organization without the floor, then other settings."""
    organization = await seen(factory)
    for name in (FLOOR, LIMITS):
        organization.api.detach_policy(PolicyId=organization.policy(name), TargetId=organization.unit("Customers"))
    for name in ("one", "two"):
        organization.api.create_account(Email=f"{name}@example.com", AccountName=name)
    async with asyncio.timeout(5):
        while len(accounts := organization.api.list_accounts()["Accounts"]) < 3:
            await asyncio.sleep(0.01)
    for account in accounts[1:]:
        tag = {"Key": "aibatteriesincluded.com/resource", "Value": f"customers/{account['Name']}"}
        organization.api.tag_resource(ResourceId=account["Id"], Tags=[tag])
        where = {"SourceParentId": organization.root, "DestinationParentId": organization.unit("Customers")}
        organization.api.move_account(AccountId=account["Id"], **where)
    _, planned = await run(capsys, settings(), planned=True)
    assert "2 accounts in the OU Customers: what changes for them:" in planned
    told = "\n".join(planned)
    assert "  From then on: Nobody in the account buys what can't be undone: reserved capacity" in told
    assert "ec2:PurchaseReservedInstancesOffering" in told
    assert (
        "  From then on: Nobody in the account enables or disables a region. (2 actions: account:DisableRegion," in told
    )
    assert organization.attached("Customers") == [KEEP_ACCESS]
    status, _ = await run(capsys, settings())
    assert (status, organization.attached("Customers")) == (0, [FLOOR, LIMITS, KEEP_ACCESS])

    chosen = settings(allowed_regions="eu-central-1", purchases="allow", protected_trails="audit")
    _, planned = await run(capsys, chosen, planned=True)
    assert "update  policy BatteriesGuardrails" in planned
    told = "\n".join(planned)
    assert "  From then on: The account acts in eu-central-1 only; global services" in told
    assert "(all actions but 70)" in told
    assert "  Changed: Nobody in the account stops, changes or deletes the CloudTrail trails audit. (4 actions:" in told
    assert "  No longer: the rule Purchases of BatteriesGuardrailsLimits." in told
    assert "OurRoles" not in told, "what stays is not told"
    assert "With its comparisons" not in told


async def test_what_the_settings_do_not_want_any_more_is_detached_and_a_strangers_policy_is_not(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    large = settings(policy_size=3500, allowed_regions="eu-central-1", denied_instance_types="p*")
    await run(capsys, large)
    organization = await seen(bare_factory)
    content = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "a:b", "Resource": "*"}]})
    made = organization.api.create_policy(Name=f"{FLOOR}Theirs", Description="Theirs", Type=SCP, Content=content)
    theirs = made["Policy"]["PolicySummary"]["Id"]
    assert organization.attached("Customers") == [FLOOR, LIMITS, f"{LIMITS}2", KEEP_ACCESS]
    _, planned = await run(capsys, settings(purchases="allow"), planned=True)
    assert "  Detached: BatteriesGuardrailsLimits." in planned
    status, printed = await run(capsys, settings(purchases="allow"))
    assert (status, "updated  no other policy of the floor attached to Customers" in printed) == (0, True)
    assert organization.attached("Customers") == [FLOOR, KEEP_ACCESS]
    organization.api.attach_policy(PolicyId=theirs, TargetId=organization.unit("Customers"))
    status, printed = await run(capsys, settings(purchases="allow"))
    assert (status, {line.split()[0] for line in printed}) == (0, {"there"})
    assert organization.attached("Customers") == [FLOOR, f"{FLOOR}Theirs", KEEP_ACCESS]


async def test_a_rule_that_moves_to_another_policy_is_in_force_all_the_time(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    """The policy that gains it is written before the one that loses it, whichever that is."""
    small = settings(policy_size=3500, allowed_regions="eu-central-1", denied_instance_types="p*")
    large = small.model_copy(update={"policy_size": 5120})
    organization, before = await seen(bare_factory), dict[str, set[str]]()

    def sids() -> set[str]:
        attached = [name for name in organization.attached("Customers") if name.startswith(LIMITS)]
        return {each["Sid"] for name in attached for each in organization.content(name)["Statement"]}

    for first, then in ((small, large), (large, small)):
        await run(capsys, first)
        before["all"] = sids()
        assert before["all"] == {rule.sid for guard in guardrails(then, AWS).limits["default"] for rule in guard.rules}
        _, printed = await run(capsys, then)
        assert sids() == before["all"]
        parts = [line.split(maxsplit=1)[1] for line in printed]
        gaining, losing = (LIMITS, f"{LIMITS}2") if first is small else (f"{LIMITS}2", LIMITS)
        if first is small:
            assert f"updated  policy {gaining}" in printed
            assert "updated  no other policy of the floor attached to Customers" in printed
        else:
            assert parts.index(f"policy {gaining} attached to Customers") < parts.index(f"policy {losing}")
            assert f"updated  policy {losing}" in printed


async def test_accounts_are_limited_all_the_time_while_profiles_begin(
    factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    await factory.active()
    factory.settings = PROFILES
    _, planned = await run(capsys, PROFILES, planned=True)
    assert planned[-2] == (
        "With its comparisons, the operator moves 1 accounts from Customers into the OUs below, those without a "
        "profile to Customers/default."
    )
    status, printed = await run(capsys, PROFILES)
    (left,) = [line for line in printed if line.startswith("left")]
    assert status == 1
    assert "BatteriesGuardrailsLimits stays on the OU Customers as long as accounts are directly in it" in left
    assert "which are 1 now" in left
    organization = await seen(factory)
    assert organization.attached("Customers") == [FLOOR, LIMITS, KEEP_ACCESS]
    assert organization.attached("Customers", "default") == [LIMITS]
    assert organization.attached("Customers", "gpu") == [f"{LIMITS}-gpu"]
    capsys.readouterr()
    await doctor.doctor(PROFILES)
    out = capsys.readouterr().out
    assert "warn  old policies still limit accounts: BatteriesGuardrailsLimits on Customers; run" in out
    assert await (await factory.start()).resync(await factory.account())
    status, printed = await run(capsys, PROFILES)
    assert (status, "updated  no other policy of the floor attached to Customers" in printed) == (0, True)
    assert organization.attached("Customers") == [FLOOR, KEEP_ACCESS]
    capsys.readouterr()
    assert await doctor.doctor(PROFILES) == 0
    assert "warn" not in capsys.readouterr().out
    _, planned = await run(capsys, PROFILES, planned=True)
    assert "1 account in the OU Customers: nothing changes for them." in planned, "with those in the OUs below"
    assert "1 account in the OU Customers/default: nothing changes for them." in planned
    assert not any(line.startswith("With its comparisons") for line in planned), "all have moved"
    # And back: the limits return to the Customers OU before the account does.
    factory.settings = settings()
    assert (await run(capsys, factory.settings))[0] == 0
    assert organization.attached("Customers") == [FLOOR, LIMITS, KEEP_ACCESS]
    assert await (await factory.start()).resync(await factory.account())


async def test_limits_end_for_accounts_that_stay_where_they_are(
    factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    await factory.active()
    organization, chosen = await seen(factory), settings(purchases="allow")
    assert LIMITS in organization.attached("Customers")
    assert (await run(capsys, chosen))[0] == 0
    assert organization.attached("Customers") == [FLOOR, KEEP_ACCESS]


async def test_a_plan_for_what_was_begun_says_what_is_missing(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    organization = await seen(bare_factory)
    organization.api.create_organizational_unit(ParentId=organization.root, Name="Customers")
    status, planned = await run(capsys, settings(), planned=True)
    assert status == 0
    assert {"there  OU Customers", "make   policy BatteriesGuardrails attached to Customers"} <= {*planned}


async def test_what_is_not_ours_in_the_ou_of_a_profile_is_not_bound(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    organization = await seen(bare_factory)
    customers = organization.api.create_organizational_unit(ParentId=organization.root, Name="Customers")
    customers_id = customers["OrganizationalUnit"]["Id"]
    gpu = organization.api.create_organizational_unit(ParentId=customers_id, Name="gpu")["OrganizationalUnit"]["Id"]
    organization.api.create_organizational_unit(ParentId=gpu, Name="Payroll")
    status, printed = await run(capsys, PROFILES)
    assert status == 1
    assert organization.attached("Customers") == organization.attached("Customers", "gpu") == []
    assert any("The OU Customers holds the OU Payroll" in line for line in printed)
    assert any("The OU Customers/gpu holds the OU Payroll" in line for line in printed)
    assert organization.attached("Customers", "default") == [LIMITS]
    # Where there is no profile, the same OU is a stranger's.
    organization.api.create_organizational_unit(ParentId=customers_id, Name="Sales")
    _, printed = await run(capsys, settings())
    assert any("The OU Customers holds the OU gpu" in line for line in printed)


async def test_settings_that_do_not_fit_change_nothing_and_the_doctor_says_so(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = settings(
        policy_size=2048, allowed_regions="eu-central-1", denied_instance_types="p*", policies_per_target=4
    )
    with pytest.raises(DoesNotFitError, match="Shorten BATTERIES_ALLOWED_REGIONS"):
        await run(capsys, chosen)
    assert await writes(bare_factory) == []
    assert await doctor.doctor(chosen) == 1
    printed = capsys.readouterr().out
    assert printed.count("Shorten BATTERIES_ALLOWED_REGIONS") == 2


async def test_the_doctor_warns_of_a_region_that_there_is_not(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = settings(allowed_regions="eu-centrl-1,eu-west-1,unspecified")
    await run(capsys, chosen)
    assert await doctor.doctor(chosen) == 0
    assert "regions that this release does not know: eu-centrl-1; correct BATTERIES_ALLOWED_REGIONS" in (
        capsys.readouterr().out
    )


async def test_new_accounts_have_no_root_password_unless_the_setting_says_otherwise(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    off = settings(central_root_access=False)
    assert (await run(capsys, off))[0] == 0
    assert not {"EnableAWSServiceAccess", "EnableOrganizationsRootCredentialsManagement"} & {
        *await writes(bare_factory)
    }
    assert await doctor.doctor(off) == 0
    assert "central root access is not asked for" in capsys.readouterr().out
    assert await doctor.doctor(settings()) == 1
    out = capsys.readouterr().out
    assert "password can be reset: IAM has no trusted access to the organization; run `batteries-operator" in out
    organization, iam = await seen(bare_factory), await bare_factory.client("iam")
    organization.api.enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    await doctor.doctor(settings())
    assert "the feature RootCredentialsManagement is not enabled" in capsys.readouterr().out
    late = {"kind": "error", "service": "iam", "operation": "ListOrganizationsFeatures"}
    assert await bare_factory.standin("faults", late | {"code": "ServiceAccessNotEnabledException"})
    await doctor.doctor(settings())
    assert "IAM has no trusted access to the organization yet" in capsys.readouterr().out
    assert await bare_factory.standin("faults", late | {"code": "AccessDenied"})
    await doctor.doctor(settings())
    assert "iam:ListOrganizationsFeatures was refused" in capsys.readouterr().out
    _, printed = await run(capsys, settings())
    assert "made   central root access: new accounts have no root password" in printed
    assert iam.list_organizations_features()["EnabledFeatures"] == ["RootCredentialsManagement"], "and no more"
    assert await doctor.doctor(settings()) == 0
    assert "there  central root access: new accounts have no root password" in (await run(capsys, settings()))[1]
