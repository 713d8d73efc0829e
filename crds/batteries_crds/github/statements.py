"""The statements of a trust policy for GitHub Actions: which subjects of tokens they admit. Pure.

A repository of which every run is admitted has the pattern `repo:o/r:*`. Where runs are listed, there are two layouts,
and a policy has the smaller one:

- `each`: one statement, in which each repository's pattern has each of its contexts in full;
- `grouped`: a statement for each list of runs, whose subject must match a repository and, by a second operator on the
  same key, a context. IAM joins operators by "and", so repositories and contexts are added up and not multiplied.

Only default subjects match a listed run: one that the repository customised so that more claims follow is refused.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from batteries_crds.github.contexts import PULL_REQUEST
from batteries_crds.github.repository import Repository, parse
from batteries_crds.github.workflow_sources import WorkflowSources, of_contexts

PROVIDER_HOST = "token.actions.githubusercontent.com"
AUD = f"{PROVIDER_HOST}:aud"
SUB = f"{PROVIDER_HOST}:sub"

# IAM's * crosses every separator, so `repo:o@*/r@*:*` would also take a subject of another repository of the same
# owner whose customised claims (a branch `x/r@1` and one more claim after it) spell the rest. In a subject of the
# listed repository itself nothing of the form `/...@...:` comes after the context begins.
_SPOOFED = "repo:*:*/*@*:*"

# Where runs are listed, a pattern's * stands for a repository, for ids, or for a part of a branch's or tag's name, and
# none of them has a colon. So nothing with more colons than `repo:<repository>:ref:<name>` is a default subject of a
# listed run, whatever claims a repository puts after or before it; and a pull request has one less.
_MORE_CLAIMS = "*:*:*:*:*"
_CLAIM_OF_A_PULL_REQUESTS_NAME = f"*:*:*:{PULL_REQUEST}"

_ANY_REPOSITORY = "repo:*:"

Statement = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Admitted:
    """A repository, and which runs of its workflows are admitted; None: every run."""

    repository: str
    sources: WorkflowSources | None = None

    def __str__(self) -> str:
        if self.sources is None:
            return self.repository
        return f"{self.repository} ({self.sources})"

    @property
    def contexts(self) -> tuple[str, ...]:
        """The contexts that its subjects may end in."""
        return ("*",) if self.sources is None else self.sources.contexts


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose tokens: GitHub's provider in the account, and the audience that they are for."""

    provider_arn: str
    audience: str


def subjects(repository: Repository, context: str = "*") -> list[str]:
    """The patterns of `sub` that this repository's tokens match in that context."""
    owner, name = repository.owner, repository.name
    if repository.owner_id is not None:
        return [f"repo:{owner}@{repository.owner_id}/{name}@{repository.repo_id}:{context}"]
    return [f"repo:{owner}/{name}:{context}", f"repo:{owner}@*/{name}@*:{context}"]


def layouts(admitted: Sequence[Admitted], issuer: Issuer) -> list[list[Statement]]:
    """Every way to say who is admitted; one alone, and empty, if nobody is."""
    whole = [each for each in admitted if each.sources is None]
    listed = [each for each in admitted if each.sources is not None and each.contexts]
    first = [_whole(whole, issuer)] if whole else []
    if not listed:
        return [first]
    ordered = sorted(listed, key=lambda each: each.contexts)
    groups = [list(group) for _, group in groupby(ordered, key=lambda each: each.contexts)]
    grouped = [_group(number, group, issuer) for number, group in enumerate(groups)]
    return [[*first, _each(listed, issuer)], [*first, *grouped]]


def _whole(admitted: Iterable[Admitted], issuer: Issuer) -> Statement:
    patterns = _heads(admitted)
    guards = [_SPOOFED] if any(pattern.count("*") > 1 for pattern in patterns) else []
    return _statement("GitHubActions", issuer, patterns, guards)


def _each(admitted: Iterable[Admitted], issuer: Issuer) -> Statement:
    patterns = [
        pattern
        for each in admitted
        for context in each.contexts
        for pattern in subjects(parse(each.repository), context)
    ]
    wild = [pattern for pattern in patterns if "*" in pattern]
    return _statement("GitHubActionsFrom", issuer, patterns, _guards(wild))


def _group(number: int, admitted: Sequence[Admitted], issuer: Issuer) -> Statement:
    ends = [_ANY_REPOSITORY + context for context in admitted[0].contexts]
    return _statement(f"GitHubActionsFrom{number}", issuer, _heads(admitted), _guards(ends), ends)


def _heads(admitted: Iterable[Admitted]) -> list[str]:
    return [pattern for each in admitted for pattern in subjects(parse(each.repository))]


def _guards(wild: Sequence[str]) -> list[str]:
    requests = any(pattern.endswith(f":{PULL_REQUEST}") for pattern in wild)
    return ([_MORE_CLAIMS] if wild else []) + ([_CLAIM_OF_A_PULL_REQUESTS_NAME] if requests else [])


def _statement(
    sid: str, issuer: Issuer, patterns: list[str], guards: list[str], ends: list[str] | None = None
) -> Statement:
    condition: dict[str, Any] = {"StringEquals": {AUD: issuer.audience}, "StringLike": {SUB: patterns}}
    if ends is not None:
        # The same operator as StringLike on a key that is there; a second StringLike of one key can't be written.
        condition["StringLikeIfExists"] = {SUB: ends}
    if guards:
        condition["StringNotLike"] = {SUB: guards if len(guards) > 1 else guards[0]}
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Federated": issuer.provider_arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }


def admitted_by(statement: Statement) -> list[Admitted]:
    """Who is admitted by a statement that may be one of ours.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    condition = statement["Condition"]
    found: dict[str, list[str]] = {}
    for pattern in listed(condition["StringLike"][SUB]):
        text, _, context = pattern.removeprefix("repo:").partition(":")
        if not pattern.startswith("repo:"):
            raise ValueError(pattern)
        if "@*/" in text and text.endswith("@*"):
            continue  # the second one of each pair of a repository without ids adds nothing
        parse(text)
        found.setdefault(text, []).append(context)
    ends = condition.get("StringLikeIfExists")
    if ends is not None:
        common = [end.removeprefix(_ANY_REPOSITORY) for end in listed(ends[SUB])]
        return [Admitted(text, of_contexts(common)) for text in found]
    return [Admitted(text, None if every == ["*"] else of_contexts(every)) for text, every in found.items()]


def issuer_of(statement: Statement) -> Issuer:
    """Whose tokens a statement admits that may be one of ours.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    [audience], [provider] = (
        listed(statement["Condition"]["StringEquals"][AUD]),
        listed(statement["Principal"]["Federated"]),
    )
    return Issuer(provider, audience)


def listed(value: Any) -> list[str]:
    """A policy's element that may be one text or a list of them, as a list."""
    return [value] if isinstance(value, str) else list(value)
