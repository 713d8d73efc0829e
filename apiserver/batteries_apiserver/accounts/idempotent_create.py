"""POST /accounts with an Idempotency-Key: the account's name is derived from the key, so there is at most one.

The body's fingerprint is an annotation of the account. The account is read live, because a repeated request may reach a
replica that has not seen the account yet. An existing account is returned even if a new one would be refused.
"""

from collections.abc import Mapping
from typing import Any

from batteries_apiserver.accounts import ownership
from batteries_apiserver.accounts.admission import admitted
from batteries_apiserver.accounts.bodies import NewAccount
from batteries_apiserver.http.errors import Conflict, Unprocessable
from batteries_apiserver.http.idempotency import derived_name, fingerprint
from batteries_apiserver.kube.clients import Kube
from batteries_crds.aws_account import AwsAccount
from batteries_crds.github.repository_fields import RepositoryFields
from batteries_crds.names import ANNOTATION_REQUEST


async def create(
    kube: Kube, customer: str, key: str, body: NewAccount, wanted: RepositoryFields, times: Mapping[str, Any]
) -> AwsAccount:
    """Returns the account of this key, created by this request or by the one that it repeats. `wanted` and `times` are
    what the body means now; the body itself is what a repeat is recognized by.

    Raises:
        Unprocessable: the key was used with another body.
        PaymentRequired, Conflict, BadRequest: as without a key.
    """
    name, print_ = derived_name("account", customer, key), fingerprint(body)
    made = await _made(kube, name, customer, print_)
    if made is not None:
        return made
    try:
        async with admitted(kube, customer):
            return await ownership.create(kube, name, customer, wanted, times, request=print_)
    except Conflict:
        # The same request was faster; or the limit is reached, and then that is the response.
        made = await _made(kube, name, customer, print_)
        if made is None:
            raise
        return made


async def _made(kube: Kube, name: str, customer: str, print_: str) -> AwsAccount | None:
    account = await kube.accounts.find(kube.namespace, name)
    if account is None:
        return None
    kube.caches.accounts.put(account)
    if account.owner_in(kube.namespace) != customer or account.metadata.annotations.get(ANNOTATION_REQUEST) != print_:
        raise Unprocessable(
            "idempotency_key_reused",
            f"This Idempotency-Key was used for another request, which created account {account.account_id}. Use "
            "another key for a new request.",
        )
    return account
