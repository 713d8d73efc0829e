"""What is due for an account at a moment, and when something will be next. Pure: no clock, no I/O.

Everything is decided from the object, so a restart forgets nothing and looks nothing up. One change at a time: each is
one write, after which the next is decided from what was written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_spec import ExpiryPolicy
from batteries_crds.aws_account_status import Deadline, Hold, HoldRecord, NoticeRecord, NoticeStage
from batteries_crds.base import to_rfc3339
from batteries_operator.deadlines.notices import CLOSED, CLOSES, EXPIRED, EXPIRES, Notice

WEEK, DAY = timedelta(days=7), timedelta(days=1)
"""How long before an end or a closure its owner is told."""

POSTPONED = timedelta(hours=25)
"""From a notice that comes too late to the closure, which must not come within a day of it."""

_ORDER = tuple(NoticeStage)


@dataclass(frozen=True, slots=True)
class Change:
    """One write: fields of the status, as a merge patch, and the notice that goes with it.

    `after_mail_about` is the closure whose notice must have been tried before; None: none.
    """

    status: Mapping[str, Any]
    notice: Notice | None = None
    after_mail_about: datetime | None = None


def due(account: AwsAccount, now: datetime, grace: timedelta) -> Change | None:
    """The first thing that is due at `now`; None if nothing is. `grace` is from the end to the closure."""
    if account.is_deleted:
        return None
    return _expiry(account, now, grace) or _closure(account, now)


def next_moment(account: AwsAccount, now: datetime, grace: timedelta) -> datetime | None:
    """When something is due next: `now`, later, or never."""
    ends = account.spec.expires_at
    if ends is None and account.closes_at is None and Hold.EXPIRED not in account.holds:
        return None
    marks = [moment - before for moment in (ends, account.closes_at) if moment for before in (WEEK, DAY, timedelta())]
    for moment in sorted({now, *(mark for mark in marks if mark > now)}):
        if due(account, moment, grace) is not None:
            return moment
    return None


def _expiry(account: AwsAccount, now: datetime, grace: timedelta) -> Change | None:
    ends, hold = account.spec.expires_at, account.status.holds.get(Hold.EXPIRED)
    if hold is not None:
        return _held(account, now, grace)
    if ends is None or account.is_closed:
        return None
    if ends <= now:
        closes_at = _closes(ends, now, grace) if account.spec.expiry_policy is ExpiryPolicy.CLOSE else None
        missed = _missed(account, Deadline.EXPIRY, ends, NoticeStage.PAST)
        begun = HoldRecord(since=now, closes_at=closes_at).to_wire()
        notice = Notice(EXPIRED, ends, NoticeStage.PAST, missed, closes_at)
        return _told(account, notice, now, {"holds": {Hold.EXPIRED.value: begun}})
    stage = _stage(ends, now)
    if stage is None or not _is_news(account, Deadline.EXPIRY, ends, stage):
        return None
    return _told(account, Notice(EXPIRES, ends, stage, _missed(account, Deadline.EXPIRY, ends, stage)), now)


def _held(account: AwsAccount, now: datetime, grace: timedelta) -> Change | None:
    """Ends the hold when the end was moved, and keeps its closure as the policy says."""
    ends, hold = account.spec.expires_at, account.status.holds[Hold.EXPIRED]
    known = account.status.notices.get(Deadline.EXPIRY)
    # Only a later end than the one that has come: another operator's clock may be behind.
    came = known.about if known is not None and known.stage is NoticeStage.PAST else hold.since
    if ends is None or (ends > came and ends > now):
        return Change({"holds": {Hold.EXPIRED.value: None}})
    closes = account.spec.expiry_policy is ExpiryPolicy.CLOSE
    if closes and hold.closes_at is None:
        at = to_rfc3339(_closes(ends, now, grace))
        return Change({"holds": {Hold.EXPIRED.value: {"closesAt": at}}})
    return None if closes or hold.closes_at is None else Change({"holds": {Hold.EXPIRED.value: {"closesAt": None}}})


def _closes(ends: datetime, now: datetime, grace: timedelta) -> datetime:
    """When an account that has expired is closed; its owner is told a day before, also after a downtime."""
    return max(ends + grace, now + POSTPONED)


def _closure(account: AwsAccount, now: datetime) -> Change | None:
    at, status = account.closes_at, account.status
    if at is None or not _has_something_to_close(account):
        return None
    if account.is_closed:
        known = status.notices.get(Deadline.CLOSURE)
        is_told = known is not None and known.stage is NoticeStage.PAST and known.about == at
        return None if is_told else _told(account, Notice(CLOSED, at, NoticeStage.PAST), now)
    if (status.closure_due_at is not None and at <= status.closure_due_at) or (
        status.reopened_at is not None and at <= status.reopened_at
    ):
        return None
    asked_for = at == account.spec.close_at
    if not asked_for and now > at - DAY and not _was_told_in_time(account, at):
        later = {"closesAt": to_rfc3339(now + POSTPONED)}
        return Change({"holds": {reason: later for reason, each in status.holds.items() if each.closes_at == at}})
    stage = _stage(at, now) or (NoticeStage.ANNOUNCED if asked_for else None)
    if stage is not None and _is_news(account, Deadline.CLOSURE, at, stage):
        missed = () if asked_for else _missed(account, Deadline.CLOSURE, at, stage)
        # The request to close a customer's account was mailed by the API server.
        is_first, is_customers = _known(account, Deadline.CLOSURE, at) is None, account.spec.customer_ref is not None
        mails = not (asked_for and is_first and is_customers)
        return _told(account, Notice(CLOSES, at, stage, missed, mails=mails), now)
    if at > now:
        return None
    return Change({"closureDueAt": to_rfc3339(at)}, after_mail_about=None if asked_for else at)


def _has_something_to_close(account: AwsAccount) -> bool:
    status = account.status
    return any(each is not None for each in (status.aws_account_id, status.create_request, status.claim))


def _was_told_in_time(account: AwsAccount, at: datetime) -> bool:
    known = account.status.notices.get(Deadline.CLOSURE)
    return known is not None and known.about == at and known.since <= at - DAY


def _stage(at: datetime, now: datetime) -> NoticeStage | None:
    """The notice of which the time has come."""
    if now >= at - DAY:
        return NoticeStage.DAY
    return NoticeStage.WEEK if now >= at - WEEK else None


def _known(account: AwsAccount, deadline: Deadline, at: datetime) -> NoticeRecord | None:
    known = account.status.notices.get(deadline)
    return known if known is not None and known.about == at else None


def _is_news(account: AwsAccount, deadline: Deadline, at: datetime, stage: NoticeStage) -> bool:
    known = _known(account, deadline, at)
    return known is None or _ORDER.index(known.stage) < _ORDER.index(stage)


def _missed(account: AwsAccount, deadline: Deadline, at: datetime, stage: NoticeStage) -> tuple[NoticeStage, ...]:
    """The notices before `stage` that were not given though the account was there."""
    known, made = _known(account, deadline, at), account.since
    last = -1 if known is None else _ORDER.index(known.stage)
    between = [each for each in _ORDER if last < _ORDER.index(each) < _ORDER.index(stage)]
    before = {NoticeStage.WEEK: WEEK, NoticeStage.DAY: DAY}
    return tuple(each for each in between if each in before and made <= at - before[each])


def _told(account: AwsAccount, notice: Notice, now: datetime, more: Mapping[str, Any] | None = None) -> Change:
    """The change that records the notice beside `more`."""
    known = _known(account, notice.deadline, notice.about)
    record = NoticeRecord(about=notice.about, stage=notice.stage, since=known.since if known is not None else now)
    return Change({**(more or {}), "notices": {notice.deadline.value: record.to_wire()}}, notice)
