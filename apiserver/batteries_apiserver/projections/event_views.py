"""ProvisioningEvents as the contract shows them, each with an id to go on from."""

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
    """Something that became of a step."""

    id: Annotated[str, Field(description="Its sort_key in the account's history; the stream's event id.")]
    accountId: AccountId
    timestamp: Moment
    step: str
    status: Annotated[EventStatus, Field(description="What became of the step.")]
    detail: NotRequired[Annotated[str, Field(description="More, as a sentence.")]]
    error: NotRequired[Annotated[str, Field(description="What went wrong, as a sentence.")]]


class AdminEvent(ProvisioningEvent):
    """The same as administrators see it."""

    cause: NotRequired[Annotated[str, Field(description="What AWS or Kubernetes said of it.")]]


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
    """Events of one account as JSON has them; all of one moment, or none. Their fields have the contract's names.

    An id is made of what is stored, so it is the same on every replica, and names one event alone: the operator gives
    each a moment of its own. Of those that others wrote at the same moment, the second and so on are numbered.
    """
    views, seen = list[AdminEvent](), Counter[str]()
    for event in events:
        named = "{timestamp}/{step}/{status}".format_map(event)
        seen[named] += 1
        number = f"/{seen[named]}" if seen[named] > 1 else ""
        views.append(cast(AdminEvent, {"id": named + number, "accountId": account_id, **event}))
    return views
