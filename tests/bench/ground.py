"""What the parts are measured on: a control plane for each, or one for all where there is little time."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from crash.lane import Lane
from crash.world import World, open_world


class Ground:
    """Gives each part its world.

    A control plane of its own, so that no part is measured with what another left behind; or, where one is `shared`,
    a namespace and an AWS of its own in that.
    """

    def __init__(self, shared: World | None = None, lane: Lane | None = None) -> None:
        self._shared = shared
        self._lane = lane

    @classmethod
    @asynccontextmanager
    async def open(cls, *, shared: bool) -> AsyncIterator["Ground"]:
        """For a run; what is shared ends with the block."""
        async with AsyncExitStack() as stack:
            if not shared:
                yield cls()
                return
            world = await _without_lanes(stack)
            yield cls(world, await world.open_lane(stack))

    @asynccontextmanager
    async def world(self, *, unused: bool = True) -> AsyncIterator[World]:
        """A world with one lane in which nothing has happened yet; ended with the block.

        To a part that does not care what it finds (not `unused`) a shared ground gives the same lane as to others.
        """
        async with AsyncExitStack() as stack:
            world = self._shared or await _without_lanes(stack)
            lane = None if unused else self._lane
            yield replace(world, lanes=[lane or await world.open_lane(stack)])


async def _without_lanes(stack: AsyncExitStack) -> World:
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
    return await open_world(stack, Path(folder), 0)
