"""One reconcile from its beginning to its end: what is begun in it, what ends it, and what of it is never lost."""

import asyncio
import contextlib
from typing import Any

import pytest
from aiohttp import ServerDisconnectedError
from fakes.aws_world import assert_exactly_right
from fakes.deletion import delete
from fakes.factory import NAMESPACE, PAUSE, Factory, Process, refusal, settings
from fakes.held import Held
from kubernetes.aio.client import ApiException

from batteries_crds.conditions import find, is_true
from batteries_operator.controller import controller
from batteries_operator.reconcile.step_schedule import StepSchedule
from batteries_operator.runtime.leader_election import NotLeadingError
from batteries_operator.status.status_writer import LONGEST_SECONDS

REFUSED = ApiException(status=500, reason="etcd has no leader")


class KubernetesDown:
    """Refuses the next writes of a status, so many of them, or does not answer."""

    def __init__(self, factory: Factory, times: int, error: Exception = REFUSED) -> None:
        self.left = times
        self._error = error
        factory.cluster.before_write = self._refuse

    def _refuse(self, kind: str, body: dict[str, Any]) -> None:
        if self.left > 0 and kind == "AwsAccount" and "status" in body:
            self.left -= 1
            raise self._error


async def made(factory: Factory, **spec: Any) -> Process:
    """A process that has an account made and of which nothing else was to be had: what follows lacks nothing."""
    await factory.add(**spec)
    process = await factory.start()
    refused = (
        refusal("sts:AssumeRole", "AccessDenied"),
        refusal("organizations:MoveAccount", "TooManyRequestsException"),
    )

    def both(operation: str, number: int) -> None:
        for each in refused:
            each(operation, number)

    process.before_call = both
    await process.until("acme", lambda each: each.status.aws_account_id is not None)
    process.before_call = lambda operation, number: None
    return process


async def test_a_reconcile_that_is_cancelled_leaves_nothing_running(factory: Factory) -> None:
    process = await made(factory)
    held = Held(process, "sts:AssumeRole", "organizations:MoveAccount")
    reconciling = asyncio.create_task(process.until("acme"))
    await held.called("sts:AssumeRole")
    await held.called("organizations:MoveAccount")
    reconciling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reconciling
    before = len(process.calls)
    held.let_go.set()
    await asyncio.sleep(0.1)
    assert len(process.calls) == before


async def test_what_one_step_raises_is_raised_when_those_beside_it_have_ended(factory: Factory) -> None:
    process = await made(factory)
    held, met = Held(process, "sts:AssumeRole"), asyncio.Event()

    def not_leading(operation: str, _: int) -> None:
        if operation == "organizations:MoveAccount":
            met.set()
            raise NotLeadingError("another leads")

    process.before_call = not_leading
    reconciling = asyncio.create_task(process.reconciler.reconcile(NAMESPACE, "acme", StepSchedule()))
    await held.called("sts:AssumeRole")
    await asyncio.wait_for(met.wait(), 5)
    await asyncio.sleep(0.05)
    assert not reconciling.done(), "what runs is not left alone"
    held.let_go.set()
    with pytest.raises(NotLeadingError):
        await reconciling


@pytest.mark.parametrize("operator_settings", [settings(backoff_max_seconds=0.0001)])
async def test_what_waits_is_tried_again_while_others_run_and_then_ends_the_reconcile(factory: Factory) -> None:
    process = await made(factory)
    held = Held(process, "sts:AssumeRole")
    process.before_call = refusal("sso:CreateAccountAssignment", "ThrottlingException")
    reconciling = asyncio.create_task(process.reconciler.reconcile(NAMESPACE, "acme", StepSchedule()))
    async with asyncio.timeout(5):
        while process.calls.count("sso:CreateAccountAssignment") < 3:
            await asyncio.sleep(0.005)
    assert not reconciling.done()
    process.before_call = lambda operation, number: None
    await factory.standin("faults", {"service": "iam", "operation": "GetUser", "kind": "throttle"})
    held.let_go.set()
    result = await asyncio.wait_for(reconciling, 10)
    assert result.requeue_after is not None, "the user still waits, and alone it keeps no reconcile going"


@pytest.mark.parametrize("error", [REFUSED, ServerDisconnectedError()], ids=["refused", "disconnected"])
async def test_what_was_put_off_is_written_when_kubernetes_takes_writes_again(
    factory: Factory, error: Exception
) -> None:
    process = await made(factory)
    held = Held(process, "sts:AssumeRole", "sso:CreateAccountAssignment")
    down = KubernetesDown(factory, times=1, error=error)
    reconciling = asyncio.create_task(process.reconciler.reconcile(NAMESPACE, "acme", StepSchedule()))
    async with asyncio.timeout(2 * LONGEST_SECONDS + 2):
        while not is_true((await factory.account()).status.conditions, "InCustomersOU"):
            await asyncio.sleep(0.01)
    assert down.left == 0
    assert not reconciling.done(), "the reconcile and what runs in it outlived the failure"
    assert ("Normal", "InCustomersOU") in process.events, "told once it was written"
    held.let_go.set()
    await reconciling


async def test_an_account_is_driven_on_where_kubernetes_closes_the_connection(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controller, "KUBERNETES_SECONDS", 0.01)
    account, process = await factory.add(), await factory.start()
    down = KubernetesDown(factory, times=3, error=ServerDisconnectedError())
    await process.drive_until_active(account)
    assert down.left == 0


async def test_no_mail_is_sent_while_what_comes_before_it_can_not_be_written(factory: Factory) -> None:
    process = await made(factory)
    held = Held(process, "identitystore:CreateUser")
    reconciling = asyncio.create_task(process.reconciler.reconcile(NAMESPACE, "acme", StepSchedule()))
    async with asyncio.timeout(5):
        while not is_true((await factory.account()).status.conditions, "OIDCConfigured"):
            await asyncio.sleep(0.01)
    down = KubernetesDown(factory, times=1000)
    held.let_go.set()
    with pytest.raises(ApiException):
        await reconciling
    for _ in range(5):
        await asyncio.sleep(PAUSE)
        with contextlib.suppress(ApiException):
            await process.reconciler.reconcile(NAMESPACE, "acme", StepSchedule())
    assert down.left < 998, "the assignment's end was seen, and could not be written"
    assert "ses:SendEmail" not in process.calls
    down.left = 0
    await assert_exactly_right(factory, await process.until("acme"))
    assert process.calls.count("ses:SendEmail") == 1


async def test_what_is_undone_is_unknown_in_kubernetes_before_aws_is_asked(factory: Factory) -> None:
    process = await factory.active(githubRepos=["octo-org/web"])
    await factory.change(suspended=True)
    seen: dict[str, str] = {}

    def note(operation: str, _: int) -> None:
        status = factory.cluster.get("AwsAccount", NAMESPACE, "acme")["status"]
        [known] = [each["status"] for each in status["conditions"] if each["type"] == "OIDCConfigured"]
        seen.setdefault(operation, known)

    process.before_call = note
    await process.until("acme")
    assert seen["iam:UpdateAssumeRolePolicy"] == "Unknown"
    found = find((await factory.account()).status.conditions, "OIDCConfigured")
    assert found is not None
    assert found.status != "True"


async def test_a_wakeup_ends_the_reconcile_so_that_no_step_begins_for_an_outdated_spec(
    factory: Factory,
) -> None:
    process = await made(factory, githubRepos=["octo-org/old"])
    account = await factory.account()
    held, stop = Held(process, "sts:AssumeRole"), asyncio.Event()
    driving = asyncio.create_task(process.drive(account, stop))
    await held.called("sts:AssumeRole")
    await factory.change(githubRepos=["octo-org/new"])
    process.wakeups.wake(account.metadata.uid)
    held.let_go.set()
    async with asyncio.timeout(10):
        while (await factory.account()).status.phase != "active":
            await asyncio.sleep(0.01)
    stop.set()
    await driving
    assert process.calls.count("iam:CreateRole") == 2, "the deploy role and the agents' role"
    assert "iam:UpdateAssumeRolePolicy" not in process.calls, "the role was never made for the old repositories"
    assert await factory.admits(await factory.account(), "repo:octo-org/new:ref:refs/heads/main")


async def test_who_is_let_go_of_teaches_nothing_of_how_long_aws_takes(factory: Factory) -> None:
    process = await factory.start()
    for expected in (process.deps.role_duration, process.deps.assignment_duration):
        expected.first_poll_delay("a", 60)
    process.deps.registries.settle("a")
    for expected in (process.deps.role_duration, process.deps.assignment_duration):
        expected.ended("a")
        assert expected.first_poll_delay("b", 60) is None, "nothing was learnt"


async def test_a_deletion_is_woken_also_after_a_reconcile_was_cancelled_amid_a_call(factory: Factory) -> None:
    process = await made(factory, deletionPolicy="Close")
    called, answered = asyncio.Event(), asyncio.Event()
    process_call = process._call

    async def in_a_thread(operation: str, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """A thread can't be cancelled: the cancellation is heard when it has ended."""
        if operation == "sts:AssumeRole" and not answered.is_set():
            called.set()
            try:
                await answered.wait()
            except asyncio.CancelledError:
                await answered.wait()
                raise
        return await process_call(operation, function, *args, **kwargs)

    process._call = in_a_thread
    account = await factory.account()
    driving = asyncio.create_task(process.drive(account, asyncio.Event()))
    await called.wait()
    delete(factory)
    driving.cancel()
    process.before_call = refusal("organizations:CloseAccount", "TooManyRequestsException")
    releasing = asyncio.create_task(process.release(account))
    await asyncio.sleep(0.05)
    before = len(process.calls)
    answered.set()
    with contextlib.suppress(asyncio.CancelledError):
        await driving
    async with asyncio.timeout(5):
        while len(process.calls) == before:
            await asyncio.sleep(0.01)
    assert account.metadata.uid in process.wakeups
    process.before_call = lambda operation, number: None
    process.wakeups.wake(account.metadata.uid)
    await asyncio.wait_for(releasing, 10)


@pytest.mark.parametrize("is_deleted", [False, True])
async def test_of_an_account_that_is_let_go_of_nothing_is_written(factory: Factory, is_deleted: bool) -> None:
    """Nobody reads its status; that of any other account is derived anew, whoever changed it."""
    process = await factory.active()
    if is_deleted:
        delete(factory)
    factory.cluster.patch("AwsAccount", NAMESPACE, "acme", {"status": {"phase": "pending"}}, status=True)
    writes = len(factory.cluster.writes)
    result = await process.reconciler.reconcile(NAMESPACE, "acme")
    assert result.requeue_after is None
    assert (result.released is not None, len(factory.cluster.writes) == writes) == (is_deleted, is_deleted)
    assert (await factory.account()).status.phase == ("pending" if is_deleted else "active")
