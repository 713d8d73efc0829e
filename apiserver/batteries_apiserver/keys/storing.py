"""Stores a key that was just minted: its name is the lock, and its hash says whose it is."""

from typing import Any

from batteries_apiserver.auth.key_format import NewKey
from batteries_apiserver.kube.clients import Kube
from batteries_apiserver.kube.lost_responses import write_or_find
from batteries_crds.api_key import ApiKey


async def store(kube: Kube, key: NewKey, body: dict[str, Any]) -> ApiKey | None:
    """The ApiKey of `body`, also where the answer to its making got lost; None where the name is another key's.

    Raises:
        kubernetes.aio.client.ApiException, aiohttp.ClientError, OSError, TimeoutError: Kubernetes refuses, or does not
            answer at all.
    """
    made = await write_or_find(
        lambda: kube.keys.create(kube.namespace, body),
        lambda: kube.keys.find(kube.namespace, body["metadata"]["name"]),
    )
    kube.caches.keys.put(made)
    return made if made.spec.key_hash == key.digest else None
