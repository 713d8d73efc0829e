"""The IAM user's first password, revealed once: read, and deleted as the claim to have it.

The Secret is deleted exactly as it was read, so of any number of requests, on any replicas, one is answered with the
password. The operator leaves the user's password alone from then on. An answer that is lost is lost: single sign-on
leads into the account, and a new password can be set there.
"""

import structlog
from typing_extensions import TypedDict

from batteries_apiserver.accounts.views import Uri
from batteries_apiserver.errors import Conflict, NotFound
from batteries_apiserver.kube import Kube
from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import LABEL_ACCOUNT_ID
from batteries_crds.secrets import StoredSecret

log = structlog.get_logger(__name__)

_ATTEMPTS = 5


class Credentials(TypedDict):
    """How to sign in to the console for the first time."""

    userName: str
    password: str
    signInUrl: Uri


async def reveal(kube: Kube, account: AwsAccount) -> Credentials:
    """The first credentials, this once.

    Raises:
        Conflict: there are none yet.
        NotFound: they were revealed before.
    """
    status = account.status
    if status.credentials_secret_name is None or status.sign_in_url is None:
        raise Conflict(
            "credentials_not_ready",
            "This account has no first password yet. Ask again once GET /v1/accounts/{id} shows a signInUrl.",
        )
    secret = await _taken(kube, account, status.credentials_secret_name)
    log.info("credentials_revealed", account=str(account.account_id))
    return {
        "userName": secret.data.get("username", status.iam_user_name or ""),
        "password": secret.data["password"],
        "signInUrl": status.sign_in_url,
    }


async def _taken(kube: Kube, account: AwsAccount, name: str) -> StoredSecret:
    for _ in range(_ATTEMPTS):
        secret = await kube.secrets.find(kube.namespace, name)
        # Only the operator writes the name; the label keeps a mistaken one from giving another Secret away.
        if secret is None or secret.labels.get(LABEL_ACCOUNT_ID) != str(account.account_id):
            break
        if "password" not in secret.data:
            break
        if await kube.secrets.take(kube.namespace, secret):
            return secret
    raise NotFound(
        "credentials_gone",
        "The first password was revealed already; it is kept nowhere. Sign in by single sign-on and set a new one for "
        "the IAM user there.",
    )
