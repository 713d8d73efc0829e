"""Reveals the IAM user's first password once: reads the Secret and deletes it, and only the deleter shows the password.

The Secret is deleted with the resourceVersion that was read, so of any number of requests, on any replicas, only one
gets the password. The operator never changes the user's password after that. If the response is lost, so is the
password; the owner can sign in by single sign-on and set a new one.

Nothing is revealed for an account that is suspended or being deleted, even if the operator has not seen that yet. So
the account is read before the Secret is deleted, and again after it. A password that was deleted without being shown is
lost; a new one is made when the account is resumed.
"""

import structlog
from typing_extensions import TypedDict

from batteries_apiserver.http.errors import Conflict, NotFound
from batteries_apiserver.kube.clients import Kube
from batteries_apiserver.projections.account_views import Uri
from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.secrets import StoredSecret

log = structlog.get_logger(__name__)

_ATTEMPTS = 5


class Credentials(TypedDict):
    """How to sign in to the console for the first time."""

    userName: str
    password: str
    signInUrl: Uri


async def reveal(kube: Kube, account: AwsAccount) -> tuple[Credentials, StoredSecret]:
    """Returns the first credentials, and the deleted Secret that held them.

    Raises:
        Conflict: there are none yet, or the account is suspended or being deleted.
        NotFound: they were revealed before, or the account does not exist any more.
    """
    account = await _open(kube, account)
    status = account.status
    if status.credentials_secret_name is None or status.sign_in_url is None:
        raise Conflict(
            "credentials_not_ready",
            "This account has no first password yet. Ask again once GET /v1/accounts/{id} shows a signInUrl.",
        )
    secret = await _taken(kube, account, status.credentials_secret_name)
    await _open(kube, account)
    log.info("credentials_revealed", account=str(account.account_id))
    revealed: Credentials = {
        "userName": secret.data.get("username", status.iam_user_name or ""),
        "password": secret.data["password"],
        "signInUrl": status.sign_in_url,
    }
    return revealed, secret


async def _open(kube: Kube, account: AwsAccount) -> AwsAccount:
    """Reads the account live, and checks that it is neither suspended nor being deleted."""
    found = await kube.accounts.find(account.metadata.namespace, account.metadata.name)
    if found is None or found.metadata.uid != account.metadata.uid:
        raise NotFound("account_not_found", "This account was deleted.")
    if found.is_deleted:
        raise Conflict("account_not_active", "This account is being deleted; its first password is not revealed.")
    if found.is_suspended:
        raise Conflict(
            "account_not_active",
            "This account is suspended; its first password is not revealed. A new one is made when it is resumed.",
        )
    return found


async def _taken(kube: Kube, account: AwsAccount, name: str) -> StoredSecret:
    for _ in range(_ATTEMPTS):
        secret = await kube.secrets.find(account.metadata.namespace, name)
        if secret is None or not secret.holds_password_of(account) or "password" not in secret.data:
            break
        if await kube.secrets.take(account.metadata.namespace, secret):
            return secret
    raise NotFound(
        "credentials_gone",
        "The first password was revealed already and is no longer stored. Sign in with single sign-on and set a new "
        "one for the IAM user.",
    )
