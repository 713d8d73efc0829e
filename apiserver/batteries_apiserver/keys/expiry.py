"""Deletes customers' keys 90 days after they were revoked or expired.

There is no leader: every replica checks periodically, and deletes exactly the version that it knows, so two replicas
that choose the same key do no harm. Administrators' keys are kept: if the first one's ApiKey were missing, it would be
created again, and a revoked key would work again.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import structlog
from kubernetes.aio.client import ApiException

from batteries_apiserver.kube.clients import Kube
from batteries_apiserver.runtime.background import in_background
from batteries_crds.api_key import ApiKey
from batteries_crds.base import utc_now
from batteries_crds.kube.client import CONFLICT, NOT_FOUND, UNANSWERED, tolerated

log = structlog.get_logger(__name__)

KEPT = timedelta(days=90)
_EVERY_SECONDS = 3600.0


@asynccontextmanager
async def deleting_old_keys(kube: Kube) -> AsyncIterator[None]:
    """Deletes in the background while the block runs."""
    async with in_background(_delete_periodically(kube), "old keys"):
        yield


async def _delete_periodically(kube: Kube) -> None:
    while True:
        await asyncio.sleep(_EVERY_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311  # no secret
        try:
            await delete_old_keys(kube, utc_now())
        except (ApiException, *UNANSWERED) as error:
            log.warning("old_keys_not_deleted", error=type(error).__name__)


async def delete_old_keys(kube: Kube, now: datetime) -> int:
    """Deletes all keys that are old enough, and returns how many there were.

    Raises:
        kubernetes.aio.client.ApiException, aiohttp.ClientError, OSError, TimeoutError: Kubernetes refuses, or does not
            respond.
    """
    old = [key for key in kube.caches.keys.all() if is_old(key, now)]
    for key in old:
        with tolerated(NOT_FOUND, CONFLICT):
            await kube.keys.delete(kube.namespace, key.metadata.name, exactly=key.metadata)
            log.info("old_key_deleted", key=key.metadata.name, key_prefix=key.spec.key_prefix)
    return len(old)


def is_old(key: ApiKey, now: datetime) -> bool:
    """Whether the key ended long enough ago to be deleted."""
    ends = [moment for moment in (key.spec.revoked_at, key.spec.expires_at) if moment is not None]
    return key.spec.customer_ref is not None and bool(ends) and min(ends) + KEPT <= now
