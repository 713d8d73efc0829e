"""From an API key to the first successful call in AWS: what the token of the API server adds to AWS's own part of it.

Both ways end with GetCallerIdentity in the account, by boto3 as a customer's agent has it. Ours gets a token, assumes
the role, calls. The bare way has its token already. They go by turns, in the sandbox as `make run` starts it, so AWS is
the stand-in on the same machine, which answers in milliseconds: in the real AWS the token is a smaller part.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import requests
from bench.figure import Figure, Goal
from bench.ground import Ground
from bench.part import Part, Scale
from botocore import UNSIGNED
from botocore.config import Config

from batteries_sandbox.binaries import provide
from batteries_sandbox.paths import Paths, Ports, free_port_base
from batteries_sandbox.sandbox import Running, sandbox

_ACTIVE_SECONDS = 180
_TURNS = {"full": 300, "quick": 60}
_WARM = 3  # turns that load what boto3 and the servers load once
_GOAL = Goal("at most", 1.3)


async def measure(scale: Scale, ground: Ground) -> list[Figure]:
    """The 50th and 99th percentile of ours beside the bare way's."""
    with tempfile.TemporaryDirectory(prefix="bench-agent-") as folder, _settings(scale):
        paths = Paths(Path(folder), Ports(free_port_base()))
        async with sandbox(paths, await asyncio.to_thread(provide)) as running:
            return await asyncio.to_thread(_figures, running, _TURNS.get(scale.name, 5))


@contextmanager
def _settings(scale: Scale) -> Iterator[None]:
    """Of the sandbox that this part starts: no rate limits, and AWS's own times divided."""
    chosen = {"SANDBOX_AWS_SPEED": "10", "SANDBOX_API_BATTERIES_RATE_LIMIT_TOKEN": "0"}
    before = dict(os.environ)
    os.environ.update(chosen)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@dataclass
class _Agent:
    """Who has an API key and an active account."""

    api: requests.Session
    url: str
    aws: str
    session: boto3.Session

    def token(self) -> dict[str, Any]:
        """A token and what it is for."""
        answer = self.api.post(f"{self.url}/token", timeout=30)
        answer.raise_for_status()
        issued: dict[str, Any] = answer.json()
        return issued

    def first_call(self, issued: dict[str, Any]) -> None:
        """Assumes the role and asks who one is, each with a client of its own, as a new process has to."""
        unsigned = Config(signature_version=UNSIGNED)
        sts = self.session.client("sts", endpoint_url=self.aws, region_name=issued["region"], config=unsigned)
        keys = sts.assume_role_with_web_identity(
            RoleArn=issued["roleArn"], RoleSessionName="agent", WebIdentityToken=issued["token"]
        )["Credentials"]
        client = self.session.client(
            "sts",
            endpoint_url=self.aws,
            region_name=issued["region"],
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        client.get_caller_identity()


def _signed_up(running: Running) -> _Agent:
    """With a saved card and an active account."""
    api, http = running.api_url, requests.Session()
    setup = http.post(f"{api}/v1/stripe/setup", json={"email": "bench@example.com"}, timeout=30).json()
    card = {"email": "bench@example.com", "cardNumber": "4242424242424242", "cardExpiry": "12/34", "cardCvc": "123"}
    http.post(setup["url"], data=card, allow_redirects=False, timeout=30)
    key = http.get(f"{api}/v1/stripe/session/{setup['sessionId']}", timeout=30).json()["apiKey"]
    http.headers["Authorization"] = f"Bearer {key}"
    account = http.post(f"{api}/v1/accounts", json={}, timeout=30).json()["accountId"]
    url, deadline = f"{api}/v1/accounts/{account}", time.monotonic() + _ACTIVE_SECONDS
    while http.get(url, timeout=30).json()["status"] != "active":
        if time.monotonic() > deadline:
            raise RuntimeError(f"{url} was not active after {_ACTIVE_SECONDS} s.")
        time.sleep(0.2)
    while http.post(f"{url}/token", timeout=30).status_code == 503:  # as long as the server's first key is new
        if time.monotonic() > deadline:
            raise RuntimeError(f"{url}/token gave no token after {_ACTIVE_SECONDS} s.")
        time.sleep(1)
    return _Agent(http, url, running.env["AWS_ENDPOINT_URL"], boto3.Session())


def _figures(running: Running, turns: int) -> list[Figure]:
    agent = _signed_up(running)
    ours, bare, tokens = list[float](), list[float](), list[float]()
    for turn in range(turns + _WARM):
        begun = time.perf_counter()
        issued = agent.token()
        had = time.perf_counter()
        agent.first_call(issued)
        ended = time.perf_counter()
        agent.first_call(issued)
        if turn >= _WARM:
            ours.append((ended - begun) * 1000)
            tokens.append((had - begun) * 1000)
            bare.append((time.perf_counter() - ended) * 1000)
    against = "AssumeRoleWithWebIdentity and the call alone, same run"
    return [
        Figure(
            key=f"agent_first_call_p{percent}",
            what=f"From an API key to the first AWS call, {percent}th percentile",
            value=_percentile(ours, percent),
            unit="ms",
            goal=_GOAL,
            limit=_percentile(bare, percent),
            against=against,
            note=f"the token alone {_percentile(tokens, percent):.1f} ms",
        )
        for percent in (50, 99)
    ]


def _percentile(taken: list[float], percent: int) -> float:
    return statistics.quantiles(taken, n=100, method="inclusive")[percent - 1]


PARTS = (Part("agent", measure),)
