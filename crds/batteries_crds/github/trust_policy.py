"""The trust policy of GitHubActionsDeployRole: admits exactly the listed repositories, and nobody if none is listed.

GitHub's `sub` claim has two forms. Repositories created, renamed or transferred since 2026-07-15 send
`repo:OWNER@OWNER-ID/REPO@REPO-ID:<context>`, older ones `repo:OWNER/REPO:<context>` (GitHub docs, "OpenID Connect",
immutable subject claims). A repository given by name alone may be either, so both forms are admitted; one given with
its ids is pinned to them, and the old form, which a recycled name could send, is refused.
"""

import json
from collections.abc import Sequence
from typing import Any

from batteries_crds.github.repository import Repository, parse

PROVIDER_HOST = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
ROLE_NAME = "GitHubActionsDeployRole"

_AUD = f"{PROVIDER_HOST}:aud"
_SUB = f"{PROVIDER_HOST}:sub"

# IAM's * crosses every separator, so `repo:o@*/r@*:*` would also take a subject of another repository of the same
# owner whose customised claims (a branch `x/r@1` and one more claim after it) spell the rest. In a subject of the
# listed repository itself nothing of the form `/...@...:` comes after the context begins.
_SPOOFED = "repo:*:*/*@*:*"


class PolicyTooLargeError(Exception):
    """The rendered policy is larger than AWS allows; the text says by how much and what to do."""


def subjects(repository: Repository) -> list[str]:
    """The patterns of `sub` that this repository's tokens match."""
    owner, name = repository.owner, repository.name
    if repository.owner_id is not None:
        return [f"repo:{owner}@{repository.owner_id}/{name}@{repository.repo_id}:*"]
    return [f"repo:{owner}/{name}:*", f"repo:{owner}@*/{name}@*:*"]


def provider_arn(aws_account_id: str, partition: str = "aws", host: str = PROVIDER_HOST) -> str:
    """The ARN of an OIDC provider, GitHub's by default, in that account of that partition (aws, aws-us-gov, aws-cn)."""
    return f"arn:{partition}:iam::{aws_account_id}:oidc-provider/{host}"


def check_size(repositories: Sequence[str], *, limit: int, partition: str = "aws", audience: str = AUDIENCE) -> None:
    """Checks that the policy fits, before there is an account for it; account ids all have the same length.

    Raises:
        PolicyTooLargeError: it would not.
    """
    render(repositories, provider_arn("0" * 12, partition), limit=limit, audience=audience)


def render(repositories: Sequence[str], provider_arn: str, *, limit: int, audience: str = AUDIENCE) -> dict[str, Any]:
    """The policy document for these repositories.

    Args:
        repositories: As `spec.githubRepos` has them.
        provider_arn: GitHub's OIDC provider in the same account.
        limit: Characters that AWS takes, whitespace not counted.
        audience: The audience of the tokens; AWS in China has another one.

    Raises:
        PolicyTooLargeError: it would not fit.
    """
    if not repositories:
        return nobody()
    patterns = [pattern for text in repositories for pattern in subjects(parse(text))]
    condition: dict[str, Any] = {"StringEquals": {_AUD: audience}, "StringLike": {_SUB: patterns}}
    if any(pattern.count("*") > 1 for pattern in patterns):
        condition["StringNotLike"] = {_SUB: _SPOOFED}
    policy = _policy(
        {
            "Sid": "GitHubActions",
            "Effect": "Allow",
            "Principal": {"Federated": provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition,
        }
    )
    size = policy_size(policy)
    if size > limit:
        raise PolicyTooLargeError(
            f"The trust policy for {len(repositories)} repositories has {size} characters, and AWS allows {limit}. "
            "List fewer repositories, write them as org@id/repo@id (one pattern each instead of two), or have the "
            "platform team raise the IAM quota 'Role trust policy length' and BATTERIES_TRUST_POLICY_LIMIT."
        )
    return policy


def read(policy: Any) -> list[str] | None:
    """The repositories from which `render` made this document, in its order; None if it did not make it.

    `policy` is as AWS returns it: a list of one may be a plain value, and the patterns may be in another order.
    """
    if same_policy(policy, nobody()):
        return []
    try:
        [statement] = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
        patterns = _listed(statement["Condition"]["StringLike"][_SUB])
        [audience] = _listed(statement["Condition"]["StringEquals"][_AUD])
        [provider] = _listed(statement["Principal"]["Federated"])
        found = [_repository(pattern) for pattern in patterns]
        repositories = list(dict.fromkeys(each for each in found if each is not None))
        again = render(repositories, provider, limit=len(json.dumps(policy)) + 1, audience=audience)
    except (KeyError, TypeError, ValueError, PolicyTooLargeError):
        return None
    # This finds anything that somebody added or removed by hand.
    return repositories if same_policy(policy, again) else None


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _repository(pattern: str) -> str | None:
    """The repository of one pattern; None for the second of the two patterns of a repository without ids."""
    if not (pattern.startswith("repo:") and pattern.endswith(":*")):
        raise ValueError(pattern)
    text = pattern.removeprefix("repo:").removesuffix(":*")
    if "@*/" in text and text.endswith("@*"):
        return None
    parse(text)
    return text


def nobody(sid: str = "NoRepositories") -> dict[str, Any]:
    """The policy that admits nobody; `sid` says who is not admitted."""
    # AWS refuses a GitHub trust policy without a scoped subject, and a role needs one: so it denies everything.
    return _policy({"Sid": sid, "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})


def _policy(statement: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [statement]}


def policy_size(policy: dict[str, Any]) -> int:
    """Its size as AWS counts it, without whitespace."""
    return len(json.dumps(policy, separators=(",", ":")))


def same_policy(left: Any, right: Any) -> bool:
    """Whether two documents mean the same; AWS may return a list of one as a plain value."""
    return bool(_normal(left) == _normal(right))


def _normal(value: Any) -> Any:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return {key: _normal(child) for key, child in value.items()}
    if isinstance(value, list):
        if all(isinstance(child, str) for child in value):
            return sorted(value)
        return [_normal(child) for child in value]
    return value
