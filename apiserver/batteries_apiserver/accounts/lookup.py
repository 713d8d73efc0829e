"""Finds a caller's account by its id. Unknown ids, malformed ids and other customers' ids all give the same 404."""

from batteries_apiserver.http.errors import NotFound
from batteries_apiserver.http.request_context import bind_account
from batteries_apiserver.kube.clients import BY_ID, Kube
from batteries_crds.aws_account import AwsAccount
from batteries_crds.identity import is_uuid


async def own_account(kube: Kube, customer: str | None, account_id: str) -> AwsAccount:
    """Returns the customer's account from the cache, or by one live read if another replica has just created it.

    Raises:
        NotFound: this customer has no such account.
    """
    wanted = account_id.lower()
    if customer is not None and is_uuid(wanted):
        # Another namespace may have an account with the same id, because the id is the object's name. Only accounts in
        # our namespace belong to customers, so one in another namespace must not prevent the live read.
        cached = kube.caches.accounts.find(BY_ID, wanted)
        ours = [account for account in cached if account.metadata.namespace == kube.namespace]
        for account in ours or await _read(kube, wanted):
            if account.owner_in(kube.namespace) == customer:
                bind_account(wanted)
                return account
    raise NotFound("account_not_found", "You have no account with this id. GET /v1/accounts lists your accounts.")


async def _read(kube: Kube, wanted: str) -> list[AwsAccount]:
    """Reads by name, because the API names accounts by their id. Accounts with other names come from the watch."""
    account = await kube.accounts.find(kube.namespace, wanted)
    if account is None:
        return []
    kube.caches.accounts.put(account)
    return [account]
