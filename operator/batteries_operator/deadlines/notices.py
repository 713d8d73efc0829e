"""What an owner is told of a time to come: by mail, by an Event and in the history. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_spec import ExpiryPolicy
from batteries_crds.aws_account_status import Deadline, Hold, NoticeStage
from batteries_crds.base import to_rfc3339
from batteries_crds.names import EventStatus
from batteries_crds.notification import NotificationKind, NotificationSpec, account_notification
from batteries_crds.step_records import HistoryEvent

EXPIRES, EXPIRED = NotificationKind.ACCOUNT_EXPIRES, NotificationKind.ACCOUNT_EXPIRED
CLOSES, CLOSED = NotificationKind.ACCOUNT_CLOSES, NotificationKind.ACCOUNT_CLOSED

_BEFORE = {NoticeStage.WEEK: "7 days", NoticeStage.DAY: "24 hours"}

_REASONS: Mapping[str, str] = {
    Hold.EXPIRED: "it has expired",
    Hold.PAYMENT_METHOD_MISSING: "there is no valid payment method",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice of the time `about`; `missed` are those that should have come before it and did not. `closes_at` is
    when AWS closes an account that has expired. `mails` is False where the HTTP API has mailed it.
    """

    kind: NotificationKind
    about: datetime
    stage: NoticeStage
    missed: tuple[NoticeStage, ...] = ()
    closes_at: datetime | None = None
    mails: bool = True

    @property
    def deadline(self) -> Deadline:
        """Which time it is about."""
        return Deadline.EXPIRY if self.kind in (EXPIRES, EXPIRED) else Deadline.CLOSURE

    def sentence(self, account: AwsAccount) -> str:
        """For the Event and the history."""
        at = to_rfc3339(self.about)
        match self.kind:
            case NotificationKind.ACCOUNT_EXPIRES:
                return f"The account expires at {at}: it is suspended then. {self._afterwards(account)}"
            case NotificationKind.ACCOUNT_EXPIRED:
                return f"The account expired at {at} and is suspended. {self._afterwards(account)}"
            case NotificationKind.ACCOUNT_CLOSES:
                return f"AWS closes the account at {at}. {_why_closed(account)}"
        return f"The account was closed; AWS Support can reopen it until {_until(account)}."

    @property
    def missed_sentence(self) -> str | None:
        """What could not be told in time, for an Event; None if nothing."""
        if not self.missed:
            return None
        before = " and ".join(_BEFORE[stage] for stage in self.missed)
        return (
            f"No notice was given {before} before {to_rfc3339(self.about)}: no operator ran then, or the time was set "
            "later."
        )

    def event(self, account: AwsAccount, now: datetime) -> HistoryEvent | None:
        """Its entry of the history; None for the closure, of which its step tells."""
        if self.kind is CLOSED:
            return None
        status = EventStatus.SUCCEEDED if self.kind is EXPIRED else EventStatus.STARTED
        return HistoryEvent(timestamp=now, step=self.deadline.lower(), status=status, detail=self.sentence(account))

    def body(self, account: AwsAccount) -> dict[str, Any]:
        """The Notification."""
        details = {"at": to_rfc3339(self.about), "afterwards": self._afterwards(account), **_details(account)}
        if self.kind is CLOSED:
            details["at"] = to_rfc3339(account.status.closed_at or self.about)
        return account_notification(self.kind, account, to_rfc3339(self.about), self.stage.value, **details)

    def _afterwards(self, account: AwsAccount) -> str:
        if self.closes_at is not None:
            return f"AWS closes it at {to_rfc3339(self.closes_at)}, unless it gets a later time before."
        if account.spec.expiry_policy is ExpiryPolicy.CLOSE:
            return "Some time after that AWS closes it, of which you are told before."
        return "It can be opened again by a later time."


def _details(account: AwsAccount) -> Mapping[str, str]:
    called, is_customers = str(account.account_id), account.spec.customer_ref is not None
    path = f"/v1/accounts/{called}"
    return {
        "aws_account_id": account.status.aws_account_id or "that is still being made",
        "called": called if is_customers else account.key,
        "reason": _why_closed(account),
        "until": _until(account),
        "extend": f'PATCH {path} with {{"expiresAt": "…"}}.' if is_customers else "ask whoever made it for you.",
        "keep": _way_out(account, path) if is_customers else "ask whoever made it for you.",
    }


def _why_closed(account: AwsAccount) -> str:
    at = account.closes_at
    if at is not None and at == account.spec.close_at:
        return "You asked for it."
    reasons = sorted(reason for reason, record in account.status.holds.items() if at and record.closes_at == at)
    return f"The reason: {' and '.join(_REASONS.get(each, each) for each in reasons)}."


def _way_out(account: AwsAccount, path: str) -> str:
    if account.closes_at == account.spec.close_at:
        return f"POST {path}/resume."
    if Hold.EXPIRED in account.holds:
        return f'PATCH {path} with {{"expiresAt": "…"}}.'
    if Hold.PAYMENT_METHOD_MISSING in account.holds:
        return "save a valid payment method on the page that POST /v1/stripe/portal names."
    return "tell us."


def _until(account: AwsAccount) -> str:
    until = account.reopenable_until
    return to_rfc3339(until) if until is not None else "90 days after the closure"


def why_not_to_send(spec: NotificationSpec, account: AwsAccount) -> str | None:
    """Why a waiting mail about an account must not be sent any more; None if it is still true."""
    said = spec.details.get("at")
    at = {EXPIRES: account.spec.expires_at, EXPIRED: account.spec.expires_at, CLOSES: account.closes_at}
    if spec.kind in at:
        now = at[spec.kind]
        return None if now is not None and to_rfc3339(now) == said else "The time was changed, or removed."
    return None if account.is_closed else "AWS Support has reopened the account."
