"""A claim goes ahead with single sign-on where it is safe: beside its look, and before the account is moved."""

from typing import Any

import pytest
from fakes.aws_world import assert_exactly_right
from fakes.factory import NAMESPACE, CrashError, Factory, Process, refusal
from fakes.pool import pooled

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import find, is_true
from batteries_operator.reconcile.step_schedule import StepSchedule

ASSIGN, MOVE, MAKE = "sso:CreateAccountAssignment", "organizations:MoveAccount", "identitystore:CreateUser"


async def claims(factory: Factory, name: str = "acme", **spec: Any) -> Process:
    """A process that has been asked for an account, where a pool has one."""
    await pooled(factory)
    await factory.add(name, **spec)
    return await factory.start()


async def tried(process: Process, times: int = 5) -> AwsAccount:
    """The account after a few reconciles, each with every step due."""
    for _ in range(times):
        await process.reconciler.reconcile(NAMESPACE, "acme", StepSchedule())
    account = await process.accounts.get(NAMESPACE, "acme")
    assert isinstance(account, AwsAccount)
    return account


async def test_the_user_is_made_before_the_account_is_the_owners(factory: Factory) -> None:
    process = await claims(factory)
    account = await process.until("acme")
    assert process.calls.index(MAKE) < process.calls.index(ASSIGN)
    assert process.calls.count(MAKE) == 1
    asked = process.calls.index("identitystore:GetUserId")
    assert asked < process.calls.index("organizations:TagResource") < process.calls.index(ASSIGN)
    assert process.calls.count("sso:ListAccountAssignments") <= 3, "what was seen beside the claim is not asked again"
    await assert_exactly_right(factory, account, mails=0)


async def test_the_look_proves_the_role(factory: Factory) -> None:
    process = await claims(factory)
    account = await process.until("acme")
    found = find(account.status.conditions, "RoleReady")
    assert found is not None
    assert found.message == f"The access role answers as {account.status.aws_account_id}."
    assert process.calls.count("sts:GetCallerIdentity") == 1, "our own, for the partition"


async def test_after_a_crash_the_role_is_asked(factory: Factory) -> None:
    process = await claims(factory)

    def dies(operation: str, _: int) -> None:
        if operation == "organizations:TagResource":
            raise CrashError

    process.after_call = dies
    with pytest.raises(CrashError):
        await process.until("acme")
    process = await factory.start()
    await process.until("acme")
    assert process.calls.count("sts:GetCallerIdentity") == 2, "and our own, for the partition"


async def test_a_sealed_account_is_assigned_while_it_can_not_be_moved(factory: Factory) -> None:
    process = await claims(factory)
    process.before_call = refusal(MOVE, "TooManyRequestsException")
    account = await process.until("acme", lambda each: is_true(each.status.conditions, "SSOAssigned"))
    assert not is_true(account.status.conditions, "InCustomersOU")
    assert not is_true(account.status.conditions, "IAMUserReady"), "an IAM user is not made before"
    assert account.status.provisioning_step == "move_to_ou"
    process.before_call = lambda operation, number: None
    await assert_exactly_right(factory, await process.until("acme"), mails=0)


async def test_after_a_crash_the_seal_is_looked_at_again(factory: Factory) -> None:
    process = await claims(factory)
    process.before_call = refusal(MOVE, "TooManyRequestsException")
    process.deps.early_access.begin = lambda uid, work: work.close()  # type: ignore[method-assign]  # as if forgotten
    await process.until("acme", lambda each: is_true(each.status.conditions, "SSOAssigned"))
    assert process.calls.count("organizations:ListParents") >= 2, "one for the seal, one for the move"


async def test_an_account_that_somebody_took_out_of_the_pools_ou_is_not_assigned_there(factory: Factory) -> None:
    member = await pooled(factory)
    api = await factory.client("organizations")
    [root] = api.list_roots()["Roots"]
    [parent] = api.list_parents(ChildId=member.status.aws_account_id)["Parents"]
    api.move_account(
        AccountId=member.status.aws_account_id, SourceParentId=parent["Id"], DestinationParentId=root["Id"]
    )
    await factory.add()
    process = await factory.start()
    process.before_call = refusal(MOVE, "TooManyRequestsException")
    await process.until("acme", lambda each: is_true(each.status.conditions, "RoleReady"))
    account = await tried(process)
    assert ASSIGN not in process.calls
    found = find(account.status.conditions, "SSOAssigned")
    assert found is not None
    assert "once the account is in its OU" in found.message
    process.before_call = lambda operation, number: None
    await assert_exactly_right(factory, await process.until("acme"), mails=0)


async def test_without_the_pools_policy_nobody_is_assigned_before_the_move(factory: Factory) -> None:
    await pooled(factory)
    api = await factory.client("organizations")
    [root] = api.list_roots()["Roots"]
    units = api.list_organizational_units_for_parent(ParentId=root["Id"])["OrganizationalUnits"]
    [pool] = [unit["Id"] for unit in units if unit["Name"] == "Pool"]
    for policy in api.list_policies_for_target(TargetId=pool, Filter="SERVICE_CONTROL_POLICY")["Policies"]:
        if policy["Name"] == "BatteriesDenyAll":
            api.detach_policy(PolicyId=policy["Id"], TargetId=pool)
    await factory.add()
    process = await factory.start()
    process.before_call = refusal(MOVE, "TooManyRequestsException")
    await process.until("acme", lambda each: is_true(each.status.conditions, "RoleReady"))
    await tried(process)
    assert ASSIGN not in process.calls


async def test_an_account_that_aws_made_waits_for_its_ou_as_before(factory: Factory) -> None:
    await pooled(factory, "elsewhere", namespace="another")
    await factory.add()
    process = await factory.start()
    process.before_call = refusal(MOVE, "TooManyRequestsException")
    await process.until("acme", lambda each: is_true(each.status.conditions, "RoleReady"))
    await tried(process)
    assert not [call for call in process.calls if call in (ASSIGN, MAKE)]


async def test_for_a_blocked_customer_no_user_is_made(factory: Factory) -> None:
    body = {"metadata": {"name": "c-1"}, "spec": {"email": "acme@example.com", "blocked": True}}
    await factory.customers.create(NAMESPACE, body)
    await pooled(factory)
    await factory.add(email=None, customerRef={"name": "c-1"})
    process = await factory.start()
    await tried(process)
    assert not [call for call in process.calls if call.startswith("identitystore:")]


async def test_trouble_with_the_directory_makes_no_claim_wait(factory: Factory) -> None:
    process = await claims(factory)
    process.before_call = refusal("identitystore:GetUserId", "ThrottlingException")
    account = await process.until("acme", lambda each: is_true(each.status.conditions, "OIDCConfigured"))
    assert account.status.claim is not None
    assert "organizations:CreateAccount" not in process.calls
    process.before_call = lambda operation, number: None
    await assert_exactly_right(factory, await process.until("acme"), mails=0)


async def test_a_claim_that_leads_to_nothing_leaves_one_user_for_the_account_that_aws_makes(factory: Factory) -> None:
    member = await pooled(factory)
    (await factory.client("iam", member.status.aws_account_id)).create_user(UserName="mallory")
    await factory.add()
    process = await factory.start()
    account = await process.until("acme")
    assert account.status.claim is None
    assert process.calls.count(MAKE) == 1
    await assert_exactly_right(factory, account, mails=0)
