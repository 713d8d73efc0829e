"""The API server's caches as they are when Kubernetes has told all."""

from batteries_apiserver.kube.clients import Caches


def settle(caches: Caches) -> None:
    """Has each be complete, and heard of just now."""
    for cache in caches.all():
        cache.synced.set()
        cache.heard()
