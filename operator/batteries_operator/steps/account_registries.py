"""Knows every registry that keeps something by an AwsAccount's UID, so that each is told when an account is left.

Whoever makes such a registry adds it where it is made. There are two ways out: nobody works on the account any more
(`settle`), and the account is gone (`forget`). What one registry forgets at another moment, such as a proof of
ownership before a deletion, is said where that happens.
"""

from typing import Protocol, TypeVar


class Registry(Protocol):
    """Keeps something by UID."""

    def forget(self, uid: str, /) -> None:
        """Drops what is kept of that account, if there is anything."""


R = TypeVar("R", bound=Registry)


class AccountRegistries:
    """The registries of one process, by how long they keep what they know of an account."""

    def __init__(self) -> None:
        self._of_work: list[Registry] = []
        self._of_accounts: list[Registry] = []

    def while_worked_on(self, registry: R) -> R:
        """Adds a registry that knows an account only while a task or the deletion handler works on it."""
        self._of_work.append(registry)
        return registry

    def while_it_exists(self, registry: R) -> R:
        """Adds a registry that knows an account, at rest too, until its object is gone."""
        self._of_accounts.append(registry)
        return registry

    def settle(self, uid: str) -> None:
        """Nobody works on the account any more: its slots and queue positions go to others."""
        for registry in self._of_work:
            registry.forget(uid)

    def forget(self, uid: str, *, keep: Registry | None = None) -> None:
        """The account is gone, or can't be read: only `keep` goes on knowing it."""
        for registry in (*self._of_work, *self._of_accounts):
            if registry is not keep:
                registry.forget(uid)
