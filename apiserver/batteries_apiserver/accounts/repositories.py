"""The two request bodies that hold `githubRepos`."""

from typing import Annotated

from pydantic import AfterValidator, Field

from batteries_apiserver.body import Body
from batteries_crds.repository import MAX_LENGTH, MAX_REPOSITORIES, PATTERN, RESERVED, check_all

_SHOWN = {
    # What check_all takes, for the document; the sentences about it are check_all's.
    "items": {"type": "string", "maxLength": MAX_LENGTH, "pattern": f"^(?!.*{RESERVED})(?:{PATTERN})"},
    "maxItems": MAX_REPOSITORIES,
    "uniqueItems": True,
    "examples": [["my-org/my-app", "my-org/infra"]],
}
Repositories = Annotated[
    list[str],
    AfterValidator(check_all),
    Field(
        description="The repositories whose GitHub Actions may assume the deploy role: `org/repo`, or "
        "`org@id/repo@id` to pin GitHub's immutable ids. Empty: nobody may.",
        json_schema_extra=_SHOWN,
    ),
]


class NewAccount(Body):
    """POST /accounts. All of it may be left out."""

    github_repos: Repositories = []


class AccountChange(Body):
    """PATCH /accounts/{id}. The whole list as it shall be."""

    github_repos: Repositories
