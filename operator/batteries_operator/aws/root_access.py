"""Central root access: the organization manages its members' root users, and new members have no root password.

IAM user guide, "Centrally manage root access for member accounts". It needs trusted access for IAM in Organizations,
and is enabled in the management account. Privileged sessions (RootSessions) are another feature, which nothing here
needs. botocore's iam model names the errors with "Exception" at the end, the API reference without.
"""

from typing import TYPE_CHECKING

from batteries_operator.aws.caller import AwsError, Caller
from batteries_operator.aws.organizations import Organizations
from batteries_operator.aws.trusted_access import TrustedAccess

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

SERVICE = "iam.amazonaws.com"
FEATURE = "RootCredentialsManagement"
_NO_TRUST = ("ServiceAccessNotEnabled", "ServiceAccessNotEnabledException")


class RootAccess:
    """Central root access of the organization."""

    def __init__(self, caller: Caller, organizations: Organizations, iam: "IAMClient") -> None:
        self._caller = caller
        self._trust = TrustedAccess(caller, organizations, SERVICE)
        self._iam = iam

    async def lacks(self) -> str | None:
        """What is missing, in words; None if it is enabled."""
        if not await self._trust.is_given():
            return "IAM has no trusted access to the organization"
        try:
            listing = self._iam.list_organizations_features
            response = await self._caller.call("iam:ListOrganizationsFeatures", listing)
        except AwsError as error:
            if error.code not in _NO_TRUST:
                raise
            return "IAM has no trusted access to the organization yet"
        return None if FEATURE in response.get("EnabledFeatures", []) else f"the feature {FEATURE} is not enabled"

    async def enable(self) -> None:
        """Enables it; what is enabled stays so."""
        await self._trust.give()
        enable = self._iam.enable_organizations_root_credentials_management
        await self._caller.call("iam:EnableOrganizationsRootCredentialsManagement", enable)
