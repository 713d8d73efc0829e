"""Service control policies: their size, and their attachments, which AWS refuses to repeat.

moto takes any content and attaches what is attached without a word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.policy_document import statements
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError
from batteries_sandbox.aws.world import World

_MAX_CONTENT = 5120  # characters of an SCP; Organizations quotas page
_MAX_ATTACHED = 5  # SCPs on one target; Organizations quotas page, believed
_SID = re.compile(r"[A-Za-z0-9]*")


def check_content(call: Call, world: World, proceed: Proceed) -> Answer:
    """CreatePolicy and UpdatePolicy: the content is JSON and not too long."""
    content = call.params.get("Content")
    if content is None:
        return proceed(call)
    try:
        well_formed = all(map(_is_statement, statements(json.loads(content))))
    except (ValueError, TypeError, AttributeError):
        well_formed = False
    if not well_formed:
        message = "The provided policy document does not meet the requirements of the specified policy type."
        raise AwsError("MalformedPolicyDocumentException", message)
    if len(content) > _MAX_CONTENT:
        message = "The policy content exceeds the maximum size."
        raise AwsError("ConstraintViolationException", message, Reason="POLICY_CONTENT_LIMIT_EXCEEDED")
    return proceed(call)


def _is_statement(statement: Mapping[str, Any]) -> bool:
    """Whether a service control policy can have that statement (Organizations user guide, "SCP syntax")."""
    known = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
    one_of_each = all((each in statement) != (f"Not{each}" in statement) for each in ("Action", "Resource"))
    named = _SID.fullmatch(str(statement.get("Sid", ""))) is not None
    return one_of_each and named and statement.get("Effect") in ("Allow", "Deny") and known.issuperset(statement)


def update(call: Call, world: World, proceed: Proceed) -> Answer:
    """UpdatePolicy: AWS's own policies stay as they are, and a name is one policy's."""
    policies: list[Any] = world.moto.organizations().policies
    policy = next((policy for policy in policies if policy.id == call.text("PolicyId")), None)
    if policy is not None and policy.aws_managed:
        message = "You can't modify an AWS managed policy."  # wording is ours
        raise AwsError("InvalidInputException", message, Reason="IMMUTABLE_POLICY")
    name = call.text("Name")
    if name and any(other.name == name and other is not policy for other in policies):
        raise AwsError("DuplicatePolicyException", "A policy with the same name already exists.")
    return proceed(call)


def attach(call: Call, world: World, proceed: Proceed) -> Answer:
    """AttachPolicy: once, not more than a target can carry, and only of a type that is enabled on the root."""
    attached = _attached(call, world)
    if attached is None:
        return proceed(call)
    root: Any = world.moto.organizations().ou[0]
    if all(enabled["Type"] != "SERVICE_CONTROL_POLICY" for enabled in root.policy_types):
        message = "The specified policy type isn't currently enabled in this root."
        raise AwsError("PolicyTypeNotEnabledException", message)
    if any(policy.id == call.text("PolicyId") for policy in attached):
        message = "A policy with the same name and type is already attached to the specified target."
        raise AwsError("DuplicatePolicyAttachmentException", message)
    if sum(policy.type == "SERVICE_CONTROL_POLICY" for policy in attached) >= _MAX_ATTACHED:
        message = "You have exceeded the number of policies that can be attached."
        reason = "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
        raise AwsError("ConstraintViolationException", message, Reason=reason)
    return proceed(call)


def detach(call: Call, world: World, proceed: Proceed) -> Answer:
    """DetachPolicy: only what is attached."""
    attached = _attached(call, world)
    if [policy.id for policy in attached or [] if policy.type == "SERVICE_CONTROL_POLICY"] == [call.text("PolicyId")]:
        message = "You can't detach the last policy of a type from a target."  # wording is ours
        raise AwsError("ConstraintViolationException", message, Reason="MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED")
    if attached is not None and all(policy.id != call.text("PolicyId") for policy in attached):
        message = "The policy isn't attached to the specified target in the specified root."
        raise AwsError("PolicyNotAttachedException", message)
    return proceed(call)


def _attached(call: Call, world: World) -> list[Any] | None:
    """What is attached to the target; None where policy or target are unknown, which moto answers."""
    organizations = world.moto.organizations()
    if all(policy.id != call.text("PolicyId") for policy in organizations.policies):
        return None
    targets: list[Any] = [*organizations.ou, *organizations.accounts]
    target = next((target for target in targets if target.id == call.text("TargetId")), None)
    return target.attached_policies if target else None
