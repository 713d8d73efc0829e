"""ProvisioningEvents as the contract shows them, each with an id from which a client can resume."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, NotRequired, cast

from pydantic import Field
from typing_extensions import TypedDict

from batteries_apiserver.cache.compressed import decompressed
from batteries_apiserver.projections.account_error import event_for_customers, own_ids
from batteries_apiserver.projections.account_views import AccountId, Moment
from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import EventStatus


class ProvisioningEvent(TypedDict):
    """An event of a step."""

    id: Annotated[str, Field(description="The event's id; the event stream uses the same one.")]
    accountId: AccountId
    timestamp: Moment
    step: str
    status: Annotated[EventStatus, Field(description="What happened to the step.")]
    detail: NotRequired[Annotated[str, Field(description="Details, as a sentence.")]]
    error: NotRequired[Annotated[str, Field(description="What went wrong, as a sentence.")]]


class AdminEvent(ProvisioningEvent):
    """An event, for administrators."""

    cause: NotRequired[Annotated[str, Field(description="The message from AWS or Kubernetes.")]]


class AdminEventList(TypedDict):
    """Events of all accounts, newest last."""

    events: list[AdminEvent]


class EventList(TypedDict):
    """Events, newest last."""

    events: list[ProvisioningEvent]


def event_views(account: AwsAccount) -> list[ProvisioningEvent]:
    """The account's history, oldest first, as its customer sees it."""
    ids = own_ids(account)
    return [
        cast(ProvisioningEvent, event_for_customers(event, ids))
        for event in views_of(str(account.account_id), decompressed(account.status.history))
    ]


def views_of(account_id: str, events: Iterable[Mapping[str, Any]]) -> list[AdminEvent]:
    """Adds ids to events of one account in JSON form, whose fields already have the contract's names.

    `events` must include all events of a timestamp or none. An id is made of stored fields, so it is the same on every
    replica, and unique: the operator gives each event its own timestamp, and if others wrote several events with the
    same one, the second and later ones get a number.
    """
    views, seen = list[AdminEvent](), Counter[str]()
    for event in events:
        named = "{timestamp}/{step}/{status}".format_map(event)
        seen[named] += 1
        number = f"/{seen[named]}" if seen[named] > 1 else ""
        views.append(cast(AdminEvent, {"id": named + number, "accountId": account_id, **event}))
    return views
