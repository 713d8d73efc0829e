"""A repository in a spec: as a text, or as an object with runs of its own; and what a spec's lists mean together."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from batteries_crds.base import Model
from batteries_crds.cel import rule, rules
from batteries_crds.github.repository import MAX_LENGTH, PATTERN, RESERVED, RULE
from batteries_crds.github.trust_policy import Admitted
from batteries_crds.github.workflow_sources import WorkflowSources

RepositoryName = Annotated[
    str,
    Field(
        max_length=MAX_LENGTH,
        json_schema_extra=rules(rule(f"self.matches(r'{PATTERN}') && !self.matches(r'{RESERVED}')", RULE)),
    ),
]


class RepositoryEntry(Model):
    """A repository with rules of its own. Each of them replaces the account's, and adds nothing to it."""

    repository: Annotated[RepositoryName, Field(description="org/repo, or org@id/repo@id with GitHub's immutable ids.")]
    deploy_from: Annotated[
        WorkflowSources | None,
        Field(
            description="Which runs of this repository may deploy. Absent: those of spec.deployFrom, or every run. "
            "{}: none."
        ),
    ] = None
    read_only_from: Annotated[
        WorkflowSources | None,
        Field(
            description="Which runs of this repository may assume GitHubActionsReadOnlyRole. Absent: those of "
            "spec.readOnlyFrom, or none."
        ),
    ] = None


def deploying(
    names: Sequence[str], entries: Sequence[RepositoryEntry], every: WorkflowSources | None
) -> list[Admitted]:
    """Who may deploy, in one order whatever the lists' order is. `every` is what the account says of all."""
    of_entries = [
        Admitted(entry.repository, every if entry.deploy_from is None else entry.deploy_from) for entry in entries
    ]
    found = [*(Admitted(name, every) for name in names), *of_entries]
    return _ordered([each for each in found if each.sources is None or each.sources.contexts])


def reading(names: Sequence[str], entries: Sequence[RepositoryEntry], every: WorkflowSources | None) -> list[Admitted]:
    """Who may assume the read-only role: nobody but those that some rule names."""
    of_entries = [
        (entry.repository, every if entry.read_only_from is None else entry.read_only_from) for entry in entries
    ]
    found = [*((name, every) for name in names), *of_entries]
    return _ordered([Admitted(name, sources) for name, sources in found if sources is not None and sources.contexts])


def _ordered(admitted: list[Admitted]) -> list[Admitted]:
    return sorted(admitted, key=lambda each: each.repository)
