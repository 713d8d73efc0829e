"""Trusted access: which services of AWS may act in all accounts of the organization for its management account."""

from batteries_operator.aws.caller import Caller
from batteries_operator.aws.organizations import Organizations


class TrustedAccess:
    """Trusted access of one service, by its principal."""

    def __init__(self, caller: Caller, organizations: Organizations, service: str) -> None:
        self._caller = caller
        self._organizations = organizations
        self._service = service

    async def is_given(self) -> bool:
        """Whether the service has it."""
        listing = self._organizations.client.list_aws_service_access_for_organization
        pages = self._caller.pages("organizations:ListAWSServiceAccessForOrganization", listing)
        async for page in pages:
            if any(each.get("ServicePrincipal") == self._service for each in page["EnabledServicePrincipals"]):
                return True
        return False

    async def give(self) -> None:
        """Gives it; what is given stays so."""
        if not await self.is_given():
            trust = self._organizations.client.enable_aws_service_access
            operation = "organizations:EnableAWSServiceAccess"
            await self._organizations.write(operation, trust, ServicePrincipal=self._service)
