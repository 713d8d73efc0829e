"""What all of Stripe's objects have in common: they are JSON, they have a prefixed random id, and time stamps them.

Ids have Stripe's alphabet and lengths, so that a column, a label or a pattern that is too narrow fails here first.
"""

import secrets
import string
import time
from typing import Any

JsonObject = dict[str, Any]

_ALPHABET = string.ascii_letters + string.digits

# Prefix, and how many characters follow it, as seen in Stripe's own examples.
_LENGTHS = {
    "cs_test_": 58,
    "cs_live_": 58,
    "bpc_": 24,
    "bps_": 24,
    "ch_": 24,
    "cus_": 14,
    "du_": 24,
    "evt_": 24,
    "in_": 24,
    "pm_": 24,
    "req_": 14,
    "seti_": 24,
    "si_": 14,
    "sub_": 24,
}


def new_id(prefix: str) -> str:
    """Makes an id that can't be guessed: a session's id is all that stands between a stranger and its key."""
    return prefix + random_text(_LENGTHS[prefix])


def random_text(length: int) -> str:
    """Makes text of Stripe's id alphabet."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


class Clock:
    """The stand-in's clock; it can be moved on, because sessions live for half an hour at least."""

    def __init__(self) -> None:
        self._ahead = 0

    def now(self) -> int:
        """Seconds since the epoch, whole as in all of Stripe's objects."""
        return int(time.time()) + self._ahead

    def year_and_month(self) -> tuple[int, int]:
        """What a card's expiry is compared with."""
        today = time.gmtime(self.now())
        return today.tm_year, today.tm_mon

    def advance(self, seconds: int) -> None:
        """Moves the clock on; never back, because what has expired stays expired."""
        self._ahead += max(0, seconds)
