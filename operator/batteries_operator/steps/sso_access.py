"""Who is to have access by single sign-on to which AWS account, and whether they have it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SsoAccess:
    """The access of the owner, as it was seen before it is assigned."""

    aws_account_id: str
    permission_set: str
    user_name: str
    user_id: str
    is_assigned: bool
    is_sealed: bool = False
    """Whether the AWS account was seen under the seal of pools."""
