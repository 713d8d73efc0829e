"""The trust policy of a role that GitHub Actions assume: admits exactly the listed repositories, or the listed runs of
them, and nobody if none is listed. Its statements are in `statements`.

GitHub's `sub` claim has two forms. Repositories created, renamed or transferred since 2026-07-15 send
`repo:OWNER@OWNER-ID/REPO@REPO-ID:<context>`, older ones `repo:OWNER/REPO:<context>` (GitHub docs, "OpenID Connect",
immutable subject claims). A repository given by name alone may be either, so both forms are admitted; one given with
its ids is pinned to them, and the old form, which a recycled name could send, is refused.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from batteries_crds.github.statements import PROVIDER_HOST as PROVIDER_HOST
from batteries_crds.github.statements import Admitted as Admitted
from batteries_crds.github.statements import Issuer, Statement, admitted_by, issuer_of, layouts
from batteries_crds.github.statements import subjects as subjects

AUDIENCE = "sts.amazonaws.com"
ROLE_NAME = "GitHubActionsDeployRole"
READ_ONLY_ROLE_NAME = "GitHubActionsReadOnlyRole"


class PolicyTooLargeError(Exception):
    """The rendered policy is larger than AWS allows; the text says by how much and what to do."""


def every_run(repositories: Iterable[str]) -> list[Admitted]:
    """These repositories, with everything that runs in them."""
    return [Admitted(repository) for repository in repositories]


def provider_arn(aws_account_id: str, partition: str = "aws", host: str = PROVIDER_HOST) -> str:
    """The ARN of an OIDC provider, GitHub's by default, in that account of that partition (aws, aws-us-gov, aws-cn)."""
    return f"arn:{partition}:iam::{aws_account_id}:oidc-provider/{host}"


def check_size(admitted: Sequence[Admitted], *, limit: int, partition: str = "aws", audience: str = AUDIENCE) -> None:
    """Checks that the policy fits, before there is an account for it; account ids all have the same length.

    Raises:
        PolicyTooLargeError: it would not.
    """
    render(admitted, provider_arn("0" * 12, partition), limit=limit, audience=audience)


def render(admitted: Sequence[Admitted], provider_arn: str, *, limit: int, audience: str = AUDIENCE) -> dict[str, Any]:
    """The policy document for these repositories.

    Args:
        admitted: What the spec lists.
        provider_arn: GitHub's OIDC provider in the same account.
        limit: Characters that AWS takes, whitespace not counted.
        audience: The audience of the tokens; AWS in China has another one.

    Raises:
        PolicyTooLargeError: it would not fit.
    """
    smallest = min((_policy(*each) for each in layouts(admitted, Issuer(provider_arn, audience))), key=policy_size)
    policy = smallest if smallest["Statement"] else nobody()
    size = policy_size(policy)
    if size > limit:
        fewer = " and fewer branches, tags and environments" if any(each.sources for each in admitted) else ""
        raise PolicyTooLargeError(
            f"The trust policy for {len(admitted)} repositories has {size} characters, and AWS allows {limit}. "
            f"List fewer repositories{fewer}, write them as org@id/repo@id (one pattern each instead of two), or have "
            "the platform team raise the IAM quota 'Role trust policy length' and BATTERIES_TRUST_POLICY_LIMIT."
        )
    return policy


def read(policy: Any) -> list[Admitted] | None:
    """The repositories and runs from which `render` made this document, in its order; None if it did not make it.

    `policy` is as AWS returns it: a list of one may be a plain value, and the patterns may be in another order.
    """
    if same_policy(policy, nobody()):
        return []
    try:
        statements: list[Statement] = (
            policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
        )
        found = [each for statement in statements for each in admitted_by(statement)]
        [issuer] = set(map(issuer_of, statements))
        limit = len(json.dumps(policy)) + 1
        again = render(found, issuer.provider_arn, limit=limit, audience=issuer.audience)
    except (KeyError, TypeError, ValueError, PolicyTooLargeError):
        return None
    # This finds anything that somebody added or removed by hand.
    return found if same_policy(policy, again) else None


def nobody(sid: str = "NoRepositories") -> dict[str, Any]:
    """The policy that admits nobody; `sid` says who is not admitted."""
    # AWS refuses a GitHub trust policy without a scoped subject, and a role needs one: so it denies everything.
    return _policy({"Sid": sid, "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})


def _policy(*statements: Statement) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


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
