"""Finds a caller's account by its id. Someone else's, unknown and malformed ids are one and the same 404."""

from batteries_apiserver.http.errors import NotFound
from batteries_apiserver.http.request_context import bind_account
from batteries_apiserver.kube.clients import BY_ID, Kube
from batteries_crds.aws_account import AwsAccount
from batteries_crds.identity import is_uuid


async def own_account(kube: Kube, customer: str | None, account_id: str) -> AwsAccount:
    """The customer's account, from the cache, or by one live read where it was made on another replica just now.

    Raises:
        NotFound: this customer has no such account.
    """
    wanted = account_id.lower()
    if customer is not None and is_uuid(wanted):
        # Another namespace may have an account with the same id, because the object's name is one. Only those of ours
        # are customers'; and one that the cache knows elsewhere does not mean that there is none here.
        cached = kube.caches.accounts.find(BY_ID, wanted)
        ours = [account for account in cached if account.metadata.namespace == kube.namespace]
        for account in ours or await _read(kube, wanted):
            if account.owner_in(kube.namespace) == customer:
                bind_account(wanted)
                return account
    raise NotFound(
        "account_not_found", "You have no account with this id. GET /v1/accounts lists the accounts that you have."
    )


async def _read(kube: Kube, wanted: str) -> list[AwsAccount]:
    """By name, for the API names accounts by their id; one that kubectl named reaches the cache by its watch."""
    account = await kube.accounts.find(kube.namespace, wanted)
    if account is None:
        return []
    kube.caches.accounts.put(account)
    return [account]
