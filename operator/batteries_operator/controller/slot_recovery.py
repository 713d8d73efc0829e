"""Recovers after a restart which accounts hold slots for AWS's limits."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog
from kubernetes.aio.client import ApiException

from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.client import FORBIDDEN, NOT_FOUND, Resources, UnreadableError, status_of
from batteries_crds.names import Phase
from batteries_crds.resource import Resource
from batteries_operator.steps.dependencies import Dependencies

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

R = TypeVar("R", bound=Resource)

BUSY = frozenset({429, 503, 504})
"""Statuses of an API server that is busy: too many requests, unavailable, timed out."""

CLOSED = frozenset({FORBIDDEN, NOT_FOUND})
"""Statuses for a namespace that we may not read, or that does not exist: its watch waits until we may."""

ACCOUNTS = AwsAccount.definition.plural

AGAIN_SECONDS = 5.0
"""The pause before a busy API server is asked again."""


async def recover_slots(
    accounts: Resources[AwsAccount], namespaces: Sequence[str | None], deps: Dependencies, kind: str = ACCOUNTS
) -> None:
    """Takes the slots for what is under way in AWS, before the first account is reconciled.

    `kind` names in the log what is read: accounts, or the members of pools, which hold slots in the same way.

    - Accounts in phase `active` are not read: of ten thousand these are all but a few, and most hold no slot. One that
      is being suspended or corrected may hold a slot for its assignment. Its first reconcile takes that; until then one
      more may begin, and AWS allows more than we begin.
    - Accounts that can't be read, because a later release or a person wrote them, do not stop the others; their slots
      are not known.
    - The slots of a namespace that can't be read now are taken by the first reconciles there.
    - If Kubernetes is too busy to answer, as for a while after its start, it is asked again.
    """
    await read_all(accounts, namespaces, deps.sync_slots, kind, f"status.phase!={Phase.ACTIVE}")


async def read_all(
    resources: Resources[R],
    namespaces: Sequence[str | None],
    take: Callable[[R], None],
    kind: str,
    selector: str | None = None,
) -> None:
    """Shows `take` each object that can be read; to be called again changes nothing. See `recover_slots`."""
    for namespace in namespaces:
        while not await _read(resources, namespace, take, kind, selector):  # noqa: ASYNC110  # no event tells when Kubernetes can
            await asyncio.sleep(AGAIN_SECONDS)


async def _read(
    resources: Resources[R], namespace: str | None, take: Callable[[R], None], kind: str, selector: str | None
) -> bool:
    """Returns whether Kubernetes answered."""
    try:
        async for each in resources.all(namespace, field_selector=selector, unreadable=_tell):
            take(each)
    except ApiException as error:
        if status_of(error) in CLOSED:
            meaning = f"Its {kind} are not served; all else is. If this lasts, the CRD or the permission is missing."
            log.warning("namespace_unreadable", namespace=namespace, status=error.status, meaning=meaning)
            return True
        if status_of(error) not in BUSY:
            raise
        log.warning("kubernetes_busy", status=status_of(error), detail=str(error.reason))
        return False
    return True


def _tell(error: UnreadableError) -> None:
    log.warning("slots_unknown", detail=str(error), meaning="The account may use up AWS limits uncounted.")
