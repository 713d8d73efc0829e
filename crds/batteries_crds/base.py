"""The base of every model of the contract: camelCase on the wire, no unknown fields, plain ISO times."""

from datetime import UTC, datetime
from math import inf
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, GetJsonSchemaHandler, PlainSerializer
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema


class Model(BaseModel):
    """A part of a resource: snake_case in Python, camelCase in Kubernetes."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)

    left_out: ClassVar[frozenset[str]] = frozenset()
    """Inherited fields that a CRD does not show: a kind that is a special case of another one never has them."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The schema without what is left out."""
        reference = handler(core_schema)
        schema = handler.resolve_ref_schema(reference)
        for name in map(to_camel, cls.left_out):
            del schema["properties"][name]
        return reference

    def to_wire(self) -> dict[str, Any]:
        """This value as Kubernetes expects it: camelCase, without unset fields."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""A placeholder for an unknown time; Kubernetes' own objects always have theirs."""


def utc_now() -> datetime:
    """The time as Kubernetes writes it: UTC, whole seconds (metav1.Time has no fractions)."""
    return datetime.now(UTC).replace(microsecond=0)


def utc_now_exactly() -> datetime:
    """The time in UTC with microseconds, for values that must differ from the one before."""
    return datetime.now(UTC)


AHEAD_SECONDS = 60.0
"""How far another machine's clock may be ahead of ours without a problem."""


def seconds_since(moment: datetime) -> float:
    """How long ago a stored time was, for waits that survive restarts; infinite if it is in the future.

    Then the clock was set back, or was wrong when the time was stored. How long ago it was can't be known, and the wait
    would last as long as the clock was set back.
    """
    seconds = (datetime.now(UTC) - moment).total_seconds()
    return inf if seconds < -AHEAD_SECONDS else max(seconds, 0.0)


def to_rfc3339(moment: datetime) -> str:
    """`2026-11-24T08:00:00Z`, or with microseconds if there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


Timestamp = Annotated[
    datetime,
    AfterValidator(lambda moment: moment.astimezone(UTC)),
    PlainSerializer(to_rfc3339, return_type=str),
]
