"""The part of an AwsAccount's spec that says which repositories may do what, and where from."""

from typing import Annotated

from pydantic import Field

from batteries_crds.base import Model
from batteries_crds.cel import rule, rules
from batteries_crds.github import repository_entry
from batteries_crds.github.repository import MAX_REPOSITORIES
from batteries_crds.github.repository_entry import RepositoryEntry, RepositoryName
from batteries_crds.github.trust_policy import Admitted
from batteries_crds.github.workflow_sources import WorkflowSources
from batteries_crds.schema import NOT_DEFAULTED

_TWICE = "A repository is listed twice (names that differ only in case are one repository). Name each repository once."
_ONE_OWNER = {"x-kubernetes-map-type": "atomic"}
IN_BOTH = rule(
    "!has(self.repositories) || !has(self.githubRepos) || self.repositories.all(one, "
    "!self.githubRepos.exists(name, name.lowerAscii() == one.repository.lowerAscii()))",
    "A repository is in spec.githubRepos and in spec.repositories. Name each repository in one of them: in "
    "repositories if it has rules of its own.",
)
"""A rule of the whole spec."""


def repositories_of(spec: "RepositoryFields") -> "RepositoryFields":
    """These fields of a whole spec, without the rest."""
    return RepositoryFields(**{name: getattr(spec, name) for name in RepositoryFields.model_fields})


class RepositoryFields(Model):
    """Fields of the spec."""

    github_repos: Annotated[
        list[RepositoryName],
        Field(
            max_length=MAX_REPOSITORIES,
            description="The GitHub repositories whose workflows may deploy into the account, by assuming "
            "GitHubActionsDeployRole: each org/repo, or org@id/repo@id with GitHub's immutable ids, so that nobody "
            "who takes over the name gets in. May change at any time; empty or absent admits nobody.",
            json_schema_extra={
                "x-kubernetes-list-type": "atomic",
                **NOT_DEFAULTED,
                **rules(
                    rule(
                        "self.all(repo, self.exists_one(other, other.lowerAscii() == repo.lowerAscii()))",
                        _TWICE,
                    )
                ),
            },
        ),
    ] = []
    repositories: Annotated[
        list[RepositoryEntry],
        Field(
            max_length=MAX_REPOSITORIES,
            description="More repositories, beside githubRepos: those with rules of their own. Each is in one of the "
            "two lists. One program owns the whole list, so that nobody else adds a repository to it.",
            json_schema_extra={
                "x-kubernetes-list-type": "atomic",
                **NOT_DEFAULTED,
                **rules(
                    rule(
                        "self.all(one, self.exists_one(other, "
                        "other.repository.lowerAscii() == one.repository.lowerAscii()))",
                        _TWICE,
                    )
                ),
            },
        ),
    ] = []
    deploy_from: Annotated[
        WorkflowSources | None,
        Field(
            description="Which runs of the repositories' workflows may deploy: those on these branches and tags, in "
            "these environments, for pull requests. Absent: every run, so everybody who may push to a listed "
            "repository can deploy. {}: none. One program owns the whole object, so that nobody else adds to it.",
            json_schema_extra=_ONE_OWNER,
        ),
    ] = None
    read_only_from: Annotated[
        WorkflowSources | None,
        Field(
            description="Which runs of the repositories' workflows may assume GitHubActionsReadOnlyRole, which can "
            "read the account and change nothing: pull requests that show what a deployment would do, for example. "
            "Absent: none, and there is no such role.",
            json_schema_extra=_ONE_OWNER,
        ),
    ] = None

    @property
    def repository_names(self) -> list[str]:
        """Every listed repository, those without rules of their own first."""
        return [*self.github_repos, *(entry.repository for entry in self.repositories)]

    @property
    def deploying(self) -> list[Admitted]:
        """Who may assume the deploy role."""
        return repository_entry.deploying(self.github_repos, self.repositories, self.deploy_from)

    @property
    def reading(self) -> list[Admitted]:
        """Who may assume the read-only role."""
        return repository_entry.reading(self.github_repos, self.repositories, self.read_only_from)
