"""Requests mails to customers by writing Notifications; the operator sends the mails.

No request fails or waits long because of a Notification: if one can't be written now, it is retried in the background.
Its name is derived from what happened, so that nobody gets the same mail twice.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import structlog
from aiohttp import web
from kubernetes.aio.client import ApiException

from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.http.fixed_window import FixedWindows
from batteries_apiserver.runtime.background import in_background
from batteries_crds.base import utc_now
from batteries_crds.customer import Customer
from batteries_crds.kube.client import CONFLICT, NOT_FOUND, UNANSWERED, Resources, status_of
from batteries_crds.notification import Notification, NotificationKind, notification

log = structlog.get_logger(__name__)

_SECONDS = 3.0
"""How long a request waits for a Notification to be written."""

_AGAIN_SECONDS = 10.0
_MOST_UNWRITTEN = 1000
_MOST_TRIES = 30
_CHANGES_AN_HOUR = 30
"""How many of a customer's repository changes are mailed in an hour; a loop must not fill etcd with Notifications."""


def changed_by(caller: Caller) -> str:
    """Who did it, for a mail; a key is named by the part that may be shown."""
    return "by an administrator" if caller.is_admin else f"with your API key aib_{caller.key_prefix}"


class NotificationWriter:
    """Writes this replica's Notifications, and keeps those that are still unwritten."""

    def __init__(self, namespace: str, live: Resources[Notification], windows: FixedWindows | None = None) -> None:
        self._namespace = namespace
        self._live = live
        self._windows = windows or FixedWindows()
        self._unwritten: dict[str, tuple[dict[str, Any], int]] = {}

    async def notify(
        self,
        kind: NotificationKind,
        customer: str,
        *what: str,
        to: str | None = None,
        **details: str,
    ) -> None:
        """Requests a mail to the customer. `what` distinguishes this occurrence from others of its kind."""
        if kind is NotificationKind.REPOSITORIES_CHANGED:
            count, _ = self._windows.incr(f"repositories/{customer}", 3600)
            if count > _CHANGES_AN_HOUR:
                return
            if count == _CHANGES_AN_HOUR:
                details["repositories"] = "changed too often to mail each change; read the account for the list"
        body = notification(kind, customer, *what, to=to, **details)
        if len(self._unwritten) < _MOST_UNWRITTEN:
            # Queued before the first attempt: if the request is cancelled here, the background task writes it.
            self._unwritten[body["metadata"]["name"]] = body, 0
        await self._write(body)

    async def ask_to_confirm(self, customer: Customer) -> None:
        """Requests the mail that confirms a new customer's address, once for each sign-up."""
        made = customer.metadata.creation_timestamp
        if made is not None and utc_now() - made < timedelta(days=1) and not customer.is_confirmed:
            await self.notify(NotificationKind.CONFIRM_EMAIL, customer.metadata.name, "sign-up")

    async def _write(self, body: dict[str, Any]) -> None:
        name, kind = body["metadata"]["name"], body["spec"]["kind"]
        try:
            async with asyncio.timeout(_SECONDS):
                await self._live.create(self._namespace, body)
        except ApiException as error:
            status = status_of(error)
            if status == CONFLICT:
                pass  # written before
            elif status in (0, 401, 403, NOT_FOUND, 429) or status >= 500:
                log.error("notification_not_written", kind=kind, status=status, reason=error.reason)
                return
            else:
                log.error("notification_refused", kind=kind, status=status, body=str(error.body)[:500])
        except UNANSWERED as error:
            log.error("notification_not_written", kind=kind, error=type(error).__name__)
            return
        self._unwritten.pop(name, None)

    async def flush(self) -> None:
        """Writes the pending Notifications; one that can't be written for minutes is dropped."""
        for name, (body, tries) in list(self._unwritten.items()):
            if tries >= _MOST_TRIES:
                self._unwritten.pop(name, None)
                log.error("notification_given_up", kind=body["spec"]["kind"], notification=name)
                continue
            self._unwritten[name] = body, tries + 1
            await self._write(body)

    @asynccontextmanager
    async def written(self) -> AsyncIterator[None]:
        """Writes in the background while the block runs, and once more at its end."""
        try:
            async with in_background(self._write_periodically(), "notifications"):
                yield
        finally:
            await self.flush()

    async def _write_periodically(self) -> None:
        while True:
            await asyncio.sleep(_AGAIN_SECONDS)
            await self.flush()


NOTIFICATIONS = web.AppKey("notifications", NotificationWriter)
