"""Steps that lack nothing run side by side; one that waits or fails holds up only what needs it."""

import asyncio
from typing import Any

import pytest
from fakes.aws_world import assert_exactly_right
from fakes.factory import NAMESPACE, Factory, refusal
from fakes.held import Held

from batteries_crds.conditions import find, is_true
from batteries_operator.reconcile.step_schedule import StepSchedule
from batteries_operator.status.status_writer import LONGEST_SECONDS
from batteries_operator.steps.pipeline import PROVISIONING, SUSPENSION


def test_every_need_is_a_step_of_the_runbooks() -> None:
    conditions = {step.condition for step in (*PROVISIONING, *SUSPENSION)}
    assert {need for step in (*PROVISIONING, *SUSPENSION) for need in step.needs or ()} <= conditions


async def test_an_assignment_that_waits_holds_up_neither_user_nor_deploy_role(factory: Factory) -> None:
    await factory.add(githubRepos=["octo-org/web"])
    process = await factory.start()
    process.before_call = refusal("sso:CreateAccountAssignment", "ThrottlingException")
    account = await process.until("acme", lambda each: is_true(each.status.conditions, "OIDCConfigured"))
    assert is_true(account.status.conditions, "IAMUserReady")
    assert account.status.provisioning_step == "setup_sso_access", "the first in the contract's order that is pending"
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
        await process.reconciler.reconcile(NAMESPACE, "acme", StepSchedule())
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


def status_writes(factory: Factory) -> list[dict[str, Any]]:
    return [body["status"] for verb, kind, body in factory.cluster.writes if (verb, kind) == ("status", "AwsAccount")]


async def test_steps_that_lack_nothing_really_run_together(factory: Factory) -> None:
    await factory.add(githubRepos=["octo-org/web"])
    process = await factory.start()
    held = Held(process)
    await process.until("acme")
    services = [{operation.split(":")[0] for operation in each} for each in held.together]
    assert any({"sts", "organizations"} <= each for each in services), "the role is awaited while the account is moved"
    doors = {"iam:GetUser", "iam:GetOpenIDConnectProvider"}
    assert any(doors <= each for each in held.together), "user and deploy role side by side"


async def test_a_step_begins_as_soon_as_it_lacks_nothing_though_another_is_still_at_it(factory: Factory) -> None:
    await factory.add()
    process = await factory.start()
    held = Held(process, "sts:AssumeRole")
    reconciling = asyncio.create_task(process.until("acme"))
    async with asyncio.timeout(5):
        while "sso:DescribeAccountAssignmentCreationStatus" not in process.calls:
            await asyncio.sleep(0.01)
    assert "iam:GetUser" not in process.calls, "that needs the role"
    asked = [write for write in status_writes(factory) if write.get("ssoAssignmentRequestId")]
    assert asked, "the request's id is written before anybody looks what became of it"
    held.let_go.set()
    assert (await reconciling).status.phase == "active"


async def test_what_aws_would_show_again_is_written_together_and_what_it_would_not_at_once(factory: Factory) -> None:
    await factory.add(githubRepos=["octo-org/web"])
    process = await factory.start()
    await process.until("acme")
    told = [{*write} for write in status_writes(factory)]
    assert "createRequest" in told[0], "the intent, before AWS is asked"
    assert "createRequest" in told[1], "the request's id, before the reconcile ends and AWS is at work on it"
    assert {"awsAccountId", "ssoAssignmentRequestId"} <= told[2], "three steps are done by then"
    assert "ssoPortalUrl" in told[-2], "before the mail, which AWS does not show again"
    assert {"welcomeMessageId", "phase"} <= told[-1]
    assert len(told) < 8, "fewer than there are steps"


async def test_what_waits_to_be_written_does_not_wait_for_a_step_that_takes_long(factory: Factory) -> None:
    await factory.add()
    process = await factory.start()
    held = Held(process, "sts:AssumeRole", "organizations:MoveAccount")
    reconciling = asyncio.create_task(process.until("acme"))
    begun = asyncio.get_running_loop().time()
    async with asyncio.timeout(LONGEST_SECONDS + 2):
        while (await factory.account()).status.aws_account_id is None:
            await asyncio.sleep(0.01)
    assert asyncio.get_running_loop().time() - begun >= LONGEST_SECONDS / 2, "or nothing was put off"
    assert "AccountCreated" in [reason for _, reason in process.events]
    held.let_go.set()
    await reconciling


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


async def test_a_step_that_fails_for_good_leaves_the_slot_of_one_that_is_at_work(factory: Factory) -> None:
    await factory.add(githubRepos=["octo-org/web"])
    process = await factory.start()
    held, deploy_role = Held(process, "sso:CreateAccountAssignment"), Held(process, "iam:GetOpenIDConnectProvider")
    process.before_call = refusal("iam:CreateRole", "MalformedPolicyDocument")

    async def failed() -> bool:
        record = (await factory.account()).status.steps.get("setup_oidc")
        return record is not None and record.gave_up_at is not None

    reconciling = asyncio.create_task(process.until("acme"))
    async with asyncio.timeout(5):
        await held.called("sso:CreateAccountAssignment")
        deploy_role.let_go.set()
        while not await failed():
            await asyncio.sleep(0.01)
    assert process.deps.assignments.held == 1
    held.let_go.set()
    await reconciling


async def test_what_was_put_off_is_written_before_a_mail_is_sent(factory: Factory) -> None:
    await factory.add()
    process = await factory.start()
    stored: list[str | None] = []

    def note(operation: str, _: int) -> None:
        if operation == "ses:SendEmail":
            body = factory.cluster.get("AwsAccount", NAMESPACE, "acme")
            stored.append(body["status"].get("ssoPortalUrl"))

    process.before_call = note
    await process.until("acme")
    assert len(stored) == 1
    assert stored[0], "the assignment's end"
