"""The Customers whom a circuit breaker holds back: counted in a gauge, and the first of them told to a person."""

from collections.abc import Callable

from prometheus_client import Gauge

from batteries_crds.customer import Customer

Key = tuple[str, str]


class HeldBack:
    """Those of one breaker."""

    def __init__(self, gauge: Gauge, tell: Callable[[Customer], None]) -> None:
        """`tell` is called with the first Customer that is held back while no other is."""
        self._gauge, self._tell = gauge, tell
        self._customers: set[Key] = set()

    def note(self, customer: Customer, *, is_stopped: bool) -> None:
        """Takes in what the breaker decided about the Customer."""
        key = customer.metadata.namespace, customer.metadata.name
        if not is_stopped:
            self.forget(*key)
            return
        if not self._customers:
            self._tell(customer)
        self._customers.add(key)
        self._gauge.set(len(self._customers))

    def forget(self, namespace: str, name: str) -> None:
        """Forgets a Customer that is gone, or not due any more."""
        self._customers.discard((namespace, name))
        self._gauge.set(len(self._customers))
