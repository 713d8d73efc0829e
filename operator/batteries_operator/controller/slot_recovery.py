"""Recovers, after a restart, the slots before AWS's limits that accounts hold."""

import asyncio
from collections.abc import Sequence

import structlog
from kubernetes.aio.client import ApiException

from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.client import FORBIDDEN, NOT_FOUND, Resources, UnreadableError, status_of
from batteries_crds.names import Phase
from batteries_operator.steps.dependencies import Dependencies

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

BUSY = frozenset({429, 503, 504})
"""What the API server answers while it can't: too many requests, unavailable, timed out."""

CLOSED = frozenset({FORBIDDEN, NOT_FOUND})
"""What it answers for a namespace that we may not read, or that is not there: its watch waits until we may."""

AGAIN_SECONDS = 5.0
"""Until it is asked again then."""


async def recover_slots(accounts: Resources[AwsAccount], namespaces: Sequence[str | None], deps: Dependencies) -> None:
    """What is under way in AWS holds its slot across a restart; read before the first account is reconciled.

    Accounts in phase `active` are not read: of ten thousand these are all but a few, and most hold none. One that is
    suspended for the first time, or mended after drift, may hold a slot for its assignment; its own first reconcile
    takes that back, and until then others may be begun beside it, for which AWS allows more than we begin. What can't
    be read (a later release wrote it, or a person) keeps nobody from being served, and its slots are not known. What is
    under way in a namespace that can't be read now is taken back with its first reconciles, too. Where Kubernetes is
    too busy to answer, as it is for a while after its own start, it is asked again.
    """
    for namespace in namespaces:
        while not await _recovered(accounts, namespace, deps):  # noqa: ASYNC110  # no event tells when Kubernetes can
            await asyncio.sleep(AGAIN_SECONDS)


async def _recovered(accounts: Resources[AwsAccount], namespace: str | None, deps: Dependencies) -> bool:
    """Whether Kubernetes answered; recovering a slot twice is recovering it once."""
    try:
        selector = f"status.phase!={Phase.ACTIVE}"
        async for account in accounts.all(namespace, field_selector=selector, unreadable=_tell):
            deps.sync_slots(account)
    except ApiException as error:
        if status_of(error) in CLOSED:
            log.warning("namespace_unreadable", namespace=namespace, status=error.status, meaning="Others are served.")
            return True
        if status_of(error) not in BUSY:
            raise
        log.warning("kubernetes_busy", status=status_of(error), detail=str(error.reason))
        return False
    return True


def _tell(error: UnreadableError) -> None:
    log.warning("slots_unknown", detail=str(error), meaning="The account may use up AWS limits uncounted.")
