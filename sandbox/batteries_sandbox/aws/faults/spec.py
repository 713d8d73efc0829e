"""The specification of a fault: which calls it affects, what happens to them, and how often.

The models are the JSON of POST /_standin/faults; unknown fields are refused, so that a misspelt fault can't let a test
pass.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.policy_document import matches


class Kind(StrEnum):
    """What happens to the call."""

    ERROR = "error"  # it is refused with a code, in its protocol's own form
    THROTTLE = "throttle"  # it is refused with its service's throttle code
    PAGE = "page"  # a proxy in front of AWS refuses it, with a status and an HTML page
    REQUEST_LOST = "request_lost"  # it is not carried out, and the connection closes
    ANSWER_LOST = "answer_lost"  # it is carried out, and the connection closes
    HANG = "hang"  # no response comes until the client disconnects
    LATENCY = "latency"  # it takes longer
    FAIL_LATER = "fail_later"  # what it starts is accepted, and fails when it is due
    GATE_BEFORE = "gate_before"  # it is held before it is carried out, until released
    GATE_AFTER = "gate_after"  # it is held after it was carried out, until released


_REFUSALS = frozenset({Kind.ERROR, Kind.THROTTLE, Kind.PAGE, Kind.REQUEST_LOST})
_QUICK = frozenset({Kind.ERROR, Kind.THROTTLE, Kind.PAGE, Kind.FAIL_LATER})
_ENDLESS = frozenset({Kind.LATENCY, Kind.THROTTLE})  # unless `times` is given
_NEEDS = {Kind.ERROR: "code", Kind.PAGE: "status", Kind.LATENCY: "seconds", Kind.FAIL_LATER: "reason"}
# The calls that start something which can fail later, with a reason in its status.
STARTS = frozenset({"CreateAccount", "CreateAccountAssignment", "DeleteAccountAssignment"})
# The parameters that name the account which a call is about.
_ABOUT = ("AccountId", "ChildId", "ResourceId", "TargetId")


class FaultSpec(BaseModel):
    """One fault as it was requested."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    # Which calls: names may hold * and ?.
    service: str = "*"
    operation: str = "*"
    account: str = ""  # the caller's, or the one that the call is about
    params: dict[str, str] = {}  # parameter to pattern; Tags and the like are matched as JSON
    # How often.
    skip: Annotated[int, Field(ge=0)] = 0  # so many matching calls pass first
    times: Annotated[int, Field(ge=1)] | None = None
    probability: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: int = 0
    # How: which of these a kind takes is checked below.
    seconds: Annotated[float, Field(ge=0)] = 0.0
    done: bool = False
    code: str = ""
    message: str = ""
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    reason: str = ""
    fields: dict[str, Any] = {}
    rate: Annotated[float, Field(gt=0)] | None = None
    burst: Annotated[int, Field(ge=1)] | None = None
    published: bool = False

    @model_validator(mode="after")
    def _complete(self) -> FaultSpec:
        needs = _NEEDS.get(self.kind)
        if needs and not getattr(self, needs):
            raise ValueError(f"a fault of kind {self.kind} needs '{needs}'")
        if self.kind is not Kind.THROTTLE and (self.rate or self.burst or self.published):
            raise ValueError("'rate', 'burst' and 'published' are for the kind throttle")
        if self.rate and self.published:
            raise ValueError("'rate' is our own number and 'published' is AWS's: only one of them")
        if self.done and self.kind is not Kind.HANG:
            raise ValueError("'done' is for the kind hang")
        return self

    @property
    def limit(self) -> int | None:
        """How often it strikes at most: once by default."""
        if self.times is None and self.probability is None and self.kind not in _ENDLESS:
            return 1
        return self.times

    @property
    def keeps_from_aws(self) -> bool:
        """Whether the call that it strikes is never carried out."""
        return self.kind in _REFUSALS or (self.kind is Kind.HANG and not self.done)

    @property
    def takes_no_time(self) -> bool:
        """Whether the call that it strikes is answered, and at once."""
        return self.kind in _QUICK

    def concerns(self, call: Call) -> bool:
        """Whether this fault affects the call."""
        if self.kind is Kind.FAIL_LATER and call.operation not in STARTS:
            return False
        return (
            matches(call.service, self.service)
            and matches(call.operation, self.operation)
            and (not self.account or self.account in _accounts(call))
            and all(matches(_text(call.params.get(name)), pattern) for name, pattern in self.params.items())
        )


def _accounts(call: Call) -> set[str]:
    role = call.text("RoleArn").split(":")
    return {call.account_id, *(call.text(name) for name in _ABOUT), role[4] if len(role) > 4 else ""}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
