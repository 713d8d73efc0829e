"""Waits for an account as its owner does: polls the API, and prints each step as it is reached."""

import asyncio
import time
from typing import Any

import aiohttp

from batteries_sandbox.agent_calls import call
from batteries_sandbox.errors import SandboxError

ACTIVE_SECONDS = 180


async def until_active(
    http: aiohttp.ClientSession, url: str, key: dict[str, str], asked: float
) -> tuple[dict[str, Any], float]:
    """The account's detail once it is active, and the seconds since `asked`, a time of time.monotonic().

    Raises:
        SandboxError: it failed, or took too long.
    """
    shown = ""
    while (waited := time.monotonic() - asked) < ACTIVE_SECONDS:
        detail = await call(http, "GET", url, 200, headers=key)
        if detail["status"] == "failed":
            raise SandboxError(f"The account failed: {detail.get('error', 'no reason given')}")
        here = f"{detail['status']:<9} {detail['provisioningStep']}"
        if here != shown:
            print(f"   {waited:5.1f} s  {here}", flush=True)
            shown = here
        if detail["status"] == "active":
            return detail, waited
        await asyncio.sleep(0.2)
    raise SandboxError(f"The account was not active after {ACTIVE_SECONDS} s: {shown}. See LOG_DIR in .sandbox/env.")
