"""What the stand-in pretends: its address, AWS's delays and AWS's limits.

Every number that AWS decides and a test may want smaller is here, with AWS's value (or a
sandbox-sized delay) as the default; nothing else in this package holds a tunable number.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StandinSettings:
    """The stand-in's settings; port 0 asks the system for a free one."""

    host: str = "127.0.0.1"
    port: int = 0
    access_key_id: str = "sandbox"
    management_account_id: str = "111111111111"
    region: str = "us-east-1"
    ses_identities: tuple[str, ...] = ("noreply@aibatteriesincluded.com",)
    creation_seconds: float = 3.0
    role_seconds: float = 2.0
    assignment_seconds: float = 2.0
    max_creations: int = 5  # in progress at once; AWS Organizations quotas page, believed
    max_accounts: int = 10_000  # the most that AWS raises it to; a new organization starts with 10
    max_assignments: int = 10  # outstanding at once; IAM Identity Center quotas page
    trust_policy_size: int = 2048  # characters; IAM quotas page, "Role trust policy length"
