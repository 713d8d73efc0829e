"""A pool: how soon an account is there that was made before, how many a second, and what the pool costs at rest."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any
from uuid import uuid4

from bench.etcd import copies
from bench.figure import Figure, Goal
from bench.ground import Ground
from bench.making import REPOSITORIES, critical_path, make_many
from bench.part import Part, Scale
from bench.pool_stage import PoolStage
from bench.script import ClaimScript, Recording, recorded
from bench.stage import INSTANT, Stage, open_stage, until_rested
from crash.lane import OPERATOR
from fakes.identity_tokens import github_token

from batteries_crds.conditions import READY
from batteries_crds.identity import derived_uuid
from batteries_crds.names import MEMBERS
from batteries_crds.pooled_account import PooledAccount

CALL, CREATION, ROLE, ASSIGNMENT = 0.1, 60.0, 20.0, 3.0
"""What AWS is taken to need for a call, to make an account, to have its role answer, and to assign access."""

ALONE = 3
"""Claims that are measured one after another; their median counts."""

AT_ONCE = 50
RESTING = 500
NOISE = 0.5
"""Percent of a core: what two idle times of one operator differ by on a machine that is shared."""

LEAST_SECONDS = 5.0
"""An idle time is no shorter: Linux counts CPU in hundredths of a second."""

_MAKING = ("CreateAccount", "DescribeCreateAccountStatus", "ListCreateAccountStatus")


def claims_path(call: float, assignment: float) -> float:
    """The shortest time in which a prepared account can be somebody's and ready, counted from what AWS requires.

    A session within the account, and one call with it that looks whether anybody was there; then the tag that says
    whose it is. From there on side by side: the assignment in Identity Center (CreateAccountAssignment, its own time,
    and one call that tells its end; the user can be found or made before), and within the account the session and the
    longest of user (CreateUser, AttachUserPolicy, CreateLoginProfile) and role (one call), beside MoveAccount.
    """
    taking = call + call + call
    single_sign_on = call + assignment + call
    return taking + max(single_sign_on, call + 3 * call)


@dataclass(frozen=True)
class Made:
    """One account from its request on: seconds until its role admits the repository and until it is ready."""

    deployable: float
    active: float
    calls: Sequence[dict[str, Any]]


async def measure(scale: Scale, ground: Ground) -> list[Figure]:
    """One world: without a pool, with one that is claimed from, and with a large one at rest."""
    async with open_stage(ground) as stage:
        pools = PoolStage(stage)
        await stage.aws(INSTANT)
        await stage.start()
        await until_rested(stage.process, "the operator", at_least=0.5)
        idle = max(scale.seconds, LEAST_SECONDS)
        without = await _idle_cpu(stage, idle)
        await _filled(pools, ALONE + 1)
        await _made(stage, "warm")  # after which nothing is done for the first time
        alone = await _alone(stage, scale)
        at_once = await _at_once(pools, min(AT_ONCE, scale.made))
        at_rest = await _at_rest(pools, min(RESTING, scale.settled), without, idle)
    return [*alone, at_once, *at_rest]


async def _filled(pools: PoolStage, size: int) -> None:
    """A pool of so many, and an operator that remembers no session in their accounts, as hours after they were made."""
    await pools.fill(size)
    await pools.stage.stop()
    await pools.stage.start()
    await until_rested(pools.stage.process, "the operator", at_least=0.5)


async def _made(stage: Stage, owner: str) -> Made:
    """One account alone, as a watch tells of it; proved by a token of GitHub that its role then admits."""
    name, before, version = str(uuid4()), await stage.last_call(), await stage.version()
    began = await stage.create(name, REPOSITORIES, f"{owner}@example.com")
    deployable = 0.0
    stream = await stage.lane.accounts.watch_from(stage.lane.namespace, version, seconds=600)
    async with asyncio.timeout(600), stream:
        async for line in stream.content:
            event = json.loads(line)
            status = event["object"].get("status", {})
            if event["object"]["metadata"].get("name") != name:
                continue
            if status.get("oidcRoleArn") and not deployable:
                deployable = time.time() - began
                admitted = asyncio.create_task(_admits(stage, status["oidcRoleArn"]))
            if any(each["type"] == READY and each["status"] == "True" for each in status.get("conditions", [])):
                break
    active = time.time() - began
    assert await admitted, "the role that the status names does not admit the repository"
    return Made(
        deployable,
        active,
        [call for call in await stage.calls(before) if call["operation"] != "AssumeRoleWithWebIdentity"],
    )


async def _admits(stage: Stage, role: str) -> bool:
    """Whether GitHub Actions of the first repository get credentials of the role, asked at once."""
    form = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": role,
        "RoleSessionName": "bench",
        "WebIdentityToken": await asyncio.to_thread(
            github_token, stage.lane.url, f"repo:{REPOSITORIES[0]}:ref:refs/heads/main"
        ),
    }
    async with stage.lane.http.post(stage.lane.url, data=form) as answer:
        return answer.status == 200


async def _alone(stage: Stage, scale: Scale) -> list[Figure]:
    """Claims one after another, then one account of an empty pool, in an AWS that takes its time."""
    call, creation, role, assignment = (each / scale.hurry for each in (CALL, CREATION, ROLE, ASSIGNMENT))
    delays = {"creation_seconds": creation, "role_seconds": role, "assignment_seconds": assignment}
    await stage.aws({**INSTANT, **delays}, latency=call)
    claims = [await _made(stage, f"claim-{number}") for number in range(ALONE)]
    cold = await _made(stage, "cold")
    await stage.aws(INSTANT)
    active, deployable = median(each.active for each in claims), median(each.deployable for each in claims)
    calls = f"{call * 1000:.0f} ms a call, {len(claims[-1].calls)} calls; assignment {assignment:g} s"
    goal = Goal("at most", 1.10)
    needed = claims_path(call, assignment)
    beyond, what = _beyond(claims[-1].calls, cold.calls)
    least = critical_path(call, creation, role, assignment)
    return [
        Figure(
            "pool_claim",
            "An account of the pool, from request to active",
            active,
            "s",
            goal,
            needed,
            "what AWS needs on the claim's critical path",
            calls,
        ),
        Figure(
            "pool_claim_to_cold",
            "The same, against a cold account",
            active,
            "s",
            Goal("at most", 0.08),
            cold.active,
            "an account of an empty pool",
            f"creation {creation:g} s, role {role:g} s; the cold one needs {least:.1f} s of AWS",
        ),
        Figure(
            "pool_deployable",
            "The same, until its role admits the repository",
            deployable,
            "s",
            Goal("at most", 2.0, "value"),
        ),
        Figure(
            "pool_calls",
            "AWS calls of a claim beyond those of the same steps cold",
            beyond,
            "calls",
            Goal("at most", 4, "value"),
            note=what,
        ),
    ]


def _beyond(claim: Sequence[dict[str, Any]], cold: Sequence[dict[str, Any]]) -> tuple[int, str]:
    """How many calls more, without those that make an account and those that wait for something; and which."""
    counted = [Counter(_steps_of(calls)) for calls in (claim, cold)]
    more, less = counted[0] - counted[1], counted[1] - counted[0]
    said = [", ".join(f"{count} {name}" for name, count in sorted(each.items())) or "none" for each in (more, less)]
    return more.total() - less.total(), f"more: {said[0]}; fewer: {said[1]}"


def _steps_of(calls: Sequence[dict[str, Any]]) -> Iterator[str]:
    polled: set[str] = set()
    for call in calls:
        name = call["operation"]
        is_wait = name == "AssumeRole" and call["errorCode"] is not None  # the role does not answer yet
        if name in _MAKING or name in polled or is_wait:
            continue
        if name.endswith("Status") or name == "DescribeAccount":
            polled.add(name)
        yield name


async def _at_once(pools: PoolStage, count: int) -> Figure:
    """So many requests at once on a pool of as many, and a bare script that makes the same calls on as many more."""
    stage = pools.stage
    await _filled(pools, 2 * count + 2)
    await _made(stage, "warm")
    name, before = str(uuid4()), await stage.last_call()
    await stage.create(name, REPOSITORIES, "recorded@example.com")
    await stage.until_active({name})
    account = await stage.lane.find(name)
    assert account is not None
    assert account.status.claim is not None, "it did not come from the pool"
    calls = recorded(await stage.calls(before), str(account.status.sso_user_id))
    began, ended = await make_many(stage, count)
    cold = [one async for one in stage.lane.accounts.all(stage.lane.namespace) if one.since.timestamp() >= int(began)]
    assert len(cold) >= count
    assert all(one.status.claim is not None for one in cold), "not all came from the pool"
    rate = count / (ended - began)
    left = [str(member.status.aws_account_id) for member in await pools.ready()]
    assert len(left) == count, f"{len(left)} members are left"
    await stage.stop()  # the script takes what is left, of which the operator must not hear
    script = ClaimScript(Recording.of_claim(account, calls), stage.lane.url, OPERATOR, left)
    bare_rate = count / await asyncio.to_thread(script.run, count)
    await pools.forget()
    return Figure(
        "pool_claims_per_second",
        f"{count} requests at once on a pool of {count}, AWS without delays",
        rate,
        "accounts/s",
        Goal("at least", 0.60),
        bare_rate,
        "the bare script with the claim's calls",
        f"{len(calls)} AWS calls for one",
    )


async def _at_rest(pools: PoolStage, count: int, without: float, seconds: float) -> list[Figure]:
    """A pool of so many that nobody asks: copies of one that is ready."""
    stage = pools.stage
    await stage.start()
    await pools.fill(1)
    (member,) = await pools.ready()
    await stage.stop()
    template = await stage.etcd.get(MEMBERS, stage.lane.namespace, member.metadata.name)
    await stage.etcd.put(MEMBERS, _members(template, member, count - 1))
    await stage.start()
    await pools.until_ready(count)
    await until_rested(stage.process, "the operator", at_least=0.5)
    calls, versions = await stage.last_call(), await pools.versions()
    cpu = await _idle_cpu(stage, seconds)
    now = await pools.versions()
    calls = await stage.last_call() - calls
    writes = sum(now.get(name) != version for name, version in versions.items()) + len(now.keys() - versions.keys())
    await stage.stop()
    size = f"A pool of {count} at rest for {seconds:.0f} s"
    zero = Goal("at most", 0, "value")
    return [
        Figure("pool_rest_calls", f"{size}: AWS calls", calls, "calls", zero),
        Figure("pool_rest_writes", "The same: objects written to", writes, "objects", zero),
        Figure(
            "pool_rest_cpu",
            "The same: CPU beyond the same operator without a pool",
            max(cpu - without, 0.0),
            "% of a core",
            Goal("at most", NOISE, "value"),
            note=f"{cpu:.2f} % with it, {without:.2f} % without",
        ),
    ]


def _members(template: dict[str, Any], member: PooledAccount, count: int) -> Iterator[tuple[str, str, str]]:
    """Copies of a ready member, each with its own ids."""
    for namespace, name, text in copies(template, 0, count):
        own = derived_uuid(f"{MEMBERS}/{namespace}/{name}")
        yield namespace, name, text.replace(str(member.account_id), str(own))


async def _idle_cpu(stage: Stage, seconds: float) -> float:
    """Percent of a core."""
    began, busy = time.monotonic(), stage.cpu()
    await asyncio.sleep(seconds)  # what is measured is this time
    return (stage.cpu() - busy) / (time.monotonic() - began) * 100


PARTS = (Part("pool", measure),)
