"""The fields of a spec that admit whom the roles in AWS admit: for an account whose AwsAccount is gone. Pure."""

from collections.abc import Sequence
from typing import Any

from batteries_crds.github.trust_policy import Admitted
from batteries_crds.github.workflow_sources import WorkflowSources


def spec_of(deploying: Sequence[Admitted], reading: Sequence[Admitted]) -> dict[str, Any]:
    """githubRepos and repositories, as a person would write them; what is empty is left out."""
    deploys = {each.repository: each.sources for each in deploying}
    reads = {each.repository: each.sources for each in reading}
    names = list(dict.fromkeys([*deploys, *reads]))
    plain = [name for name in names if deploys.get(name, _NOBODY) is None and name not in reads]
    ruled = [_entry(name, deploys.get(name, _NOBODY), reads.get(name)) for name in names if name not in plain]
    return {field: value for field, value in (("githubRepos", plain), ("repositories", ruled)) if value}


_NOBODY = WorkflowSources()


def _entry(name: str, deploys: WorkflowSources | None, reads: WorkflowSources | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"repository": name}
    if deploys is not None:
        entry["deployFrom"] = _written(deploys)
    if reads is not None:
        entry["readOnlyFrom"] = _written(reads)
    return entry


def _written(sources: WorkflowSources) -> dict[str, Any]:
    return {name: value for name, value in sources.to_wire().items() if value}
