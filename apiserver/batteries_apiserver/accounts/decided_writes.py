"""Writes a part of an account that was decided from the account as it is: nobody's change in between is lost."""

from collections.abc import Awaitable, Callable
from typing import Any

from kubernetes.aio.client import ApiException

from batteries_apiserver.accounts.ownership import refusal_of
from batteries_apiserver.http.errors import Conflict, NotFound
from batteries_apiserver.kube.clients import Kube
from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.client import CONFLICT, NOT_FOUND, read_object, status_of

_ATTEMPTS = 5

Json = dict[str, Any]


async def decided(
    kube: Kube, found: AwsAccount, once: Callable[[Json, AwsAccount], Awaitable[AwsAccount | None]]
) -> tuple[AwsAccount, AwsAccount | None]:
    """Reads the account live, lets `once` decide and write (None: nothing to write), and again if somebody else wrote
    in between. Returns the account, and what it was before, if it was written.

    Raises:
        Conflict: the account is being deleted, or others change it all the time; or what `once` raises.
        NotFound: the account was deleted.
    """
    meta = found.metadata
    for _ in range(_ATTEMPTS):
        try:
            live = await kube.accounts.raw(meta.namespace, meta.name)
            account = read_object(AwsAccount, live)
            if account.metadata.uid != meta.uid:
                raise NotFound("account_not_found", "This account was deleted.")
            if account.is_deleted:
                raise Conflict(
                    "account_being_deleted", "This account is being deleted already, so this changes nothing any more."
                )
            written = await once(live, account)
        except ApiException as error:
            if status_of(error) == CONFLICT:
                continue
            if status_of(error) == NOT_FOUND:
                raise NotFound("account_not_found", "This account was deleted.") from error
            raise refusal_of(error) or error from error
        kube.caches.accounts.put(written or account)
        return (account, None) if written is None else (written, account)
    raise Conflict("changed_meanwhile", "This account was changed at the same moment. Send the same request again.")


def fenced(live: Json, spec: Json) -> Json:
    """The body of a write that applies to the object as it was read, and to no other."""
    meta = live["metadata"]
    return {"metadata": {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}, "spec": spec}
