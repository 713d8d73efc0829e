"""What an AwsAccount's status remembers of steps: a record for each, and the history of what happened."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from batteries_crds.base import Model, Timestamp
from batteries_crds.names import RETRY_LENGTH, EventStatus

HISTORY_LIMIT = 64

_NEXT_MOMENT = timedelta(microseconds=1)


class StepRecord(Model):
    """What the operator remembers of a step beside its condition."""

    inputs: Annotated[
        str | None,
        Field(
            max_length=64,
            description="Fingerprint of the inputs that the step last ran with. The step runs again when they change.",
        ),
    ] = None
    gave_up_at: Annotated[
        int | None,
        Field(
            ge=0,
            description="The metadata.generation for which the step failed for good. It is retried for a later one.",
        ),
    ] = None
    gave_up_retry: Annotated[
        str | None,
        Field(
            max_length=RETRY_LENGTH,
            description="The value of the annotation aibatteriesincluded.com/retry when the step failed for "
            "good. It is retried for another value.",
        ),
    ] = None
    troubled_since: Annotated[
        Timestamp | None,
        Field(description="Since when the step has had a problem; absent without one."),
    ] = None
    error: Annotated[
        str | None, Field(max_length=1024, description="The step's problem, as a sentence; absent without one.")
    ] = None
    cause: Annotated[
        str | None,
        Field(
            max_length=1024,
            description="What AWS, Kubernetes or the program said about the problem. The HTTP API shows it to "
            "administrators only.",
        ),
    ] = None
    waived: Annotated[
        bool | None,
        Field(
            description="Whether the account counts as ready without this step for now. The step's condition says "
            "what it waits for."
        ),
    ] = None
    told: Annotated[
        str | None,
        Field(
            max_length=128,
            description="The reason of the last problem that an Event reported, so that it is reported once; "
            "absent after the step's success.",
        ),
    ] = None


class HistoryEvent(Model):
    """A step that began, succeeded or failed for good, or something else that the owner is told."""

    timestamp: Annotated[
        Timestamp, Field(description="When it happened; at least a microsecond later than the event before.")
    ]
    step: Annotated[str, Field(max_length=64, description="The step's name, such as setup_oidc.")]
    status: Annotated[EventStatus, Field(description="Whether the step began, succeeded or failed for good.")]
    detail: Annotated[
        str | None, Field(max_length=1024, description="What was achieved, as a sentence; after a failure, the reason.")
    ] = None
    error: Annotated[str | None, Field(max_length=1024, description="What went wrong, as a sentence.")] = None
    cause: Annotated[
        str | None,
        Field(
            max_length=1024,
            description="What AWS, Kubernetes or the program said about it, for administrators.",
        ),
    ] = None


def appended(history: Sequence[HistoryEvent], event: HistoryEvent) -> list[HistoryEvent]:
    """The history with the event at its end, and with a later timestamp than all before: clients page by timestamps.

    Several steps may begin in one second, and the clock of the operator that takes over may be behind.
    """
    if history:
        moment = max(event.timestamp, history[-1].timestamp + _NEXT_MOMENT)
        event = event.model_copy(update={"timestamp": moment})
    return [*history, event][-HISTORY_LIMIT:]
