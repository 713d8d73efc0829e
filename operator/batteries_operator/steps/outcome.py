"""What a step returns. Values, not exceptions: exceptions are for what nobody expected.

Customers read each `message`: it is a sentence of the step's own, and holds nothing that AWS or Kubernetes said, no ARN
or request id, and no account but the customer's. Such things go into `cause`, which administrators are shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Done:
    """The step's goal is observed in AWS. `facts` go into the status by their model field names.

    `inputs` is the fingerprint of what the step was run with, noted when it began: what changed meanwhile makes it
    pending again. Where it `warns`, people are told as of trouble: nothing is left to do, and not all is as they
    wished.
    """

    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    cause: str = ""
    inputs: str | None = None
    warns: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet. Come back after `seconds`, or when woken; None: AWS is at work on it, and is asked now and then.

    `problem` marks a wait that somebody should know of: its message also becomes `status.error`. `quiet` marks one
    that is no news: it is not written. `counts` marks one that wears out the step's patience: when such waits have
    lasted too long the account is Stalled, and still tried. `steady` marks one whose message, a queue position, is
    written once for its reason and not again when it changes: a line of thousands moves without a write.
    `facts` as in Done: what was learnt or undone meanwhile.
    """

    seconds: float | None
    reason: str
    message: str
    problem: bool = False
    quiet: bool = False
    counts: bool = False
    steady: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Fail:
    """Not until somebody changes something; the message says who and what.

    Where the reason is one of `pending.OBSERVED_REASONS`, it was seen in AWS and may be seen otherwise: comparisons
    look again.
    """

    reason: str
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Waive:
    """Not before somebody else has acted, and the account is ready without it; the message says who has to do what.

    The step rests, with its condition false, until its inputs change.
    """

    reason: str
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    cause: str = ""


Outcome: TypeAlias = Done | Wait | Fail | Waive
