"""Puts together what all visits of one process share."""

from collections.abc import Callable
from functools import partial

from kubernetes.aio.client import ApiClient

from batteries_crds.aws_account import AwsAccount
from batteries_crds.client import Resources
from batteries_crds.customer import Customer
from batteries_crds.secrets import Secrets
from batteries_operator.aws.gateways import Aws
from batteries_operator.controller.customer_lookup import Customers
from batteries_operator.controller.passwords import Passwords
from batteries_operator.limits.creation_poller import UnderWay
from batteries_operator.limits.slots import Places
from batteries_operator.runtime.field_manager import FIELD_MANAGER
from batteries_operator.runtime.metrics import PLACES_HELD, PLACES_WAITING
from batteries_operator.runtime.settings import Settings
from batteries_operator.steps.dependencies import Limit, Tools


def make_tools(settings: Settings, api: ApiClient, aws: Aws, wake: Callable[[str], None]) -> Tools:
    """`wake` is called with the UID of an account whose wait is over: its place is free, or its creation has ended."""
    creations = _places(Limit.CREATIONS, settings.creations_in_flight, wake)

    def ended(uid: str) -> None:
        creations.end(uid)
        wake(uid)

    return Tools(
        settings=settings,
        aws=aws,
        customers=Customers(Resources(api, Customer, FIELD_MANAGER), Resources(api, AwsAccount, FIELD_MANAGER)),
        passwords=Passwords(Secrets(api, FIELD_MANAGER)),
        under_way=UnderWay(
            aws.creations.in_progress,
            aws.creations.status,
            ended,
            longest=settings.poll_max_seconds,
        ),
        creations=creations,
        assignments=_places(Limit.ASSIGNMENTS, settings.assignments_in_flight, wake),
        closures=_places(Limit.CLOSURES, settings.closures_in_flight, wake),
    )


def _places(limit: Limit, capacity: int, wake: Callable[[str], None]) -> Places:
    """The places before one limit, and the metrics that tell of them."""
    places = Places(capacity, wake)
    PLACES_HELD.labels(limit).set_function(partial(getattr, places, "held"))
    PLACES_WAITING.labels(limit).set_function(partial(getattr, places, "waiting"))
    return places
