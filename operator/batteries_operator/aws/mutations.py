"""Records which AWS operations changed something: a resync tells by them what it found changed."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_LOOKS = ("Get", "List", "Describe", "AssumeRole", "Simulate")

_noted: ContextVar[list[str] | None] = ContextVar("acts", default=None)


def is_mutation(operation: str) -> bool:
    """Whether `service:Operation` changes anything; everything that only looks is named so in AWS."""
    return not operation.partition(":")[2].startswith(_LOOKS)


@contextlib.contextmanager
def recorded_mutations() -> Iterator[list[str]]:
    """The list that successful acts within the block are added to, in their order."""
    acts: list[str] = []
    token = _noted.set(acts)
    try:
        yield acts
    finally:
        _noted.reset(token)


def record_mutation(operation: str) -> None:
    """Called for every call that succeeded."""
    acts = _noted.get()
    if acts is not None and is_mutation(operation):
        acts.append(operation)
