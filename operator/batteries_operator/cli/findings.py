"""What one check of `doctor` and `check` found."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

BOOTSTRAP = "run `batteries-operator bootstrap`"


class Verdict(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARNING = "warn"
    MISSING = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: a line for people."""

    verdict: Verdict
    text: str
    hopeless: bool = False
    """Whether nothing works until this is fixed, so that there is no use in starting the operator."""


Check = Callable[[], Awaitable[Finding]]


def finding(good: bool, fact: str, remedy: str, *, problem: str, bad: Verdict = Verdict.MISSING) -> Finding:
    """The line is `fact` where all is well, else `problem` and its remedy."""
    return Finding(Verdict.OK, fact) if good else Finding(bad, f"{problem}; {remedy}.")
