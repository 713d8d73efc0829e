"""Whether the repositories that AWS admits go by GitHub's immutable ids, or some by name alone. Pure."""

from typing import NamedTuple

from batteries_crds.aws_account import AwsAccount
from batteries_crds.reasons import Reason


class Pinned(NamedTuple):
    """Reason and message of the condition."""

    reason: Reason
    message: str


def pinned(account: AwsAccount) -> Pinned | None:
    """What the condition says; None while no repository is admitted."""
    status = account.status
    admitted = list(dict.fromkeys([*(status.github_repos or []), *(status.read_only_repos or [])]))
    by_name = [name for name in admitted if "@" not in name]
    if not admitted:
        return None
    if not by_name:
        return Pinned(Reason.PINNED_BY_IDS, "Every repository goes by GitHub's immutable ids.")
    return Pinned(
        Reason.KNOWN_BY_NAME,
        f"By name alone, so that whoever takes the name over gets in: {', '.join(by_name)}. Write them as "
        "org@id/repo@id; docs/kubectl.md says how to find the ids.",
    )
