"""How many tokens for AWS one API server gives out in a second, beside the same signing alone in a loop."""

import asyncio
import time
from datetime import timedelta
from statistics import median
from uuid import uuid4

import aiohttp
from bench.api_load import Load, Request, middle, press, write_requests
from bench.api_probe import cpu_seconds
from bench.api_seed import accounts_of
from bench.api_world import Replica, World, open_world
from bench.figure import Figure, Goal
from bench.ground import Ground
from bench.part import Part, Scale

from batteries_apiserver.tokens.keys import IssuerKey, new_key
from batteries_apiserver.tokens.signing import claims, sign
from batteries_crds.agent_access import ROLE_NAME, Issuer
from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import utc_now_exactly
from batteries_crds.kube.client import Resources
from batteries_sandbox.cluster import NAMESPACE

_ISSUER = Issuer("https://api.example.com")
_ACCOUNTS = 20
_SETTINGS = {"ISSUER_URL": _ISSUER.url, "RATE_LIMIT_TOKEN": "0", "ISSUER_POLL_SECONDS": "0.2"}


async def measure(scale: Scale, ground: Ground) -> list[Figure]:
    """By turns, so that a noisy moment meets both."""
    key = await asyncio.to_thread(new_key, timedelta(), utc_now_exactly)
    async with open_world(ground) as world:
        await world.grow_to(_ACCOUNTS)
        await _trusted(world)
        accounts = accounts_of(world.customers)
        paths = [(f"/v1/accounts/{account}/token", owner) for account, owner in accounts]
        requests = write_requests(world.folder / "token.txt", (Request(path, owner, "{}") for path, owner in paths))
        async with world.replica(**_SETTINGS) as replica:
            await _until_signing(replica, *paths[0])
            await press(replica.url, requests, 1)
            limits: list[float] = []
            signing: list[float] = []
            ours: list[Load] = []
            before = cpu_seconds(replica.pid)
            for _ in range(scale.rounds):
                rate, cpu = await asyncio.to_thread(_signatures, key, scale.press_seconds)
                limits.append(rate)
                signing.append(cpu)
                ours.append(await press(replica.url, requests, scale.press_seconds))
            spent = cpu_seconds(replica.pid) - before
    load = middle(ours)
    if load.failed:
        raise RuntimeError(f"{load.failed} requests for tokens failed")
    each = spent / sum(one.rate * scale.press_seconds for one in ours)
    return [
        Figure(
            "api_tokens",
            "POST /accounts/{id}/token",
            load.rate,
            "1/s",
            Goal("at least", 0.5),
            median(limits),
            "the same signing in a loop, on one core",
            f"p50 {load.p50:.1f} ms, p99 {load.p99:.1f} ms; {each * 1e6:.0f} µs of CPU each, "
            f"of which the signature takes {median(signing) * 1e6:.0f}",
        )
    ]


async def _trusted(world: World) -> None:
    """Does the operator's part: each account trusts the issuer."""
    accounts = Resources(world.lane.api, AwsAccount, "bench")
    role = f"arn:aws:iam::123456789012:role/{ROLE_NAME}"
    for account, _ in accounts_of(world.customers):
        status = {"agentRoleArn": role, "agentIssuer": _ISSUER.url}
        await accounts.merge_status(NAMESPACE, account, {"status": status})


async def _until_signing(replica: Replica, path: str, key: str) -> None:
    """A key signs some moments after it was made."""
    async with asyncio.timeout(60), aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as http:
        while (response := await http.post(replica.url + path)).status != 200:
            if response.status != 503:
                raise RuntimeError(await response.text())
            await asyncio.sleep(0.1)


def _signatures(key: IssuerKey, seconds: float) -> tuple[float, float]:
    """Tokens a second, with their claims, by one thread that does nothing else; and the CPU time of each."""
    before = time.thread_time()
    made, begun = 0, time.monotonic()
    account, owner = uuid4(), uuid4()
    while time.monotonic() - begun < seconds:
        sign(key, claims(_ISSUER, account, owner, "aws", int(time.time())))
        made += 1
    return made / (time.monotonic() - begun), (time.thread_time() - before) / made


PARTS = (Part("tokens", measure),)
