"""Steps that lack nothing run side by side; one that waits or fails holds up only what needs it."""

import asyncio
from typing import Any

import pytest
from fakes.aws_world import assert_exactly_right
from fakes.factory import NAMESPACE, Factory, refusal

from batteries_crds.conditions import find, is_true
from batteries_operator.pace import Pace
from batteries_operator.provisioning import PROVISIONING, SUSPENSION


def test_every_need_is_a_step_of_the_runbooks() -> None:
    conditions = {step.condition for step in (*PROVISIONING, *SUSPENSION)}
    assert {need for step in (*PROVISIONING, *SUSPENSION) for need in step.needs or ()} <= conditions


async def test_an_assignment_that_waits_holds_up_neither_user_nor_deploy_role(factory: Factory) -> None:
    await factory.add(githubRepos=["octo-org/web"])
    process = await factory.start()
    process.before_call = refusal("sso:CreateAccountAssignment", "ThrottlingException")
    account = await process.until("acme", lambda each: is_true(each.status.conditions, "OIDCConfigured"))
    assert is_true(account.status.conditions, "IAMUserReady")
    assert account.status.provisioning_step == "setup_sso_access", "the first in the contract's order that is owed"
    assert account.status.phase == "creating"
    process.before_call = lambda operation, number: None
    await assert_exactly_right(factory, await process.until("acme"))


async def test_the_account_is_moved_and_assigned_while_its_role_is_awaited(factory: Factory) -> None:
    await factory.add()
    process = await factory.start()
    process.before_call = refusal("sts:AssumeRole", "AccessDenied")
    account = await process.until("acme", lambda each: is_true(each.status.conditions, "SSOAssigned"))
    assert is_true(account.status.conditions, "InCustomersOU")
    assert account.status.provisioning_step == "wait_for_role"
    assert not [call for call in process.calls if call.startswith("iam:")]


async def test_nobody_is_assigned_before_the_account_is_under_the_customers_policies(factory: Factory) -> None:
    await factory.add()
    process = await factory.start()
    process.before_call = refusal("organizations:MoveAccount", "TooManyRequestsException")
    await process.until("acme", lambda each: is_true(each.status.conditions, "RoleReady"))
    for _ in range(5):
        await process.runner.visit(NAMESPACE, "acme", Pace())
    assert not [call for call in process.calls if call.startswith(("sso:", "iam:", "identitystore:"))]


async def test_a_step_that_fails_for_good_is_told_while_another_still_waits(factory: Factory) -> None:
    await factory.add(githubRepos=["octo-org/web"])
    process = await factory.start()
    refuse, hold = refusal("iam:CreateRole", "MalformedPolicyDocument"), refusal("sso:CreateAccountAssignment", "X")

    def both(operation: str, number: int) -> None:
        refuse(operation, number)
        hold(operation, number)

    process.before_call = both
    account = await process.until("acme", lambda each: bool(each.status.steps.get("setup_oidc")))
    assert "CreateRole" in (account.status.error or "") or "CreateAccountAssignment" in (account.status.error or "")
    assert account.status.phase == "creating", "the assignment may still come"
    process.before_call = refuse
    account = await process.until("acme")
    assert (account.status.phase, account.status.provisioning_step) == ("failed", "failed")
    stalled = find(account.status.conditions, "Stalled")
    assert stalled is not None
    assert stalled.reason == "RefusedByAws"


async def test_what_one_step_says_is_not_taken_back_by_another(factory: Factory) -> None:
    await factory.add()
    process = await factory.start()
    process.before_call = refusal("sso:ListInstances", "AccessDeniedException")
    account = await process.until("acme", lambda each: is_true(each.status.conditions, "OIDCConfigured"))
    assert "ListInstances" in (account.status.error or "")
    process.before_call = lambda operation, number: None
    assert (await process.until("acme")).status.error is None


async def test_a_round_is_written_once_and_its_steps_really_run_together(factory: Factory) -> None:
    await factory.add(githubRepos=["octo-org/web"])
    process = await factory.start()
    running: set[str] = set()
    together: list[set[str]] = []
    call = process._call

    async def watched(operation: str, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        running.add(operation)
        together.append(set(running))
        await asyncio.sleep(0.001)
        try:
            return await call(operation, function, *args, **kwargs)
        finally:
            running.discard(operation)

    process._call = watched
    await process.until("acme")
    services = [{operation.split(":")[0] for operation in each} for each in together]
    assert any({"sts", "organizations"} <= each for each in services), "the role is awaited while the account is moved"
    doors = {"iam:GetUser", "iam:GetOpenIDConnectProvider"}
    assert any(doors <= each for each in together), "user and deploy role side by side"


@pytest.mark.parametrize("standin_settings", [{"organization_write_seconds": 0.05}])
async def test_accounts_that_are_made_together_never_meet_each_other_s_writes(factory: Factory) -> None:
    process = await factory.start()
    names = [f"account-{number}" for number in range(5)]
    for name in names:
        await factory.add(name)
    await asyncio.gather(*(process.until(name) for name in names))
    calls = (await factory.standin("calls"))["calls"]
    refused = [call["operation"] for call in calls if call["errorCode"] == "ConcurrentModificationException"]
    assert (process.calls.count("organizations:MoveAccount"), refused) == (5, [])
