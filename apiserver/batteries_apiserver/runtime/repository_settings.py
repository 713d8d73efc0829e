"""The setting for the repositories of new accounts."""

from typing import Annotated

from pydantic import AfterValidator, Field

from batteries_crds.github import contexts
from batteries_crds.github.repository_fields import RepositoryFields
from batteries_crds.github.workflow_sources import WorkflowSources
from batteries_crds.runtime.settings import FromEnvironment

_KINDS = {"branch": "branches", "tag": "tags", "environment": "environments"}
_FORM = "Write it as branch:main,tag:v*,environment:production,pull_requests."


def _sources(text: str) -> WorkflowSources | None:
    """The runs that the setting names; None if it is empty.

    Raises:
        ValueError: a sentence that says what is wrong.
    """
    found: dict[str, list[str]] = {field: [] for field in _KINDS.values()}
    parts = [part.strip() for part in text.split(",") if part.strip()]
    for part in parts:
        kind, colon, name = part.partition(":")
        if part == "pull_requests":
            continue
        if not colon or kind not in _KINDS:
            raise ValueError(f"'{part}' names no run. {_FORM}")
        found[_KINDS[kind]].append(name)
    contexts.check_refs(found["branches"])
    contexts.check_refs(found["tags"])
    contexts.check_environments(found["environments"])
    return WorkflowSources(**found, pull_requests="pull_requests" in parts) if parts else None


def _checked(text: str) -> str:
    _sources(text)
    return text


class RepositorySettings(FromEnvironment):
    """What an installation decides about them."""

    default_deploy_from: Annotated[
        str,
        AfterValidator(_checked),
        Field(
            max_length=1000,
            description="The deployFrom of accounts that are created over HTTP without one, such as "
            "branch:main,environment:production,pull_requests. It is written to the account, where its owner can "
            "change it; accounts that exist keep what they have. Empty: every run of a listed repository may deploy.",
        ),
    ] = ""

    @property
    def new_account(self) -> RepositoryFields:
        """What an account has of which the request says nothing."""
        return RepositoryFields(deploy_from=_sources(self.default_deploy_from))
