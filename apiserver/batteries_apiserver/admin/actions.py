"""An administrator's actions on an account: suspend, resume, retry.

spec.suspended is applied server-side with its own field manager: if git owns the field, the response says so; a value
that a person set once with kubectl is taken over. A retry is an annotation. Both writes contain the uid, so that a
deleted account is not created again.
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
    """Sets spec.suspended; an unchanged value is not written.

    Raises:
        Conflict: another manager owns the field; the sentence names that manager.
        NotFound: the account was deleted.
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
    """Makes the operator retry the steps that it gave up.

    Raises:
        Conflict: it gave up no step.
        NotFound: the account was deleted.
    """
    meta = account.metadata
    if not any(record.gave_up_at == meta.generation for record in account.status.steps.values()):
        raise Conflict(
            "nothing_to_retry", "No step of this account has failed. Steps in progress are retried automatically."
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
