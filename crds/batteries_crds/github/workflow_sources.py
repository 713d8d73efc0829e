"""Which runs of a repository's workflows are admitted: on these branches and tags, in these environments, for pull
requests. Used for both roles: `deployFrom` and `readOnlyFrom`.
"""

from typing import Annotated, Any

from pydantic import Field

from batteries_crds.base import Model
from batteries_crds.cel import rule, rules
from batteries_crds.github import contexts
from batteries_crds.schema import NOT_DEFAULTED

_ONCE = rule("self.all(name, self.exists_one(other, other == name))", contexts.TWICE)


def _listed(description: str) -> Any:
    shape = {"x-kubernetes-list-type": "atomic", **NOT_DEFAULTED, **rules(_ONCE)}
    return Field(max_length=contexts.MAX_NAMES, description=description, json_schema_extra=shape)


def _named(longest: int, pattern: str, reserved: str, sentence: str) -> Any:
    expression = f"self.matches(r'{pattern}') && !self.matches(r'{reserved}')"
    return Field(max_length=longest, json_schema_extra=rules(rule(expression, sentence)))


Ref = Annotated[str, _named(contexts.MAX_REF, contexts.REF, contexts.REF_RESERVED, contexts.REF_RULE)]
Environment = Annotated[
    str,
    _named(contexts.MAX_ENVIRONMENT, contexts.ENVIRONMENT, contexts.ENVIRONMENT_RESERVED, contexts.ENVIRONMENT_RULE),
]


class WorkflowSources(Model):
    """The runs that are admitted. Each list adds to the others, and what is in none is refused: of an empty object,
    nobody is admitted.
    """

    branches: Annotated[
        list[Ref],
        _listed(
            "Branches, such as main. A * stands for any characters, / too: release/*. Jobs with an environment and "
            "pull requests don't count as runs on a branch, because GitHub's token then names no branch."
        ),
    ] = []
    tags: Annotated[list[Ref], _listed("Tags, such as v*. A * stands for any characters, / too.")] = []
    environments: Annotated[
        list[Environment],
        _listed(
            "Environments of GitHub, such as production: jobs with `environment: production`, on whatever branch. "
            "Which branches may use it, and who has to approve, is set in GitHub; an environment without rules there "
            "can be used by everybody who may push."
        ),
    ] = []
    pull_requests: Annotated[
        bool,
        Field(
            description="true admits pull requests of the repository's own branches: whoever may push a branch. "
            "GitHub gives those of forks no token, unless the repository is set to do so.",
            json_schema_extra=NOT_DEFAULTED,
        ),
    ] = False

    def __str__(self) -> str:
        """As people say it: `branch main, tag v*, environment production, pull requests`."""
        kinds = (("branch", self.branches), ("tag", self.tags), ("environment", self.environments))
        named = [f"{kind} {name}" for kind, names in kinds for name in names]
        return ", ".join([*named, "pull requests"] if self.pull_requests else named) or "no run"

    @property
    def contexts(self) -> tuple[str, ...]:
        """The contexts of tokens that are admitted, in one order whatever the lists' order is; a `*` is IAM's."""
        named = [
            *(contexts.of_branch(name) for name in self.branches),
            *(contexts.of_tag(name) for name in self.tags),
            *(contexts.of_environment(name) for name in self.environments),
        ]
        return (*sorted(named), *([contexts.PULL_REQUEST] if self.pull_requests else []))


def of_contexts(found: list[str]) -> WorkflowSources:
    """The inverse of `contexts`.

    Raises:
        ValueError: one of them is no context that can be listed.
    """
    kinds: dict[str, list[str]] = {"ref:refs/heads/": [], "ref:refs/tags/": [], "environment:": []}
    for context in found:
        kind = next((prefix for prefix in kinds if context.startswith(prefix)), None)
        if kind is not None:
            kinds[kind].append(context.removeprefix(kind))
        elif context != contexts.PULL_REQUEST:
            raise ValueError(context)
    branches, tags, environments = kinds.values()
    return WorkflowSources(
        branches=contexts.check_refs(branches),
        tags=contexts.check_refs(tags),
        environments=contexts.check_environments(environments),
        pull_requests=contexts.PULL_REQUEST in found,
    )
