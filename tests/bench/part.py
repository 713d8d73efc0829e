"""What a part of the benchmark is: it brings up what it needs, measures, ends everything, and gives back its figures.

A module of this folder lists its parts in `PARTS`; the run (`python -m bench`) finds them by that name.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from bench.figure import Figure
from bench.ground import Ground


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything; the goals are the same at each scale.

    `settled` accounts are there and at rest; `grown` are the numbers of them that growth is measured over, rising.
    `made` accounts are made in one go. `seconds` is how long an idle time lasts. What a server takes at most is pressed
    out of it for `press_seconds`, by turns with its limit, in so many `rounds`. `peers` says whether programs of others
    are measured too. AWS's own times are divided by `hurry`. `one_plane` has all parts share a control plane.
    """

    name: str
    settled: int
    grown: tuple[int, ...]
    made: int
    seconds: float
    press_seconds: int = 2
    rounds: int = 3
    peers: bool = False
    hurry: float = 1.0
    one_plane: bool = False


FULL = Scale("full", settled=10_000, grown=(1_000, 10_000, 30_000), made=200, seconds=10.0)
QUICK = Scale(
    "quick", settled=500, grown=(125, 500), made=12, seconds=1.0, press_seconds=1, rounds=1, hurry=3, one_plane=True
)
TINY = replace(QUICK, name="tiny", settled=20, grown=(10, 20), made=4, hurry=20)
"""For the smoke test: whether the parts run at all."""


@dataclass(frozen=True, slots=True)
class Part:
    """One measurement, independent of the others; `name` is what ONLY= takes."""

    name: str
    measure: Callable[[Scale, Ground], Awaitable[list[Figure]]]
