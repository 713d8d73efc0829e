"""Work that is begun for a later step while an earlier one still waits for AWS.

Its result is kept in memory, for a minute: who finds none does the work in its turn. So nothing depends on it, and a
crash loses nothing.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

KEPT_SECONDS = 60.0
"""What was found out before that is out of date."""


@dataclass(frozen=True, slots=True)
class _Begun(Generic[T]):
    at: float
    task: "asyncio.Task[T | None]"


class HeadStarts(Generic[T]):
    """One kind of such work, by the AwsAccount's UID."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun: dict[str, _Begun[T]] = {}

    def begin(self, uid: str, work: Coroutine[Any, Any, T | None]) -> None:
        """Begins it, in place of what was begun before for that account. None as its result counts as no result."""
        self.forget(uid)
        task = asyncio.create_task(work)
        task.add_done_callback(_seen)  # nobody may ask for it
        self._begun[uid] = _Begun(self._clock(), task)

    async def taken(self, uid: str) -> T | None:
        """The result, for which this waits, and only once; None if there is none, or none that still counts.

        Raises:
            Exception: what the work has raised.
        """
        begun = self._begun.pop(uid, None)
        if begun is None or self._clock() - begun.at > KEPT_SECONDS:
            return None
        return await begun.task

    def forget(self, uid: str) -> None:
        """Breaks it off."""
        if (begun := self._begun.pop(uid, None)) is not None:
            begun.task.cancel()


def _seen(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.exception()
