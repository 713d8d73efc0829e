"""What an administrator orders of an account, written so that Kubernetes knows who owns what.

spec.suspended is applied server-side by a field manager of its own: where git owns it, the answer says so; what a
person set once with kubectl is taken over. A retry is an annotation, which nobody owns for long. Both are fenced by
uid: an account that was deleted meanwhile is not made anew.
"""

import structlog
from kubernetes.aio.client import ApiException

from batteries_apiserver.accounts.ownership import refusal_of
from batteries_apiserver.http.errors import Conflict
from batteries_apiserver.kube import server_side_apply
from batteries_apiserver.kube.clients import Kube
from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now_exactly
from batteries_crds.names import ANNOTATION_RETRY

log = structlog.get_logger(__name__)


async def suspend(kube: Kube, account: AwsAccount, suspended: bool) -> AwsAccount:
    """Wishes the account suspended, or not; what is so already is not written.

    Raises:
        Conflict: another manager owns the wish; the sentence names it.
        NotFound: the account is gone.
    """
    if account.spec.suspended is suspended:
        return account
    meta = account.metadata
    body = {"metadata": {"uid": meta.uid}, "spec": {"suspended": suspended}}
    try:
        written = await server_side_apply.apply(kube.suspensions, meta.namespace, meta.name, body)
    except ApiException as error:
        raise _as_ours(error) from error
    kube.caches.accounts.put(written)
    log.info("suspension_requested", account=str(account.account_id), suspended=suspended)
    return written


async def retry(kube: Kube, account: AwsAccount) -> AwsAccount:
    """Has the operator try once more what it gave up.

    Raises:
        Conflict: it gave nothing up.
        NotFound: the account is gone.
    """
    meta = account.metadata
    if not any(record.gave_up_at == meta.generation for record in account.status.steps.values()):
        raise Conflict(
            "nothing_to_retry", "No step of this account was given up; what is under way is tried again by itself."
        )
    body = {"metadata": {"uid": meta.uid, "annotations": {ANNOTATION_RETRY: to_rfc3339(utc_now_exactly())}}}
    try:
        written = await kube.accounts.merge(meta.namespace, meta.name, body)
    except ApiException as error:
        raise _as_ours(error) from error
    kube.caches.accounts.put(written)
    log.info("retry_requested", account=str(account.account_id))
    return written


def _as_ours(error: ApiException) -> Exception:
    return refusal_of(error) or error
