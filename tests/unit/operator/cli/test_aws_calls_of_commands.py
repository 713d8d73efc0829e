"""How bootstrap, doctor and orphans handle AWS's failures, lost responses and not-found errors, call by call."""

import asyncio
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from fakes.aws_calls import BOOTSTRAPS, DOCTORS
from fakes.factory import NAMESPACE, Factory
from fakes.stages import REPOSITORIES
from fakes.strangers import SOFT

from batteries_operator.aws import caller, policy_setup, setup
from batteries_operator.aws.gateways import Aws
from batteries_operator.aws.guardrails import DENY_ALL, FLOOR
from batteries_operator.aws.mutations import is_mutation
from batteries_operator.aws.permission_sets import DESCRIPTION
from batteries_operator.cli import bootstrap, doctor, orphans

BOTO3 = {"sso": "sso-admin", "ses": "sesv2", "servicequotas": "service-quotas"}
SCP: Any = "SERVICE_CONTROL_POLICY"
REMEDY = re.compile(r"; (run `|give |grant |set |have |provision |take out |resume |request |verify )")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every call that is made, and no long pauses after those that fail."""
    monkeypatch.setattr(caller, "PAGE_SECONDS", 0.001)
    for module in (bootstrap, policy_setup):
        monkeypatch.setattr(module, "patiently", partial(setup.patiently, first_pause=0.001))
    made: list[str] = []
    real = caller.Caller.call

    async def noted(self: Any, operation: str, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        made.append(operation)
        return await real(self, operation, function, *args, **kwargs)

    monkeypatch.setattr(caller.Caller, "call", noted)
    return iter([made])


def fault(name: str, kind: str, **more: Any) -> dict[str, Any]:
    service, operation = name.split(":")
    return {"kind": kind, "service": BOTO3.get(service, service), "operation": operation, **more}


async def spoil(factory: Factory) -> None:
    """Creates what an older release left and somebody changed, so that there is something to update."""
    await factory.bootstrap()
    organizations, admin = await factory.client("organizations"), await factory.client("sso-admin")

    def change() -> None:
        root = organizations.list_roots()["Roots"][0]["Id"]
        policies = organizations.list_policies(Filter=SCP)["Policies"]
        (policy,) = [each["Id"] for each in policies if each["Name"] == DENY_ALL]
        organizations.update_policy(PolicyId=policy, Content=SOFT)
        for target in organizations.list_targets_for_policy(PolicyId=policy)["Targets"]:
            organizations.detach_policy(PolicyId=policy, TargetId=target["TargetId"])
        (old,) = [each["Id"] for each in policies if each["Name"] == FLOOR]
        organizations.update_policy(PolicyId=old, Name=f"{FLOOR}Old")
        organizations.disable_policy_type(RootId=root, PolicyType=SCP)
        instance = admin.list_instances()["Instances"][0]["InstanceArn"]
        (arn,) = admin.list_permission_sets(InstanceArn=instance)["PermissionSets"]
        more = {"Description": DESCRIPTION, "SessionDuration": "PT1H"}
        admin.update_permission_set(InstanceArn=instance, PermissionSetArn=arn, **more)

    await asyncio.to_thread(change)


TROUBLES: dict[str, tuple[dict[str, Any], ...]] = {
    "trouble": ({"kind": "page", "status": 503}, {"kind": "throttle", "times": 1}),
    "a lost answer": ({"kind": "answer_lost"},),
}


@pytest.mark.parametrize("spoilt", [False, True], ids=["bare", "spoilt"])
@pytest.mark.parametrize("how", TROUBLES)
async def test_bootstrap_comes_through(
    bare_factory: Factory, calls: Iterator[list[str]], capsys: pytest.CaptureFixture[str], how: str, spoilt: bool
) -> None:
    """Each of its calls fails once, and everything that it creates exists once."""
    made = next(calls)
    if spoilt:
        await spoil(bare_factory)
    made.clear()
    looks = ("organizations:ListRoots", "organizations:ListPoliciesForTarget", "organizations:DescribePolicy")
    for name in (*BOOTSTRAPS, *looks):
        for trouble in TROUBLES[how]:
            assert await bare_factory.standin("faults", fault(name, **trouble))
    assert await bootstrap.bootstrap(bare_factory.settings) == 0
    acted = {each for each in made if is_mutation(each)}
    assert acted <= set(BOOTSTRAPS)
    assert len(acted) >= (4 if spoilt else 5)
    bare_factory.clear_faults()
    capsys.readouterr()
    assert await bootstrap.bootstrap(bare_factory.settings) == 0
    assert {line.split()[0] for line in capsys.readouterr().out.splitlines()} == {"there"}
    await _is_there_once(bare_factory)


async def test_what_bootstrap_may_not_do_keeps_it_from_nothing_else(
    bare_factory: Factory, calls: Iterator[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    denied = fault("organizations:CreatePolicy", "error", code="AccessDeniedException", times=10_000)
    assert await bare_factory.standin("faults", denied)
    assert await bootstrap.bootstrap(bare_factory.settings) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("not") and "policy BatteriesDenyAll:" in line]
    assert any(line.startswith("made   permission set") for line in lines)
    bare_factory.clear_faults()
    assert await bootstrap.bootstrap(bare_factory.settings) == 0
    await _is_there_once(bare_factory)


async def _is_there_once(factory: Factory) -> None:
    organizations, admin = await factory.client("organizations"), await factory.client("sso-admin")
    root = organizations.list_roots()["Roots"][0]["Id"]
    units = organizations.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"]
    policies = [each["Name"] for each in organizations.list_policies(Filter=SCP)["Policies"]]
    instance = admin.list_instances()["Instances"][0]["InstanceArn"]
    assert sorted(each["Name"] for each in units) == ["Customers", "Pool", "Suspended"]
    assert sorted(each for each in policies if each.startswith("Batteries")) == sorted({*policies} - {"FullAWSAccess"})
    assert len(policies) == len({*policies})
    assert len(admin.list_permission_sets(InstanceArn=instance)["PermissionSets"]) == 1


@pytest.mark.parametrize("code", ["", "ResourceNotFoundException"], ids=["trouble", "not found"])
async def test_each_call_of_the_doctor_costs_its_own_lines_alone(
    bare_factory: Factory, calls: Iterator[list[str]], capsys: pytest.CaptureFixture[str], code: str
) -> None:
    made = next(calls)
    await bare_factory.bootstrap()
    made.clear()
    capsys.readouterr()
    await doctor.doctor(bare_factory.settings)
    asked, whole = {*made}, capsys.readouterr().out.splitlines()
    assert {*DOCTORS} <= asked
    for name in sorted(asked):
        how = {"kind": "error", "code": code} if code else {"kind": "page", "status": 503}
        assert await bare_factory.standin("faults", fault(name, **how, times=10_000))
        status = await doctor.doctor(bare_factory.settings)
        bare_factory.clear_faults()
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == len(whole), f"{name}: a line a check, whatever fails"
        bad = [line for line in lines if not line.startswith("ok")]
        assert bad, name
        assert all(name in line or REMEDY.search(line) for line in bad), (name, bad)
        assert status == any(line.startswith("FAIL") for line in lines)


async def test_each_call_of_orphans_costs_a_part_of_the_yaml_alone(
    factory: Factory, calls: Iterator[list[str]]
) -> None:
    made = next(calls)
    await factory.active(githubRepos=REPOSITORIES)
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    made.clear()
    await _orphans(factory)
    whole = {*made} - {"organizations:ListAccounts", "organizations:DescribeOrganization", "sts:GetCallerIdentity"}
    assert len(whole) > 8
    for name in sorted(whole):
        assert await factory.standin("faults", fault(name, "page", status=503, times=10_000))
        found = await _orphans(factory)
        factory.clear_faults()
        told = found.unread if name == "organizations:ListTagsForResource" else found.orphans[0].notes
        assert any(name in each for each in told), (name, found)


async def _orphans(factory: Factory) -> orphans.Found:
    aws = await Aws.open(factory.settings)
    try:
        return await orphans.find(aws, factory.settings, [])
    finally:
        aws.close()
