"""The operator among many settled accounts: what a restart, an idle minute, a change and each account cost."""

import asyncio
import itertools
import json
import time
from dataclasses import dataclass, field, replace
from statistics import quantiles
from uuid import uuid4

import psutil
from bench import bare
from bench.cost import Cost
from bench.etcd import copies
from bench.figure import Figure, Goal
from bench.ground import Ground
from bench.making import REPOSITORIES, make_many
from bench.part import Part, Scale
from bench.stage import INSTANT, Stage, open_stage, until, until_rested

from batteries_crds.aws_account import AwsAccount

REAL = 10
"""Accounts that are in AWS too; the changes go round them."""

CHANGES_A_SECOND = 5.0

RESTARTS = 2
"""At each size, where there is more than one round: what else happens on the machine only adds, so the less counts."""


@dataclass
class Point:
    """What so many settled accounts cost."""

    accounts: int
    resident: float
    """MB of the process."""
    cpu: float
    """Percent of a core, idle."""
    restart_cpu: float = 0.0
    """Seconds of CPU until all accounts are known, and one is made."""
    calls: int = 0
    writes: int = 0
    until_new: float = 0.0
    """Seconds from a start until an account that is new then is asked of AWS."""
    making: float = 0.0
    """Seconds of each account, of some that are made at once."""
    changes: list[float] = field(default_factory=list)

    def percentile(self, percent: int) -> float:
        """Seconds until a change was in AWS."""
        return quantiles(self.changes, n=100, method="inclusive")[percent - 1]


async def measure(scale: Scale, ground: Ground) -> list[Figure]:
    """One world that grows; the operator is started anew at each size."""
    async with open_stage(ground) as stage:
        await stage.aws(INSTANT)
        await stage.start()
        empty = await _idle(stage, 0, scale.seconds)
        real = [str(uuid4()) for _ in range(min(REAL, scale.made))]
        for name in real:
            await stage.create(name, REPOSITORIES, f"{name}@example.com")
        await stage.until_active(set(real))
        await stage.stop()
        compared = await _comparing(stage, scale)
        template = await stage.etcd.get(AwsAccount.definition.plural, stage.lane.namespace, real[0])
        there, points, kopfs = len(real), [], 0.0
        for size in scale.grown:
            await stage.etcd.put(AwsAccount.definition.plural, copies(template, there, size - there))
            await until_rested(psutil.Process(stage.world.plane.kube.pid), "kube-apiserver")
            there = size
            points.append(await _point(stage, there, scale, real))
            there = len(await stage.versions())
            if size == scale.settled:
                kopfs = await bare.memory(stage, stage.lane.namespace, there)
    settled = next(each for each in points if each.accounts == scale.settled)
    weight = Figure("account_in_etcd", "One settled account in etcd", len(json.dumps(template)) / 1000, "KB")
    return [*_goals(settled, empty, kopfs), compared, weight, *_growth(points, empty)]


async def _comparing(stage: Stage, scale: Scale) -> Figure:
    """What it costs to compare accounts at rest with AWS: none is due while the others are measured."""
    await stage.start(BATTERIES_RESYNC_SECONDS="1")
    await stage.until_known(0)
    await asyncio.sleep(1)
    before, busy = await stage.last_call(), stage.cpu()
    await asyncio.sleep(scale.seconds)
    busy = stage.cpu() - busy
    calls = await stage.calls(before)
    compared = sum(call["operation"] == "ListParents" for call in calls)
    await stage.stop()
    each = busy / max(compared, 1)
    return Figure(
        "resync_cpu",
        f"CPU to compare {scale.settled:,} accounts with AWS every hour, beside the idle CPU",
        each * scale.settled / 3600 * 100,
        "% of a core",
        note=f"from {compared} comparisons, {each * 1000:.0f} ms and {len(calls) / max(compared, 1):.1f} calls each",
    )


async def _point(stage: Stage, accounts: int, scale: Scale, real: list[str]) -> Point:
    """Restarts to a new account, idle time, and changes; at the settled size one that owes nothing before."""
    calls = writes = 0
    if accounts == scale.settled:
        calls, writes = await _restart_that_owes_nothing(stage, accounts)
    restarts = [await _restart(stage, accounts) for _ in range(min(RESTARTS, scale.rounds))]
    point = await _idle(stage, accounts, scale.seconds)
    point.calls, point.writes = calls, writes
    point.until_new, point.restart_cpu = (min(each) for each in zip(*restarts, strict=True))
    count = max(2, scale.made // 4)  # of a single one there are no percentiles
    # What is asked is asked of the settled size; for a curve half of it will do.
    point.changes = await _changes(stage, real, scale.made // 2 if accounts == scale.settled else count)
    began, ended = await make_many(stage, count)
    point.making = (ended - began) / count
    await stage.stop()
    return point


async def _restart(stage: Stage, accounts: int) -> tuple[float, float]:
    """Seconds until a new account is asked of AWS, and of CPU until all is known and at rest."""
    await stage.stop()
    # The last in the list, as Kubernetes sorts it: a name by chance would be seen at any time between first and last.
    before, name = await stage.last_call(), f"ffffffff{str(uuid4())[8:]}"
    await stage.create(name, REPOSITORIES)
    began = await stage.start()
    await stage.until_active({name})
    (asked,) = await stage.calls(before, "CreateAccount")
    await _rested(stage, accounts)
    return asked["time"] - began, stage.cpu()


async def _restart_that_owes_nothing(stage: Stage, accounts: int) -> tuple[int, int]:
    """The calls of AWS that it made, and how many accounts it wrote to."""
    before, versions = await stage.last_call(), await stage.versions()
    await stage.start()
    await _rested(stage, accounts)
    calls, now = await stage.last_call() - before, await stage.versions()
    await stage.stop()
    return calls, sum(now[name] != version for name, version in versions.items())


async def _rested(stage: Stage, accounts: int) -> None:
    """Returns when the operator has heard of every account and has come to rest."""
    await stage.until_known(accounts)
    await until_rested(stage.process, "the operator", at_least=0.5)


async def _idle(stage: Stage, accounts: int, seconds: float) -> Point:
    """The operator's memory and CPU, once it has come to rest."""
    await _rested(stage, accounts)
    began, busy = time.monotonic(), stage.cpu()
    await asyncio.sleep(seconds)  # what is measured is this time
    cpu = (stage.cpu() - busy) / (time.monotonic() - began) * 100
    return Point(accounts, stage.process.memory_info().rss / 1e6, cpu)


async def _changes(stage: Stage, real: list[str], count: int) -> list[float]:
    """Seconds from each change of repositories until the trust policy in AWS says so; as many accounts are in progress.

    These wait for their role, which each is asked for at the operator's own pace; they are deleted in the end.
    """
    waiting = [str(uuid4()) for _ in range(count)]
    await stage.aws({**INSTANT, "role_seconds": 36_000})
    for name in waiting:
        await stage.create(name, REPOSITORIES, f"{name}@example.com")

    async def in_progress() -> bool:
        return await stage.metric("batteries_step_outcomes_total", step="wait_for_role", outcome="wait") >= len(waiting)

    await until(in_progress, f"{len(waiting)} accounts in progress", every=0.2)
    sent, before = {}, await stage.last_call()
    for name, _ in zip(itertools.cycle(real), waiting, strict=False):
        change = f"octo-org/{uuid4()}"
        sent[change] = time.time()
        await stage.lane.accounts.merge(stage.lane.namespace, name, {"spec": {"githubRepos": [change]}})
        await asyncio.sleep(1 / CHANGES_A_SECOND)  # a steady load

    async def taken() -> dict[str, float]:
        calls = await stage.calls(before, "UpdateAssumeRolePolicy")
        policies = [(call["time"], str(call["params"])) for call in calls if call["errorCode"] is None]
        return {change: moment for change in sent for moment, policy in policies if change in policy}

    async def all_taken() -> bool:
        return len(await taken()) == len(sent)

    await until(all_taken, "every change in AWS", every=0.2)
    moments = await taken()
    await stage.aws(INSTANT)
    for name in waiting:
        await stage.lane.accounts.delete(stage.lane.namespace, name)

    async def let_go() -> bool:
        return not [name for name in waiting if await stage.lane.find(name) is not None]

    await until(let_go, "the accounts in progress gone", every=0.5)
    return [moments[change] - begun for change, begun in sent.items()]


def _goals(point: Point, empty: Point, kopfs: float) -> list[Figure]:
    """What is asked of the operator at this size."""
    size = f"{point.accounts:,} settled accounts"
    memory = point.resident - empty.resident
    load = f"{len(point.changes)} changes, {CHANGES_A_SECOND:g} a second; as many accounts in progress"
    each = f"{memory / point.accounts * 1000:.1f} KB an account; {empty.resident:.0f} MB without any"
    return [
        _asked("change_p50", f"Change of repositories to AWS, p50, {size}", point.percentile(50), "s", 0.3, load),
        _asked("change_p99", "The same, p99", point.percentile(99), "s", 1.0),
        _asked("restart_calls", f"Restart among {size}: AWS calls", point.calls, "calls", 0),
        _asked("restart_writes", "The same: accounts written to", point.writes, "accounts", 0),
        _asked("restart_seconds", "The same: until a new account is asked of AWS", point.until_new, "s", 20),
        replace(
            _asked("memory", f"Memory for {size}, beyond an operator without any", memory, "MB", 150, each),
            limit=kopfs,
            against="a kopf whose handler does nothing",
        ),
        _asked("idle_cpu", f"Idle CPU among {size}", point.cpu, "% of a core", 2),
    ]


def _asked(key: str, what: str, value: float, unit: str, bound: float, note: str = "") -> Figure:
    """A figure whose goal is a value at most."""
    return Figure(key, what, value, unit, Goal("at most", bound, "value"), note=note)


def _growth(points: list[Point], empty: Point) -> list[Figure]:
    """Each cost at each size (`name@accounts`), and whether it grows faster than the accounts do."""
    costs = (
        Cost("memory", "Memory", "MB", 1, [each.resident - empty.resident for each in points]),
        Cost("restart_seconds", "Restart until a new account is asked of AWS", "s", 1, [x.until_new for x in points]),
        Cost("restart_cpu", "CPU of a restart", "s", 0.1, [each.restart_cpu for each in points]),
        Cost("idle_cpu", "Idle CPU", "% of a core", 0.2, [each.cpu for each in points]),
        Cost("change_p50", "Change to AWS, p50", "s", 0.01, [each.percentile(50) for each in points]),
        Cost("change_p99", "Change to AWS, p99", "s", 0.01, [each.percentile(99) for each in points]),
        Cost("making", "Seconds for each account that is made", "s", 0.01, [each.making for each in points]),
    )
    sizes = [each.accounts for each in points]
    return [figure for cost in costs for figure in cost.figures(sizes)]


PARTS = (Part("grown", measure),)
