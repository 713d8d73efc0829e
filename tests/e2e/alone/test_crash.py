"""A part of `make crash` and `make storm`, and what else must never make two accounts or lose one."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from crash.lane import Lane
from crash.lives import LIVES, at_rest, create, delete, is_open, members
from crash.matrix import FAILED, Cell, Matrix, discover, run_cell, run_lane
from crash.points import FAULTS, Fault, Point
from crash.pool_lives import POOL_LIVES
from crash.proxy import Trap
from crash.report import lines
from crash.storm import Weather
from crash.storm import run as storm
from crash.world import World, open_world

from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import TAG_ACCOUNT_ID, TAG_RESOURCE
from batteries_operator.runtime.naming import account_email

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
SAMPLE, POOL_SAMPLE = 47, 61


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One cluster with two lanes, for all tests here."""
    async with AsyncExitStack() as stack:
        yield await open_world(stack, tmp_path_factory.mktemp("crash"), 2)


@pytest_asyncio.fixture(loop_scope="module")
async def lane(world: World) -> AsyncIterator[Lane]:
    """The lane of single stories; each ends with its operator."""
    last = world.lanes[1]
    yield last
    await last.kill()


async def test_a_sample_of_the_crash_matrix_is_green(world: World) -> None:
    matrix = Matrix()
    matrix.points = await discover(world.lanes[0], [life.name for life in LIVES])
    assert sum(map(len, matrix.points.values())) > 100
    await _is_green(world, matrix, SAMPLE)


async def _is_green(world: World, matrix: Matrix, sample: int) -> None:
    cells = list(matrix.cells())[::sample]
    async with asyncio.TaskGroup() as group:
        for number, lane in enumerate(world.lanes):
            group.create_task(run_lane(lane, matrix, cells[number::2]))
    assert len(matrix.verdicts) == len(cells) > 9
    assert matrix.failed == 0, "\n".join([*lines(matrix), *matrix.stories])
    for lane in world.lanes:
        await lane.kill()


async def test_the_matrix_is_red_where_aws_holds_one_thing_too_many(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The harness itself: a second IAM user turns a cell red and ends no other."""
    lane, matrix = world.lanes[0], Matrix()

    async def meddled(lane: Lane, account: AwsAccount) -> None:
        iam = await lane.client("iam", account.status.aws_account_id)
        iam.create_user(UserName="intruder")
        await is_open(lane, account)

    provisioning = LIVES[0]
    life = replace(provisioning, name="meddled", check=meddled)
    cell = Cell(
        life, Point("aws", "organizations:CreateAccount", 1), Fault("answer lost", "answer_lost", "lost", False)
    )
    monkeypatch.setattr("crash.matrix.LIVES", (life,))
    await run_lane(lane, matrix, [cell])
    await lane.kill()
    assert set(matrix.verdicts.values()) == {FAILED}
    assert "intruder" in matrix.stories[0]


async def test_what_the_operator_was_killed_before_is_not_done_later(lane: Lane) -> None:
    """The harness itself: a held call that went on after the kill would make `killed before` another `killed after`."""
    since = (await lane.standin("health"))["calls"]
    point = Point("aws", "organizations:CreateAccount", 1)
    await run_cell(lane, Cell(LIVES[0], point, FAULTS[0]), "killed-before")
    calls = (await lane.standin(f"calls?since={since}"))["calls"]
    assert [call["done"] for call in calls if call["operation"] == "CreateAccount"] == [False, True]


async def test_a_small_storm_makes_exactly_as_many_as_were_asked_for(world: World) -> None:
    weather = Weather(accounts=8, kill=4)
    outcome = await storm(weather, world.lanes[1])
    await world.lanes[1].kill()
    assert outcome.is_right(weather), outcome.table()
    assert min(outcome.kills, outcome.throttled, outcome.lost) > 0, outcome.table()


async def test_two_operators_at_once_with_no_leader_make_each_account_once(lane: Lane) -> None:
    # The harness looks for lost requests at once. Of two live operators the one must not take the other's request for
    # lost while that one waits for a processor, which on a busy machine it does for seconds.
    patient = replace(lane, environment={**lane.environment, "BATTERIES_INTENT_GRACE_SECONDS": "60"})
    await patient.start()
    second = await lane.zygote.start(patient.environment, lane.log)
    names = [f"two-{number}" for number in range(20)]
    try:
        for name in names:
            await create(lane, name)
        for name in names:
            account = await lane.until(name, at_rest, seconds=120)
            assert account is not None
            await is_open(lane, account)
    finally:
        os.kill(second, signal.SIGKILL)
        await patient.kill()


async def test_nothing_is_asked_of_aws_before_the_finalizer_keeps_the_object(lane: Lane) -> None:
    """Else an account that is deleted right after it was made would be gone while AWS makes it, and nobody's."""
    since = (await lane.standin("health"))["calls"]
    await lane.start()
    lane.proxy.reset(trap := Trap("PATCH awsaccounts", 1, "before"))
    await create(lane, "deleted-at-once")
    async with asyncio.timeout(30):
        await trap.sprung.wait()
    await asyncio.sleep(1)  # what would be done without the finalizer is done by now
    assert lane.proxy.writes == [("PATCH awsaccounts", 1)]
    await delete(lane, "deleted-at-once")
    assert await lane.find("deleted-at-once") is None, "nothing keeps it yet"
    lane.proxy.reset()
    await create(lane, "afterwards")
    await lane.until("afterwards", at_rest)
    calls = (await lane.standin(f"calls?since={since}&operation=CreateAccount"))["calls"]
    assert [call["params"]["Email"] for call in calls] == [await _email(lane, "afterwards")]


async def _email(lane: Lane, name: str) -> str:
    account = await lane.find(name)
    assert account is not None
    assert account.status.create_request is not None
    return account.status.create_request.email


async def test_a_status_wiped_by_hand_comes_back_to_the_same_account(lane: Lane) -> None:
    await lane.start()
    await create(lane, "wiped")
    before = await lane.until("wiped", at_rest)
    assert before is not None
    await lane.kill()
    empty = {name: None for name in before.status.to_wire()}
    await lane.accounts.merge_status(lane.namespace, "wiped", {"status": empty})
    await lane.start()
    after = await lane.until("wiped", at_rest)
    assert after is not None
    assert after.status.aws_account_id == before.status.aws_account_id
    assert len(await members(lane, after)) == 1
    assert await lane.signs_in(after) is not None


async def test_a_strangers_account_is_refused_and_ours_is_adopted(lane: Lane) -> None:
    stranger = await _made_by_hand(lane, "stranger", tagged=False)
    await lane.start()
    failed = await lane.until("stranger", lambda each: each is not None and each.status.phase == "failed")
    assert failed is not None
    assert "belongs to an AWS account that is not ours" in (failed.status.error or "")
    organizations = await lane.client("organizations")
    tags: Any = [
        {"Key": TAG_ACCOUNT_ID, "Value": str(failed.account_id)},
        {"Key": TAG_RESOURCE, "Value": failed.key},
    ]
    organizations.tag_resource(ResourceId=stranger, Tags=tags)
    retry = {"metadata": {"annotations": {"aibatteriesincluded.com/retry": "1"}}}
    await lane.accounts.merge(lane.namespace, "stranger", retry)
    adopted = await lane.until("stranger", at_rest)
    assert adopted is not None
    assert adopted.status.aws_account_id == stranger
    ours = await _made_by_hand(lane, "ours", tagged=True)
    found = await lane.until("ours", at_rest)
    assert found is not None
    assert found.status.aws_account_id == ours


async def _made_by_hand(lane: Lane, name: str, *, tagged: bool) -> str:
    """An AWS account with the root address that the AwsAccount `name` will want; and that AwsAccount."""
    account = AwsAccount.model_validate(
        {"metadata": {"name": name, "namespace": lane.namespace}, "spec": {"email": "a@b.co"}}
    )
    identity = str(account.account_id)
    organizations = await lane.client("organizations")
    tags: Any = (
        [{"Key": TAG_ACCOUNT_ID, "Value": identity}, {"Key": TAG_RESOURCE, "Value": account.key}] if tagged else []
    )
    asked = organizations.create_account(
        Email=account_email(lane.settings.account_email_template, identity), AccountName="by hand", Tags=tags
    )["CreateAccountStatus"]["Id"]
    while True:
        status = organizations.describe_create_account_status(CreateAccountRequestId=asked)["CreateAccountStatus"]
        if status["State"] != "IN_PROGRESS":
            break
        await asyncio.sleep(0.02)
    await create(lane, name)
    return str(status["AccountId"])


async def test_etcd_put_back_to_yesterday_makes_no_account_twice_and_loses_none(world: World, lane: Lane) -> None:
    plane, data = world.plane, world.folder / "controlplane" / "etcd"
    await create(lane, "known")
    await create(lane, "half-made")
    yesterday = world.folder / "yesterday"
    for part in (plane.kube, plane.etcd):
        await part.stop()
    shutil.copytree(data, yesterday)
    await _start_again(plane.etcd, plane.kube, lane)
    await lane.start()
    await create(lane, "too-late")
    made = {name: await lane.until(name, at_rest) for name in ("known", "half-made", "too-late")}
    await lane.kill()
    for part in (plane.kube, plane.etcd):
        await part.stop()
    shutil.rmtree(data)
    shutil.copytree(yesterday, data)
    await _start_again(plane.etcd, plane.kube, lane)
    assert await lane.find("too-late") is None
    await lane.start()
    for name in ("known", "half-made"):
        before, after = made[name], await lane.until(name, at_rest)
        assert before is not None
        assert after is not None
        assert after.status.aws_account_id == before.status.aws_account_id, "the same account, found by its tag"
        assert len(await members(lane, after)) == 1
        assert await lane.signs_in(after) is not None
    orphan = made["too-late"]
    assert orphan is not None
    assert [each["id"] for each in await members(lane, orphan)] == [orphan.status.aws_account_id]


async def _start_again(etcd: Any, kube: Any, lane: Lane) -> None:
    await etcd.start()
    await kube.start()
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(Exception):
                await lane.find("known")
                return
            await asyncio.sleep(0.1)


async def test_a_sample_of_the_lives_that_begin_in_a_pool_is_green(world: World) -> None:
    """The last here: ready accounts of pools stay in both lanes, and would be handed out to others."""
    matrix = Matrix()
    matrix.points = await discover(world.lanes[0], [life.name for life in POOL_LIVES])
    assert sum(map(len, matrix.points.values())) > 50
    await _is_green(world, matrix, POOL_SAMPLE)
