"""An assignment that Identity Center could not make: it is told, and made anew with a user that exists."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from fakes.aws_world import assert_exactly_right
from fakes.factory import Factory

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import find

CREATE = "sso:CreateAccountAssignment"
FAULT = {"kind": "fail_later", "operation": "CreateAccountAssignment", "times": 1000, "reason": "PRINCIPAL_GONE"}


def failed(account: AwsAccount) -> bool:
    said = find(account.status.conditions, "SSOAssigned")
    return said is not None and said.reason == "AssignmentFailed"


async def test_a_failed_assignment_is_told_with_its_cause_and_holds_no_slot(factory: Factory) -> None:
    assert await factory.standin("faults", FAULT)
    await factory.add()
    process = await factory.start()
    account = await process.until("acme", failed)
    assert "could not assign access" in (account.status.error or "")
    assert account.status.cause == "PRINCIPAL_GONE"
    assert account.status.sso_assignment_request_id is None
    assert account.status.sso_revocation_request_id is None
    assert process.deps.assignments.held == 0
    await asyncio.to_thread(factory.clear_faults)
    await assert_exactly_right(factory, await process.until("acme"))


async def test_after_a_failed_assignment_the_user_is_looked_up_again(factory: Factory) -> None:
    """The id in the status may be of a user that was deleted: tried again with it, the account would wait for ever."""
    assert await factory.standin("faults", FAULT)
    await factory.add()
    process = await factory.start()
    requested = await process.until("acme", lambda each: each.status.sso_assignment_request_id is not None)
    gone = requested.status.sso_user_id
    assert gone is not None
    account = await process.until("acme", failed)
    assert account.status.sso_user_id is None
    admin: Any = await factory.client("sso-admin")
    [instance] = admin.list_instances()["Instances"]
    directory: Any = await factory.client("identitystore")
    directory.delete_user(IdentityStoreId=instance["IdentityStoreId"], UserId=gone)
    await asyncio.to_thread(factory.clear_faults)
    active = await process.until("acme")
    assert active.status.phase == "active"
    assert active.status.sso_user_id not in (None, gone)
    assert active.status.cause is None


@pytest.mark.parametrize("standin_settings", [{"assignment_seconds": 1}])
async def test_a_failed_assignment_is_tried_again_after_half_a_minute(factory: Factory) -> None:
    assert await factory.standin("faults", FAULT)
    process, clock = await factory.start(), asyncio.get_running_loop().time
    account, stop = await factory.add(), asyncio.Event()
    asked: list[float] = []
    process.before_call = lambda operation, _: asked.append(clock()) if operation == CREATE else None
    driving = asyncio.create_task(process.drive(account, stop))
    await _so_many(asked, 3)
    stop.set()
    await driving
    pauses = [later - before for before, later in pairwise(asked)]
    assert all(30 < pause < 40 for pause in pauses), pauses


async def _so_many(asked: list[float], times: int) -> None:
    async with asyncio.timeout(300):
        while len(asked) < times:
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("standin_settings", [{"assignment_seconds": 1}])
async def test_a_suspension_amid_an_assignment_waits_for_its_end_before_it_revokes(factory: Factory) -> None:
    await factory.add()
    process = await factory.start()
    await process.until("acme", lambda each: each.status.sso_assignment_request_id is not None)
    await factory.change(suspended=True)

    def waits(account: AwsAccount) -> bool:
        said = find(account.status.conditions, "SSORevoked")
        return said is not None and "an assignment that is under way" in said.message

    await process.until("acme", waits)
    assert "sso:DeleteAccountAssignment" not in process.calls
    assert (await process.until("acme", seconds=60)).status.phase == "suspended"
    assert process.calls.count("sso:DeleteAccountAssignment") == 1
