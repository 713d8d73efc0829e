"""Trust policies as IAM takes them: well-formed, not too long, and not open to all of GitHub.

The guard over GitHub's provider looks at the first value of a list only (observed of AWS in
2026, Dashtid/subvectors), and so does this one: who relies on it must fail in AWS's way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.policy_document import statements, values
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError
from batteries_sandbox.aws.world import World

_GITHUB = "token.actions.githubusercontent.com"
_GUARD_OPERATORS = frozenset({"StringEquals", "StringLike", "StringEqualsIgnoreCase"})
_GUARD_KEYS = frozenset({f"{_GITHUB}:sub", f"{_GITHUB}:job_workflow_ref"})
_ACTION = re.compile(r"sts:(AssumeRole|AssumeRoleWith\w+|TagSession|SetSourceIdentity|SetContext|\*)")
# What each kind of principal can look like (IAM user guide, "AWS JSON policy elements: Principal").
_PRINCIPALS = {
    "AWS": re.compile(
        r"\*|\d{12}|arn:aws[a-z-]*:iam::\d{12}:(root|(role|user)/\S+)|arn:aws[a-z-]*:sts::\d{12}:assumed-role/\S+"
    ),
    "Federated": re.compile(
        r"arn:aws[a-z-]*:iam::\d{12}:(oidc|saml)-provider/\S+|cognito-identity\.amazonaws\.com|www\.amazon\.com"
        r"|graph\.facebook\.com|accounts\.google\.com"
    ),
    "Service": re.compile(r"[a-z0-9.-]+\.amazonaws\.com"),
    "CanonicalUser": re.compile(r"[0-9a-f]{64}"),
}


def check(call: Call, world: World, proceed: Proceed) -> Answer:
    """CreateRole and UpdateAssumeRolePolicy."""
    text = call.text("AssumeRolePolicyDocument") or call.text("PolicyDocument")
    document = _document(text)
    for statement in statements(document):
        _check_statement(statement, world)
        _check_partition(statement, world)
    size = len(re.sub(r"\s", "", text))  # "IAM does not count white space" (IAM quotas page)
    if size > world.settings.trust_policy_size:
        message = f"Cannot exceed quota for ACLSizePerRole: {world.settings.trust_policy_size}"
        raise AwsError("LimitExceeded", message, status=409)
    return proceed(call)


def _check_partition(statement: Mapping[str, Any], world: World) -> None:
    """Nobody of another partition can be named: IAM knows no such principal."""
    principals = statement.get("Principal")
    named = [each for kind in principals.values() for each in values(kind)] if isinstance(principals, Mapping) else []
    for each in named:
        if each.startswith("arn:") and each.split(":")[1] != world.settings.partition:
            raise _malformed(f"Invalid principal in policy: {each}")


def _document(text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise _malformed("This policy contains invalid Json") from error
    if not isinstance(document, dict) or not statements(document):
        raise _malformed("Syntax errors in policy.")
    if any(not isinstance(statement, dict) for statement in statements(document)):
        raise _malformed("Syntax errors in policy.")
    return document


def _check_statement(statement: Mapping[str, Any], world: World) -> None:
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise _malformed("Missing required field Effect")
    if "Resource" in statement:
        raise _malformed("Has prohibited field Resource")
    actions = values(statement.get("Action"))
    if not actions or any(not _ACTION.fullmatch(action) for action in actions):
        raise _malformed("AssumeRole policy may only specify STS AssumeRole actions.")
    principal = statement.get("Principal")
    if not principal:
        raise _malformed("Missing required field Principal")
    if principal != "*":
        _check_principals(principal, world)
    if statement["Effect"] == "Allow" and _trusts_github(principal):
        _check_github_scope(statement)


def _check_principals(principal: Any, world: World) -> None:
    if not isinstance(principal, dict):
        raise _malformed("Invalid principal in policy")
    for kind, named in principal.items():
        for name in values(named):
            pattern = _PRINCIPALS.get(kind)
            if pattern is None or not pattern.fullmatch(name) or not _exists(name, world):
                raise _malformed(f'Invalid principal in policy: "{kind}":"{name}"')


def _exists(arn: str, world: World) -> bool:
    """Roles and users of the organization's accounts must exist; of strangers we can't know."""
    parts = arn.split(":")
    if len(parts) < 6 or world.account(parts[4]) is None:
        return True
    if parts[4] == world.settings.management_account_id:
        return True  # whose roles a customer has made before, out of the stand-in's sight
    kind, _, name = parts[5].partition("/")
    if world.propagation.hides((parts[4], kind, name.rpartition("/")[2].lower())):
        return False
    backend = world.moto.iam(parts[4])
    if parts[5].startswith("role/"):
        return any(role.arn == arn for role in backend.get_roles())
    return not parts[5].startswith("user/") or any(user.arn == arn for user in backend.users.values())


def _trusts_github(principal: Any) -> bool:
    named = values(principal.get("Federated")) if isinstance(principal, dict) else []
    return any(name.endswith(f":oidc-provider/{_GITHUB}") for name in named)


def _check_github_scope(statement: Mapping[str, Any]) -> None:
    for operator, keys in (statement.get("Condition") or {}).items():
        for key, wanted in keys.items():
            first = next(iter(values(wanted)), "")
            if operator in _GUARD_OPERATORS and key.lower() in _GUARD_KEYS and first.strip("*?"):
                return
    raise _malformed(  # the wording is believed
        f"The trust policy for {_GITHUB} must evaluate {_GITHUB}:sub or {_GITHUB}:job_workflow_ref, "
        "which is not scoped to all"
    )


def _malformed(message: str) -> AwsError:
    return AwsError("MalformedPolicyDocument", message)
