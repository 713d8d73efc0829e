"""Records which AWS operations changed something; from these a resync reports what it had to change."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_LOOKS = ("Get", "List", "Describe", "AssumeRole", "Simulate")

_noted: ContextVar[list[str] | None] = ContextVar("acts", default=None)


def is_mutation(operation: str) -> bool:
    """Whether `service:Operation` changes anything; AWS names all that only read with the same verbs."""
    return not operation.partition(":")[2].startswith(_LOOKS)


@contextlib.contextmanager
def recorded_mutations() -> Iterator[list[str]]:
    """The list to which successful changes within the block are added, in their order."""
    acts: list[str] = []
    token = _noted.set(acts)
    try:
        yield acts
    finally:
        _noted.reset(token)


def record_mutation(operation: str) -> None:
    """Called after every successful call."""
    acts = _noted.get()
    if acts is not None and is_mutation(operation):
        acts.append(operation)
