"""Deleted accounts: kept or closed as the policy says, never a second one, and nobody else's."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from fakes.aws_world import assert_exactly_right, assigned_users
from fakes.crashes import dies_at
from fakes.deletion import delete, released
from fakes.factory import (
    LONG_CREATION,
    NAMESPACE,
    Factory,
    Process,
    acts,
    left_the_organization,
    refusal,
    settings,
)

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import find
from batteries_operator.aws.caller import CALL_SECONDS
from batteries_operator.aws.errors import AwsError
from batteries_operator.steps.pipeline import steps_for

OPEN = ["octo-org/web"]


async def state(factory: Factory, account: AwsAccount) -> str:
    organizations = await factory.client("organizations")
    answer = await asyncio.to_thread(organizations.describe_account, AccountId=account.status.aws_account_id)
    return str(answer["Account"]["State"])


def reason(account: AwsAccount, condition: str) -> str | None:
    found = find(account.status.conditions, condition)
    return found.reason if found else None


async def test_retain_keeps_the_account_and_the_access_and_writes_nothing(factory: Factory) -> None:
    process = await factory.active(githubRepos=OPEN)
    before, secret = await factory.account(), ("Secret", NAMESPACE, "acme-credentials")
    password = factory.cluster.objects[secret]
    delete(factory)
    calls, writes = len(process.calls), len(factory.cluster.writes)
    await released(process)
    assert (len(process.calls), len(factory.cluster.writes)) == (calls, writes)
    assert secret not in factory.cluster.objects, "it goes with its account"
    factory.cluster.objects[secret] = password  # for the look at AWS, where it is as it was
    await assert_exactly_right(factory, before, mails=0)


async def test_retain_removes_the_access_where_the_setting_says_so(factory: Factory) -> None:
    factory.settings = settings(retained_access="remove")
    process = await factory.active(githubRepos=OPEN)
    account = await factory.account()
    delete(factory)
    await released(process)
    assert not await factory.admits(account, "repo:octo-org/web:ref:refs/heads/main")
    iam = await factory.client("iam", account.status.aws_account_id)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_login_profile(UserName="admin")
    assert await state(factory, account) == "ACTIVE"
    assert (await factory.members(account))[0]["id"] == account.status.aws_account_id


@pytest.mark.parametrize("policy", ["Retain", "Close"])
async def test_an_account_that_left_the_organization_keeps_nothing_from_being_deleted(
    factory: Factory, policy: str
) -> None:
    factory.settings = settings(retained_access="remove")
    await factory.active(deletionPolicy=policy)
    process = await factory.start()
    process.before_call = left_the_organization
    delete(factory)
    await released(process)
    assert not any(acts(each) for each in process.calls)
    if policy == "Close":
        condition = find((await factory.account()).status.conditions, "Closed")
        assert condition is None or "is no member any more" in condition.message


async def test_close_quarantines_and_closes_the_account(factory: Factory) -> None:
    process = await factory.active(githubRepos=OPEN, deletionPolicy="Close")
    account = await factory.account()
    delete(factory)
    await released(process)
    assert await state(factory, account) == "CLOSED"
    member = (await factory.members(account))[0]
    organizations = await factory.client("organizations")
    unit = organizations.describe_organizational_unit(OrganizationalUnitId=member["parentId"])["OrganizationalUnit"]
    assert unit["Name"] == factory.settings.suspended_ou_name
    assert process.calls.count("organizations:CloseAccount") == 1
    assert process.deps.closures.held == 0


async def test_a_crash_at_any_point_of_a_closure_closes_it_once(factory: Factory) -> None:
    points = 0
    for kind in ("write", "act"):
        number, crashed = 0, True
        while crashed:
            number += 1
            name = f"{kind}-{number}"
            await factory.active(name, deletionPolicy="Close")
            delete(factory, name)
            crashed = await dies_at(factory, kind, number, partial(released, name=name))
            points += crashed
            await released(await factory.start(), name)
            account = await factory.account(name)
            assert await state(factory, account) == "CLOSED"
            assert len(await factory.members(account)) == 1
    assert points > 6


REVOKING = (
    "organizations:DescribeAccount",
    "sso:ListInstances",
    "sso:DescribePermissionSet",
    "sso:ListAccountAssignments",
    "identitystore:DescribeUser",
    "sso:DeleteAccountAssignment",
)
"""What revoke_sso_access calls."""


@pytest.mark.parametrize("operation", REVOKING)
async def test_a_closure_waits_out_a_few_lost_calls_of_the_revocation(factory: Factory, operation: str) -> None:
    await factory.active(githubRepos=OPEN, deletionPolicy="Close")
    account, process = await factory.account(), await factory.start()  # which remembers nothing of AWS
    refused = refusal(operation, "InternalServerException", http_status=500, times=3)

    def unlucky(called: str, number: int) -> None:
        if "organizations:MoveAccount" in process.calls:
            refused(called, number)

    process.before_call = unlucky
    delete(factory)
    await released(process)
    assert process.calls.count(operation) > 3
    assert await state(factory, account) == "CLOSED"
    assert await assigned_users(factory, account) == []


async def test_a_pending_account_that_is_deleted_makes_none(factory: Factory) -> None:
    await factory.add(deletionPolicy="Close")
    delete(factory)
    process = await factory.start()
    await released(process)
    assert process.calls == ["organizations:ListAccounts"], "its status may have been lost"


@pytest.mark.parametrize("policy", ["Retain", "Close"])
async def test_deleted_between_intent_and_call_makes_none(factory: Factory, policy: str) -> None:
    """The write of the intent meets the deletion: what was to be written down first is not done at all."""
    await factory.add(deletionPolicy=policy)
    process = await factory.start()
    process.before_call = _deletes_before("organizations:CreateAccount", factory)
    await process.until("acme", lambda account: account.is_deleted)
    await released(process)
    assert await factory.requests(await factory.account()) <= 1
    if policy == "Close":
        for member in await factory.members(await factory.account()):
            assert member["state"] == "CLOSED"


def _deletes_before(operation: str, factory: Factory) -> Callable[[str, int], None]:
    def before(called: str, _: int) -> None:
        if called == operation and not factory.cluster.is_deleted("AwsAccount", NAMESPACE, "acme"):
            delete(factory)

    return before


@LONG_CREATION
async def test_deleted_while_the_creation_runs_is_followed_to_its_id_and_kept(factory: Factory) -> None:
    await factory.add()
    process = await factory.start()
    await process.until("acme", lambda account: account.status.create_request is not None)
    delete(factory)
    await released(process)
    account = await factory.account()
    assert await factory.requests(account) == 1
    assert (await factory.members(account))[0]["id"] == account.status.aws_account_id


@LONG_CREATION
async def test_deleted_during_a_creation_that_fails_for_a_taken_address_is_released(
    factory: Factory,
) -> None:
    fault = {"kind": "fail_later", "operation": "CreateAccount", "reason": "EMAIL_ALREADY_EXISTS"}
    assert await factory.standin("faults", {**fault, "times": 1})
    await factory.add()
    process = await factory.start()
    await process.until("acme", lambda account: account.status.create_request is not None)
    delete(factory)
    await released(process, seconds=5)
    account = await factory.account()
    assert (account.status.create_request, await factory.members(account)) == (None, [])
    assert process.calls.count("organizations:CreateAccount") == 1


async def test_an_intent_of_which_aws_knows_nothing_is_forgotten_and_nothing_is_made(factory: Factory) -> None:
    await factory.add()
    process = await factory.start()
    process.before_call = refusal("organizations:CreateAccount", "Whatever", http_status=0, times=1)
    await process.reconciler.reconcile(NAMESPACE, "acme")
    delete(factory)
    process.before_call = lambda operation, number: None
    result = await process.reconciler.reconcile(NAMESPACE, "acme")
    assert CALL_SECONDS - 5 < (result.requeue_after or 0) <= CALL_SECONDS, (
        "AWS may have taken it at the very end of the call"
    )
    intent = factory.cluster.objects["AwsAccount", NAMESPACE, "acme"]["status"]["createRequest"]
    intent["recordedAt"] = "2026-01-01T00:00:00Z"
    await released(process)
    account = await factory.account()
    assert account.status.create_request is None
    assert await factory.members(account) == []


async def test_the_quota_of_closures_is_waited_for_and_said(factory: Factory) -> None:
    process = await factory.active(deletionPolicy="Close")
    delete(factory)
    process.before_call = refusal(
        "organizations:CloseAccount", "ConstraintViolationException", reason="CLOSE_ACCOUNT_QUOTA_EXCEEDED", times=1
    )
    alarms: list[Callable[[], None]] = []
    process.deps.closures._later = lambda _, function: alarms.append(function)
    task = asyncio.create_task(released(process))
    await _until(factory, lambda each: reason(each, "SSORevoked") == "Done")  # goes on beside the line
    account = await _until(factory, lambda each: reason(each, "Closed") == "ClosureQuotaReached")
    assert reason(account, "Ready") == "ClosureQuotaReached"
    assert "Queue position 1" in (account.status.error or "")
    assert account.status.phase == "suspended", "quarantined meanwhile"
    writes = len(factory.cluster.writes)
    process.wakeups.wake(account.metadata.uid)
    await asyncio.sleep(0.1)
    assert len(factory.cluster.writes) == writes, "waiting writes nothing"
    alarms[0]()
    await task
    assert await state(factory, account) == "CLOSED"


async def _until(factory: Factory, holds: Callable[[AwsAccount], bool]) -> AwsAccount:
    async with asyncio.timeout(10):
        while not holds(account := await factory.account()):
            await asyncio.sleep(0.01)
    return account


@pytest.mark.parametrize("tag", [None, "00000000-0000-4000-8000-000000000000"])
async def test_an_account_without_our_tag_is_never_closed(factory: Factory, tag: str | None) -> None:
    process = await factory.active(deletionPolicy="Close")
    account = await factory.account()
    organizations = await factory.client("organizations")
    key: Any = "aibatteriesincluded.com/resource"
    organizations.untag_resource(ResourceId=account.status.aws_account_id, TagKeys=[key])
    if tag:
        organizations.tag_resource(ResourceId=account.status.aws_account_id, Tags=[{"Key": key, "Value": tag}])
    delete(factory)
    calls, task = len(process.calls), asyncio.create_task(released(process))
    refused = await _until(factory, lambda each: reason(each, "Quarantined") == "NotOurAccount")
    assert "set spec.deletionPolicy to Retain" in (refused.status.error or "")
    assert reason(refused, "Stalled") == "NotOurAccount"
    assert await state(factory, account) == "ACTIVE"
    assert not any(acts(operation) for operation in process.calls[calls:]), "nothing is done to it, quarantine included"
    await factory.change(deletionPolicy="Retain")
    process.wakeups.wake(account.metadata.uid)
    await asyncio.wait_for(task, 10)
    assert "organizations:CloseAccount" not in process.calls


async def test_the_management_account_is_never_closed(factory: Factory) -> None:
    process = await factory.active(deletionPolicy="Close")
    management = (await factory.client("organizations")).describe_organization()["Organization"]["MasterAccountId"]
    status = factory.cluster.objects["AwsAccount", NAMESPACE, "acme"]["status"]
    status["awsAccountId"] = management
    delete(factory)
    task = asyncio.create_task(released(process))
    await _until(factory, lambda each: reason(each, "Stalled") == "ManagementAccountRefused")
    task.cancel()
    assert not any(acts(operation) for operation in process.calls[process.calls.index("ses:SendEmail") + 1 :])


async def test_closed_by_somebody_else_meanwhile_is_closed(factory: Factory) -> None:
    process = await factory.active(deletionPolicy="Close")
    account = await factory.account()
    organizations = await factory.client("organizations")
    organizations.close_account(AccountId=account.status.aws_account_id)
    delete(factory)
    await released(process)
    assert await state(factory, account) == "CLOSED"


async def test_the_runbook_of_a_deleted_account_goes_with_its_policy(factory: Factory) -> None:
    await factory.active(deletionPolicy="Close")
    delete(factory)
    account = await factory.account()
    assert [step.name for step in steps_for(account)][-1] == "close_account"
    await factory.change(deletionPolicy="Retain")
    assert [step.name for step in steps_for(await factory.account())] == ["create_account", "check_status"]


async def _no_permission_set(factory: Factory, process: Process) -> None:
    center, name = process.deps.aws.identity_center, factory.settings.permission_set_name

    async def nothing(name: str) -> None:
        return None

    center._permission_sets.forget(name)
    center._look_for_permission_set = nothing  # type: ignore[method-assign]


async def _revocations_fail(factory: Factory, process: Process) -> None:
    fault = {"kind": "fail_later", "operation": "DeleteAccountAssignment", "times": 1000}
    assert await factory.standin("faults", {**fault, "reason": "the test wants it"})


def _refuses(operation: str, code: str, http_status: int = 400) -> Any:
    async def spoil(_: Factory, process: Process) -> None:
        process.before_call = refusal(operation, code, http_status=http_status)

    return spoil


BESIDE: dict[str, Any] = {
    "the revocation is denied": _refuses("sso:DeleteAccountAssignment", "AccessDeniedException"),
    "the revocation is refused for good": _refuses("sso:DeleteAccountAssignment", "ValidationException"),
    "revocations fail": _revocations_fail,
    "the list is broken": _refuses("sso:ListAccountAssignments", "InternalServerException", 500),
    "the permission set is gone": _no_permission_set,
    "the user is not found": _refuses("sso:ListAccountAssignments", "ResourceNotFoundException"),
    "the quarantine is denied": _refuses("organizations:MoveAccount", "AccessDeniedException"),
    "the quarantine is refused for good": _refuses("organizations:MoveAccount", "InvalidInputException"),
}


@pytest.mark.parametrize("spoil", BESIDE.values(), ids=BESIDE)
async def test_what_is_nice_to_have_holds_no_closure_up(factory: Factory, spoil: Any) -> None:
    process = await factory.active(githubRepos=OPEN, deletionPolicy="Close")
    account = await factory.account()
    await spoil(factory, process)
    delete(factory)
    process.events.clear()
    await released(process)
    assert await state(factory, account) == "CLOSED"
    assert process.calls.count("organizations:CloseAccount") == 1
    assert (process.deps.closures.held, process.deps.assignments.held) == (0, 0)


@pytest.mark.parametrize("spoil", [BESIDE["the revocation is denied"], BESIDE["the quarantine is refused for good"]])
async def test_what_was_not_done_before_a_closure_is_told(factory: Factory, spoil: Any) -> None:
    process = await factory.active(githubRepos=OPEN, deletionPolicy="Close")
    await spoil(factory, process)
    delete(factory)
    process.events.clear()
    await released(process)
    assert "Warning" in {kind for kind, _ in process.events}


async def test_without_a_quarantine_each_door_is_closed_while_the_closure_is_queued(factory: Factory) -> None:
    process = await factory.active(githubRepos=OPEN, deletionPolicy="Close")
    account = await factory.account()
    delete(factory)
    denied = refusal("organizations:MoveAccount", "AccessDeniedException")
    full = refusal("organizations:CloseAccount", "ConstraintViolationException", reason="CLOSE_ACCOUNT_QUOTA_EXCEEDED")

    def both(operation: str, number: int) -> None:
        denied(operation, number)
        full(operation, number)

    process.before_call = both
    task = asyncio.create_task(released(process))
    doors = ("ConsoleClosed", "SSORevoked", "DeployRoleClosed")
    await _until(factory, lambda each: all(reason(each, door) == "Done" for door in doors))
    assert not await factory.admits(account, "repo:octo-org/web:ref:refs/heads/main")
    # The remedy of ClosureQuotaReached: let the object go, and keep the account.
    await _until(factory, lambda each: reason(each, "Closed") == "ClosureQuotaReached")
    await factory.change(deletionPolicy="Retain")
    process.wakeups.wake(account.metadata.uid)
    await asyncio.wait_for(task, 10)
    assert await state(factory, account) == "ACTIVE"


def _has_left(operation: str, _: int) -> None:
    codes = {"organizations:DescribeAccount": "AccountNotFoundException"}
    codes |= {"organizations:ListTagsForResource": "TargetNotFoundException", "sts:AssumeRole": "AccessDenied"}
    codes |= {"organizations:ListParents": "ChildNotFoundException"}
    codes |= dict.fromkeys(("organizations:MoveAccount", "organizations:CloseAccount"), "AccountNotFoundException")
    if operation in codes:
        raise AwsError(operation, codes[operation], "It is no member.", http_status=400)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("policy", "access"), [("Close", "keep"), ("Retain", "keep"), ("Retain", "remove")])
async def test_deleting_is_the_remedy_for_an_account_that_left_the_organization(
    factory: Factory, policy: str, access: str, known: bool
) -> None:
    """As AccountGone and NotOurAccount say, also where a crash lost that the account was known."""
    factory.settings = settings(retained_access=access)
    await factory.active(githubRepos=OPEN, deletionPolicy=policy)
    if not known:
        account = await factory.account()
        conditions = [each.to_wire() for each in account.status.conditions if each.type != "AccountCreated"]
        status = {"conditions": conditions, "steps": {"check_status": None}}
        await factory.accounts.merge_status(NAMESPACE, "acme", {"status": status})
    delete(factory)
    process = await factory.start()
    process.before_call = _has_left
    await released(process)
    assert not any(acts(operation) for operation in process.calls)
    assert "organizations:CloseAccount" not in process.calls
    if policy == "Close":
        assert ("Warning", "Closed") in process.events, "it is told that it was not closed"


@pytest.mark.parametrize("seen", ["PENDING_CLOSURE", "CLOSED", "SUSPENDED"])
async def test_deleting_without_access_is_the_remedy_for_an_account_that_aws_shut(factory: Factory, seen: str) -> None:
    factory.settings = settings(retained_access="remove")
    process = await factory.active(githubRepos=OPEN)

    async def shut(account: str) -> str:
        return seen

    process.deps.aws.organizations.state = shut  # type: ignore[method-assign]
    process.before_call = refusal("sts:AssumeRole", "AccessDenied", http_status=403)
    delete(factory)
    await released(process)
