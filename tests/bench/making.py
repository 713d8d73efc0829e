"""Making accounts: how long one takes, how many a second, and whether AWS's own limit is what holds them back."""

import asyncio
import time
from uuid import uuid4

from bench import bare, peer
from bench.figure import Figure, Goal
from bench.ground import Ground
from bench.part import Part, Scale
from bench.script import Recording, Script, recorded
from bench.stage import AS_IT_COMES, INSTANT, Stage, open_stage
from crash.lane import OPERATOR

from batteries_crds.aws_account import AwsAccount

CALL, CREATION, ROLE, ASSIGNMENT = 0.1, 10.0, 5.0, 3.0
"""What AWS is taken to need for a call, to make an account, to have its role answer, and to assign access."""

IN_FLIGHT = 5
LINE_CREATION = 3.0
REPOSITORIES = ["octo-org/web", "octo-org/infra"]


def critical_path(call: float, creation: float, role: float, assignment: float) -> float:
    """The shortest time in which AWS can have one account ready, counted from what AWS requires.

    CreateAccount, the creation itself, and one DescribeCreateAccountStatus that tells the account's id. From there
    three things may go on side by side, for none needs another: MoveAccount (one call); the assignment in Identity
    Center (CreateAccountAssignment, its own time, and one call that tells its end; the user can be found or made
    while the account is); and what happens within the account, once its role answers: AssumeRole, then the longest of
    user (CreateUser, AttachUserPolicy, CreateLoginProfile), provider (one call) and role (CreateRole,
    AttachRolePolicy), which do not need one another either. Nothing that is looked up first is counted, nor the mail,
    which no account waits for.
    """
    within_the_account = role + call + 3 * call
    single_sign_on = call + assignment + call
    return call + creation + call + max(within_the_account, single_sign_on, call)


async def _warm(stage: Stage) -> AwsAccount:
    """A first account, after which nothing is done for the first time; how it looks."""
    name = str(uuid4())
    await stage.create(name, REPOSITORIES, "first@example.com")
    await stage.until_active({name})
    found = await stage.lane.find(name)
    assert found is not None
    return found


async def measure_one(scale: Scale, ground: Ground) -> list[Figure]:
    """One account alone, against the sum on the critical path."""
    call, creation, role, assignment = (each / scale.hurry for each in (CALL, CREATION, ROLE, ASSIGNMENT))
    delays = {"creation_seconds": creation, "role_seconds": role, "assignment_seconds": assignment}
    async with open_stage(ground, unused=False) as stage:
        await stage.aws(INSTANT)
        await stage.start()
        await _warm(stage)
        await stage.aws({**INSTANT, **delays}, latency=call)
        name, before = str(uuid4()), await stage.last_call()
        began = await stage.create(name, REPOSITORIES)
        took = await stage.until_active({name}) - began
        calls = await stage.calls(before)
    return [
        Figure(
            "one_account",
            "One account, from request to active",
            took,
            "s",
            Goal("at most", 1.10),
            critical_path(call, creation, role, assignment),
            "what AWS needs on the critical path",
            f"{call * 1000:.0f} ms a call, {len(calls)} calls; creation {creation:g} s, role {role:g} s, "
            f"assignment {assignment:g} s",
        )
    ]


async def _recording(stage: Stage) -> Recording:
    """What AWS is called for one account, when it is not the first."""
    name, before = str(uuid4()), await stage.last_call()
    await stage.create(name, REPOSITORIES, "recorded@example.com")
    await stage.until_active({name})
    account = await stage.lane.find(name)
    assert account is not None
    calls = recorded(await stage.calls(before), str(account.status.sso_user_id))
    return Recording.of(account, calls)


async def make_many(stage: Stage, count: int) -> tuple[float, float]:
    """So many accounts, asked for ten at a time, each by another owner; when the first was, and when all were Ready."""
    names, turns, version = [str(uuid4()) for _ in range(count)], asyncio.Semaphore(10), await stage.version()
    began = time.time()

    async def create(number: int, name: str) -> None:
        async with turns:
            await stage.create(name, REPOSITORIES, f"owner-{number}@example.com")

    await asyncio.gather(*(create(number, name) for number, name in enumerate(names)))
    return began, await stage.until_active(set(names), version)


async def measure_many(scale: Scale, ground: Ground) -> list[Figure]:
    """Many at once in an AWS without delays, against the bare script; and the operator's writes against bare kopf."""
    async with open_stage(ground, unused=False) as stage:
        await stage.aws(INSTANT)
        await stage.start()
        await _warm(stage)
        recording = await _recording(stage)
        script = Script(recording, stage.lane.url, OPERATOR)
        bare_rate = scale.made / await asyncio.to_thread(script.run, scale.made)
        writes, cpu = await stage.metric("batteries_status_writes_total"), stage.cpu()
        began, ended = await make_many(stage, scale.made)
        seconds = ended - began
        writes = await stage.metric("batteries_status_writes_total") - writes
        cpu = stage.cpu() - cpu
        await stage.stop()
        created, patched = await bare.measure(stage, scale.made)
    rate, each = (
        scale.made / seconds,
        f"{len(recording.calls)} AWS calls for one alone, {writes / scale.made:.1f} status writes each",
    )
    return [
        Figure(
            "accounts_per_second",
            f"{scale.made} accounts, AWS without delays",
            rate,
            "accounts/s",
            Goal("at least", 0.60),
            bare_rate,
            "the bare script",
            f"{each}, {cpu / scale.made * 1000:.0f} ms of CPU each",
        ),
        Figure(
            "status_writes_per_second",
            "Status writes while they were made",
            writes / seconds,
            "writes/s",
            None,
            patched,
            "bare kopf, whose handler only patches a status",
        ),
        Figure(
            "bare_creations",
            "Bare creation of AwsAccounts by the client that both programs use, 10 at a time",
            created,
            "objects/s",
        ),
    ]


async def measure_line(scale: Scale, ground: Ground) -> list[Figure]:
    """More accounts than AWS creates at one time: how much of AWS's own line is in use."""
    count, few, creation = scale.made // 2, scale.made // 4, LINE_CREATION / scale.hurry
    async with open_stage(ground, unused=False) as stage:
        await stage.aws({**AS_IT_COMES, "creation_seconds": creation})
        await stage.start()
        await _warm(stage)
        began, _ = await make_many(stage, count)
        known = (await stage.lane.standin("creations"))["creations"]
        asked = sorted(each["requestedAt"] for each in known if each["requestedAt"] >= began)
        against = await _against_peers(stage, few) if scale.peers else []
    line = IN_FLIGHT / creation * 60
    full = -(-count // IN_FLIGHT) * creation  # the last round need not be full
    return [
        Figure(
            "creations_line",
            f"{count} accounts: creations while they were made",
            line * full / (asked[-1] + creation - asked[0]),
            "creations/min",
            Goal("at least", 0.95),
            line,
            f"AWS's own line: {IN_FLIGHT} in flight, {creation:g} s each",
        ),
        *against,
    ]


async def _against_peers(stage: Stage, count: int) -> list[Figure]:
    """The same number of accounts by ours and by theirs, one after the other."""
    began, ended = await make_many(stage, count)
    seconds = ended - began
    await stage.stop()
    begun = time.monotonic()
    theirs = await peer.measure(stage, count)
    return [
        Figure(
            "accounts_per_minute",
            f"{count} accounts, all eight steps of each",
            count / seconds * 60,
            "accounts/min",
            Goal("at least", 4.5),
            theirs,
            "org-formation's create and move",
            f"{seconds + time.monotonic() - begun:.0f} s of the whole, for PEERS=1 alone",
        )
    ]


PARTS = (Part("one", measure_one), Part("many", measure_many), Part("line", measure_line))
