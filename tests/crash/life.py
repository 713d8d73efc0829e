"""What a life is: how it begins, when it is over, and what AWS must hold then."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from crash.lane import Lane
from crash.points import Fault, Point

from batteries_crds.aws_account import AwsAccount

Seen = AwsAccount | None


async def aws_account(lane: Lane, name: str) -> Seen:
    """The AwsAccount of that name: what most lives are of."""
    return await lane.find(name)


@dataclass(frozen=True)
class Life:
    """`prepared` are the specs an account is led through first; `begin` starts what the faults are set against.

    `before` prepares each cell while an operator runs. `meant` picks the points at which faults strike. `more` are the
    faults beyond those of all lives; after one that deletes the account, `let_go` checks instead of `check`. `find`
    reads what the life is of, which `over`, `check` and `let_go` are shown: an AwsAccount where nothing else is said.
    """

    name: str
    prepared: tuple[dict[str, Any], ...]
    begin: Callable[[Lane, str], Awaitable[object]]
    over: Callable[[Any], bool]
    check: Callable[[Lane, Any], Awaitable[None]]
    has_customer: bool = False
    """Whether the account belongs to a Customer of its own, which has the account's name."""
    before: Callable[[Lane, str], Awaitable[None]] | None = None
    more: tuple[Fault, ...] = ()
    meant: Callable[[list[Point]], list[Point]] = list
    let_go: Callable[[Lane, Any], Awaitable[None]] | None = None
    find: Callable[[Lane, str], Awaitable[Any]] = aws_account
    starts: bool = False
    """Whether `begin` starts the operator: until then none runs."""
