"""Who may call at all: known credentials, alive, of the right account, within their session policy.

Error codes are those of the "Common errors" pages of the API references: query services and
JSON services name the same refusal differently.
"""

from __future__ import annotations

import json

from batteries_sandbox.aws.call import Call, WireProtocol
from batteries_sandbox.aws.policy_document import matches, statements, values
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError, answer
from batteries_sandbox.aws.world import World

UNSIGNED = frozenset({("sts", "AssumeRoleWithWebIdentity"), ("sts", "AssumeRoleWithSAML")})
# Where the prefix of an IAM action is not boto3's name (service authorization reference).
_ACTION_PREFIX = {"sso-admin": "sso", "sesv2": "ses", "service-quotas": "servicequotas"}


def known_caller(call: Call, world: World, proceed: Proceed) -> Answer:
    """Refuses calls without, with unknown, and with outdated credentials."""
    if (call.service, call.operation) in UNSIGNED:
        return proceed(call)
    if not call.access_key:
        raise _refused(
            call, "MissingAuthenticationToken", "MissingAuthenticationTokenException", "Missing Authentication Token"
        )
    token_matches = call.caller is not None and call.caller.session_token == call.session_token
    if call.caller is None or not token_matches:
        message = "The security token included in the request is invalid."
        raise _refused(call, "InvalidClientTokenId", "UnrecognizedClientException", message)
    if call.caller.expires_at is not None and call.caller.expires_at <= world.clock():
        message = "The security token included in the request is expired"
        raise _refused(call, "ExpiredToken", "ExpiredTokenException", message)
    return proceed(call)


def session_policy(call: Call, world: World, proceed: Proceed) -> Answer:
    """Refuses what the session's own policy doesn't allow; resources and conditions are not looked at."""
    if call.caller is None or not call.caller.session_policy or call.operation == "GetCallerIdentity":
        return proceed(call)
    action = f"{_ACTION_PREFIX.get(call.service, call.service)}:{call.operation}"
    allowed = False
    for statement in statements(json.loads(call.caller.session_policy)):
        if "Action" in statement:
            named = any(matches(action, pattern, ignore_case=True) for pattern in values(statement["Action"]))
        else:
            denied = values(statement.get("NotAction"))
            named = not any(matches(action, pattern, ignore_case=True) for pattern in denied)
        if named and statement.get("Effect") == "Deny":
            allowed = False
            break
        allowed = allowed or named
    if not allowed:
        raise _refused(
            call,
            "AccessDenied",
            "AccessDeniedException",
            f"User: {call.caller.arn} is not authorized to perform: {action} "
            "because no session policy allows the action",
        )
    return proceed(call)


def management_account_only(call: Call, world: World, proceed: Proceed) -> Answer:
    """Keeps member accounts out of the organization's services."""
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


def _refused(call: Call, query_code: str, json_code: str, message: str) -> AwsError:
    if call.protocol is WireProtocol.QUERY:
        return AwsError(query_code, message, status=403)
    return AwsError(json_code, message, status=403 if call.protocol is WireProtocol.REST else 400)
