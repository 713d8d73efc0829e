"""One measured figure beside the limit that was measured in the same run, and whether it reaches its goal."""

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Goal:
    """What is asked of a figure: of its ratio to the limit where `of` is "ratio", else of the value itself."""

    sense: Literal["at least", "at most"]
    bound: float
    of: Literal["ratio", "value"] = "ratio"


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` in `unit`; `limit` in the same unit, None where the goal is about the value alone.

    `key` names it in JSON and stays the same from one release to the next.
    """

    key: str
    what: str
    value: float
    unit: str
    goal: Goal | None = None
    limit: float | None = None
    against: str = ""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Value to limit."""
        return self.value / self.limit if self.limit else None

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        if self.goal is None:
            return None
        measured = self.value if self.goal.of == "value" else self.ratio
        if measured is None:
            return None
        return measured >= self.goal.bound if self.goal.sense == "at least" else measured <= self.goal.bound

    def to_json(self) -> dict[str, Any]:
        """For results.json."""
        return {**asdict(self), "ratio": self.ratio, "met": self.is_met}
