"""Stores a new key. The unique name prevents duplicates; the hash shows whether a stored key is ours."""

from typing import Any

from batteries_apiserver.auth.key_format import NewKey
from batteries_apiserver.kube.clients import Kube
from batteries_apiserver.kube.lost_responses import write_or_find
from batteries_crds.api_key import ApiKey


async def store(kube: Kube, key: NewKey, body: dict[str, Any]) -> ApiKey | None:
    """Creates the ApiKey, even if Kubernetes' response gets lost. Returns None if another key has the name.

    Raises:
        kubernetes.aio.client.ApiException, aiohttp.ClientError, OSError, TimeoutError: Kubernetes refuses, or does not
            respond at all.
    """
    made = await write_or_find(
        lambda: kube.keys.create(kube.namespace, body),
        lambda: kube.keys.find(kube.namespace, body["metadata"]["name"]),
    )
    kube.caches.keys.put(made)
    return made if made.spec.key_hash == key.digest else None
