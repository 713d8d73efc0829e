"""`batteries-operator run`: the operator's process, which works while it leads."""

import asyncio
import gc
import os
import socket
import uuid
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog
from kubernetes.aio.client import CoordinationV1Api

from batteries_crds import agent_access
from batteries_crds.agent_access import IssuerUnusableError
from batteries_crds.kube.client import connect
from batteries_crds.names import MEMBERS
from batteries_operator.controller import handlers
from batteries_operator.controller.controller import Controller
from batteries_operator.controller.kube_events import post_event
from batteries_operator.controller.login import with_login
from batteries_operator.controller.members import members_in
from batteries_operator.controller.pool_work import prime
from batteries_operator.controller.slot_recovery import recover_slots
from batteries_operator.controller.supervision import end_within, run_kopf, stop_on_signals
from batteries_operator.controller.watch_monitor import WatchMonitor
from batteries_operator.runtime.health import Health, serving
from batteries_operator.runtime.leader_election import Lease, NotLeadingError
from batteries_operator.runtime.metrics import LEADING
from batteries_operator.runtime.metrics_server import serve_metrics
from batteries_operator.runtime.settings import Settings

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

Require = Callable[[], None]

STOP_SECONDS = 30.0
"""How long the work of an operator that lost its Lease may take to end by itself; none of it can act any more."""

DRAIN_SECONDS = 4.0
"""How long AWS calls in progress may take after the work has ended; if they take longer, the Lease expires by itself.
"""

_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class UndrainedError(Exception):
    """The process ends while AWS calls are in progress."""


async def run(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT.

    Raises:
        NoClusterError: there is no Kubernetes to talk to.
        NotLeadingError: the Lease was lost; start the process again.
        WatchingEndedError: nothing is watched any more; start the process again.
        UndrainedError: AWS calls were still in progress at the end.
    """
    if settings.kubeconfig:
        # kopf reads the path from its environment only.
        os.environ["KUBECONFIG"] = settings.kubeconfig
    health, stop = Health(), asyncio.Event()
    stop_on_signals(stop, settings.stop_seconds)
    async with serving(health, settings.health_port):
        if settings.metrics_port:
            serve_metrics(settings.metrics_port)
        if not settings.leader_election:
            LEADING.set(1)
            health.ready = lambda: not stop.is_set()
            await _work(settings, health, None, stop)
            return
        # A separate connection: the Lease is renewed however busy the other one is, and without its fence.
        async with await connect(settings.kubeconfig) as api:
            health.ready = lambda: not stop.is_set()
            await _lead(_lease(settings, CoordinationV1Api(api)), settings, health, stop)


def _lease(settings: Settings, leases: CoordinationV1Api) -> Lease:
    namespace = settings.lease_namespace or (_POD_NAMESPACE.read_text() if _POD_NAMESPACE.exists() else "default")
    identity = settings.lease_identity or f"{socket.gethostname()}_{uuid.uuid4()}"
    return Lease(leases, namespace, settings.lease_name, identity, settings.lease_seconds)


async def _lead(lease: Lease, settings: Settings, health: Health, stop: asyncio.Event) -> None:
    """Waits for the Lease, works while holding it, and releases it when the work has ended."""
    log.info("standing_by", lease=settings.lease_name)
    if not await _unless_stopped(stop, lease.acquire()):
        await lease.release()  # a cancelled write may have taken it
        return
    work = asyncio.create_task(_work(settings, health, lease.require, stop))
    hold = asyncio.create_task(lease.hold())
    await asyncio.wait({work, hold}, return_when=asyncio.FIRST_COMPLETED)
    if not work.done():
        end_within(STOP_SECONDS + DRAIN_SECONDS)
        work.cancel()
        await asyncio.wait({work}, timeout=STOP_SECONDS)
        raise NotLeadingError(
            f"The Lease {settings.lease_name} was lost; another operator may lead. Start this one again."
        )
    hold.cancel()
    await asyncio.wait({hold})
    if not isinstance(work.exception(), UndrainedError):  # the next leader must not act during a call of ours
        await lease.release()
    work.result()


async def _unless_stopped(stop: asyncio.Event, waiting: Coroutine[Any, Any, None]) -> bool:
    """Whether the coroutine finished; it is cancelled if SIGTERM or SIGINT comes first."""
    task, stopped = asyncio.create_task(waiting), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in (task, stopped):
            each.cancel()
        await asyncio.wait({task, stopped})
    return not task.cancelled() and task.result() is None


async def _work(settings: Settings, health: Health, require: Require | None, stop: asyncio.Event) -> None:
    controller = await Controller.open(settings, post_event, require)
    try:
        if await _unless_stopped(stop, _recover(controller, settings)):
            await _serve(controller, settings, health, require, stop)
    finally:
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await controller.close()
        except TimeoutError as error:
            raise UndrainedError(
                "AWS calls were still in progress, so the Lease was not released; it expires by itself."
            ) from error


async def _recover(controller: Controller, settings: Settings) -> None:
    """Takes the slots of accounts and of pools' members, and learns which members there are."""
    await recover_slots(controller.accounts, settings.listed_namespaces, controller.deps)
    await recover_slots(members_in(controller), settings.listed_namespaces, controller.deps, MEMBERS)
    await prime(controller, settings.listed_namespaces)


async def _serve(
    controller: Controller, settings: Settings, health: Health, require: Require | None, stop: asyncio.Event
) -> None:
    watch_monitor = WatchMonitor(settings.namespace_list)
    watch_monitor.measure()
    health.trouble = lambda: (
        controller.watchdog.standstill(settings.standstill_seconds)
        or watch_monitor.silence(settings.watch_silence_seconds)
    )
    log.info("operator_started", namespaces=settings.namespace_list or "all")
    try:
        agent_access.issuer(settings.issuer_url, settings.public_url)
    except IssuerUnusableError as error:
        log.warning("tokens_off", reason=str(error))
    await run_kopf(
        stop,
        settings.stop_seconds,
        registry=with_login(handlers.registry(controller), require, watch_monitor),
        settings=handlers.settings_for_kopf(),
        standalone=True,
        clusterwide=not settings.namespace_list,
        namespaces=settings.namespace_list,
    )


def main(settings: Settings) -> None:
    """Runs the event loop."""
    # Modules and models never become garbage, and each full collection would spend a tenth of a second looking at them.
    gc.freeze()
    asyncio.run(run(settings))
