"""kopf's settings and its handlers: which objects need work, and what does it. Each handler delegates at once."""

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import partial
from typing import Any

import kopf
from kopf._cogs.configs.configuration import PostingSettings

from batteries_crds.account_pool import AccountPool
from batteries_crds.aws_account import AwsAccount
from batteries_crds.breaker import Breaker
from batteries_crds.customer import Customer
from batteries_crds.kube.client import Resources
from batteries_crds.names import FINALIZER, GROUP, VERSION
from batteries_crds.notification import Notification
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.controller import pool_handlers, work_handlers
from batteries_operator.controller.controller import Controller
from batteries_operator.controller.event_handler import EventHandler
from batteries_operator.controller.kopf_bodies import slim
from batteries_operator.controller.kube_events import EventsBeside, post_event, post_raw_event, warn
from batteries_operator.controller.members import members_of
from batteries_operator.controller.pool_work import PoolWork
from batteries_operator.controller.resync import Resync
from batteries_operator.controller.unreadable import Unreadable
from batteries_operator.customers.confirmations import Confirmations
from batteries_operator.customers.holds import CustomerHolds
from batteries_operator.customers.payment_notices import PaymentNotices
from batteries_operator.customers.suspension_breaker import SuspensionBreaker
from batteries_operator.customers.unpaid_closures import UnpaidClosures
from batteries_operator.deadlines.deadlines import Deadlines
from batteries_operator.mails.outbox import Outbox
from batteries_operator.mails.recipients import Recipients
from batteries_operator.runtime.field_manager import FIELD_MANAGER
from batteries_operator.runtime.metrics import ACCOUNTS_UNREADABLE
from batteries_operator.steps.account_registries import AccountRegistries

RESOURCE = (GROUP, VERSION, AwsAccount.definition.plural)


class _NoDiffBase(kopf.DiffBaseStorage):
    """Stores nothing: kopf would copy each spec into an annotation to detect changes, which our conditions show."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> Any:
        return {}

    def store(self, **_: Any) -> None:
        return None


class _InOrder(PostingSettings):
    """Names Events by the time, as client-go does, instead of at random.

    Kubernetes stores their times in whole seconds, and `kubectl describe` sorts those of one second by their names.
    """

    @property
    def event_name_prefix(self) -> str:
        """The prefix, to which the API server adds some random letters."""
        return f"awsaccount.{time.time_ns():x}."

    @event_name_prefix.setter
    def event_name_prefix(self, _: str) -> None:
        """Ignores the default that the base class sets."""


def settings_for_kopf() -> kopf.OperatorSettings:
    """kopf's settings: our finalizer, and no annotations of kopf on accounts at rest."""
    settings = kopf.OperatorSettings()
    settings.persistence.finalizer = FINALIZER
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP)
    # The source that `kubectl describe` and `kubectl get events` show; kopf's log lines do not become Events.
    settings.posting = _InOrder(
        loggers=False, reporting_component=FIELD_MANAGER, reporting_instance=socket.gethostname()
    )
    # A daemon whose account was just settled may still wait for the response to that write; if cancelled there, its
    # Event would be lost. It ends by itself in far less time than this.
    settings.background.instant_exit_timeout = 1.0
    # Our daemons end at once when told; if one is in an AWS call, kopf looks again after a second.
    settings.background.cancellation_polling = 1
    # List in pages, and end each account's worker soon: at a start among ten thousand accounts all would be in memory
    # at once, and Python returns little of that memory.
    settings.watching.chunk_size = 500
    settings.queueing.idle_timeout = 1
    return settings


def _breaker(controller: Controller, grace: timedelta | None) -> SuspensionBreaker:
    settings, customers = controller.deps.settings, Resources(controller.api, Customer, FIELD_MANAGER)
    limit, tell = Breaker(settings.breaker_percent, settings.breaker_customers), partial(warn, "SuspensionsHeldBack")
    return SuspensionBreaker(customers, limit, grace, tell)


def _closures(controller: Controller) -> UnpaidClosures:
    settings, customers = controller.deps.settings, Resources(controller.api, Customer, FIELD_MANAGER)
    limit, tell = Breaker(settings.breaker_percent, settings.breaker_customers), partial(warn, "ClosuresHeldBack")
    return UnpaidClosures(controller.accounts, customers, limit, settings.payment_close_after, tell)


def registry(controller: Controller) -> kopf.OperatorRegistry:
    """The handlers, bound to one controller."""
    handlers = kopf.OperatorRegistry()
    grace = controller.deps.settings.payment_grace
    notifications = Resources(controller.api, Notification, FIELD_MANAGER)
    notices = PaymentNotices(
        notifications,
        grace,
        close_after=controller.deps.settings.payment_close_after,
        is_mail_on=controller.deps.aws.mail.enabled,
        has_accounts=partial(_has_accounts, controller.accounts),
    )
    holds = CustomerHolds(controller.accounts, grace, _breaker(controller, grace), notices, _closures(controller))
    registries = controller.deps.registries
    resync = registries.while_it_exists(Resync(controller.deps.settings.resync_seconds, controller.resync))
    confirmations = Confirmations(controller.accounts)
    beside = EventsBeside()
    deadlines = registries.while_it_exists(_deadlines(controller, notifications, beside))
    events = EventHandler(controller, resync, holds.account_seen, confirmations.account_seen, deadlines.account_seen)
    outbox = _outbox(controller, notifications, notices)
    unreadable = registries.while_it_exists(Unreadable(post_raw_event))
    ACCOUNTS_UNREADABLE.set_function(unreadable.__len__)
    _add_watch(handlers, events, unreadable, registries, beside)
    work_handlers.add(handlers, RESOURCE, controller, events, unreadable)
    pools = _pools(controller, beside)
    _add_beside(handlers, resync.run, controller.deps.creation_poller.run, outbox.run, deadlines.run, *pools.runs)
    _add_customers(handlers, notices, holds, confirmations)
    _add_mails(handlers, outbox, notices)
    pool_handlers.add(handlers, members_of(controller, post_event), pools.member_seen)
    pool_handlers.add_pools(handlers, pools, beside)
    return handlers


async def _has_accounts(accounts: Resources[AwsAccount], customer: tuple[str, str]) -> bool:
    namespace, name = customer
    selector = f"spec.customerRef.name={name}"
    page = await accounts.raw_page(namespace, field_selector=selector, limit=1)
    return bool(page.items)


def _add_watch(
    handlers: kopf.OperatorRegistry,
    events: EventHandler,
    unreadable: Unreadable,
    registries: AccountRegistries,
    beside: EventsBeside,
) -> None:
    @kopf.on.event(*RESOURCE, registry=handlers)
    async def changed(uid: str, body: kopf.Body, type: str | None, **_: Any) -> None:  # noqa: A002  # kopf's name
        """Handles each watch event; kopf calls this before its other handlers."""
        beside.handling()
        if type == "DELETED":
            registries.forget(uid)
            return
        account = unreadable.read(body)
        if account is None:
            registries.forget(uid, keep=unreadable)
        else:
            events.updated(account, body)
            slim(body)


def _add_customers(handlers: kopf.OperatorRegistry, *followers: PaymentNotices | CustomerHolds | Confirmations) -> None:
    @kopf.on.event(GROUP, VERSION, Customer.definition.plural, registry=handlers)
    async def customer(body: kopf.Body, meta: kopf.Meta, type: str | None, **_: Any) -> None:  # noqa: A002  # kopf's name
        """Updates the Customer's accounts: adds or lifts holds, and resumes single sign-on that waited."""
        if type == "DELETED":
            for each in followers:
                each.customer_gone(str(meta.namespace), str(meta.name))
            return
        seen = Customer.model_validate(dict(body))
        for each in followers:
            each.customer_seen(seen)

    @kopf.on.cleanup(registry=handlers)
    async def stop(**_: Any) -> None:
        """Cancels what is planned."""
        for each in followers:
            each.close()


def _deadlines(controller: Controller, notifications: Resources[Notification], beside: EventsBeside) -> Deadlines:
    grace = timedelta(seconds=controller.deps.settings.expiry_close_grace_seconds)
    return Deadlines(controller.accounts, controller.deps.live, notifications, grace, beside.post)


def _pools(controller: Controller, beside: EventsBeside) -> PoolWork:
    pools = Resources(controller.api, AccountPool, FIELD_MANAGER)
    members = Resources(controller.api, PooledAccount, FIELD_MANAGER)
    return PoolWork.of(controller, pools, members, beside.post)


def _outbox(controller: Controller, notifications: Resources[Notification], notices: PaymentNotices) -> Outbox:
    customers, settings = Resources(controller.api, Customer, FIELD_MANAGER), controller.deps.settings
    recipients = Recipients(customers, controller.accounts, settings.payment_grace)
    return Outbox(notifications, recipients, controller.deps.aws.mail, settings, notices.needs)


def _add_mails(handlers: kopf.OperatorRegistry, outbox: Outbox, notices: PaymentNotices) -> None:
    @kopf.on.event(GROUP, VERSION, Notification.definition.plural, registry=handlers)
    async def notification(body: kopf.Body, meta: kopf.Meta, type: str | None, **_: Any) -> None:  # noqa: A002  # kopf's name
        """Has pending mail sent, and finished Notifications deleted in time."""
        if type == "DELETED":
            outbox.forget(str(meta.namespace), str(meta.name))
            notices.forget(str(meta.namespace), str(meta.name))
        else:
            seen = Notification.model_validate(dict(body))
            notices.see(seen)
            outbox.see(seen)
            slim(body)


def _add_beside(handlers: kopf.OperatorRegistry, *work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    running: set[asyncio.Task[None]] = set()

    @kopf.on.startup(registry=handlers)
    async def start(**_: Any) -> None:
        """Starts the tasks for all accounts: resync, creation poller, mails."""
        running.update(asyncio.create_task(each()) for each in work)

    @kopf.on.cleanup(registry=handlers)
    async def stop(**_: Any) -> None:
        """Cancels them."""
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
