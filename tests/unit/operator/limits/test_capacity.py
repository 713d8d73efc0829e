"""AWS's limit is reached: every account queues, reports it once, and continues by itself."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import fakes.factory
import pytest
from fakes.aws_world import assert_exactly_right
from fakes.factory import NAMESPACE, Factory, Process, refusal, settings

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import find, is_true
from batteries_operator.reconcile.step_schedule import StepSchedule


class Stop:
    """kopf's `stopped`, never set until the test is over."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def is_set(self) -> bool:
        return self._event.is_set()

    async def wait(self) -> object:
        return await self._event.wait()

    def set(self) -> None:
        self._event.set()


async def drive(factory: Factory, process: Process, names: list[str]) -> tuple[Stop, list[asyncio.Task[None]]]:
    """Drives all of them, as kopf's daemons do."""
    stop = Stop()
    accounts = [await factory.account(name) for name in names]
    return stop, [asyncio.create_task(process.drive(account, stop)) for account in accounts]


async def settled(factory: Factory, names: list[str], holds: Callable[[AwsAccount], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not all([holds(await factory.account(name)) for name in names]):
            await asyncio.sleep(0.02)


def reason(account: AwsAccount) -> str | None:
    found = find(account.status.conditions, "Ready")
    return found.reason if found else None


FULL: list[tuple[str, Any]] = [
    ("refused", {"max_accounts": 3}),
    ("failed later", {"kind": "fail_later", "operation": "CreateAccount", "reason": "ACCOUNT_LIMIT_EXCEEDED"}),
]


PATIENCE = 20 * settings().poll_seconds
"""Of virtual time, in which the clock stands still while anybody is at work: each account has looked often by then."""

SHUT_SECONDS = 10 * PATIENCE
"""For which a line is shut once AWS has refused, in the place of five minutes."""


@dataclass
class Line:
    """Accounts that are driven while AWS takes no more."""

    factory: Factory
    process: Process
    names: list[str]
    stop: Stop
    tasks: list[asyncio.Task[None]]

    async def wake_all(self) -> None:
        """As events of a watch do; returns when all have looked."""
        for name in self.names:
            self.process.wakeups.wake((await self.factory.account(name)).metadata.uid)
        await asyncio.sleep(PATIENCE)

    async def end(self) -> None:
        self.stop.set()
        await asyncio.gather(*self.tasks)


@pytest.fixture(params=[setting for _, setting in FULL], ids=[how for how, _ in FULL])
async def full(
    factory: Factory, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Line]:
    """Four accounts that all wait, as the organization is full."""
    # Two ask at one time; of those that AWS refuses in the wrong order each is the first in line when it comes.
    factory.settings = settings(creations_in_flight=2)
    names = [f"acme-{number}" for number in range(4)]
    for name in names:
        await factory.add(name)
    if "max_accounts" in request.param:
        members = len((await factory.standin("accounts"))["accounts"])
        await factory.standin("limits", {"max_accounts": members})
    else:
        await factory.standin("faults", {"service": "organizations", "times": 1000, **request.param})
    process = await factory.start()
    monkeypatch.setattr(fakes.factory, "PAUSE", SHUT_SECONDS)
    stop, tasks = await drive(factory, process, names)
    await settled(factory, names, lambda account: reason(account) == "AccountLimitReached")
    line = Line(factory, process, names, stop, tasks)
    yield line
    await line.end()


async def test_a_full_organization_is_said_on_every_account_in_line_with_its_place(full: Line) -> None:
    accounts = [await full.factory.account(name) for name in full.names]
    assert {account.status.phase for account in accounts} == {"pending"}, "none has failed"
    assert all("Queue position" in (account.status.error or "") for account in accounts)
    assert len({account.status.error for account in accounts}) > 1, "each says its own place"


async def test_who_waits_for_room_writes_nothing_and_asks_nothing_of_aws(full: Line) -> None:
    writes, calls = len(full.factory.cluster.writes), full.process.calls.count("organizations:CreateAccount")
    await full.wake_all()
    assert len(full.factory.cluster.writes) == writes
    assert full.process.calls.count("organizations:CreateAccount") == calls


async def test_nobody_asks_again_before_the_line_opens_and_then_only_one(full: Line) -> None:
    calls = full.process.calls.count("organizations:CreateAccount")
    await asyncio.sleep(SHUT_SECONDS - 2 * PATIENCE)
    assert full.process.calls.count("organizations:CreateAccount") == calls
    await asyncio.sleep(3 * PATIENCE)
    assert full.process.calls.count("organizations:CreateAccount") == calls + 1


async def test_when_there_is_room_all_are_made(full: Line) -> None:
    await full.factory.standin("limits", {"max_accounts": 1000})
    await asyncio.to_thread(full.factory.clear_faults)
    await asyncio.sleep(SHUT_SECONDS)  # after which one of them asks again
    await settled(full.factory, full.names, lambda account: is_true(account.status.conditions, "Ready"))
    for name in full.names:
        await assert_exactly_right(full.factory, await full.factory.account(name), mails=0)


@pytest.fixture
async def backlog(factory: Factory) -> AsyncIterator[Line]:
    """Twenty accounts of which AWS makes one at a time, and does not say what became of the first."""
    factory.settings = settings(creations_in_flight=1)
    names = [f"acme-{number:03}" for number in range(20)]
    for name in names:
        await factory.add(name)
    process = await factory.start()
    process.before_call = refusal("organizations:DescribeCreateAccountStatus", "ThrottlingException")
    stop, tasks = await drive(factory, process, names)
    await settled(factory, names[1:], lambda account: reason(account) == "WaitingInLine")
    await settled(factory, names[:1], lambda account: reason(account) == "AwsUnavailable")
    line = Line(factory, process, names, stop, tasks)
    yield line
    await line.end()


async def test_a_backlog_writes_once_each_and_then_no_more(backlog: Line) -> None:
    writes = [body for verb, kind, body in backlog.factory.cluster.writes if verb == "status"]
    assert len(writes) <= len(backlog.names) + 4, "one write for each that waits, a few for the one that doesn't"
    before = len(backlog.factory.cluster.writes)
    await asyncio.sleep(PATIENCE)
    assert len(backlog.factory.cluster.writes) == before


async def test_one_of_a_backlog_is_suspended_at_once_and_leaves_the_line(backlog: Line) -> None:
    waiting = backlog.process.deps.creations.waiting
    await backlog.factory.change(backlog.names[1], suspended=True)
    backlog.process.wakeups.wake((await backlog.factory.account(backlog.names[1])).metadata.uid)
    await settled(backlog.factory, backlog.names[1:2], lambda account: account.status.phase == "suspended", seconds=2)
    assert backlog.process.deps.creations.waiting == waiting - 1


async def test_one_of_a_backlog_that_is_deleted_leaves_the_line(backlog: Line) -> None:
    waiting = backlog.process.deps.creations.waiting
    backlog.process.deps.registries.forget((await backlog.factory.account(backlog.names[1])).metadata.uid)
    assert backlog.process.deps.creations.waiting == waiting - 1


async def test_what_another_operator_made_holds_no_place_and_no_spot_in_line(factory: Factory) -> None:
    factory.settings = settings(creations_in_flight=1)
    for name in ("first", "second"):
        await factory.add(name)
    ours, other = await factory.start(), await factory.start()
    creations = ours.deps.creations
    ours.before_call = refusal("organizations:DescribeCreateAccountStatus", "ThrottlingException")
    first, daemons_of_first = await drive(factory, ours, ["first"])
    await settled(factory, ["first"], lambda account: account.status.create_request is not None)
    second, daemons_of_second = await drive(factory, ours, ["second"])
    await settled(factory, ["second"], lambda account: reason(account) == "WaitingInLine")
    assert (creations.held, creations.waiting) == (1, 1)
    await other.until("second")
    second.set()  # kopf ends the daemon of an account that owes nothing
    await asyncio.gather(*daemons_of_second)
    assert creations.waiting == 0, "nobody would ever call it"
    await other.until("first", lambda account: account.status.aws_account_id is not None)
    ours.wakeups.wake((await factory.account("first")).metadata.uid)
    await settled(factory, ["first"], lambda _: creations.held == 0, seconds=5)
    first.set()
    await asyncio.gather(*daemons_of_first)


async def test_what_is_under_way_in_aws_keeps_its_place_when_another_daemon_takes_over(factory: Factory) -> None:
    await factory.add("acme")
    process = await factory.start()
    process.before_call = refusal("organizations:DescribeCreateAccountStatus", "ThrottlingException")
    stop, daemons = await drive(factory, process, ["acme"])
    await settled(factory, ["acme"], lambda account: account.status.create_request is not None)
    stop.set()
    await asyncio.gather(*daemons)
    assert process.deps.creations.held == 0, "the process may never reconcile it again"
    await process.reconciler.reconcile(NAMESPACE, "acme")
    assert process.deps.creations.held == 1


async def test_the_role_that_does_not_answer_stalls_the_account_which_recovers(factory: Factory) -> None:
    await factory.add()
    process = await factory.start()
    process.before_call = refusal("sts:AssumeRole", "AccessDenied")
    waiting = await process.until("acme", lambda account: account.status.steps.get("wait_for_role") is not None)
    assert not is_true(waiting.status.conditions, "Stalled")
    record = factory.cluster.objects["AwsAccount", NAMESPACE, "acme"]["status"]["steps"]["wait_for_role"]
    record["troubledSince"] = "2026-01-01T00:00:00Z"
    stalled = await process.until("acme", lambda account: is_true(account.status.conditions, "Stalled"))
    said = find(stalled.status.conditions, "Stalled")
    assert said is not None
    assert said.reason == "RoleDoesNotAnswer"
    assert "more than 15 minutes; it is still tried" in said.message
    assert (stalled.status.phase, find(stalled.status.conditions, "Reconciling")) == ("failed", None)
    assert ("Warning", "RoleDoesNotAnswer") in process.events
    assert process.events.count(("Warning", "RoleDoesNotAnswer")) == 1
    process.before_call = lambda operation, number: None
    await assert_exactly_right(factory, await process.until("acme"))


async def test_throttles_and_limits_never_wear_out_a_steps_patience(factory: Factory) -> None:
    await factory.add()
    process = await factory.start()
    process.before_call = refusal("organizations:MoveAccount", "TooManyRequestsException")
    for _ in range(8):
        await process.until("acme", lambda account: "move_to_ou" in account.status.steps)
    assert (await factory.account()).status.steps["move_to_ou"].troubled_since is None
    process.before_call = refusal("organizations:MoveAccount", "NobodyKnowsThisException")
    troubled = await process.until("acme", lambda each: each.status.steps["move_to_ou"].troubled_since is not None)
    process.before_call = refusal("organizations:MoveAccount", "TooManyRequestsException")
    schedule = StepSchedule()
    for _ in range(8):
        schedule.make_all_due()
        await process.reconciler.reconcile(NAMESPACE, "acme", schedule)
    assert (await factory.account()).status.steps["move_to_ou"].troubled_since is None, troubled.status.steps
