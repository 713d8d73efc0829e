"""What is said of a reason."""

from dataclasses import dataclass

NOTHING = "Nothing."
BY_ITSELF = "Nothing; it goes on by itself."
RETRY = "kubectl annotate awsaccount NAME aibatteriesincluded.com/retry=$(date +%s) --overwrite"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a reason means, and what a person does about it."""

    meaning: str
    remedy: str
