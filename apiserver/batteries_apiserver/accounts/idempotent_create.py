"""POST /accounts under an Idempotency-Key: the account's name follows from the key, so that there is one, ever.

The body's fingerprint is an annotation of the account. It is read live, for whoever repeats a request may reach a
replica that has not heard of the first yet. What was made is answered for even where nothing new would be admitted.
"""

from batteries_apiserver.accounts import ownership
from batteries_apiserver.accounts.admission import admitted
from batteries_apiserver.accounts.repositories import NewAccount
from batteries_apiserver.http.errors import Conflict, Unprocessable
from batteries_apiserver.http.idempotency import derived_name, fingerprint
from batteries_apiserver.kube.clients import Kube
from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import ANNOTATION_REQUEST


async def create(kube: Kube, customer: str, key: str, wanted: NewAccount) -> AwsAccount:
    """The account that the key stands for, made by this request or by the one that it repeats.

    Raises:
        Unprocessable: the key was used with another body.
        PaymentRequired, Conflict, BadRequest: as without a key.
    """
    name, print_ = derived_name("account", customer, key), fingerprint(wanted)
    made = await _made(kube, name, customer, print_)
    if made is not None:
        return made
    try:
        async with admitted(kube, customer):
            return await ownership.create(kube, name, customer, wanted.github_repos, request=print_)
    except Conflict:
        # The same request, at the same moment, was faster; or there is no room, which is the answer then.
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
            f"This Idempotency-Key was used for another request, which made account {account.account_id}. Give a new "
            "request a key of its own.",
        )
    return account
