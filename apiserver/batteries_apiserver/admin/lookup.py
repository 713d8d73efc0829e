"""Finds any account by its id, for an administrator."""

import re

from batteries_apiserver.errors import Conflict, NotFound
from batteries_apiserver.kube import BY_ID, Kube
from batteries_apiserver.request_context import is_about
from batteries_crds.aws_account import AwsAccount

_UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")


async def any_account(kube: Kube, account_id: str) -> AwsAccount:
    """The account, read live: what is decided about it is decided on what is so now.

    Raises:
        NotFound: there is none.
        Conflict: two namespaces have one of that id, and an administrator has to say which.
    """
    wanted = account_id.lower()
    account = None
    if _UUID.fullmatch(wanted):
        found = kube.caches.accounts.find(BY_ID, wanted)
        if len(found) > 1:
            names = " and ".join(sorted(one.key for one in found))
            raise Conflict("ambiguous_account", f"There are several accounts with this id: {names}. Use kubectl.")
        where = found[0].metadata if found else None
        account = await kube.accounts.find(
            where.namespace if where else kube.namespace, where.name if where else wanted
        )
    if account is None:
        raise NotFound(
            "account_not_found", "There is no account with this id. GET /v1/admin/accounts lists all that there are."
        )
    kube.caches.accounts.put(account)
    is_about(wanted)
    return account
