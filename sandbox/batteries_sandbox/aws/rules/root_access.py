"""Central root access: trusted access of services to the organization, and IAM's features for it.

moto knows no features, and not every service. Errors are those of botocore's models of the operations.
"""

from __future__ import annotations

import re
from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.paging import page
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError, answer
from batteries_sandbox.aws.world import World

_IAM = "iam.amazonaws.com"
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com")
_FEATURES = {
    "EnableOrganizationsRootCredentialsManagement": "RootCredentialsManagement",
    "EnableOrganizationsRootSessions": "RootSessions",
}


def trust(call: Call, world: World, proceed: Proceed) -> Answer:
    """EnableAWSServiceAccess: again changes nothing."""
    service = call.text("ServicePrincipal")
    if _SERVICE.fullmatch(service) is None:
        message = "You specified an unrecognized service principal."
        raise AwsError("InvalidInputException", message, Reason="UNRECOGNIZED_SERVICE_PRINCIPAL")
    world.trusted_services.setdefault(service, world.wall())
    return answer(call)


def list_trusted(call: Call, world: World, proceed: Proceed) -> Answer:
    """ListAWSServiceAccessForOrganization."""
    every = [{"ServicePrincipal": name, "DateEnabled": since} for name, since in world.trusted_services.items()]
    found, token = page(every, call.params)
    result: dict[str, Any] = {"EnabledServicePrincipals": found}
    return answer(call, result | ({"NextToken": token} if token else {}))


def distrust(call: Call, world: World, proceed: Proceed) -> Answer:
    """DisableAWSServiceAccess: IAM's features end with it."""
    world.trusted_services.pop(call.text("ServicePrincipal"), None)
    if call.text("ServicePrincipal") == _IAM:
        world.organization_features.clear()
    return answer(call)


def enable(call: Call, world: World, proceed: Proceed) -> Answer:
    """EnableOrganizationsRootCredentialsManagement and EnableOrganizationsRootSessions: again changes nothing."""
    _trusted_and_ours(call, world)
    world.organization_features.add(_FEATURES[call.operation])
    return _features(call, world)


def list_features(call: Call, world: World, proceed: Proceed) -> Answer:
    """ListOrganizationsFeatures."""
    _trusted_and_ours(call, world)
    return _features(call, world)


def _trusted_and_ours(call: Call, world: World) -> None:
    if call.account_id != world.settings.management_account_id:
        code = "AccountNotManagementOrDelegatedAdministratorException"
        raise AwsError(code, "The account is not the management account or a delegated administrator.")
    if _IAM not in world.trusted_services:
        message = "Trusted access for AWS IAM is not enabled in the organization."  # wording is ours
        raise AwsError("ServiceAccessNotEnabledException", message)


def _features(call: Call, world: World) -> Answer:
    enabled = sorted(world.organization_features)
    return answer(call, {"OrganizationId": world.organization_id, "EnabledFeatures": enabled})
