"""AssumeRoleWithWebIdentity: what a GitHub workflow does to deploy, as a proof tool.

The token's signature is not checked (a test makes its own tokens); everything else decides as
AWS does: the account's identity provider, its audiences, and the role's trust policy over the
token's claims.
"""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.policy_document import allows, values
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.rules.assume_role import check_form, duration, open_role, trust_of
from batteries_sandbox.aws.wire import Answer, AwsError, answer
from batteries_sandbox.aws.world import World

_ACTION = "sts:AssumeRoleWithWebIdentity"
# GitHub's claims that STS takes as condition keys (IAM user guide, "IAM and AWS STS condition context keys").
_CLAIMS = (
    *("aud", "sub", "amr"),
    *("actor", "actor_id", "job_workflow_ref", "repository", "repository_id"),
    *("workflow", "ref", "environment", "enterprise_id"),
)


def assume(call: Call, world: World, proceed: Proceed) -> Answer:
    """AssumeRoleWithWebIdentity."""
    check_form(call)
    claims = _claims(call.text("WebIdentityToken"))
    role = open_role(call.text("RoleArn"), world)
    _check_provider(call.text("RoleArn").split(":")[4], claims, world)
    if role is None or not _is_trusted(world, role, claims):
        raise AwsError("AccessDenied", f"Not authorized to perform {_ACTION}", status=403)
    session = world.callers.assume(role.arn, role.id, call.text("RoleSessionName"), duration(call, role))
    result = session.describe() | {
        "SubjectFromWebIdentityToken": str(claims["sub"]),
        "Audience": values(claims.get("aud"))[0],
        "Provider": str(claims["iss"]),
    }
    return answer(call, result)


def _check_provider(account_id: str, claims: dict[str, Any], world: World) -> None:
    """The account knows the issuer, and the issuer the audience, before any role is looked at.

    Codes and wording as users of aws-actions/configure-aws-credentials report them (issues 280 and 1309).
    """
    account = world.account(account_id)
    if account is None or account.state != "ACTIVE":
        return  # to which AWS answers as to a role that isn't there: who asks must not learn more
    provider = world.moto.iam(account_id).open_id_providers.get(_provider_arn(world, account_id, claims))
    if provider is None:
        message = f"No OpenIDConnect provider found in your account for {claims['iss']}"
        raise AwsError("InvalidIdentityToken", message)
    if not set(values(claims.get("aud"))) & set(provider.client_id_list):
        raise AwsError("InvalidIdentityToken", "Incorrect token audience")


def _is_trusted(world: World, role: Any, claims: dict[str, Any]) -> bool:
    provider_arn = _provider_arn(world, role.arn.split(":")[4], claims)
    host = provider_arn.partition("oidc-provider/")[2]
    context = {f"{host}:{name}".lower(): values(claims.get(name)) for name in _CLAIMS}
    return allows(trust_of(role), _ACTION, "Federated", {provider_arn}, context)


def _provider_arn(world: World, account_id: str, claims: dict[str, Any]) -> str:
    return (
        f"arn:{world.settings.partition}:iam::{account_id}:oidc-provider/{str(claims['iss']).removeprefix('https://')}"
    )


def _claims(token: str) -> dict[str, Any]:
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        complete = {"iss", "sub", "aud"} <= claims.keys()
    except (IndexError, ValueError, AttributeError) as error:
        raise AwsError("InvalidIdentityToken", "The ID Token provided is not a valid JWT.") from error
    if not complete:
        raise AwsError("InvalidIdentityToken", "Missing a required claim: iss, sub, aud")
    if claims.get("exp", time.time() + 1) <= time.time():
        raise AwsError("ExpiredTokenException", "Token expired: current date/time must be before the expiration")
    return dict(claims)
