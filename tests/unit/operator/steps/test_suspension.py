"""Suspended and resumed, with kill -9 at every point: each door is closed in AWS, and opened as the spec says then."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fakes.aws_world import assert_exactly_right, observe
from fakes.crashes import dies_at
from fakes.factory import LONG_CREATION, Factory, Process

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import find, is_true

OPEN = ["octo-org/web"]
OPENED_LATER = ["octo-org/api"]


async def assert_closed(factory: Factory, account: AwsAccount) -> None:
    """Nobody gets in: asked of AWS."""
    assert (account.status.phase, account.status.error) == ("suspended", None)
    assert not is_true(account.status.conditions, "Ready")
    seen = await observe_closed(factory, account)
    assert seen.parent == factory.settings.suspended_ou_name
    assert seen.assignments == []
    assert not await factory.admits(account, "repo:octo-org/web:ref:refs/heads/main")


async def observe_closed(factory: Factory, account: AwsAccount) -> Any:
    assert factory.cluster.objects.get(("Secret", account.metadata.namespace, "acme-credentials")) is None
    iam = await factory.client("iam", account.status.aws_account_id)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_login_profile(UserName="admin")
    factory.signs_in = _nobody  # type: ignore[assignment, method-assign]  # there is no password left to try
    return await observe(factory, account)


async def _nobody(_: AwsAccount) -> None:
    return None


async def test_every_door_is_closed_and_opened_again_for_the_spec_as_it_is_then(factory: Factory) -> None:
    process = await factory.active(githubRepos=OPEN)
    await factory.change(suspended=True, githubRepos=OPENED_LATER)
    closed = await process.until("acme")
    sign_in = factory.signs_in
    await assert_closed(factory, closed)
    factory.signs_in = sign_in  # type: ignore[method-assign]
    await factory.change(suspended=False)
    opened = await process.until("acme")
    await assert_exactly_right(factory, opened, mails=0)
    assert find(opened.status.conditions, "Suspended") is None
    assert await factory.admits(opened, "repo:octo-org/api:ref:refs/heads/main")
    assert not await factory.admits(opened, "repo:octo-org/web:ref:refs/heads/main")


async def _settles(process: Process) -> None:
    await process.until("acme")


async def through_every_crash(
    factory: Factory, process: Process, change: Callable[[], Awaitable[object]], back: Callable[[], Awaitable[object]]
) -> int:
    """Repeats the change with a crash after each write and each act in AWS, until a walk comes through unharmed."""
    points = 0
    for kind in ("write", "act"):
        number, crashed = 0, True
        while crashed:
            number += 1
            await change()
            crashed = await dies_at(factory, kind, number, _settles)
            points += crashed
            await (await factory.start()).until("acme")
            await back()
            await (await factory.start()).until("acme")
    return points


async def test_a_crash_at_any_point_of_a_suspension_leaves_no_door_open(factory: Factory) -> None:
    process = await factory.active(githubRepos=OPEN)
    sign_in = factory.signs_in

    async def suspend() -> None:
        await factory.change(suspended=True)

    async def resume() -> None:
        await assert_closed(factory, await factory.account())
        factory.signs_in = sign_in  # type: ignore[method-assign]
        await factory.change(suspended=False)

    # Four acts and four writes, and a fifth where the revocation is seen under way.
    assert await through_every_crash(factory, process, suspend, resume) in (8, 9)
    await assert_exactly_right(factory, await factory.account(), mails=0)


async def test_a_crash_at_any_point_of_a_resume_opens_each_door_once(factory: Factory) -> None:
    process = await factory.active(githubRepos=OPEN)
    await factory.change(suspended=True)
    await process.until("acme")

    async def resume() -> None:
        await factory.change(suspended=False)

    async def suspend() -> None:
        await assert_exactly_right(factory, await factory.account(), mails=0)
        await factory.change(suspended=True)

    assert await through_every_crash(factory, process, resume, suspend) > 8


async def test_an_account_suspended_before_anything_was_asked_of_aws_is_not_made(factory: Factory) -> None:
    await factory.add(suspended=True)
    process = await factory.start()
    account = await process.until("acme")
    assert account.status.phase == "suspended"
    assert set(process.calls) == {"organizations:ListAccounts"}
    await factory.change(suspended=False)
    assert (await process.until("acme")).status.phase == "active"


@LONG_CREATION
async def test_an_account_suspended_while_it_is_made_is_made_and_closed_and_no_second_one(factory: Factory) -> None:
    await factory.add(githubRepos=OPEN)
    process = await factory.start()
    await process.until("acme", lambda account: account.status.create_request is not None)
    await factory.change(suspended=True)
    account = await process.until("acme")
    assert account.status.phase == "suspended"
    assert await factory.requests(account) == 1
    assert (await factory.members(account))[0]["id"] == account.status.aws_account_id


async def test_a_suspended_account_asks_aws_nothing_more(factory: Factory) -> None:
    process = await factory.active(githubRepos=OPEN)
    await factory.change(suspended=True)
    await process.until("acme")
    calls, writes = len(process.calls), len(factory.cluster.writes)
    await process.until("acme")
    assert (len(process.calls), len(factory.cluster.writes)) == (calls, writes)


async def test_a_suspension_taken_back_after_a_crash_in_the_middle_leaves_every_door_open(factory: Factory) -> None:
    """What was undone in AWS before the crash was noted as undone before that, so it is done again."""
    await factory.active(githubRepos=OPEN)
    acts_of_a_suspension = 0
    for number in range(1, 10):
        await factory.change(suspended=True)
        if not await dies_at(factory, "act", number, _settles):
            break
        acts_of_a_suspension += 1
        await factory.change(suspended=False)
        account = await (await factory.start()).until("acme")
        await assert_exactly_right(factory, account, mails=0)
    assert acts_of_a_suspension >= 4


LATER = "2035-01-31T12:00:00Z"


async def _held(factory: Factory, change: dict[str, Any] | None) -> None:
    await factory.accounts.merge_status("customers", "acme", {"status": {"holds": {"Expired": change}}})


@pytest.mark.parametrize("reason", ["SuspendedByOwner", "ClosureRequested", "Expired"])
async def test_what_suspends_an_account_ends_by_its_own_way_out_alone(factory: Factory, reason: str) -> None:
    begins: dict[str, dict[str, Any]] = {
        "SuspendedByOwner": {"suspendedByOwner": True},
        "ClosureRequested": {"closeAt": LATER},
    }
    ends: dict[str, dict[str, Any]] = {
        "SuspendedByOwner": {"suspendedByOwner": None},
        "ClosureRequested": {"closeAt": None},
    }
    process = await factory.active(githubRepos=OPEN)
    if reason == "Expired":
        await _held(factory, {"since": "2026-11-24T00:00:00Z"})
    else:
        await factory.change(**begins[reason])
    closed = await process.until("acme")
    said = find(closed.status.conditions, "Suspended")
    assert said is not None
    assert (closed.status.phase, said.reason, said.status) == ("suspended", reason, "True")
    await factory.change(suspended=True)
    await process.until("acme")
    if reason == "Expired":
        await _held(factory, None)
    else:
        await factory.change(**ends[reason])
    still = await process.until("acme")
    said = find(still.status.conditions, "Suspended")
    assert said is not None
    assert (still.status.phase, said.reason) == ("suspended", "Suspended"), "the administrator's is another one"
    await factory.change(suspended=False)
    opened = await process.until("acme")
    assert (opened.status.phase, find(opened.status.conditions, "Suspended")) == ("active", None)
