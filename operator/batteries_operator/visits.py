"""The visits under way: counted for Prometheus, and watched for one that never ends."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from batteries_operator.metrics import RECONCILE_SECONDS, RECONCILES_ACTIVE


class Visits:
    """Which accounts are being visited, and since when."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # In the order in which they began: a dict keeps it, so the first is the oldest.
        self._begun: dict[object, tuple[str, float]] = {}

    @contextmanager
    def visit(self, account: str) -> Iterator[None]:
        """One visit to `account`, which its name says to people."""
        token, begun = object(), self._clock()
        self._begun[token] = (account, begun)
        RECONCILES_ACTIVE.set(len(self._begun))
        try:
            yield
        finally:
            del self._begun[token]
            RECONCILES_ACTIVE.set(len(self._begun))
            RECONCILE_SECONDS.observe(self._clock() - begun)

    def standstill(self, longest: float) -> str | None:
        """A sentence where a visit has lasted for more than `longest` seconds; None where all is well.

        A visit never waits for AWS's asynchronous work, and each of its calls has a time limit, so it takes seconds.
        """
        account, begun = next(iter(self._begun.values()), ("", self._clock()))
        lasted = self._clock() - begun
        if lasted <= longest:
            return None
        return f"A visit to {account} has not ended for {lasted:.0f} s; restart the operator, nothing is lost by it."
