"""AssumeRole into the organization's accounts, and for whom the credentials act.

moto returns credentials for any role of any account, at once. Here the role must exist, its account must be open and
old enough, and its trust policy must name the caller. AWS responds to every refusal with the same AccessDenied, so that
nobody can find out which accounts exist.
"""

from __future__ import annotations

import json
import re
from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.callers import Caller
from batteries_sandbox.aws.policy_document import allows
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError, answer
from batteries_sandbox.aws.world import World

_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\u0021-\u007F]+")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_CHAINED_SECONDS = 3600  # the most for a role that assumes a role (STS API reference, AssumeRole)
_SESSION_POLICY_SIZE = 2048


def caller_identity(call: Call, world: World, proceed: Proceed) -> Answer:
    """GetCallerIdentity."""
    caller = _caller(call)
    return answer(call, {"UserId": caller.user_id, "Account": caller.account_id, "Arn": caller.arn})


def assume(call: Call, world: World, proceed: Proceed) -> Answer:
    """AssumeRole."""
    caller = _caller(call)
    check_form(call)
    role = open_role(call.text("RoleArn"), world)
    principals = {
        caller.arn,
        caller.role_arn,
        caller.account_id,
        f"arn:{world.settings.partition}:iam::{caller.account_id}:root",
    }
    context = {"aws:principalarn": [caller.role_arn or caller.arn]}
    if external_id := call.text("ExternalId"):
        context["sts:externalid"] = [external_id]
    if role is None or not allows(trust_of(role), "sts:AssumeRole", "AWS", principals - {""}, context):
        raise AwsError(
            "AccessDenied",
            f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {call.text('RoleArn')}",
            status=403,
        )
    seconds = duration(call, role, chained=bool(caller.role_arn))
    session = world.callers.assume(role.arn, role.id, call.text("RoleSessionName"), seconds, session_policy(call))
    return answer(call, session.describe())


def open_role(role_arn: str, world: World) -> Any | None:
    """The role, if its account is in the organization, open, and past its propagation delay."""
    account_id = role_arn.split(":")[4]
    account = world.account(account_id)
    if account is None or account.state != "ACTIVE":
        return None
    if not world.creations.role_is_usable(account_id, world.clock()):
        return None
    if world.propagation.hides((account_id, "role", role_arn.rpartition("/")[2].lower())):
        return None
    return next((role for role in world.moto.iam(account_id).get_roles() if role.arn == role_arn), None)


def trust_of(role: Any) -> dict[str, Any]:
    """The role's trust policy."""
    document: dict[str, Any] = json.loads(role.assume_role_policy_document)
    return document


def check_form(call: Call) -> None:
    """Refuses what can't be a role or a session name."""
    if not _ROLE_ARN.fullmatch(call.text("RoleArn")):
        raise AwsError("ValidationError", f"{call.text('RoleArn')} is invalid")
    if not _SESSION_NAME.fullmatch(call.text("RoleSessionName")):
        raise AwsError("ValidationError", "1 validation error detected: Value at 'roleSessionName' is invalid")


def duration(call: Call, role: Any, *, chained: bool = False) -> int:
    """The session's length: at most what the role allows, and an hour where roles are chained."""
    text = call.text("DurationSeconds") or "3600"
    longest = min(int(role.max_session_duration or 3600), _CHAINED_SECONDS if chained else 43_200)
    if not text.isdigit() or not 900 <= int(text) <= 43_200:
        raise AwsError("ValidationError", "1 validation error detected: Value at 'durationSeconds' is invalid")
    if int(text) > longest:
        message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        raise AwsError("ValidationError", message)
    return int(text)


def session_policy(call: Call) -> str:
    """The policy that narrows the session; empty if the call gives none."""
    policy = call.text("Policy")
    if not policy:
        return ""
    if len(policy) > _SESSION_POLICY_SIZE:
        raise AwsError("PackedPolicyTooLarge", "The session policy is too large.")
    try:
        if "Statement" in json.loads(policy):
            return policy
    except (ValueError, TypeError):
        pass
    raise AwsError("MalformedPolicyDocument", "This policy contains invalid Json")


def _caller(call: Call) -> Caller:
    if call.caller is None:  # the access rule has refused unknown callers
        raise AwsError("InvalidClientTokenId", "The security token included in the request is invalid.", status=403)
    return call.caller
