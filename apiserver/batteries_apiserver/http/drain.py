"""Shutdown of a replica: clients are asked to close their connections before the server does.

A server that just closes idle connections loses the request that a client is sending on one at that moment, and a
client must not retry a POST automatically. So each response says `Connection: close` for a few seconds, and only
connections that stayed idle throughout are then closed.
"""

import asyncio
import contextlib

from aiohttp import web

LONGEST_SECONDS = 3.0
"""How long to wait: busy connections get a response in this time; waiting longer for idle ones has no benefit."""


class Drain:
    """Whether this replica is shutting down; each response then closes its connection."""

    def __init__(self) -> None:
        self.begun = False

    async def run(self, runner: web.AppRunner, longest: float) -> None:
        """Returns when every connection is closed, or after `longest` seconds.

        New connections are still accepted: the load balancer may not know of the shutdown yet.
        """
        self.begun = True
        assert runner.server is not None  # it is running
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest):
                while runner.server.connections:  # noqa: ASYNC110  # aiohttp has no event for it
                    await asyncio.sleep(0.02)


DRAIN = web.AppKey("drain", Drain)
