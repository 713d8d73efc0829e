"""What every model of the contract shares: camelCase on the wire, nothing unknown accepted, plain ISO times."""

from datetime import UTC, datetime
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


def to_rfc3339(moment: datetime) -> str:
    """`2026-11-24T08:00:00Z`, or with microseconds where there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


Timestamp = Annotated[
    datetime,
    AfterValidator(lambda moment: moment.astimezone(UTC)),
    PlainSerializer(to_rfc3339, return_type=str),
]
