"""Decides when too many Customers would lose something together: then a person has to look first.

A wrong key, a moved price or an outage looks, customer by customer, like customers who don't pay any more.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

DEFAULT_PERCENT = 20
DEFAULT_CUSTOMERS = 10


@dataclass(frozen=True, slots=True)
class Breaker:
    """The limit: more than `customers` of them, and more than `percent` of all, within `window`; 100 percent is
    never exceeded.
    """

    percent: float = DEFAULT_PERCENT
    customers: int = DEFAULT_CUSTOMERS
    window: timedelta = timedelta(days=1)

    def stops(self, together: int, of: int) -> bool:
        """Whether so many of all, at the same time, are too many."""
        return together > self.customers and together * 100 > self.percent * of

    def together(self, moment: datetime, others: Iterable[datetime]) -> int:
        """How many of the moments are within the window of this one, before or after it."""
        return sum(1 for other in others if abs(other - moment) <= self.window)
