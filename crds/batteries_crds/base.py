"""What every model of the contract shares: camelCase on the wire, nothing unknown accepted, plain ISO times."""

from datetime import UTC, datetime
from math import inf
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """A part of a resource: snake_case in Python, camelCase in Kubernetes."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)

    def to_wire(self) -> dict[str, Any]:
        """This value as Kubernetes takes it: camelCase, without what is not set."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for a time that is not known; Kubernetes' own objects always know theirs."""


def utc_now() -> datetime:
    """The time as Kubernetes writes it: UTC, whole seconds (metav1.Time has no fractions)."""
    return datetime.now(UTC).replace(microsecond=0)


def utc_now_exactly() -> datetime:
    """The time in UTC with microseconds, for what has to differ from the time before."""
    return datetime.now(UTC)


AHEAD_SECONDS = 60.0
"""How far another machine's clock may be ahead of ours, and all is well."""


def seconds_since(moment: datetime) -> float:
    """How long ago a stored time was, for what must be waited for across restarts; infinite where it lies ahead.

    The clock was set back then, or was wrong when the time was stored: how long ago it was can't be known, and whoever
    waited for it to pass would wait for as long as the clock was set back.
    """
    seconds = (datetime.now(UTC) - moment).total_seconds()
    return inf if seconds < -AHEAD_SECONDS else max(seconds, 0.0)


def to_rfc3339(moment: datetime) -> str:
    """`2026-11-24T08:00:00Z`, or with microseconds where there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


Timestamp = Annotated[
    datetime,
    AfterValidator(lambda moment: moment.astimezone(UTC)),
    PlainSerializer(to_rfc3339, return_type=str),
]
