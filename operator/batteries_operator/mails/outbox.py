"""Sends each Notification's mail by SES, at least once and at a bounded rate, and deletes it some days later.

One worker handles them in the order in which they are due. Nothing waits for a mail: what can't be sent is retried with
growing pauses, and given up after some days. Everything is decided from the objects, so a restart forgets nothing; a
finished Notification costs no call and no write until it is deleted.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from kubernetes.aio.client import ApiException

from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.kube.client import (
    FORBIDDEN,
    NOT_FOUND,
    UNANSWERED,
    Resources,
    UnreadableError,
    status_of,
    tolerated,
)
from batteries_crds.notification import CONFIRMATION_HOURS, Notification, NotificationKind, NotificationState
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.mail import Mail
from batteries_operator.mails.rate_limit import MailRates
from batteries_operator.mails.recipients import NotToSendError, Recipients
from batteries_operator.mails.texts import render
from batteries_operator.runtime.delaying_queue import DelayingQueue
from batteries_operator.runtime.leader_election import NotLeadingError
from batteries_operator.runtime.metrics import MAILS, MAILS_WAITING
from batteries_operator.runtime.settings import Settings

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

Key = tuple[str, str]

KEPT = timedelta(days=14)
"""How long a finished Notification is kept, for people to look at."""

GIVEN_UP = timedelta(days=3)
"""How long sending a mail is retried."""

LOOKED_SECONDS = 86400.0
"""The pause before checking again whether a Notification that is old enough to be deleted is still needed."""

AGAIN_SECONDS, LONGEST_SECONDS = 5.0, 900.0
"""The first and the longest pause after a failed try."""


@dataclass(slots=True)
class _PendingMail:
    """A mail that is to be sent."""

    notification: Notification
    failures: int = 0
    reported: str | None = None
    """The error that its status reports."""
    sent: dict[str, Any] | None = None
    """The status to write: SES accepted the mail, and Kubernetes has not been updated yet."""


class HeldBackError(Exception):
    """The mail has to wait for so many seconds, because its address received enough mails for now."""

    def __init__(self, seconds: float) -> None:
        super().__init__("This address received as many mails as it may for now; this mail is sent later.")
        self.seconds = seconds


class Outbox:
    """The mails of one operator process."""

    def __init__(
        self,
        notifications: Resources[Notification],
        recipients: Recipients,
        mail: Mail,
        settings: Settings,
        is_needed: Callable[[str, str], bool] = lambda namespace, name: False,
    ) -> None:
        """`is_needed` says whether a finished Notification must be kept as the record that its mail was sent."""
        self._notifications = notifications
        self._recipients = recipients
        self._mail = mail
        self._settings = settings
        self._is_needed = is_needed
        self._rates = MailRates()
        self._knows_sent = False
        """Whether `_rates` includes what earlier processes sent."""
        self._pending: dict[Key, _PendingMail] = {}
        self._finished: dict[Key, datetime] = {}
        self._due: DelayingQueue[Key] = DelayingQueue()
        MAILS_WAITING.set_function(self._pending.__len__)

    def see(self, notification: Notification) -> None:
        """Takes in a Notification as the watch shows it."""
        meta, status = notification.metadata, notification.status
        key = meta.namespace, meta.name
        if meta.deletion_timestamp is not None:
            self.forget(*key)
        elif status.state is None:
            if key not in self._pending:
                self._pending[key] = _PendingMail(notification, reported=status.error)
                self._due.put(key, 0)
        elif key not in self._finished:
            pending = self._pending.pop(key, None)
            finished = status.finished_at or utc_now()
            self._finished[key] = finished
            counted = pending is not None and pending.sent is not None  # this process counted it when it sent it
            if status.state is NotificationState.SENT and status.to is not None and not counted:
                self._rates.note(status.to, notification.spec.kind, finished)
            self._due.put(key, (finished + KEPT - utc_now()).total_seconds())

    def forget(self, namespace: str, name: str) -> None:
        """Takes in that a Notification is gone."""
        self._pending.pop((namespace, name), None)
        self._finished.pop((namespace, name), None)

    async def run(self) -> None:
        """Sends and deletes until cancelled, or until this operator loses the Lease."""
        while True:
            key = await self._due.get()
            try:
                if key in self._pending:
                    with structlog.contextvars.bound_contextvars(notification="/".join(key)):
                        await self._try(key, self._pending[key])
                    await asyncio.sleep(1 / self._settings.mails_per_second)
                elif key in self._finished:
                    await self._remove(key)
            except NotLeadingError:
                return

    async def _try(self, key: Key, pending: _PendingMail) -> None:
        """Tries one mail once, and plans the next try if it failed."""
        pause = min(LONGEST_SECONDS, AGAIN_SECONDS * 2.0 ** min(pending.failures, 16))
        try:
            await self._finish(key, pending)
            return
        except NotLeadingError:
            raise
        except HeldBackError as error:
            pause, problem = error.seconds, str(error)
        except ApiException as error:
            if status_of(error) == NOT_FOUND:
                self.forget(*key)
                return
            problem = None
            log.warning("kubernetes_refused", status=status_of(error), again_in=pause)
        except Exception as error:  # one mail's failure must not stop the others
            problem = _problem(pending, error)
        pending.failures += 1
        await self._report(key, pending, problem)
        self._due.put(key, pause)

    async def _report(self, key: Key, pending: _PendingMail, problem: str | None) -> None:
        """Writes the problem to the status, once."""
        if problem is None or problem == pending.reported:
            return
        try:
            await self._notifications.merge_status(*key, {"status": {"error": problem}})
        except (ApiException, *UNANSWERED) as error:
            log.warning("mail_error_not_written", error=str(error))
        else:
            pending.reported = problem

    async def _finish(self, key: Key, pending: _PendingMail) -> None:
        """Sends the mail, or finds that none is to be sent, and writes the result."""
        if pending.sent is None:
            pending.sent = await self._sent(key, pending.notification)
            if pending.sent["state"] == NotificationState.SENT:
                self._rates.note(pending.sent["to"], pending.notification.spec.kind, utc_now())
            MAILS.labels(pending.notification.spec.kind, str(pending.sent["state"]).lower()).inc()
        status = {"error": None, **pending.sent, "finishedAt": to_rfc3339(utc_now())}
        written = await self._notifications.merge_status(*key, {"status": status})
        log.info("notification_finished", state=pending.sent["state"])
        self.see(written)

    async def _sent(self, key: Key, notification: Notification) -> dict[str, Any]:
        """Sends the mail if it still applies; returns the status to write.

        Raises:
            HeldBackError: the address got enough mails for now.
            AwsError, ApiException: it is to be tried again.
        """
        spec, made = notification.spec, notification.metadata.creation_timestamp or utc_now()
        if not self._mail.enabled:
            return {"state": NotificationState.DISABLED}
        if utc_now() - made > GIVEN_UP:
            return _dropped(f"It could not be sent for {GIVEN_UP.days} days.")
        try:
            to = await self._recipients.of(notification)
        except NotToSendError as error:
            return _dropped(str(error))
        await self._learn_sent()
        if (wait := self._rates.wait(to, spec.kind)) is not None:
            raise HeldBackError(wait.total_seconds())
        link = await self._link(key, to) if spec.kind is NotificationKind.CONFIRM_EMAIL else ""
        public = self._settings.public_url.rstrip("/")
        subject, text = render(notification, public=public, contact=self._settings.support_contact, link=link)
        message_id = await self._mail.send(to, subject, text, about=f"notification/{notification.metadata.uid}")
        return {"state": NotificationState.SENT, "to": to, "messageId": message_id}

    async def _learn_sent(self) -> None:
        """Reads all Notifications, once and before the first mail: the watch shows them in no order, and a mail that
        the rate limit would hold back may come before the one that it waits for.

        Raises:
            ApiException: they can't be read now. Those of a namespace that is closed to us can't, and are none of ours.
        """
        if self._knows_sent:
            return
        for namespace in self._settings.listed_namespaces:
            with tolerated(FORBIDDEN, NOT_FOUND):
                async for each in self._notifications.all(namespace, unreadable=_tell_unreadable):
                    self.see(each)
        self._knows_sent = True

    async def _link(self, key: Key, email: str) -> str:
        """A new link. Its token's hash is written before the mail is sent, so that every link that arrives works."""
        token = f"{key[1]}.{secrets.token_urlsafe(32)}"
        confirmation = {
            "email": email,
            "tokenHash": hashlib.sha256(token.encode()).hexdigest(),
            "expiresAt": to_rfc3339(utc_now() + timedelta(hours=CONFIRMATION_HOURS)),
        }
        await self._notifications.merge_status(*key, {"status": {"confirmation": confirmation}})
        return f"{self._settings.public_url.rstrip('/')}/confirm-email#{token}"

    async def _remove(self, key: Key) -> None:
        """Deletes a Notification that has been kept long enough."""
        left = (self._finished[key] + KEPT - utc_now()).total_seconds()
        if left <= 0 and self._is_needed(*key):
            left = LOOKED_SECONDS
        if left > 0:
            self._due.put(key, left)
            return
        try:
            with tolerated(NOT_FOUND):
                await self._notifications.delete(*key)
        except (ApiException, *UNANSWERED) as error:
            log.warning("notification_not_deleted", notification="/".join(key), error=str(error))
            self._due.put(key, LONGEST_SECONDS)
        else:
            self.forget(*key)


def _tell_unreadable(error: UnreadableError) -> None:
    log.warning("object_unreadable", detail=str(error), meaning="Whether its mail was sent is unknown.")


def _problem(pending: _PendingMail, error: Exception) -> str | None:
    """The error for the status; None if Kubernetes is unreachable, which could not store it either."""
    if isinstance(error, UNANSWERED):
        log.warning("kubernetes_unreachable", error=str(error))
        return None
    MAILS.labels(pending.notification.spec.kind, "failed").inc()
    if isinstance(error, AwsError):
        log.warning("mail_not_sent", error=str(error))
        return f"SES did not accept the mail ({error.code}); it is tried again."
    log.error("mail_not_sent", exc_info=error)
    return "The operator failed with an internal error; it tries again."


def _dropped(why: str) -> dict[str, Any]:
    return {"state": NotificationState.DROPPED, "error": why}
