"""Mints the first administrator's key, once for an installation, into a Secret: the one place where the raw key is.

Creating the Secret is the lock, and the ApiKey's name follows from the Secret's uid: however many replicas start, and
wherever one of them is killed, there is one key in the end, the one in the Secret. To withdraw it, set the ApiKey's
spec.revokedAt; an ApiKey that is deleted while its Secret is there comes back at the next start.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from kubernetes.aio.client import ApiException

from batteries_apiserver.auth.key_format import digest, is_well_formed, mint
from batteries_apiserver.kube import Kube
from batteries_crds.client import CONFLICT, UNANSWERED, status_of
from batteries_crds.identity import derived_uuid

log = structlog.get_logger(__name__)

FIELD = "key"
_AGAIN_SECONDS = 10.0


@asynccontextmanager
async def minted_in_background(kube: Kube, secret_name: str) -> AsyncIterator[None]:
    """Sees to the key while the block runs: requests needn't wait for it, nor fail where it can't be made."""
    task = asyncio.create_task(_until_minted(kube, secret_name), name="first administrator's key")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _until_minted(kube: Kube, secret_name: str) -> None:
    while True:
        try:
            await ensure(kube, secret_name)
            return
        except ApiException as error:
            log.warning("first_admin_key_not_made", secret=secret_name, status=error.status, reason=error.reason)
        except UNANSWERED as error:
            log.warning("first_admin_key_not_made", secret=secret_name, error=type(error).__name__)
        await asyncio.sleep(_AGAIN_SECONDS)


async def ensure(kube: Kube, secret_name: str) -> None:
    """The Secret holds a key, and that key is known.

    Raises:
        kubernetes.aio.client.ApiException: Kubernetes refuses.
    """
    secrets, space = kube.secrets, kube.namespace
    secret = await secrets.find(space, secret_name)
    if secret is None:
        # Two replicas may both come here; the one that loses reads what the other made.
        made = await secrets.create(space, secret_name, {FIELD: mint().raw})
        secret = made or await secrets.find(space, secret_name)
    raw = secret.data.get(FIELD, "") if secret else ""
    if secret is None or not is_well_formed(raw):
        log.error("first_admin_key_unusable", secret=secret_name, field=FIELD)
        return
    body = {
        "metadata": {"name": str(derived_uuid(f"first-admin-key/{secret.uid}"))},
        "spec": {
            "role": "admin",
            "name": f"Secret {secret_name}",
            "keyPrefix": raw.split("_")[1],
            "keyHash": digest(raw),
        },
    }
    try:
        kube.caches.keys.put(await kube.keys.create(kube.namespace, body))
    except ApiException as error:
        if status_of(error) != CONFLICT:
            raise
        return
    log.info("first_admin_key_made", secret=secret_name, key=body["metadata"]["name"])
