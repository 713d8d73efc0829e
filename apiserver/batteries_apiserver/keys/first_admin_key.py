"""Creates the first administrator's key, once for an installation. Only a Secret holds the raw key.

The ApiKey is created first, under a name derived from the Secret's. Kubernetes lets only one replica create it, and
that replica alone knows the raw key and writes it into the Secret. So a Secret holds our key if there is an ApiKey with
its hash. A Secret that existed before, or that somebody else wrote, is never turned into a key. An ApiKey without a
Secret means that its creator was killed between the two writes: nobody has that key, so it is revoked, and another is
created.

To revoke the key, set the ApiKey's spec.revokedAt. To get another one, delete the Secret: the next start creates it.
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
"""How long another replica may take to write the Secret after it created the ApiKey."""


def minted_in_background(kube: Kube, secret_name: str) -> AbstractAsyncContextManager[None]:
    """Creates the key in the background while the block runs: requests neither wait for it nor fail without it."""
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
    """Creates the key if there is none. Returns whether the Secret holds it; False while another replica creates it.

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
        await revoke(kube, key.metadata.name)  # somebody else has just created the Secret
        return False
    log.info("first_admin_key_made", secret=secret_name, key=key.metadata.name)
    return True


async def _is_ours(kube: Kube, secret: StoredSecret) -> bool:
    """Whether an ApiKey exists for the key in the Secret; a Secret alone makes nobody an administrator."""
    raw = secret.data.get(FIELD, "")
    if is_well_formed(raw):
        known = await kube.keys.page(kube.namespace, field_selector=f"spec.keyHash={digest(raw)}", limit=1)
        if any(key.spec.role == "admin" for key in known.items):
            return True
    log.error(
        "first_admin_key_unusable",
        secret=secret.name,
        detail="There is no ApiKey for the key in this Secret, so it is not used. Delete the Secret, and a new key is "
        "created; or name another Secret with BATTERIES_ADMIN_KEY_SECRET.",
    )
    return False


async def _claim(kube: Kube, secret_name: str) -> tuple[ApiKey, NewKey] | None:
    """Creates an ApiKey under the first free name. Returns None while another replica may be writing its Secret."""
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
