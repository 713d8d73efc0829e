"""A run of a workflow as GitHub's documentation describes its token, and who should be admitted by what was listed.

Nothing here is taken from the code that renders trust policies: the subject is put together as GitHub's reference does
("OpenID Connect reference": example subject claims, immutable subject claims, customizing the token claims), and
`is_listed` compares names, without a pattern of IAM.
"""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass

from batteries_crds.github.trust_policy import Admitted


@dataclass(frozen=True)
class Run:
    """One job of a workflow; `template` is the repository's `include_claim_keys`, None for the default subject."""

    owner: str = "o"
    name: str = "r"
    owner_id: str = "1"
    repo_id: str = "2"
    immutable: bool = False
    ref: str = "refs/heads/main"
    environment: str | None = None
    is_pull_request: bool = False
    workflow: str = "deploy"
    template: tuple[str, ...] | None = None

    @property
    def claims(self) -> list[tuple[str, str]]:
        """The claims that make up the subject, the repository first in the default."""
        return [self._claim(key) for key in self.template or ("repo", "context")]

    @property
    def subject(self) -> str:
        """The claim `sub`."""
        return ":".join(f"{key}:{_encoded(value)}" if key else _encoded(value) for key, value in self.claims)

    def _claim(self, key: str) -> tuple[str, str]:
        ref = "refs/pull/7/merge" if self.is_pull_request else self.ref
        if key == "repo":
            ids = (f"@{self.owner_id}", f"@{self.repo_id}") if self.immutable else ("", "")
            return "repo", f"{self.owner}{ids[0]}/{self.name}{ids[1]}"
        if key == "context":
            return self._context(ref)
        file = f"{self.owner}/{self.name}/.github/workflows/{self.workflow}.yml"
        values = {
            "ref": ref,
            "environment": self.environment or "",
            "job_workflow_ref": f"{file}@{ref}",
            "head_ref": self.ref.removeprefix("refs/heads/") if self.is_pull_request else "",
            "workflow": self.workflow,
            "repository_owner": self.owner,
        }
        return key, values[key]

    def _context(self, ref: str) -> tuple[str, str]:
        """The part of the default subject after the repository."""
        if self.environment is not None:
            return "environment", self.environment
        return ("", "pull_request") if self.is_pull_request else ("ref", ref)


def _encoded(value: str) -> str:
    return value.replace(":", "%3A")


def is_listed(run: Run, admitted: Sequence[Admitted]) -> bool:
    """Whether what was listed means this run."""
    return any(_is_meant(run, each) for each in admitted)


def _is_meant(run: Run, admitted: Admitted) -> bool:
    owner, name = admitted.repository.split("/")
    (first, *_), rest = run.claims[0], run.claims[1:]
    if first != "repo" or (run.owner, run.name) != (owner.split("@")[0], name.split("@")[0]):
        return False
    is_pinned = "@" in owner
    if is_pinned and (
        not run.immutable or admitted.repository != f"{owner.split('@')[0]}@{run.owner_id}/{run.name}@{run.repo_id}"
    ):
        return False
    if admitted.sources is None:
        return bool(rest)
    if len(rest) != 1:
        return False
    ((key, value),) = rest
    sources = admitted.sources
    match key:
        case "ref":
            return any(
                fnmatch.fnmatchcase(value, f"refs/{kind}/{name}")
                for kind, names in (("heads", sources.branches), ("tags", sources.tags))
                for name in names
            )
        case "environment":
            return value in sources.environments
        case "":
            return sources.pull_requests
        case _:
            return False
