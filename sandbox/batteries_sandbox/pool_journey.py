"""The journey's part about a pool: an account is prepared while nobody waits for it, and the next request gets it."""

import asyncio
import time
from typing import Any

import aiohttp

from batteries_crds.names import API_VERSION
from batteries_sandbox.agent_calls import call
from batteries_sandbox.errors import SandboxError
from batteries_sandbox.sandbox import Running
from batteries_sandbox.until_active import until_active

POOL = "spare"
_FILLED_SECONDS = 120


async def prepare_one(running: Running) -> None:
    """Applies a pool of one; it fills while the journey goes on."""
    pool = {"apiVersion": API_VERSION, "kind": "AccountPool", "spec": {"size": 1}}
    meta = {"name": POOL, "namespace": running.env["NAMESPACE"]}
    await asyncio.to_thread(running.cluster.apply, pool | {"metadata": meta})
    print(f"   accountpool/{POOL}: size 1", flush=True)


async def take_it(running: Running, http: aiohttp.ClientSession, key: dict[str, str], cold: float) -> dict[str, Any]:
    """Requests an account and gets the one of the pool; prints its seconds beside `cold`, those of the first account.

    The pool makes no other before that and is deleted after it: the next account that somebody requests is made cold.

    Raises:
        SandboxError: the pool was not filled, or the account did not come from it.
    """
    await _kubectl(running, "wait", f"accountpool/{POOL}", "--for=condition=Filled", f"--timeout={_FILLED_SECONDS}s")
    print(await _kubectl(running, "get", "accountpools,pooledaccounts"), end="", flush=True)
    await _kubectl(running, "patch", f"accountpool/{POOL}", "--type=merge", '--patch={"spec": {"size": 0}}')
    accounts, body, asked = f"{running.api_url}/v1/accounts", {"githubRepos": ["my-org/second"]}, time.monotonic()
    account = await call(http, "POST", accounts, 202, json=body, headers=key)
    print(f"   {account['accountId']} {account['status']}: {account['message']}")
    detail, warm = await until_active(http, f"{accounts}/{account['accountId']}", key, asked)
    print(f"   {detail['message']}")
    if "came from the pool" not in detail["message"]:
        raise SandboxError("The second account did not come from the pool; see operator.log in LOG_DIR.")
    print(f"   the first account took {cold:.1f} s, the one of the pool {warm:.1f} s", flush=True)
    print(await _kubectl(running, "get", "pooledaccounts"), end="", flush=True)
    await _kubectl(running, "delete", f"accountpool/{POOL}", "--timeout=60s")
    return detail


async def _kubectl(running: Running, *arguments: str) -> str:
    return await asyncio.to_thread(running.cluster.run, *arguments, f"--namespace={running.env['NAMESPACE']}")
