"""kopf's connection to Kubernetes: behind the leader's fence, if there is one, and with a cheap decoder for lists."""

import os
from collections.abc import Callable
from typing import Any

import aiohttp
import kopf
from aiohttp.typedefs import JSONDecoder

from batteries_crds.kube.decoding import decoded
from batteries_operator.controller.watch_monitor import WatchMonitor
from batteries_operator.runtime.leader_election import fence


class _Response(aiohttp.ClientResponse):
    """aiohttp's response, with our JSON decoder."""

    async def json(
        self,
        *,
        encoding: str | None = None,
        loads: JSONDecoder = decoded,
        content_type: str | None = "application/json",
    ) -> Any:
        return await super().json(encoding=encoding, loads=loads, content_type=content_type)


def session_of(
    info: kopf.ConnectionInfo, require: Callable[[], None] | None, watch_monitor: WatchMonitor | None = None
) -> aiohttp.ClientSession:
    """A session to the cluster that kopf found; writes pass only while `require` does not raise.

    Lists and watches go through `watch_monitor`, which retries those that are refused.
    """
    ours = (*([watch_monitor.middleware] if watch_monitor else []), *([fence(require)] if require else []))
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=info.as_ssl_context()),
        headers=info.as_http_headers(),
        proxy=info.proxy_url,
        trust_env=bool(info.trust_env),
        middlewares=ours,
        response_class=_Response,
    )


def with_login(
    registry: kopf.OperatorRegistry, require: Callable[[], None] | None, watch_monitor: WatchMonitor | None = None
) -> kopf.OperatorRegistry:
    """The registry with a login handler: by the kubeconfig if there is one, else by the pod's service account."""

    @kopf.on.login(registry=registry)
    async def login(**kwargs: Any) -> kopf.AiohttpSession | None:
        """Logs in with a session of our own."""
        by = kopf.login_with_kubeconfig if os.environ.get("KUBECONFIG") else kopf.login_with_service_account
        info = by(**kwargs)
        if info is None:
            return None
        return kopf.AiohttpSession(
            server=info.server,
            default_namespace=info.default_namespace,
            expiration=info.expiration,
            aiohttp_session=session_of(info, require, watch_monitor),
        )

    return registry
