"""How an assignment in Identity Center is followed: its request first, then the list, which is the truth."""

import asyncio

import pytest
from fakes.aws_world import assert_exactly_right
from fakes.factory import Factory, Process, refusal, settings

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import find

POLL = "sso:DescribeAccountAssignmentCreationStatus"
LIST = "sso:ListAccountAssignments"
CREATE = "sso:CreateAccountAssignment"
REMOVAL = "sso:DescribeAccountAssignmentDeletionStatus"


def of_the_assignment(process: Process) -> list[str]:
    """The calls that its step made, in order."""
    return [call for call in process.calls if call in (POLL, LIST, CREATE)]


def lag(process: Process, looks: int) -> None:
    """Has Identity Center's list lag behind: what is assigned is in it after so many more looks."""
    center, left = process.deps.aws.identity_center, [looks]
    found = center.is_assigned

    async def lagging(account: str, permission_set: str, user_id: str) -> bool:
        assigned = await found(account, permission_set, user_id)
        left[0] -= assigned
        return assigned and left[0] < 0

    center.is_assigned = lagging  # type: ignore[method-assign]


@pytest.mark.parametrize("standin_settings", [{"assignment_seconds": 1}])
@pytest.mark.parametrize("operator_settings", [settings(poll_seconds=0.05)])
async def test_polling_an_assignment_costs_one_call_and_the_last_one_sees_it_done(factory: Factory) -> None:
    process = await factory.start()
    await process.drive_until_active(await factory.add())
    calls = of_the_assignment(process)
    assert calls.count(POLL) > 2
    assert calls == [LIST, CREATE, *[POLL] * calls.count(POLL), LIST]


async def test_where_the_list_lags_the_request_is_forgotten_and_the_list_awaited(factory: Factory) -> None:
    await factory.add()
    process = await factory.start()
    lag(process, 1)
    account = await process.until("acme", lambda each: _says(each, "waiting to see"))
    assert account.status.sso_assignment_request_id is None
    assert process.deps.assignments.held == 0
    await assert_exactly_right(factory, await process.until("acme"))
    assert of_the_assignment(process).count(CREATE) == 1


async def test_a_request_that_aws_forgot_is_no_trouble_if_the_assignment_is_listed(factory: Factory) -> None:
    await factory.add()
    process = await factory.start()
    process.before_call = refusal(POLL, "ResourceNotFoundException")
    await assert_exactly_right(factory, await process.until("acme"))
    assert process.deps.assignments.held == 0


async def _resumed_amid_a_revocation(factory: Factory) -> Process:
    process = await factory.active()
    await factory.change(suspended=True)
    await process.until("acme", lambda each: each.status.sso_revocation_request_id is not None)
    await factory.change(suspended=False)
    return process


@pytest.mark.parametrize("standin_settings", [{"assignment_seconds": 1.5}])
async def test_a_resume_amid_a_revocation_assigns_anew_when_that_has_ended(factory: Factory) -> None:
    process = await _resumed_amid_a_revocation(factory)
    account = await process.until("acme", lambda each: _says(each, "revocation that is under way"))
    assert process.deps.assignments.held == 1
    account = await process.until("acme")
    await asyncio.sleep(1.6)  # what was under way in AWS has ended
    await assert_exactly_right(factory, account, mails=0)
    assert account.status.sso_revocation_request_id is None
    assert process.deps.assignments.held == 0


async def test_a_revocation_that_aws_forgot_holds_up_no_resume(factory: Factory) -> None:
    process = await _resumed_amid_a_revocation(factory)
    process.before_call = refusal(REMOVAL, "ResourceNotFoundException")
    account = await process.until("acme")
    assert account.status.phase == "active"
    assert account.status.sso_revocation_request_id is None
    assert process.deps.assignments.held == 0


async def test_a_removal_that_keeps_failing_holds_no_slot_while_it_waits(factory: Factory) -> None:
    process = await factory.active()
    fault = {"kind": "fail_later", "operation": "DeleteAccountAssignment", "times": 1000}
    assert await factory.standin("faults", {**fault, "reason": "the test wants it"})
    await factory.change(suspended=True)
    account = await process.until("acme", lambda each: _says(each, "could not revoke", "SSORevoked"))
    assert "could not revoke access" in (account.status.error or "")
    assert process.deps.assignments.held == 0
    await asyncio.to_thread(factory.clear_faults)
    assert (await process.until("acme")).status.phase == "suspended"


async def test_a_revocation_under_way_keeps_its_slot_when_another_process_takes_over(factory: Factory) -> None:
    process = await factory.active()
    await factory.change(suspended=True)
    account = await process.until("acme", lambda each: each.status.sso_revocation_request_id is not None)
    other = await factory.start()
    other.deps.sync_slots(account)
    assert other.deps.assignments.held == 1
    assert (await other.until("acme")).status.phase == "suspended"
    assert other.deps.assignments.held == 0


async def test_a_removal_that_aws_forgot_releases_its_slot(factory: Factory) -> None:
    process = await factory.active()
    process.before_call = refusal(REMOVAL, "ResourceNotFoundException", times=1)
    await factory.change(suspended=True)
    await process.until("acme", lambda each: _says(each, "forgot", "SSORevoked"))
    assert process.deps.assignments.held == 0
    assert (await process.until("acme")).status.phase == "suspended"


def _says(account: AwsAccount, words: str, condition: str = "SSOAssigned") -> bool:
    said = find(account.status.conditions, condition)
    return said is not None and words in said.message
