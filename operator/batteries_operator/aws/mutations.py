"""Records which AWS operations changed something; from these a resync reports what it had to change."""

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import NamedTuple

_LOOKS = ("Get", "List", "Describe", "AssumeRole", "Simulate")

_SUBJECTS = ("RoleName", "OpenIDConnectProviderArn", "Url")
"""The parameters that name what a call is about, where an account has several of a kind."""


class Mutation(NamedTuple):
    """A call that changed something: `service:Operation`, and the role or provider that it named; empty for others."""

    operation: str
    subject: str = ""


_noted: ContextVar[list[Mutation] | None] = ContextVar("acts", default=None)


def is_mutation(operation: str) -> bool:
    """Whether `service:Operation` changes anything; AWS names all that only read with the same verbs."""
    return not operation.partition(":")[2].startswith(_LOOKS)


@contextlib.contextmanager
def recorded_mutations() -> Iterator[list[Mutation]]:
    """The list to which successful changes within the block are added, in their order."""
    acts: list[Mutation] = []
    token = _noted.set(acts)
    try:
        yield acts
    finally:
        _noted.reset(token)


@contextlib.contextmanager
def unrecorded_mutations(*, unless: bool = False) -> Iterator[None]:
    """Changes within the block are not recorded: nobody made them necessary by changing AWS. `unless` records them."""
    token = _noted.set(_noted.get() if unless else None)
    try:
        yield
    finally:
        _noted.reset(token)


def record_mutation(operation: str, arguments: Mapping[str, object]) -> None:
    """Called after every successful call, with the arguments that it had."""
    acts = _noted.get()
    if acts is not None and is_mutation(operation):
        named = (arguments[key] for key in _SUBJECTS if key in arguments)
        acts.append(Mutation(operation, str(next(named, ""))))
