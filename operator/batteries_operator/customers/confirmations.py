"""Resumes single sign-on for accounts that waited until their Customer confirmed the e-mail address.

The confirmed address is written into the status of those accounts alone; it is an input of the step, which becomes
pending again. Everything is decided from the objects, so a restart forgets nothing and, at rest, writes nothing.
"""

import asyncio

import structlog
from kubernetes.aio.client import ApiException

from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer
from batteries_crds.kube.client import CONFLICT, NOT_FOUND, UNANSWERED, Resources, UnreadableError, tolerated
from batteries_crds.names import ProvisioningStep
from batteries_operator.runtime.keyed_tasks import KeyedTasks

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

AGAIN_SECONDS = 10.0
"""The pause after Kubernetes refused or failed."""

Key = tuple[str, str]


class Confirmations:
    """Which accounts wait, and what each Customer has confirmed."""

    def __init__(self, accounts: Resources[AwsAccount]) -> None:
        self._accounts = accounts
        self._confirmed: dict[Key, str] = {}
        self._waiting: dict[Key, dict[str, str | None]] = {}
        self._tasks: KeyedTasks[Key] = KeyedTasks()

    def customer_seen(self, customer: Customer) -> None:
        """Takes in a Customer as it is now."""
        key = customer.metadata.namespace, customer.metadata.name
        if customer.is_confirmed:
            self._confirmed[key] = customer.spec.email
        else:
            self._confirmed.pop(key, None)
        self._plan(key)

    def customer_gone(self, namespace: str, name: str) -> None:
        """Takes in that a Customer was deleted."""
        self._confirmed.pop((namespace, name), None)

    def account_seen(self, account: AwsAccount) -> None:
        """Takes in an account as it is now."""
        if account.spec.customer_ref is None:
            return
        key = account.metadata.namespace, account.spec.customer_ref.name
        record = account.status.steps.get(ProvisioningStep.SETUP_SSO_ACCESS)
        if record is not None and record.waived and not account.is_deleted:
            self._waiting.setdefault(key, {})[account.metadata.name] = account.status.confirmed_email
            self._plan(key)
        elif key in self._waiting:
            self._waiting[key].pop(account.metadata.name, None)

    def close(self) -> None:
        """Cancels the running tasks."""
        self._tasks.close()

    def _pending(self, key: Key) -> list[str]:
        """The accounts whose status lacks what the Customer confirmed."""
        confirmed = self._confirmed.get(key)
        return (
            []
            if confirmed is None
            else [n for n, written in self._waiting.get(key, {}).items() if written != confirmed]
        )

    def _plan(self, key: Key) -> None:
        if self._pending(key) and not self._tasks.is_running(key):
            self._tasks.replace(key, self._write_all(key))

    async def _write_all(self, key: Key) -> None:
        while pending := self._pending(key):
            try:
                for name in pending:
                    await self._write(key, name, self._confirmed[key])
            except (ApiException, UnreadableError, KeyError, *UNANSWERED) as error:
                log.warning("confirmation_not_written", customer="/".join(key), error=str(error))
                await asyncio.sleep(AGAIN_SECONDS)

    async def _write(self, key: Key, name: str, confirmed: str) -> None:
        self._waiting[key][name] = confirmed
        with tolerated(NOT_FOUND, CONFLICT):
            await self._accounts.merge_status(key[0], name, {"status": {"confirmedEmail": confirmed}})
            log.info("sso_resumed", resource=f"{key[0]}/{name}")
