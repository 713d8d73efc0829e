"""ProvisioningEvents as the contract shows them, each with an id to go on from."""

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired, cast

from pydantic import Field
from typing_extensions import TypedDict

from batteries_apiserver.accounts.views import AccountId, Moment
from batteries_crds.aws_account_status import HistoryEvent
from batteries_crds.base import to_rfc3339
from batteries_crds.names import EventStatus


class ProvisioningEvent(TypedDict):
    """Something that became of a step."""

    id: Annotated[str, Field(description="Its place in the account's history; the stream's event id.")]
    accountId: AccountId
    timestamp: Moment
    step: str
    status: Annotated[EventStatus, Field(description="What became of the step.")]
    detail: NotRequired[Annotated[str, Field(description="More, as a sentence.")]]
    error: NotRequired[Annotated[str, Field(description="What went wrong, as a sentence.")]]


class EventList(TypedDict):
    """Events, newest last."""

    events: list[ProvisioningEvent]


def event_id(event: HistoryEvent) -> str:
    """Tells the events of one account apart."""
    return f"{to_rfc3339(event.timestamp)}/{event.step}/{event.status.value}"


def event_view(account_id: str, event: Mapping[str, Any]) -> ProvisioningEvent:
    """ProvisioningEvent of a HistoryEvent as JSON has it: its fields have the contract's names."""
    named = "{timestamp}/{step}/{status}".format_map(event)
    return cast(ProvisioningEvent, {"id": named, "accountId": account_id, **event})
