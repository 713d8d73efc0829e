"""Limits the mails to one address: somebody who signs up with a stranger's address must not fill that mailbox."""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from batteries_crds.base import utc_now
from batteries_crds.notification import CONFIRMATIONS_A_DAY, NotificationKind

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MAILS_AN_HOUR = 20
"""Mails an hour to one address, of all kinds but ConfirmEmail."""


class MailRates:
    """What each address received within the last day. Sent Notifications survive a restart and are noted again."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now
        self._sent: dict[tuple[str, bool], deque[datetime]] = {}

    def note(self, address: str, kind: NotificationKind, moment: datetime) -> None:
        """Notes a mail that was sent."""
        if self._now() - moment < DAY:
            self._sent.setdefault(_key(address, kind), deque(maxlen=MAILS_AN_HOUR)).append(moment)

    def wait(self, address: str, kind: NotificationKind) -> timedelta | None:
        """How long a mail has to wait because of others to the same address; None if it may be sent now."""
        key = _key(address, kind)
        most, period = (CONFIRMATIONS_A_DAY, DAY) if key[1] else (MAILS_AN_HOUR, HOUR)
        recent = sorted(moment for moment in self._sent.get(key, ()) if self._now() - moment < period)
        if not recent:
            self._sent.pop(key, None)
        if len(recent) < most:
            return None
        return recent[-most] + period - self._now()


def _key(address: str, kind: NotificationKind) -> tuple[str, bool]:
    return address.lower(), kind is NotificationKind.CONFIRM_EMAIL
