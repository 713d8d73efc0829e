"""Who may call at all: known and valid credentials, of the right account, within their session policy.

Error codes are those of the "Common errors" pages of the API references: query services and JSON services name the same
refusal differently.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from batteries_sandbox.aws.call import Call, WireProtocol
from batteries_sandbox.aws.policy_document import denies, permits
from batteries_sandbox.aws.resources import actions, context, request_keys, resources
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError, answer
from batteries_sandbox.aws.world import World

UNSIGNED = frozenset({("sts", "AssumeRoleWithWebIdentity"), ("sts", "AssumeRoleWithSAML")})
# S3 has codes of its own (S3 API reference, "Error responses").
_OF_S3 = {
    "InvalidClientTokenId": (
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
        403,
    ),
    "ExpiredToken": ("ExpiredToken", "The provided token has expired.", 400),
    "MissingAuthenticationToken": ("AccessDenied", "Access Denied", 403),
}


def known_caller(call: Call, world: World, proceed: Proceed) -> Answer:
    """Refuses calls without credentials, and with unknown or expired ones."""
    if (call.service, call.operation) in UNSIGNED:
        return proceed(call)
    if not call.access_key:
        raise refused(
            call, "MissingAuthenticationToken", "MissingAuthenticationTokenException", "Missing Authentication Token"
        )
    token_matches = call.caller is not None and call.caller.session_token == call.session_token
    if call.caller is None or not token_matches:
        message = "The security token included in the request is invalid."
        raise refused(call, "InvalidClientTokenId", "UnrecognizedClientException", message)
    if call.caller.expires_at is not None and call.caller.expires_at <= world.clock():
        message = "The security token included in the request is expired"
        raise refused(call, "ExpiredToken", "ExpiredTokenException", message)
    return proceed(call)


def session_policy(call: Call, world: World, proceed: Proceed) -> Answer:
    """Refuses what the session's policy doesn't allow (IAM user guide, "Session policies")."""
    if call.caller is None or not call.caller.session_policy or call.operation == "GetCallerIdentity":
        return proceed(call)
    policy = json.loads(call.caller.session_policy)
    about, keys = resources(call, world), context(call, world) | request_keys(call)
    for needed in actions(call):
        if denies(policy, needed, about, keys) or not permits([policy], needed, about, keys):
            raise not_authorized(call, needed, about, f"because no session policy allows the {needed} action")
    return proceed(call)


def open_account_only(call: Call, world: World, proceed: Proceed) -> Answer:
    """Refuses calls from a closed account; AWS's code for that is believed."""
    account = world.account(call.account_id)
    if account is not None and account.state != "ACTIVE":
        message = "The security token included in the request is invalid."
        raise refused(call, "InvalidClientTokenId", "UnrecognizedClientException", message)
    return proceed(call)


def management_account_only(call: Call, world: World, proceed: Proceed) -> Answer:
    """Refuses the organization's services to member accounts, except DescribeOrganization (its page)."""
    if call.operation == "DescribeOrganization" and call.service == "organizations":
        return proceed(call)
    if call.account_id != world.settings.management_account_id:
        raise AwsError("AccessDeniedException", "You don't have permissions to access this resource.")
    return proceed(call)


def home_region_only(call: Call, world: World, proceed: Proceed) -> Answer:
    """Identity Center has one instance, in one region (user guide, "Considerations for choosing an AWS Region")."""
    if call.region == world.settings.region:
        return proceed(call)
    if call.operation == "ListInstances":
        return answer(call, {"Instances": []})
    message = f"There is no Identity Center instance in {call.region}."  # wording is ours
    raise AwsError("ResourceNotFoundException", message)


def not_authorized(call: Call, needed: str, about: Sequence[str], reason: str) -> AwsError:
    """AccessDenied as AWS words it (IAM user guide, "Troubleshoot access denied error messages")."""
    arn = call.caller.arn if call.caller else ""
    message = f"User: {arn} is not authorized to perform: {needed} on resource: {about[0] if about else '*'} {reason}"
    return refused(call, "AccessDenied", "AccessDeniedException", message)


def refused(call: Call, query_code: str, json_code: str, message: str) -> AwsError:
    """A refusal under the code of the call's protocol."""
    if call.protocol is WireProtocol.QUERY:
        return AwsError(query_code, message, status=403)
    if call.protocol is WireProtocol.XML:
        return AwsError(*_OF_S3.get(query_code, (query_code, message, 403)))
    return AwsError(json_code, message, status=403 if call.protocol is WireProtocol.REST else 400)
