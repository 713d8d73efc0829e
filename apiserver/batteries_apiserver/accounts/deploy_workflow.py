"""The GitHub Actions workflow that deploys to an account, finished: GET /v1/accounts/{id}/workflow.

Its values come from the role's ARN, which is AWS's own and says the partition, and from the setting for the region. AWS
in China has another audience (docs of aws-actions/configure-aws-credentials, input `audience`).
"""

from collections.abc import Sequence
from typing import Annotated

from aiohttp import web
from pydantic import Field
from typing_extensions import TypedDict

from batteries_apiserver.accounts.lookup import own_account
from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.http.accept import named
from batteries_apiserver.http.errors import Conflict
from batteries_apiserver.http.responses import json_response
from batteries_apiserver.kube.clients import KUBE
from batteries_apiserver.projections.account_views import Repos, status_of
from batteries_apiserver.projections.partitions import partition_of, region_of
from batteries_apiserver.settings import SETTINGS
from batteries_crds.agent_access import AUDIENCE, audience
from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import Phase

YAML = "text/yaml"
PATH = ".github/workflows/deploy.yml"

_WORKFLOW = """\
# Save this as {path} in one of the repositories that may deploy:
{repositories}
# No secret is needed. Anyone who can push to a listed repository can deploy to the account.
name: Deploy
on:
  push:
    branches: [main] # your default branch
  workflow_dispatch:
permissions:
  id-token: write # to ask GitHub for the token that AWS checks
  contents: read
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: aws-actions/configure-aws-credentials@v5
        with:
          role-to-assume: {role}
          aws-region: {region}
{audience}\
      - run: aws sts get-caller-identity # your deployment goes here
"""


class DeployWorkflow(TypedDict):
    """The response to GET /accounts/{id}/workflow, as JSON."""

    path: Annotated[str, Field(description="Where the file belongs in the repository.", examples=[PATH])]
    content: Annotated[str, Field(description="The file: a GitHub Actions workflow, in YAML.")]
    githubRepos: Repos


def workflow_of(role_arn: str, repositories: Sequence[str], region: str) -> str:
    """The workflow's YAML. If the role's partition of AWS does not have the region, its main region is used."""
    wanted = audience(partition_of(role_arn))
    return _WORKFLOW.format(
        path=PATH,
        repositories="\n".join(f"#   {repository}" for repository in repositories),
        role=role_arn,
        region=region_of(role_arn, region),
        # The action asks for AUDIENCE by itself.
        audience="" if wanted == AUDIENCE else f"          audience: {wanted}\n",
    )


async def show_workflow(request: web.Request, caller: Caller) -> web.Response:
    """GET /v1/accounts/{id}/workflow: YAML, or JSON for who accepts only that."""
    account = await own_account(request.app[KUBE], caller.customer, request.match_info["id"])
    text = workflow_of(_role_of(account), account.spec.github_repos, request.app[SETTINGS].account_region)
    vary = {"Vary": "Accept"}
    if _wants_json(request):
        shown: DeployWorkflow = {"path": PATH, "content": text, "githubRepos": account.spec.github_repos}
        return json_response(shown, headers=vary)
    return web.Response(text=text, content_type=YAML, charset="utf-8", headers=vary)


def _role_of(account: AwsAccount) -> str:
    """The ARN of the role that the workflow assumes.

    Raises:
        Conflict: a workflow would fail, because the account is suspended, has no role yet, or lists no repository.
    """
    if status_of(account) is Phase.SUSPENDED:
        raise Conflict("account_not_active", "This account is suspended: nobody can deploy to it until it is resumed.")
    role = account.status.oidc_role_arn
    if role is None:
        raise Conflict(
            "no_deploy_role",
            "This account has no deploy role yet. GET /v1/accounts/{id} with 'Prefer: wait' waits until it is active, "
            "and says why if it is not.",
        )
    if not account.spec.github_repos:
        raise Conflict(
            "no_repositories",
            "No repository may deploy to this account yet. List them in githubRepos with PATCH /v1/accounts/{id}.",
        )
    return role


def _wants_json(request: web.Request) -> bool:
    wanted = next((kind for kind in named(request) if kind == "application/json" or "yaml" in kind or "*" in kind), "")
    return wanted == "application/json"
