"""A call in the words of an IAM policy: its actions, its resources, its condition keys.

After the service authorization reference. If a call names no resource that a policy could name, AWS requires "*", and
so do we; for services whose ARNs are not computed here, the resource is not checked (an empty tuple).
"""

from __future__ import annotations

from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.world import World

# Where the prefix of an IAM action is not boto3's name.
_ACTION_PREFIX = {"sso-admin": "sso", "sesv2": "ses", "service-quotas": "servicequotas"}
# S3's operations that another action than their name permits (service authorization reference, "Actions for S3").
_S3_ACTIONS = {
    "ListBuckets": "ListAllMyBuckets",
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "HeadObject": "GetObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
}
_ORGANIZATION_IDS = (
    *("AccountId", "ChildId", "ResourceId", "TargetId", "ParentId", "SourceParentId", "DestinationParentId"),
    *("OrganizationalUnitId", "RootId", "PolicyId"),
)


# IAM user guide, "Controlling access during AWS requests with tags"; each action's page in the API reference.
_TAGGED_ON_CREATION = {
    "CreateUser": "TagUser",
    "CreateRole": "TagRole",
    "CreateOpenIDConnectProvider": "TagOpenIDConnectProvider",
}


def action(call: Call) -> str:
    """The IAM action of a call."""
    if call.service == "s3":
        return f"s3:{_S3_ACTIONS.get(call.operation, call.operation)}"
    return f"{_ACTION_PREFIX.get(call.service, call.service)}:{call.operation}"


def actions(call: Call) -> list[str]:
    """All actions that a call needs: tags given on creation need the action that tags, too."""
    named = [action(call)]
    if call.text("Tags.member.1.Key") and call.operation in _TAGGED_ON_CREATION:
        named.append(f"iam:{_TAGGED_ON_CREATION[call.operation]}")
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
    if call.service == "sso-admin":
        return _identity_center(call, world) or ("*",)
    if call.service == "sesv2":
        return (_mail(call, world),)
    if call.service == "s3":
        return (_s3(call, world),)
    if call.service == "account":
        return (_account(call, world),)
    return ("*",) if call.service == "cloudtrail" and call.operation == "DescribeTrails" else ()


def _account(call: Call, world: World) -> str:
    """The caller's own account, or the member that the management account names."""
    arn, named = f"arn:{world.settings.partition}:account::{call.account_id}:account", call.text("AccountId")
    return f"{arn}/{world.organization_id}/{named}" if named else arn


def _s3(call: Call, world: World) -> str:
    """The bucket, or the object in it."""
    bucket, key = call.text("Bucket"), call.text("Key")
    return f"arn:{world.settings.partition}:s3:::{bucket}{'/' if key else ''}{key}" if bucket else "*"


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
        **{f"aws:principaltag/{key.lower()}": [value] for key, value in caller.tags.items()},
    }


def request_keys(call: Call) -> dict[str, list[str]]:
    """The condition keys of the request: tags, and a mail's sender."""
    keys: dict[str, list[str]] = {}
    tags = call.params.get("Tags")
    if isinstance(tags, list):
        keys["aws:tagkeys"] = [str(tag.get("Key")) for tag in tags]
        keys |= {f"aws:requesttag/{str(tag.get('Key')).lower()}": [str(tag.get("Value"))] for tag in tags}
    if isinstance(call.params.get("TagKeys"), list):
        keys["aws:tagkeys"] = [str(key) for key in call.params["TagKeys"]]
    if service := call.text("ServicePrincipal"):
        keys["organizations:serviceprincipal"] = [service]
    if sender := call.text("FromEmailAddress"):
        keys["ses:fromaddress"] = [sender.rpartition("<")[2].removesuffix(">")]
    if call.service == "iam" and call.operation.startswith(("Attach", "Detach")):
        keys["iam:policyarn"] = [call.text("PolicyArn")]
    if call.service == "iam" and (boundary := call.text("PermissionsBoundary")):
        keys["iam:permissionsboundary"] = [boundary]
    return keys


def resource_keys(resource: str, world: World) -> dict[str, list[str]]:
    """The condition keys of one resource: the tags of an account, OU, root or policy of the organization.

    Account Management has a key of its own for those of a member (its reference, "How it works with IAM").
    """
    organizations = world.moto.organizations()
    things: list[Any] = [*organizations.ou, *organizations.accounts, *organizations.policies]
    if ":account::" in resource:
        named = (each for each in organizations.accounts if resource.endswith(f"/{each.id}"))
        theirs: dict[str, str] = next((each.tags for each in named), {})
        return {f"account:accountresourceorgtags/{key.lower()}": [value] for key, value in theirs.items()}
    tags: dict[str, str] = next((thing.tags for thing in things if thing.arn == resource), {})
    return {f"aws:resourcetag/{key.lower()}": [value] for key, value in tags.items()}


def _identity_center(call: Call, world: World) -> tuple[str, ...]:
    """Instance, permission set and account, as far as they are named (service authorization reference)."""
    account = call.text("TargetId") or call.text("AccountId")
    named = [call.text("InstanceArn"), call.text("PermissionSetArn")]
    named += [f"arn:{world.settings.partition}:sso:::account/{account}"] if account else []
    return tuple(filter(None, named))


def _mail(call: Call, world: World) -> str:
    """The SES identity of a mail's sender, its address or else its domain; or the one that a call names."""
    sender = call.text("FromEmailAddress").rpartition("<")[2].removesuffix(">")
    name = call.text("EmailIdentity") or sender
    if sender and sender not in world.settings.ses_identities:
        name = sender.rpartition("@")[2]
    return f"arn:{world.settings.partition}:ses:{call.region}:{call.account_id}:identity/{name}" if name else "*"


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
