"""What a life is: how it begins, when it is over, and what AWS must hold then."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from crash.lane import Lane
from crash.points import Fault, Point

from batteries_crds.aws_account import AwsAccount

Seen = AwsAccount | None


@dataclass(frozen=True)
class Life:
    """`prepared` are the specs an account is led through first; `begin` starts what the faults are set against.

    `before` prepares each cell while an operator runs. `meant` picks the points at which faults strike. `more` are the
    faults beyond those of all lives; after one that deletes the account, `let_go` checks instead of `check`.
    """

    name: str
    prepared: tuple[dict[str, Any], ...]
    begin: Callable[[Lane, str], Awaitable[object]]
    over: Callable[[Seen], bool]
    check: Callable[[Lane, AwsAccount], Awaitable[None]]
    has_customer: bool = False
    """Whether the account belongs to a Customer of its own, which has the account's name."""
    before: Callable[[Lane, str], Awaitable[None]] | None = None
    more: tuple[Fault, ...] = ()
    meant: Callable[[list[Point]], list[Point]] = list
    let_go: Callable[[Lane, AwsAccount], Awaitable[None]] | None = None
