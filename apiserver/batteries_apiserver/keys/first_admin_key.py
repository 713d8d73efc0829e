"""Mints the first administrator's key, once for an installation, into a Secret: the one place where the raw key is.

The ApiKey comes first, under a name that follows from the Secret's: creating it is the lock, and only the one who made
it knows the raw key and puts it into the Secret. So a Secret holds our key if there is an ApiKey of its hash; one that
was there before, or was put there by somebody else, is never made into a key. An ApiKey without a Secret is what is
left where its maker was killed between the two writes: nobody has that key, so it is revoked and another one is made.

To withdraw the key, set the ApiKey's spec.revokedAt. To get another one, delete the Secret: the next start makes it.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from itertools import chain, count, repeat

import structlog
from kubernetes.aio.client import ApiException

from batteries_apiserver.auth.key_format import NewKey, digest, is_well_formed, mint
from batteries_apiserver.keys.issue import revoke
from batteries_apiserver.keys.storing import store
from batteries_apiserver.kube.clients import Kube
from batteries_apiserver.runtime.background import in_background
from batteries_crds.api_key import ApiKey
from batteries_crds.base import EPOCH, utc_now
from batteries_crds.identity import derived_uuid
from batteries_crds.kube.client import UNANSWERED, said_in
from batteries_crds.kube.secrets import StoredSecret

log = structlog.get_logger(__name__)

FIELD = "key"
_AGAIN_SECONDS = 10.0
_LATER_SECONDS = 300.0
_AT_WORK = timedelta(minutes=1)
"""For so long the ApiKey of another replica may still wait for its Secret."""


def minted_in_background(kube: Kube, secret_name: str) -> AbstractAsyncContextManager[None]:
    """Sees to the key while the block runs: requests needn't wait for it, nor fail where it can't be made."""
    return in_background(_until_minted(kube, secret_name), "first administrator's key")


async def _until_minted(kube: Kube, secret_name: str) -> None:
    for pause in chain((_AGAIN_SECONDS,) * 6, repeat(_LATER_SECONDS)):
        try:
            if await ensure(kube, secret_name):
                return
        except ApiException as error:
            log.warning("first_admin_key_not_made", secret=secret_name, status=error.status, reason=said_in(error))
        except UNANSWERED as error:
            log.warning("first_admin_key_not_made", secret=secret_name, error=type(error).__name__)
        await asyncio.sleep(pause)


async def ensure(kube: Kube, secret_name: str) -> bool:
    """Whether the Secret holds a key of ours, made where there is none; False while another replica is at it.

    Raises:
        kubernetes.aio.client.ApiException: Kubernetes refuses.
    """
    secret = await kube.secrets.find(kube.namespace, secret_name)
    if secret is not None:
        return await _is_ours(kube, secret)
    made = await _claim(kube, secret_name)
    if made is None:
        return False
    key, minted = made
    if await kube.secrets.create(kube.namespace, secret_name, {FIELD: minted.raw}) is None:
        await revoke(kube, key.metadata.name)  # somebody else's Secret came in between
        return False
    log.info("first_admin_key_made", secret=secret_name, key=key.metadata.name)
    return True


async def _is_ours(kube: Kube, secret: StoredSecret) -> bool:
    """Whether the key in the Secret is one that we know; a Secret alone makes nobody an administrator."""
    raw = secret.data.get(FIELD, "")
    if is_well_formed(raw):
        known = await kube.keys.page(kube.namespace, field_selector=f"spec.keyHash={digest(raw)}", limit=1)
        if any(key.spec.role == "admin" for key in known.items):
            return True
    log.error(
        "first_admin_key_unusable",
        secret=secret.name,
        detail="No ApiKey was made with the key in this Secret, so it is not used. Delete the Secret to have one made, "
        "or name another by BATTERIES_ADMIN_KEY_SECRET.",
    )
    return False


async def _claim(kube: Kube, secret_name: str) -> tuple[ApiKey, NewKey] | None:
    """A new ApiKey under the first name that is free; None while another replica has one and may still be at work."""
    for number in count(1):
        name = str(derived_uuid(f"first-admin-key/{kube.namespace}/{secret_name}/{number}"))
        there = await kube.keys.find(kube.namespace, name)
        if there is None:
            return await _made(kube, secret_name, name)
        if there.spec.revoked_at is None:
            if utc_now() - (there.metadata.creation_timestamp or EPOCH) < _AT_WORK:
                return None
            await revoke(kube, name)
    return None


async def _made(kube: Kube, secret_name: str, name: str) -> tuple[ApiKey, NewKey] | None:
    minted = mint()
    spec = {
        "role": "admin",
        "name": f"Secret {secret_name}"[:100],
        "keyPrefix": minted.prefix,
        "keyHash": minted.digest,
    }
    made = await store(kube, minted, {"metadata": {"name": name}, "spec": spec})
    return None if made is None else (made, minted)
