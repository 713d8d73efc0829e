"""What a step returns: values, because exceptions are for the unexpected.

Customers read each `message`. It is a sentence of the step's own: no words of AWS or Kubernetes, no ARN or request id,
and no account but the customer's. Those go into `cause`, which only administrators see.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Self, TypeAlias

_NO_FACTS: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Done:
    """The step's goal is observed in AWS. `facts` are status fields to write, by their names in the model.

    `inputs` is the fingerprint of the step's inputs when it began; if they have changed since, the step is pending
    again. With `warns` the Event is a Warning: nothing is left to do, but the result is not what people asked for.
    """

    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    cause: str = ""
    inputs: str | None = None
    warns: bool = False


class WaitKind(Enum):
    """What a step waits for. It decides what is written, what people are told, and whether the account can stall."""

    POLLING = "polling"
    QUEUED = "queued"
    SETTLING = "settling"
    BLOCKED = "blocked"
    QUEUE_CLOSED = "queue closed"
    RETRYING = "retrying"
    UNWRITTEN = "unwritten"


_PROBLEMS = frozenset({WaitKind.BLOCKED, WaitKind.QUEUE_CLOSED, WaitKind.RETRYING})
_STALLING = frozenset({WaitKind.SETTLING, WaitKind.RETRYING})
_WRITTEN_ONCE = frozenset({WaitKind.QUEUED, WaitKind.QUEUE_CLOSED})


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet. The step runs again after `seconds`, or when the account is woken.

    Steps make it with one of the constructors below, which say what the user sees. `seconds` None means that AWS is at
    work and is polled: the longer it takes, the more rarely. `facts` as in Done.
    """

    kind: WaitKind
    seconds: float | None
    reason: str
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    cause: str = ""

    @classmethod
    def polling(
        cls, seconds: float | None, reason: str, message: str, facts: Mapping[str, Any] = _NO_FACTS, cause: str = ""
    ) -> Self:
        """AWS is at work, or too busy to answer. The user sees reason and message in the condition, and no error."""
        return cls(WaitKind.POLLING, seconds, reason, message, facts, cause)

    @classmethod
    def queued(cls, seconds: float, reason: str, message: str) -> Self:
        """The account is woken when its turn comes, or when AWS is done; `seconds` is only the safety net.

        The user sees the message of the first time, such as a queue position. It is not written again for the same
        reason, so that a queue of thousands moves without a write.
        """
        return cls(WaitKind.QUEUED, seconds, reason, message)

    @classmethod
    def settling(cls, seconds: float | None, reason: str, message: str) -> Self:
        """AWS does not show yet what it has made. The user sees no error, until the stall timeout: then Stalled."""
        return cls(WaitKind.SETTLING, seconds, reason, message)

    @classmethod
    def blocked(
        cls, seconds: float, reason: str, message: str, facts: Mapping[str, Any] = _NO_FACTS, cause: str = ""
    ) -> Self:
        """A person, a limit or AWS itself holds the step up, for as long as it takes: the account never stalls.

        The user sees the message as `status.error`, and an Event when it begins.
        """
        return cls(WaitKind.BLOCKED, seconds, reason, message, facts, cause)

    @classmethod
    def queue_closed(cls, seconds: float, reason: str, message: str) -> Self:
        """Queued, while AWS takes nobody from the queue: seen as blocked, and written once as queued."""
        return cls(WaitKind.QUEUE_CLOSED, seconds, reason, message)

    @classmethod
    def retrying(
        cls, seconds: float, reason: str, message: str, facts: Mapping[str, Any] = _NO_FACTS, cause: str = ""
    ) -> Self:
        """Something failed and is tried again. Seen as blocked; after the stall timeout the account is Stalled too."""
        return cls(WaitKind.RETRYING, seconds, reason, message, facts, cause)

    @classmethod
    def unwritten(cls, seconds: float, reason: str, message: str) -> Self:
        """The user sees what was there before: nothing is written."""
        return cls(WaitKind.UNWRITTEN, seconds, reason, message)

    @property
    def is_problem(self) -> bool:
        """Whether people are told: the message becomes `status.error`, and an Event when it begins."""
        return self.kind in _PROBLEMS

    @property
    def can_stall(self) -> bool:
        """Whether it counts towards the step's stall timeout, after which the account is Stalled, and still tried."""
        return self.kind in _STALLING

    @property
    def is_written_once(self) -> bool:
        """Whether it is written once for its reason, and not again when its message changes."""
        return self.kind in _WRITTEN_ONCE

    @property
    def is_written(self) -> bool:
        """Whether it is written at all."""
        return self.kind is not WaitKind.UNWRITTEN

    @property
    def is_aws_at_work(self) -> bool:
        """Whether the time from here on tells how long AWS takes."""
        return not (self.is_problem or self.is_written_once)


@dataclass(frozen=True, slots=True)
class Fail:
    """The step can't be done until somebody changes something; the message says who and what.

    A reason in `pending.OBSERVED_REASONS` is an observation of AWS, which may change: the resync looks again.
    """

    reason: str
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Waive:
    """The step waits for somebody, and the account is ready without it; the message says who has to do what.

    Its condition stays false, and it does not run again until its inputs change.
    """

    reason: str
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    cause: str = ""


Outcome: TypeAlias = Done | Wait | Fail | Waive
