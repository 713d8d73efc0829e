"""How a cost grows with the number of accounts: its curve, and the step of it that is steepest."""

from dataclasses import dataclass
from itertools import pairwise

from bench.figure import Figure, Goal

NOISE = 1.1
"""What is linear measures a little more or less than that."""


@dataclass(frozen=True)
class Cost:
    """One cost, by size; less than `noise` is as good as nothing."""

    key: str
    what: str
    unit: str
    noise: float
    values: list[float]

    def figures(self, sizes: list[int]) -> list[Figure]:
        """The points of its curve, and its growth where that is steepest."""
        curve = [
            Figure(f"{self.key}@{size}", f"{self.what}, {size:,} accounts", value, self.unit)
            for size, value in zip(sizes, self.values, strict=True)
        ]
        steps = pairwise(zip(sizes, self.values, strict=True))
        grown = [(now / max(was, self.noise), size / before) for (before, was), (size, now) in steps]
        times, accounts = max(grown, key=lambda each: each[0] / each[1])
        growth = Figure(
            f"{self.key}_growth",
            f"{self.what}: the steeper step from {' to '.join(f'{size:,}' for size in sizes)} accounts",
            times,
            "times",
            Goal("at most", NOISE),
            accounts,
            "linear growth",
            ", ".join(f"{value:.3g}" for value in self.values) + f" {self.unit}",
        )
        return [*curve, growth]
