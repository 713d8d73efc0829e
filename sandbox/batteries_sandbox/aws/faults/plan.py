"""The faults that are set, and what each does to a call.

The event loop touches this, and whoever calls AWS in this process: a lock keeps each look at it whole. Of several
faults that would end a call, the one that was set first strikes, and the others don't count the call.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.faults.gate import Gate
from batteries_sandbox.aws.faults.spec import FaultSpec, Kind
from batteries_sandbox.aws.faults.throttles import Buckets

_GATES = (Kind.GATE_BEFORE, Kind.GATE_AFTER)


@dataclass(slots=True)
class Fault:
    """A fault that is set, and how often it struck."""

    id: str
    spec: FaultSpec
    gate: Gate = field(default_factory=Gate)
    matched: int = 0
    struck: int = 0
    buckets: Buckets | None = None
    _dice: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._dice.seed(self.spec.seed)
        if self.spec.rate or self.spec.published:
            self.buckets = Buckets(self.spec.rate, self.spec.burst)

    @property
    def spent(self) -> bool:
        """Whether it will not strike again."""
        return self.spec.limit is not None and self.struck >= self.spec.limit

    def strikes(self, call: Call, now: float) -> bool:
        """Whether it strikes this call, which is counted."""
        if self.spent or not self.spec.concerns(call):
            return False
        self.matched += 1
        if self.matched <= self.spec.skip:
            return False
        if self.spec.probability is not None and self._dice.random() >= self.spec.probability:
            return False
        if self.buckets is not None and self.buckets.take(call, now):
            return False
        self.struck += 1
        return True

    def describe(self) -> dict[str, Any]:
        """The fault as GET /_standin/faults shows it."""
        spec = self.spec.model_dump(mode="json", exclude_defaults=True)
        state = {"matched": self.matched, "struck": self.struck, "spent": self.spent}
        return {"id": self.id, **spec, **state, "waiting": self.gate.describe()}


@dataclass(slots=True)
class CallFaults:
    """What happens to one call."""

    latency: float = 0.0
    before: list[Fault] = field(default_factory=list)
    outcome: FaultSpec | None = None
    after: list[Fault] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The kind for the journal: that of what ended the call, else of what held it."""
        if self.outcome is not None:
            return self.outcome.kind
        held = [*self.after, *self.before]
        return held[0].spec.kind if held else "latency" if self.latency else ""


class FaultPlan:
    """Every fault that is set, oldest first."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._numbers = count(1)
        self._looking = threading.Lock()

    def add(self, spec: FaultSpec) -> Fault:
        """Sets a fault."""
        fault = Fault(f"fault-{next(self._numbers)}", spec)
        with self._looking:
            self._faults[fault.id] = fault
        return fault

    def find(self, fault_id: str) -> Fault | None:
        """The fault of that id."""
        return self._faults.get(fault_id)

    def all(self) -> Iterable[Fault]:
        """Every fault, oldest first."""
        return list(self._faults.values())

    @property
    def takes_no_time(self) -> bool:
        """Whether every call is answered at once, whatever strikes it."""
        return all(fault.spec.takes_no_time for fault in self._faults.values())

    def remove(self, fault_id: str) -> bool:
        """Removes a fault; what it holds continues. False if there is none."""
        fault = self._faults.pop(fault_id, None)
        if fault is not None:
            fault.gate.release()
        return fault is not None

    def clear(self) -> None:
        """Takes all faults away."""
        for fault in self.all():
            self.remove(fault.id)

    def faults_of(self, call: Call, now: float) -> CallFaults:
        """Asks every fault about an incoming call."""
        with self._looking:
            return self._faults_of(call, now)

    def faults_at_once_of(self, call: Call, now: float) -> CallFaults | None:
        """The same, or None where a fault is set that takes time: then none is asked."""
        with self._looking:
            return self._faults_of(call, now) if self.takes_no_time else None

    def _faults_of(self, call: Call, now: float) -> CallFaults:
        faults = CallFaults()
        faults.latency = sum(fault.spec.seconds for fault in self._of(Kind.LATENCY) if fault.strikes(call, now))
        faults.before = [fault for fault in self._of(Kind.GATE_BEFORE) if fault.strikes(call, now)]
        ends = (fault for fault in self.all() if fault.spec.kind not in (Kind.LATENCY, *_GATES))
        faults.outcome = next((fault.spec for fault in ends if fault.strikes(call, now)), None)
        if faults.outcome is None or not faults.outcome.keeps_from_aws:
            faults.after = [fault for fault in self._of(Kind.GATE_AFTER) if fault.strikes(call, now)]
        return faults

    def _of(self, kind: Kind) -> list[Fault]:
        return [fault for fault in self.all() if fault.spec.kind is kind]
