"""Where deployments of an account come from, as clients see it: in the form in which they would send it."""

from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from batteries_crds.aws_account import AwsAccount
from batteries_crds.github.repository_entry import RepositoryEntry
from batteries_crds.github.workflow_sources import WorkflowSources


class ShownSources(TypedDict):
    """Runs of workflows that are admitted."""

    branches: list[str]
    tags: list[str]
    environments: list[str]
    pullRequests: bool


class ShownRules(TypedDict):
    """A repository with its own rules."""

    repository: str
    deployFrom: NotRequired[ShownSources]
    readOnlyFrom: NotRequired[ShownSources]


DeployFrom = Annotated[
    ShownSources,
    Field(description="Which runs may deploy, of repositories without rules of their own. Absent: every run."),
]
ReadOnlyFrom = Annotated[
    ShownSources, Field(description="Which runs may assume the read-only role, of those repositories. Absent: none.")
]
Rules = Annotated[
    list[ShownRules],
    Field(description="The same repositories with their own rules. Absent: none has any."),
]
ReadOnlyRoleArn = Annotated[
    str,
    Field(
        description="The role that runs assume which may read the account and change nothing.",
        examples=["arn:aws:iam::123456789012:role/GitHubActionsReadOnlyRole"],
    ),
]
Pinned = Annotated[
    bool,
    Field(
        description="Whether every listed repository is written with GitHub's immutable ids. false: whoever takes over "
        "the name of one that is not, after a rename or a deletion, gets in. Absent: none is listed."
    ),
]


def where_from(account: AwsAccount) -> dict[str, Any]:
    """The fields, None where there is nothing to say."""
    spec, names = account.spec, account.spec.repository_names
    return {
        "repositories": _entries(spec.github_repos, spec.repositories) or None,
        "deployFrom": _sources(spec.deploy_from),
        "readOnlyFrom": _sources(spec.read_only_from),
        "readOnlyRoleArn": account.status.read_only_role_arn,
        "pinned": all("@" in name for name in names) if names else None,
    }


def _entries(names: list[str], entries: list[RepositoryEntry]) -> list[ShownRules]:
    """Every repository, so that the list can be changed and sent back; nothing if none has rules."""
    if not entries:
        return []
    shown: list[ShownRules] = [{"repository": name} for name in names]
    for entry in entries:
        one: ShownRules = {"repository": entry.repository}
        if deploys := _sources(entry.deploy_from):
            one["deployFrom"] = deploys
        if reads := _sources(entry.read_only_from):
            one["readOnlyFrom"] = reads
        shown.append(one)
    return shown


def _sources(sources: WorkflowSources | None) -> ShownSources | None:
    if sources is None:
        return None
    return {
        "branches": sources.branches,
        "tags": sources.tags,
        "environments": sources.environments,
        "pullRequests": sources.pull_requests,
    }
