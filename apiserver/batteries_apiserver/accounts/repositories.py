"""The two request bodies with `githubRepos`, and the check whether AWS would accept the list."""

from typing import Annotated

from pydantic import AfterValidator, Field

from batteries_apiserver.http.body import Body
from batteries_apiserver.http.errors import BadRequest
from batteries_crds.github.repository import MAX_LENGTH, MAX_REPOSITORIES, PATTERN, RESERVED, check_all
from batteries_crds.github.trust_policy import PolicyTooLargeError, check_size, every_run

_SHOWN = {
    # The rules of check_all, for the document; check_all itself writes the error sentences. A schema can't say that
    # two names must differ by more than case, and a maximum length would make readers try lists that break that rule.
    "items": {"type": "string", "maxLength": MAX_LENGTH, "pattern": f"^(?!.*{RESERVED})(?:{PATTERN})"},
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
        "30 by ids.",
        json_schema_extra=_SHOWN,
    ),
]


class NewAccount(Body):
    """POST /accounts. All fields are optional."""

    github_repos: Repositories = []


class AccountChange(Body):
    """PATCH /accounts/{id}. The whole new list."""

    github_repos: Repositories


def refuse_too_many(repositories: list[str], limit: int) -> None:
    """Refuses a list that does not fit into a trust policy of `limit` characters, before anything is written.

    Raises:
        BadRequest: the policy would be too large; the sentence says by how much, and what to do.
    """
    try:
        check_size(every_run(repositories), limit=limit)
    except PolicyTooLargeError as error:
        raise BadRequest("invalid_request", str(error)) from None
