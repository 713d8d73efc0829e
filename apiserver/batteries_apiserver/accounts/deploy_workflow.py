"""The GitHub Actions workflow that deploys to an account, finished: GET /v1/accounts/{id}/workflow.

Its values come from the roles' ARNs, which are AWS's own and say the partition, and from the setting for the region.
"""

from typing import Annotated

from aiohttp import web
from pydantic import Field
from typing_extensions import TypedDict

from batteries_apiserver.accounts.lookup import own_account
from batteries_apiserver.accounts.workflow_text import PATH, Roles, workflow_of
from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.http.accept import named
from batteries_apiserver.http.errors import Conflict
from batteries_apiserver.http.responses import json_response
from batteries_apiserver.kube.clients import KUBE
from batteries_apiserver.projections.account_views import Repos, status_of
from batteries_apiserver.settings import SETTINGS
from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import Phase

YAML = "text/yaml"


class DeployWorkflow(TypedDict):
    """The response to GET /accounts/{id}/workflow, as JSON."""

    path: Annotated[str, Field(description="Where the file belongs in the repository.", examples=[PATH])]
    content: Annotated[str, Field(description="The file: a GitHub Actions workflow, in YAML.")]
    githubRepos: Repos


async def show_workflow(request: web.Request, caller: Caller) -> web.Response:
    """GET /v1/accounts/{id}/workflow: YAML, or JSON for who accepts only that."""
    account = await own_account(request.app[KUBE], caller.customer, request.match_info["id"])
    text = workflow_of(_roles_of(account), request.app[SETTINGS].account_region)
    vary = {"Vary": "Accept"}
    if _wants_json(request):
        shown: DeployWorkflow = {"path": PATH, "content": text, "githubRepos": account.spec.repository_names}
        return json_response(shown, headers=vary)
    return web.Response(text=text, content_type=YAML, charset="utf-8", headers=vary)


def _roles_of(account: AwsAccount) -> Roles:
    """The roles that the workflow assumes.

    Raises:
        Conflict: a workflow would fail, because the account is suspended, has no role yet, or admits no repository.
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
    if not account.spec.deploying:
        raise Conflict(
            "no_repositories",
            "No repository may deploy to this account yet. List them in githubRepos with PATCH /v1/accounts/{id}, and "
            "their runs in deployFrom if you send that.",
        )
    return Roles(role, account.spec.deploying, account.status.read_only_role_arn, account.spec.reading)


def _wants_json(request: web.Request) -> bool:
    wanted = next((kind for kind in named(request) if kind == "application/json" or "yaml" in kind or "*" in kind), "")
    return wanted == "application/json"
