"""How many more accounts the organization's quota allows, asked only when a pool would make one."""

import asyncio
from collections.abc import Awaitable, Callable

KEPT_SECONDS = 600.0
"""How long an answer is kept: to count the accounts of a large organization takes hundreds of calls."""

Ask = Callable[[], Awaitable[int]]


class Room:
    """The quota, less what is there and what was asked for."""

    def __init__(self, allowed: Ask, there: Ask, in_flight: Callable[[], int]) -> None:
        """`allowed` and `there` ask AWS; `in_flight` counts accounts that were asked for and may not be listed yet."""
        self._allowed, self._there, self._in_flight = allowed, there, in_flight
        self._left = 0
        self._read_at: float | None = None

    async def left(self) -> int:
        """How many more there may be.

        Raises:
            AwsError: AWS does not say.
        """
        now = asyncio.get_running_loop().time()
        if self._read_at is None or now - self._read_at > KEPT_SECONDS:
            allowed, there = await asyncio.gather(self._allowed(), self._there())
            # What is created meanwhile may be counted twice, never not at all.
            self._left, self._read_at = allowed - there - self._in_flight(), now
        return self._left

    def take(self) -> None:
        """Notes that one more will be made."""
        self._left -= 1
