"""Does what is due for an account at a time to come, when both clocks show it: ours and Kubernetes'.

Only the next moment of each account is kept, in memory; the object tells the rest. When the moment comes, the account
is read from Kubernetes, and what is due then is written with its resourceVersion: whoever changes the account meanwhile
wins, of two operators one writes, and nothing is done twice.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from kubernetes.aio.client import ApiException

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import NoticeStage
from batteries_crds.base import utc_now_exactly
from batteries_crds.identity import ObjectRef
from batteries_crds.kube.client import CONFLICT, NOT_FOUND, UNANSWERED, Resources, UnreadableError, status_of, tolerated
from batteries_crds.notification import Notification
from batteries_crds.step_records import appended
from batteries_operator.deadlines.due import WEEK, Change, due, next_moment
from batteries_operator.deadlines.notices import CLOSES, Notice
from batteries_operator.runtime.delaying_queue import DelayingQueue
from batteries_operator.runtime.leader_election import NotLeadingError
from batteries_operator.runtime.metrics import ACCOUNTS_TO_CLOSE, DEADLINES_LATE
from batteries_operator.runtime.two_clocks import AccountReader

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

AT_ONE_TIME = 4
"""Accounts at one time: after a downtime thousands may be due together."""

LONGEST_SECONDS = 3600.0
"""The longest sleep: a machine that was suspended, or whose clock was set, finds out within the hour."""

AGAIN_SECONDS = 30.0
"""The pause after Kubernetes refused or failed."""

UNTRIED_SECONDS = 300.0
"""The pause before it is looked again whether the mail about a closure was tried."""

LATE = timedelta(minutes=10)
"""What is due for longer counts as late."""

MOST_CHANGES = 12
"""Of one account in a row; more would be a fault."""

PostEvent = Callable[[AwsAccount, str, str, str], None]
"""Posts an Event: account, type, reason, message."""


@dataclass(frozen=True, slots=True)
class _Next:
    """What is known of one account: when something is due, when AWS is to close it, and by which version of it."""

    account: ObjectRef
    moment: datetime | None
    closes_at: datetime | None
    version: int = field(compare=False)


class Deadlines:
    """The next moment of every account that has one."""

    def __init__(
        self,
        accounts: Resources[AwsAccount],
        live: AccountReader,
        notifications: Resources[Notification],
        grace: timedelta,
        post_event: PostEvent,
    ) -> None:
        """`grace` is how long an account that has expired waits for its closure, where its policy is to close."""
        self._accounts, self._live, self._notifications = accounts, live, notifications
        self._grace, self._post_event = grace, post_event
        self._next: dict[str, _Next] = {}
        self._due: DelayingQueue[tuple[str, _Next]] = DelayingQueue()
        DEADLINES_LATE.set_function(self._count_late)
        ACCOUNTS_TO_CLOSE.set_function(self._count_to_close)

    def account_seen(self, account: AwsAccount) -> None:
        """Takes in an account as it is now."""
        self._plan(account, utc_now_exactly())

    def forget(self, uid: str) -> None:
        """Drops an account that is gone; its entry in the queue is skipped when it is due."""
        self._next.pop(uid, None)

    async def run(self) -> None:
        """Runs until cancelled, or until this operator loses the Lease."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONE_TIME):
                group.create_task(self._work())

    def _plan(self, account: AwsAccount, now: datetime, *, pause: float | None = None) -> None:
        """Notes when something is due next, by the object as it is. With `pause` it is planned anew if it is planned
        already, and not for before so many seconds.
        """
        uid, version, known = account.metadata.uid, account.metadata.version, self._next.get(account.metadata.uid)
        if known is not None and known.version > version:
            return  # the watch was faster than the response to our read
        moment = next_moment(account, now, self._grace)
        if moment == now and known is not None and known.moment is not None and known.moment < now:
            moment = known.moment  # due since then
        closes_at = None if account.is_deleted or account.is_closed else account.closes_at
        if moment is None and closes_at is None:
            self._next.pop(uid, None)
            return
        planned = _Next(ObjectRef.of(account), moment, closes_at, version)
        if known != planned or pause is not None:
            self._next[uid] = planned
            self._put(uid, planned, now, pause or 0.0)

    def _put(self, uid: str, planned: _Next, now: datetime, pause: float = 0.0) -> None:
        if planned.moment is not None:
            left = max((planned.moment - now).total_seconds(), pause)
            self._due.put((uid, planned), min(left, LONGEST_SECONDS))

    async def _work(self) -> None:
        while True:
            uid, planned = await self._due.get()
            now = utc_now_exactly()
            if self._next.get(uid) is not planned or planned.moment is None:
                continue  # it was planned anew, or is gone
            if planned.moment > now:
                self._put(uid, planned, now)
                continue
            try:
                await self._act(uid, planned.account)
            except NotLeadingError:
                return
            except (ApiException, UnreadableError, *UNANSWERED) as error:
                log.warning("deadline_not_met", resource=planned.account.key, error=str(error))
                self._due.put((uid, planned), AGAIN_SECONDS)
            except Exception:  # one account's fault must not stop the others
                log.exception("deadline_raised", resource=planned.account.key)
                self._due.put((uid, planned), LONGEST_SECONDS)

    async def _act(self, uid: str, ref: ObjectRef) -> None:
        """Does all that is due now, one after the other, each from the account as it is then."""
        for _ in range(MOST_CHANGES):
            account, now = await self._live.read(ref)
            if account is None:
                self.forget(uid)
                return
            change = due(account, now, self._grace)
            if change is None:
                self._plan(account, now, pause=0)
                return
            if change.after_mail_about is not None and not await self._is_told(account, change.after_mail_about):
                log.warning("closure_waits_for_its_mail", resource=account.key)
                self._plan(account, now, pause=UNTRIED_SECONDS)
                return
            await self._make(account, change, now)
        raise RuntimeError("more is due than an account can have")

    async def _make(self, account: AwsAccount, change: Change, now: datetime) -> None:
        """Creates the mail, writes the change, and posts the Event; a repeat after a crash creates no second mail."""
        meta, notice, status = account.metadata, change.notice, dict(change.status)
        if notice is not None:
            if notice.mails:
                with tolerated(CONFLICT):  # created before a crash, or by another operator
                    await self._notifications.create(meta.namespace, notice.body(account))
            if (event := notice.event(account, now)) is not None:
                status["history"] = [each.to_wire() for each in appended(account.status.history, event)]
        body = {"metadata": {"resourceVersion": meta.resource_version}, "status": status}
        try:
            written = await self._accounts.merge_status(meta.namespace, meta.name, body)
        except ApiException as error:
            if status_of(error) not in (CONFLICT, NOT_FOUND):
                raise
            return  # somebody changed it: it is read again
        log.info("deadline_met", resource=account.key, changed=sorted(change.status))
        if notice is not None:
            self._tell(written, notice)

    def _tell(self, account: AwsAccount, notice: Notice) -> None:
        self._post_event(account, "Normal", notice.kind.value, notice.sentence(account))
        if notice.missed_sentence is not None:
            self._post_event(account, "Warning", "NoticeMissed", notice.missed_sentence)

    async def _is_told(self, account: AwsAccount, at: datetime) -> bool:
        """Whether a mail about that closure was tried, or was deleted long after it."""
        names: list[Any] = [
            Notice(CLOSES, at, stage).body(account)["metadata"]["name"] for stage in (NoticeStage.WEEK, NoticeStage.DAY)
        ]
        found = [await self._notifications.find(account.metadata.namespace, name) for name in names]
        there = [each for each in found if each is not None]
        return not there or any(each.is_tried for each in there)

    def _count_late(self) -> int:
        before = utc_now_exactly() - LATE
        return sum(each.moment is not None and each.moment < before for each in self._next.values())

    def _count_to_close(self) -> int:
        until = utc_now_exactly() + WEEK
        return sum(each.closes_at is not None and each.closes_at <= until for each in self._next.values())
