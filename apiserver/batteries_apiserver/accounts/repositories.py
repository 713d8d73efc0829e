"""The two request bodies that hold `githubRepos`, and whether AWS could take the list."""

from typing import Annotated

from pydantic import AfterValidator, Field

from batteries_apiserver.http.body import Body
from batteries_apiserver.http.errors import BadRequest
from batteries_crds.github.repository import MAX_LENGTH, MAX_REPOSITORIES, PATTERN, RESERVED, check_all
from batteries_crds.github.trust_policy import PolicyTooLargeError, check_size

_SHOWN = {
    # What check_all takes, for the document; the sentences about it are check_all's. That two names may not differ by
    # case alone can't be said in a schema, and a bound on the list would have its readers try lists that do.
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
        f"At most {MAX_REPOSITORIES}, each once, and no more than AWS takes in one trust policy: about 20 by name, or "
        "30 by ids.",
        json_schema_extra=_SHOWN,
    ),
]


class NewAccount(Body):
    """POST /accounts. All of it may be left out."""

    github_repos: Repositories = []


class AccountChange(Body):
    """PATCH /accounts/{id}. The whole list as it shall be."""

    github_repos: Repositories


def refuse_too_many(repositories: list[str], limit: int) -> None:
    """Nothing is written of a list that no trust policy of `limit` characters could hold.

    Raises:
        BadRequest: the policy would be larger; the sentence says by how much, and what to do.
    """
    try:
        check_size(repositories, limit=limit)
    except PolicyTooLargeError as error:
        raise BadRequest("invalid_request", str(error)) from None
