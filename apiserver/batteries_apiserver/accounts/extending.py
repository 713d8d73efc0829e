"""Writes when an account ends, and what happens then.

A change is a merge patch with a field manager of its own, so that whoever set the field once, the API server at the
account's creation for example, does not take it away by leaving it out later.
"""

from collections.abc import Callable

from batteries_apiserver.accounts.decided_writes import Json, decided, fenced
from batteries_apiserver.kube import server_side_apply
from batteries_apiserver.kube.clients import FIELD_MANAGER, OWN_MANAGERS, Kube
from batteries_crds.aws_account import AwsAccount


async def extend(
    kube: Kube, found: AwsAccount, wanted: Callable[[AwsAccount], Json]
) -> tuple[AwsAccount, AwsAccount | None]:
    """Merges into the spec what `wanted` says of the account as it is. Returns the account, and what it was before if
    it was written.

    Raises:
        Conflict: git or a person declares the field elsewhere, or others change the account all the time.
        NotFound: the account was deleted.
        BadRequest: as `wanted`.
    """

    async def once(live: Json, account: AwsAccount) -> AwsAccount | None:
        spec = wanted(account)
        if not spec:
            return None
        server_side_apply.refuse_declared(live, spec.keys(), OWN_MANAGERS | {FIELD_MANAGER})
        return await kube.times.merge(live["metadata"]["namespace"], live["metadata"]["name"], fenced(live, spec))

    return await decided(kube, found, once)
