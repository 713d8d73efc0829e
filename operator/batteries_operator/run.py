"""`batteries-operator run`: the operator as a process."""

import asyncio
import os
from typing import Any

import kopf
import structlog
from prometheus_client import start_http_server

from batteries_operator import handlers
from batteries_operator.service import Service
from batteries_operator.settings import Settings

log: structlog.stdlib.BoundLogger = structlog.get_logger()


async def run(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT.

    Raises:
        NoClusterError: there is no Kubernetes to talk to.
    """
    if settings.kubeconfig:
        # kopf reads the path from its environment only.
        os.environ["KUBECONFIG"] = settings.kubeconfig
    service = await Service.open(settings, handlers.announce)
    if settings.metrics_port:
        start_http_server(settings.metrics_port)
    log.info("operator started", namespaces=settings.namespace_list or "all")
    try:
        await kopf.operator(
            registry=_with_login(handlers.registry(service)),
            settings=handlers.settings_for_kopf(),
            standalone=True,
            clusterwide=not settings.namespace_list,
            namespaces=settings.namespace_list,
            liveness_endpoint=f"http://0.0.0.0:{settings.health_port}/healthz" if settings.health_port else None,
        )
    finally:
        await service.close()


def _with_login(registry: kopf.OperatorRegistry) -> kopf.OperatorRegistry:
    @kopf.on.login(registry=registry)
    def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        """The kubeconfig where one is given, else the pod's service account."""
        if os.environ.get("KUBECONFIG"):
            return kopf.login_with_kubeconfig(**kwargs)
        return kopf.login_with_service_account(**kwargs)

    return registry


def main(settings: Settings) -> None:
    """Runs the event loop."""
    asyncio.run(run(settings))
