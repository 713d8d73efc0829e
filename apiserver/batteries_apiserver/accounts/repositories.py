"""The two request bodies that hold `githubRepos`."""

from typing import Annotated

from pydantic import AfterValidator

from batteries_apiserver.body import Body
from batteries_crds.repository import check_all

Repositories = Annotated[list[str], AfterValidator(check_all)]


class NewAccount(Body):
    """POST /accounts. All of it may be left out."""

    github_repos: Repositories = []


class AccountChange(Body):
    """PATCH /accounts/{id}. The whole list as it shall be."""

    github_repos: Repositories
