"""The end of a replica: who keeps a connection is told to make another before this one is closed.

A server that just closes idle connections loses the request that a client is sending on one at that moment, and a
client must not send a POST twice by itself. So for a while each answer says `Connection: close`, and only connections
on which nothing came all the while are closed.
"""

import asyncio
import contextlib

from aiohttp import web

LONGEST_SECONDS = 3.0
"""A busy client's connection gets its answer within this; an idle one is not worth waiting for any longer."""


class Drain:
    """Whether this replica is ending: each answer ends its connection then."""

    def __init__(self) -> None:
        self.begun = False

    async def run(self, runner: web.AppRunner, longest: float) -> None:
        """Returns when every connection has gone, or after `longest` seconds.

        New ones are still taken: whoever balances the load may not know yet.
        """
        self.begun = True
        assert runner.server is not None  # it is running
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest):
                while runner.server.connections:  # noqa: ASYNC110  # aiohttp tells of no change
                    await asyncio.sleep(0.02)


DRAIN = web.AppKey("drain", Drain)
