"""The trust policy of a role that GitHub Actions assume: admits exactly the listed repositories, or the listed runs of
them, and nobody if none is listed.

GitHub's `sub` claim has two forms. Repositories created, renamed or transferred since 2026-07-15 send
`repo:OWNER@OWNER-ID/REPO@REPO-ID:<context>`, older ones `repo:OWNER/REPO:<context>` (GitHub docs, "OpenID Connect",
immutable subject claims). A repository given by name alone may be either, so both forms are admitted; one given with
its ids is pinned to them, and the old form, which a recycled name could send, is refused.

A repository of which every run is admitted has `*` as its context. One with listed runs has each context in full, and
only default subjects match: one that the repository customised so that more claims follow is refused.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from batteries_crds.github.contexts import PULL_REQUEST
from batteries_crds.github.repository import Repository, parse
from batteries_crds.github.workflow_sources import WorkflowSources, of_contexts

PROVIDER_HOST = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
ROLE_NAME = "GitHubActionsDeployRole"
READ_ONLY_ROLE_NAME = "GitHubActionsReadOnlyRole"

_AUD = f"{PROVIDER_HOST}:aud"
_SUB = f"{PROVIDER_HOST}:sub"

# IAM's * crosses every separator, so `repo:o@*/r@*:*` would also take a subject of another repository of the same
# owner whose customised claims (a branch `x/r@1` and one more claim after it) spell the rest. In a subject of the
# listed repository itself nothing of the form `/...@...:` comes after the context begins.
_SPOOFED = "repo:*:*/*@*:*"

# Where runs are listed, a pattern's * stands for ids or for a part of one branch's or tag's name, in which there is no
# colon. So nothing with more colons than `repo:<repository>:ref:<name>` is a default subject of a listed run, whatever
# claims a repository puts after or before it; and a pull request has one less.
_MORE_CLAIMS = "*:*:*:*:*"
_CLAIM_OF_A_PULL_REQUESTS_NAME = f"*:*:*:{PULL_REQUEST}"


class PolicyTooLargeError(Exception):
    """The rendered policy is larger than AWS allows; the text says by how much and what to do."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A repository, and which runs of its workflows are admitted; None: every run."""

    repository: str
    sources: WorkflowSources | None = None

    def __str__(self) -> str:
        if self.sources is None:
            return self.repository
        return f"{self.repository} ({self.sources})"


def every_run(repositories: Iterable[str]) -> list[Admitted]:
    """These repositories, with everything that runs in them."""
    return [Admitted(repository) for repository in repositories]


def subjects(repository: Repository, context: str = "*") -> list[str]:
    """The patterns of `sub` that this repository's tokens match in that context."""
    owner, name = repository.owner, repository.name
    if repository.owner_id is not None:
        return [f"repo:{owner}@{repository.owner_id}/{name}@{repository.repo_id}:{context}"]
    return [f"repo:{owner}/{name}:{context}", f"repo:{owner}@*/{name}@*:{context}"]


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
    whole = [pattern for each in admitted if each.sources is None for pattern in subjects(parse(each.repository))]
    parts = [
        pattern
        for each in admitted
        if each.sources is not None
        for context in each.sources.contexts
        for pattern in subjects(parse(each.repository), context)
    ]
    statements = [
        _statement("GitHubActions", whole, _guards_of_whole(whole), provider_arn, audience),
        _statement("GitHubActionsFrom", parts, _guards_of_parts(parts), provider_arn, audience),
    ]
    if not whole and not parts:
        return nobody()
    policy = _policy(*[statement for statement in statements if statement is not None])
    size = policy_size(policy)
    if size > limit:
        fewer = " and fewer branches, tags and environments" if parts else ""
        raise PolicyTooLargeError(
            f"The trust policy for {len(admitted)} repositories has {size} characters, and AWS allows {limit}. "
            f"List fewer repositories{fewer}, write them as org@id/repo@id (one pattern each instead of two), or have "
            "the platform team raise the IAM quota 'Role trust policy length' and BATTERIES_TRUST_POLICY_LIMIT."
        )
    return policy


def _guards_of_whole(patterns: Sequence[str]) -> list[str]:
    return [_SPOOFED] if any(pattern.count("*") > 1 for pattern in patterns) else []


def _guards_of_parts(patterns: Sequence[str]) -> list[str]:
    wild = [pattern for pattern in patterns if "*" in pattern]
    requests = any(pattern.endswith(f":{PULL_REQUEST}") for pattern in wild)
    return ([_MORE_CLAIMS] if wild else []) + ([_CLAIM_OF_A_PULL_REQUESTS_NAME] if requests else [])


def _statement(sid: str, patterns: list[str], guards: list[str], provider: str, audience: str) -> dict[str, Any] | None:
    if not patterns:
        return None
    condition: dict[str, Any] = {"StringEquals": {_AUD: audience}, "StringLike": {_SUB: patterns}}
    if guards:
        condition["StringNotLike"] = {_SUB: guards if len(guards) > 1 else guards[0]}
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }


def read(policy: Any) -> list[Admitted] | None:
    """The repositories and runs from which `render` made this document, in its order; None if it did not make it.

    `policy` is as AWS returns it: a list of one may be a plain value, and the patterns may be in another order.
    """
    if same_policy(policy, nobody()):
        return []
    try:
        statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
        found = [each for statement in statements for each in _admitted(_patterns(statement))]
        [audience] = {text for each in statements for text in _listed(each["Condition"]["StringEquals"][_AUD])}
        [provider] = {text for each in statements for text in _listed(each["Principal"]["Federated"])}
        again = render(found, provider, limit=len(json.dumps(policy)) + 1, audience=audience)
    except (KeyError, TypeError, ValueError, PolicyTooLargeError):
        return None
    # This finds anything that somebody added or removed by hand.
    return found if same_policy(policy, again) else None


def _patterns(statement: Any) -> list[str]:
    return _listed(statement["Condition"]["StringLike"][_SUB])


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _admitted(patterns: list[str]) -> list[Admitted]:
    """What these patterns are for; the second one of each pair of a repository without ids adds nothing."""
    contexts: dict[str, list[str]] = {}
    for pattern in patterns:
        text, _, context = pattern.removeprefix("repo:").partition(":")
        if not pattern.startswith("repo:"):
            raise ValueError(pattern)
        if "@*/" in text and text.endswith("@*"):
            continue
        parse(text)
        contexts.setdefault(text, []).append(context)
    return [Admitted(text, None if found == ["*"] else of_contexts(found)) for text, found in contexts.items()]


def nobody(sid: str = "NoRepositories") -> dict[str, Any]:
    """The policy that admits nobody; `sid` says who is not admitted."""
    # AWS refuses a GitHub trust policy without a scoped subject, and a role needs one: so it denies everything.
    return _policy({"Sid": sid, "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
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
