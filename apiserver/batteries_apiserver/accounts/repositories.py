"""The part of the request bodies about repositories: which they are, and where in them deployments come from."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator

from batteries_apiserver.http.body import Body
from batteries_apiserver.http.errors import BadRequest
from batteries_crds.github import contexts
from batteries_crds.github.repository import MAX_LENGTH, MAX_REPOSITORIES, PATTERN, RESERVED, check_all
from batteries_crds.github.repository_fields import RepositoryFields
from batteries_crds.github.trust_policy import PolicyTooLargeError, check_size

_NAME = {"type": "string", "maxLength": MAX_LENGTH, "pattern": f"^(?!.*{RESERVED})(?:{PATTERN})"}
_SHOWN = {
    # The rules of check_all, for the document; check_all itself writes the error sentences. A schema can't say that
    # two names must differ by more than case, and a maximum length would make readers try lists that break that rule.
    "items": _NAME,
    "uniqueItems": True,
    "examples": [["my-org/my-app", "my-org/infra"]],
}
Repositories = Annotated[
    list[str],
    AfterValidator(check_all),
    Field(
        description="The repositories whose GitHub Actions may assume the deploy role: `org/repo`, or "
        "`org@id/repo@id` to pin GitHub's immutable ids. Empty: nobody may. "
        f"At most {MAX_REPOSITORIES}, each once, and no more than fit into one AWS trust policy: about 20 by name, or "
        "30 by ids. One that had rules of its own keeps them.",
        json_schema_extra=_SHOWN,
    ),
]


def _shown(pattern: str, reserved: str, longest: int, example: list[str]) -> dict[str, Any]:
    item = {"type": "string", "maxLength": longest, "pattern": f"^(?!.*(?:{reserved}))(?:{pattern})"}
    return {"items": item, "uniqueItems": True, "examples": [example]}


_REFS = contexts.REF, contexts.REF_RESERVED, contexts.MAX_REF
_ENVIRONMENTS = contexts.ENVIRONMENT, contexts.ENVIRONMENT_RESERVED, contexts.MAX_ENVIRONMENT


class Sources(Body):
    """Runs of workflows. Each list adds to the others; what is in none is refused, so an empty object is nobody."""

    branches: Annotated[
        list[str],
        AfterValidator(contexts.check_refs),
        Field(
            description="Branches, such as `main`. A `*` stands for any characters, `/` too: `release/*`.",
            json_schema_extra=_shown(*_REFS, ["main", "release/*"]),
        ),
    ] = []
    tags: Annotated[
        list[str],
        AfterValidator(contexts.check_refs),
        Field(description="Tags, such as `v*`.", json_schema_extra=_shown(*_REFS, ["v*"])),
    ] = []
    environments: Annotated[
        list[str],
        AfterValidator(contexts.check_environments),
        Field(
            description="GitHub's environments: jobs with `environment: production`, on whatever branch. Who may use "
            "an environment is set in GitHub.",
            json_schema_extra=_shown(*_ENVIRONMENTS, ["production"]),
        ),
    ] = []
    pull_requests: Annotated[
        bool, Field(description="true: pull requests of the repository's own branches. GitHub gives forks no token.")
    ] = False


DeployFrom = Annotated[
    Sources | None,
    Field(
        description="Which runs of the repositories' workflows may deploy, if a repository has no rules of its own. "
        "null: every run, so everybody who may push to a listed repository can deploy."
    ),
]
ReadOnlyFrom = Annotated[
    Sources | None,
    Field(
        description="Which runs may assume the read-only role, at `readOnlyRoleArn`: pull requests, for example. "
        "null: none."
    ),
]


class RepositoryRules(Body):
    """One repository, with rules of its own if it has some. Each replaces the account's rule."""

    repository: Annotated[str, Field(description="`org/repo`, or `org@id/repo@id`.", json_schema_extra=_NAME)]
    deploy_from: Annotated[
        Sources | None, Field(description="Which runs of this repository may deploy. null or absent: as the account's.")
    ] = None
    read_only_from: Annotated[
        Sources | None,
        Field(description="Which runs of it may assume the read-only role. null or absent: as the account's."),
    ] = None


def _check_rules(entries: list[RepositoryRules]) -> list[RepositoryRules]:
    check_all([entry.repository for entry in entries])
    return entries


RuledRepositories = Annotated[
    list[RepositoryRules],
    AfterValidator(_check_rules),
    Field(
        description="The whole list of repositories in another form, with the rules of each. Send this or "
        "`githubRepos`. An entry without rules is as one of `githubRepos`.",
        json_schema_extra={"examples": [[{"repository": "my-org/app", "deployFrom": {"branches": ["main"]}}]]},
    ),
]


_OF_ALL = ("deploy_from", "read_only_from")
"""The rules for all repositories that have none of their own."""

TWO_LISTS: dict[str, JsonValue] = {"required": ["githubRepos", "repositories"]}


class RepositoryBody(Body):
    """The fields about repositories, all optional."""

    model_config = ConfigDict(json_schema_extra={"not": TWO_LISTS})
    added = frozenset({"repositories", "deploy_from", "read_only_from"})

    github_repos: Repositories = []
    repositories: RuledRepositories = []
    deploy_from: DeployFrom = None
    read_only_from: ReadOnlyFrom = None

    @model_validator(mode="after")
    def _one_list(self) -> Self:
        if {"github_repos", "repositories"} <= self.model_fields_set:
            raise ValueError("Send githubRepos or repositories, not both: each is the whole list.")
        return self


def applied(body: RepositoryBody, before: RepositoryFields) -> RepositoryFields:
    """What the spec is to say after this request.

    A client that knows names alone must not widen what another narrowed: a repository that stays in the list keeps its
    rules, also if it is now written with its ids.
    """
    given = body.model_fields_set
    entries = [entry.model_dump() for entry in before.repositories]
    names = before.github_repos
    if "repositories" in given:
        sent = [entry.model_dump() for entry in body.repositories]
        entries = [each for each in sent if each["deploy_from"] is not None or each["read_only_from"] is not None]
        names = [each["repository"] for each in sent if each not in entries]
    elif "github_repos" in given:
        rules = {_bare(each["repository"]): each for each in entries} | {each["repository"]: each for each in entries}
        known = {name: rules[key] for name in body.github_repos for key in (_bare(name), name) if key in rules}
        entries = [{**rule, "repository": name} for name, rule in known.items()]
        names = [name for name in body.github_repos if name not in known]
    every = {name: _dumped(getattr(body if name in given else before, name)) for name in _OF_ALL}
    return RepositoryFields.model_validate({"github_repos": names, "repositories": entries, **every})


def _dumped(sources: BaseModel | None) -> dict[str, Any] | None:
    return None if sources is None else sources.model_dump()


def _bare(repository: str) -> str:
    """The repository's name without ids and without case, for comparisons."""
    return "/".join(part.partition("@")[0] for part in repository.lower().split("/"))


def refuse_too_many(wanted: RepositoryFields, limit: int) -> None:
    """Refuses lists that do not fit into a trust policy of `limit` characters, before anything is written.

    Raises:
        BadRequest: a policy would be too large; the sentence says by how much, and what to do.
    """
    try:
        check_size(wanted.deploying, limit=limit)
        check_size(wanted.reading, limit=limit)
    except PolicyTooLargeError as error:
        raise BadRequest("invalid_request", str(error)) from None
