"""AssumeRoleWithWebIdentity: a GitHub workflow, or an agent with an API key, gets credentials for a token.

The account's identity provider and its audiences, the issuer's own keys, the role's trust policy over the token's
claims and tags: each decides as in AWS. IDPRejectedClaim is never given: it comes from Facebook and Login with Amazon,
which look at their tokens themselves (STS API reference).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.policy_document import allows, values
from batteries_sandbox.aws.rules import Proceed, identity_tokens, session_tags
from batteries_sandbox.aws.rules.assume_role import check_form, duration, open_role, session_policy, trust_of
from batteries_sandbox.aws.wire import Answer, AwsError, answer
from batteries_sandbox.aws.world import World

_ACTION = "sts:AssumeRoleWithWebIdentity"
_TAGGING = "sts:TagSession"
_GITHUB = "token.actions.githubusercontent.com"
_CLAIMS = ("aud", "sub", "amr")
# GitHub's claims that STS takes as condition keys (IAM user guide, "IAM and AWS STS condition context keys").
_GITHUBS_CLAIMS = (
    *("actor", "actor_id", "job_workflow_ref", "repository", "repository_id"),
    *("workflow", "ref", "environment", "enterprise_id"),
)


def assume(call: Call, world: World, proceed: Proceed) -> Answer:
    """AssumeRoleWithWebIdentity."""
    check_form(call)
    token = identity_tokens.parse(call.text("WebIdentityToken"))
    account_id = call.text("RoleArn").split(":")[4]
    account = world.account(account_id)
    # To an account that isn't open AWS answers as to a role that isn't there: who asks must not learn more.
    if account is not None and account.state == "ACTIVE":
        _check_provider(account_id, token, world)
        key = world.issuers.key(token.issuer, token.kid, asked=call.issuer_asked)
        identity_tokens.verify(token, key, world.wall())
    tags = session_tags.of(token.claims)
    role = open_role(call.text("RoleArn"), world)
    if role is None or not _is_trusted(call, world, role, token, tags, _ACTION):
        raise _not_authorized(_ACTION)
    if tags and not _is_trusted(call, world, role, token, tags, _TAGGING):
        raise _not_authorized(_TAGGING)
    seconds = duration(call, role)
    name = call.text("RoleSessionName")
    session = world.callers.assume(role.arn, role.id, name, seconds, session_policy(call), tags)
    result = session.describe() | {
        "SubjectFromWebIdentityToken": str(token.claims["sub"]),
        "Audience": values(token.claims["aud"])[0],
        "Provider": token.issuer,
    }
    return answer(call, result)


def _check_provider(account_id: str, token: identity_tokens.Token, world: World) -> None:
    """The account knows the issuer, and the issuer the audience, before any role is looked at.

    Codes and wording as users of aws-actions/configure-aws-credentials report them (issues 280 and 1309).
    """
    provider = world.moto.iam(account_id).open_id_providers.get(_provider_arn(world, account_id, token))
    if provider is None or not token.issuer.startswith("https://"):
        message = f"No OpenIDConnect provider found in your account for {token.issuer}"
        raise AwsError("InvalidIdentityToken", message)
    if not set(values(token.claims["aud"])) & set(provider.client_id_list):
        raise AwsError("InvalidIdentityToken", "Incorrect token audience")


def _not_authorized(action: str) -> AwsError:
    return AwsError("AccessDenied", f"Not authorized to perform {action}", status=403)


def _is_trusted(
    call: Call, world: World, role: Any, token: identity_tokens.Token, tags: Mapping[str, str], action: str
) -> bool:
    provider_arn = _provider_arn(world, role.arn.split(":")[4], token)
    host = provider_arn.partition("oidc-provider/")[2]
    claims = _CLAIMS + (_GITHUBS_CLAIMS if host == _GITHUB else ())
    context = {f"{host}:{name}".lower(): values(token.claims.get(name)) for name in claims}
    context |= {"aws:federatedprovider": [provider_arn], "sts:rolesessionname": [call.text("RoleSessionName")]}
    context |= session_tags.condition_keys(tags)
    return allows(trust_of(role), action, "Federated", {provider_arn}, context)


def _provider_arn(world: World, account_id: str, token: identity_tokens.Token) -> str:
    return f"arn:{world.settings.partition}:iam::{account_id}:oidc-provider/{token.issuer.removeprefix('https://')}"
