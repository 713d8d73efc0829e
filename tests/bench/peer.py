"""A peer on the same stand-in: org-formation, unchanged, from npm. Only with PEERS=1, which installs it."""

from bench.stage import Stage

PACKAGE = "aws-organization-formation@1.0.17"


async def measure(stage: Stage, count: int) -> float:
    """Accounts a minute that it creates and moves into an OU."""
    raise NotImplementedError(f"{PACKAGE} {stage} {count}")
