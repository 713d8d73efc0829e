"""A walk from beginning to end: make the accounts, let the weather come, put right what is not to stay, look."""

import asyncio
import contextlib
import re
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

from crash import clock
from kubernetes.aio.client import ApiException
from weather import aws_acts, kube_acts, strangers
from weather.count import wrong_in_all
from weather.scene import open_scene
from weather.truth import Facts, settled
from weather.walk import REFUSALS, Act, Turn, Walk, wishes

from batteries_crds.conditions import READY, find
from batteries_crds.names import ANNOTATION_RETRY, TAG_RESOURCE

RESYNC_SECONDS_FOR_EACH = 0.3
"""Of the interval of comparisons, for each account: so many as two cores take beside all else."""


@dataclass(frozen=True)
class Plan:
    """How large, how long; `patience` is for the accounts to settle when the weather is over."""

    seed: int
    accounts: int
    acts: int
    pause: float
    patience: float
    heavy: bool = True

    @property
    def table(self) -> list[Act]:
        """What may happen."""
        every = [*kube_acts.ACTS, *aws_acts.ACTS]
        return [act for act in every if self.heavy or not act.heavy]


async def weather(plan: Plan, folder: Path) -> list[str]:
    """What is wrong at the end."""
    async with open_scene(folder, max(3.0, RESYNC_SECONDS_FOR_EACH * plan.accounts)) as scene:
        walk = Walk(scene, plan.seed)
        wishes(walk, plan.accounts)
        await strangers.make(scene.lane)
        before = await strangers.snapshot(scene.lane)
        await scene.start()
        keeping = asyncio.create_task(scene.keep())
        try:
            return await _walked(plan, walk, before)
        finally:
            keeping.cancel()


async def _walked(plan: Plan, walk: Walk, before: object) -> list[str]:
    scene = walk.scene
    first = Turn(walk, Random(plan.seed), min(walk.wishes))  # noqa: S311  # a game, no secret
    for namespace in scene.homes:
        await kube_acts.customers(first, namespace)
    for wish in walk.wishes.values():
        await walk.apply(wish)
    await _until_made(walk, plan.patience)
    await walk.run(plan.table, plan.acts, plan.pause)
    await walk.settle_background()
    await _end(walk)
    wrong = await _settle(walk, plan.patience)
    wrong += await _looked_over(walk)
    after = await strangers.snapshot(scene.lane)
    if after != before:
        wrong.append(f"what is none of ours was changed: {before} and {after}")
    if await scene.healthy() is not True:
        wrong.append("/healthz is not 200 when all is well")
    try:
        print(f"{scene.now:6.1f} s  SIGTERM: ended in {await scene.stop():.1f} s", flush=True)
    except TimeoutError:
        wrong.append("the operator did not end within 10 s of SIGTERM")
    return [*wrong, *scene.health_lies]


async def _until_made(walk: Walk, patience: float) -> None:
    """The weather comes when most are made, and some still are being made."""
    async with asyncio.timeout(patience):
        while True:
            accounts = await walk.scene.everything()
            made = [each for each in accounts if each.status.phase in ("active", "suspended")]
            if len(made) >= 0.8 * len(walk.wishes):
                print(f"{walk.scene.now:6.1f} s  {len(made)} of {len(walk.wishes)} accounts are made", flush=True)
                return
            await asyncio.sleep(0.5)


async def _end(walk: Walk) -> None:
    """People put right what is in their hands; of what was done to single accounts every other one stays."""
    scene, lane = walk.scene, walk.scene.lane
    await lane.standin("faults", method="DELETE")
    clock.turn(scene.clock, 0)
    for namespace in [*scene.forbidden_since]:
        await scene.permit(namespace)
    await _prepare(walk)
    draw = Random(f"{walk.seed}/end")  # noqa: S311  # a game, no secret
    members = {each["id"]: each for each in (await lane.standin("accounts"))["accounts"]}
    for account in await scene.everything():
        turn, aws_id = Turn(walk, draw, account.key), account.status.aws_account_id
        stays = draw.random() < 0.5 and not account.is_deleted
        if aws_id is None or stays:
            continue
        member = members.get(aws_id)
        with contextlib.suppress(*REFUSALS):
            if member is None or member["state"] not in ("ACTIVE", "PENDING_CLOSURE"):
                await aws_acts.reopen(turn)
            if member is None or member["tags"].get(TAG_RESOURCE) != account.key:
                await aws_acts.give_tag(turn)
    print(f"{scene.now:6.1f} s  the weather is over", flush=True)


async def _prepare(walk: Walk) -> None:
    """Runs bootstrap, and does what it asks for: an account without its tag is tagged again, or moved elsewhere."""
    scene, draw = walk.scene, Random(f"{walk.seed}/bootstrap")  # noqa: S311  # a game, no secret
    for _ in walk.wishes:
        code, out, err = await scene.command("bootstrap")
        if code == 0:
            return
        named = re.search(r"holds the AWS account (\d{12}), which no tag names", out + err)
        assert named is not None, out + err
        keys = [each.key for each in await scene.everything() if each.status.aws_account_id == named[1]]
        if keys:
            await aws_acts.give_tag(Turn(walk, draw, keys[0]))
        else:
            await aws_acts.move_to(scene.lane, named[1], strangers.TEAM)
        print(f"{scene.now:6.1f} s  put right for bootstrap: {named[1]} of {keys or 'nobody'}", flush=True)
    raise AssertionError("bootstrap still finds an account without its tag")


async def _settle(walk: Walk, patience: float) -> list[str]:
    """Waits until every object is true; what still is not, and why.

    Who reads the runbook asks for another try where a step was given up: that is done once for each.
    """
    right: set[str] = set()
    wrong: dict[str, list[str]] = {}
    begun, asked = time.monotonic(), set[str]()
    while time.monotonic() - begun < patience:
        facts, accounts = await Facts.gather(walk.scene), await walk.scene.everything()
        await walk.note_owners()
        left = [account for account in accounts if account.key not in right]
        wrong = {}
        for account in left:
            found = await settled(walk, account, facts)
            if found:
                wrong[account.key] = found
            else:
                right.add(account.key)
        if not wrong:
            print(f"{walk.scene.now:6.1f} s  all {len(accounts)} are true", flush=True)
            break
        for account in left:
            said = find(account.status.conditions, READY)
            if account.key in wrong and account.key not in asked and said is not None and said.reason in _ASKED_FOR:
                asked.add(account.key)
                with contextlib.suppress(ApiException):
                    body = {"metadata": {"annotations": {ANNOTATION_RETRY: "weather-is-over"}}}
                    await walk.scene.lane.accounts.merge(account.metadata.namespace, account.metadata.name, body)
        await asyncio.sleep(1)
    return [f"{key}: {each}" for key, found in wrong.items() for each in found]


_ASKED_FOR = frozenset({"NotOurAccount", "AccountIdTaken", "EmailAlreadyExists", "UserNotOurs", "RoleNotOurs"})
"""Reasons whose remedy ends with asking for another try."""


async def _looked_over(walk: Walk) -> list[str]:
    """All of them once more, and all together."""
    facts, accounts = await Facts.gather(walk.scene), await walk.scene.everything()
    wrong = [f"{each.key}, later: {one}" for each in accounts for one in await settled(walk, each, facts)]
    there = {account.key for account in accounts}
    missing = sorted(key for key, wish in walk.wishes.items() if wish.is_there and key not in there)
    too_many = sorted(there - {key for key, wish in walk.wishes.items() if wish.is_there})
    wrong += [f"{key} is gone, and nobody deleted it" for key in missing]
    wrong += [f"{key} was deleted, and is there" for key in too_many]
    return [*wrong, *await wrong_in_all(walk, accounts, facts)]
