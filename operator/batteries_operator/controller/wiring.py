"""Wires the dependencies that all reconciles of one process share."""

from collections.abc import Callable
from functools import partial

from kubernetes.aio.client import ApiClient

from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer
from batteries_crds.kube.client import Resources
from batteries_crds.kube.secrets import Secrets
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.aws.gateways import Aws
from batteries_operator.controller.customer_lookup import Customers
from batteries_operator.controller.live_accounts import LiveAccounts, aws_accounts_named
from batteries_operator.controller.passwords import Passwords
from batteries_operator.controller.pool_members import PoolMembers, pooled_accounts
from batteries_operator.limits.creation_poller import CreationPoller
from batteries_operator.limits.slots import Slots
from batteries_operator.pool.index import PoolIndex
from batteries_operator.reconcile.result_applier import PostEvent
from batteries_operator.runtime.field_manager import FIELD_MANAGER
from batteries_operator.runtime.metrics import SLOTS_HELD, SLOTS_WAITING
from batteries_operator.runtime.settings import Settings
from batteries_operator.status.pending import is_current
from batteries_operator.steps.dependencies import Dependencies, Limit
from batteries_operator.steps.lost_claims import LostClaims
from batteries_operator.steps.preparation import preparation


def make_dependencies(
    settings: Settings, api: ApiClient, aws: Aws, wake: Callable[[str], None], post_event: PostEvent
) -> Dependencies:
    """`wake` is called with the UID of an account whose slot is free or whose creation has ended."""
    creations = _slots(Limit.CREATIONS, settings.creations_in_flight, wake)

    def ended(uid: str) -> None:
        creations.finish(uid)
        wake(uid)

    accounts = Resources(api, AwsAccount, FIELD_MANAGER)
    return Dependencies(
        settings=settings,
        aws=aws,
        customers=Customers(Resources(api, Customer, FIELD_MANAGER), accounts),
        live=LiveAccounts(accounts),
        passwords=Passwords(Secrets(api, FIELD_MANAGER)),
        members=PoolMembers(pooled_accounts(api), preparation(settings), post_event),
        lost_claims=LostClaims(
            aws.organizations,
            partial(aws_accounts_named, accounts, settings.listed_namespaces),
            settings.pool_ou_name,
        ),
        creation_poller=CreationPoller(
            aws.creations.in_progress,
            aws.creations.status,
            ended,
            longest=settings.poll_max_seconds,
        ),
        creations=creations,
        assignments=_slots(Limit.ASSIGNMENTS, settings.assignments_in_flight, wake),
        closures=_slots(Limit.CLOSURES, settings.closures_in_flight, wake),
        pool=PoolIndex(partial(is_prepared, settings), creations.first_in, wake),
    )


def is_prepared(settings: Settings, member: PooledAccount) -> bool:
    """Whether everything of the member's preparation is done, as this release and its settings want it."""
    return all(is_current(step, member) for step in preparation(settings))


def _slots(limit: Limit, capacity: int, wake: Callable[[str], None]) -> Slots:
    """The slots for one limit, with their metrics."""
    slots = Slots(capacity, wake)
    SLOTS_HELD.labels(limit).set_function(partial(getattr, slots, "held"))
    SLOTS_WAITING.labels(limit).set_function(partial(getattr, slots, "waiting"))
    return slots
