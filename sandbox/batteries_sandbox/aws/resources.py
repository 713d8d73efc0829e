"""What a call is in the words of an IAM policy: its actions, its resources, its condition keys.

After the service authorization reference. Where a call names no resource that a policy could
name, AWS asks for "*", and so do we; of services whose ARNs are not worked out here, the resource
is not looked at (an empty tuple).
"""

from __future__ import annotations

from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.world import World

# Where the prefix of an IAM action is not boto3's name.
_ACTION_PREFIX = {"sso-admin": "sso", "sesv2": "ses", "service-quotas": "servicequotas"}
_ORGANIZATION_IDS = (
    *("AccountId", "ChildId", "ResourceId", "TargetId", "ParentId", "SourceParentId", "DestinationParentId"),
    *("OrganizationalUnitId", "RootId", "PolicyId"),
)


def action(call: Call) -> str:
    """The IAM action of a call."""
    return f"{_ACTION_PREFIX.get(call.service, call.service)}:{call.operation}"


def actions(call: Call) -> list[str]:
    """All actions that a call needs: tags given on creation need the action that tags, too."""
    named = [action(call)]
    if call.params.get("Tags") and call.operation.startswith("Create"):
        named += {"organizations": ["organizations:TagResource"], "sso-admin": ["sso:TagResource"]}.get(
            call.service, []
        )
    return named


def resources(call: Call, world: World) -> tuple[str, ...]:
    """The ARNs that a call is about."""
    if call.service == "organizations":
        return _organization(call, world) or ("*",)
    if call.service == "sts":
        return (call.text("RoleArn") or "*",)
    if call.service == "iam":
        return (_iam(call, world),)
    return ()


def context(call: Call, world: World) -> dict[str, list[str]]:
    """The condition keys that every call has."""
    caller = call.caller
    if caller is None:
        return {}
    return {
        "aws:principalarn": [caller.role_arn or caller.arn],
        "aws:principalaccount": [caller.account_id],
        "aws:principalorgid": [world.organization_id],
        "aws:requestedregion": [call.region],
        "aws:userid": [caller.user_id],
    }


def _organization(call: Call, world: World) -> tuple[str, ...]:
    organizations = world.moto.organizations()
    things: list[Any] = [*organizations.ou, *organizations.accounts, *organizations.policies]
    named = {call.text(name) for name in _ORGANIZATION_IDS}
    return tuple(thing.arn for thing in things if thing.id in named)


def _iam(call: Call, world: World) -> str:
    account = f"arn:{world.settings.partition}:iam::{call.account_id}"
    if name := call.text("UserName"):
        return f"{account}:user/{name}"
    if name := call.text("RoleName"):
        return f"{account}:role/{name}"
    if arn := call.text("OpenIDConnectProviderArn") or call.text("PolicyArn"):
        return arn
    if call.operation == "CreateOpenIDConnectProvider":
        return f"{account}:oidc-provider/{call.text('Url').removeprefix('https://')}"
    return "*"
