"""Bare Kubernetes: how fast objects can be created here, and how fast a kopf that does nothing else patches them.

As a program (`python -m bench.bare NAMESPACE COUNT`) it is that kopf: each new AwsAccount gets a status, and that is
all; when it was shown the first COUNT, it says so.
"""

import asyncio
import itertools
import sys
import time
from typing import Any
from uuid import uuid4

import kopf
import psutil
from bench.stage import Stage, until, until_rested

from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.client import Resources
from batteries_crds.names import GROUP, VERSION
from batteries_sandbox import components
from batteries_sandbox.paths import CHECKOUT
from batteries_sandbox.process import Command, ManagedProcess

NAMESPACE = "bare"
PLURAL = AwsAccount.definition.plural
ALL_SHOWN = "all shown"


def registry(count: int) -> kopf.OperatorRegistry:
    """One handler, which patches, and says when it was called for `count` objects."""
    handlers, numbers = kopf.OperatorRegistry(), itertools.count(1)

    @kopf.on.login(registry=handlers)
    async def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        """As the kubeconfig says."""
        return kopf.login_with_kubeconfig(**kwargs)

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=handlers)
    async def patch(status: kopf.Status, patch: kopf.Patch, **_: object) -> None:
        """Writes the status where there is none."""
        if not status.get("accountId"):
            patch.status["accountId"] = "bare"
        if next(numbers) == count:
            print(ALL_SHOWN, flush=True)

    return handlers


def kopf_on(stage: Stage, namespace: str, count: int = 0) -> ManagedProcess:
    """A bare kopf, to be started; the stage's folder has its log, and in it whether it was shown `count` objects."""
    environment = {
        **components.clean_environment(),
        "KUBECONFIG": str(stage.world.plane.kubeconfig),
        "PYTHONPATH": str(CHECKOUT / "tests"),
    }
    argv = (sys.executable, "-m", "bench.bare", namespace, str(count))
    return ManagedProcess(Command("bare kopf", argv, environment, stage.world.folder / f"bare-{namespace}.log"))


async def measure(stage: Stage, count: int) -> tuple[float, float]:
    """Creations a second and, of a kopf that finds these objects, patches a second."""
    await asyncio.to_thread(stage.world.cluster.create_namespace, NAMESPACE)
    accounts = Resources(stage.lane.api, AwsAccount, "bench")
    turns = asyncio.Semaphore(10)

    async def create() -> None:
        async with turns:
            spec = {"email": "bare@example.com", "githubRepos": ["octo-org/web"]}
            await accounts.create(NAMESPACE, {"metadata": {"name": str(uuid4())}, "spec": spec})

    began = time.monotonic()
    await asyncio.gather(*(create() for _ in range(count)))
    created = count / (time.monotonic() - began)
    operator = kopf_on(stage, NAMESPACE)
    await operator.start()
    try:
        patched = asyncio.create_task(_patched(accounts, count))
        ended = asyncio.create_task(operator.wait())
        await asyncio.wait({patched, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not patched.done():
            patched.cancel()
            raise operator.gone()
        first, last = patched.result()
    finally:
        await operator.stop()
    return created, (count - 1) / max(last - first, 1e-3)


async def _patched(accounts: Resources[AwsAccount], count: int) -> tuple[float, float]:
    """When the first object had a status, and when the last."""
    moments: list[float] = []
    page = await accounts.page(NAMESPACE)
    stream = await accounts.watch_from(NAMESPACE, page.resource_version, seconds=300)
    async with asyncio.timeout(300), stream:
        async for line in stream.content:
            if b'"accountId":"bare"' in line:
                moments.append(time.monotonic())
                if len(moments) >= count:
                    break
    return moments[0], moments[-1]


async def memory(stage: Stage, namespace: str, count: int) -> float:
    """MB that a kopf whose one handler does nothing holds for the namespace's `count` objects, beyond one without."""
    await asyncio.to_thread(stage.world.cluster.create_namespace, "empty")
    both = _settled_size(stage, "empty", 0), _settled_size(stage, namespace, count)
    without, with_all = await asyncio.gather(*both)
    return with_all - without


async def _settled_size(stage: Stage, namespace: str, count: int) -> float:
    """MB of one that was shown all objects and has come to rest; its imports alone take a second."""
    operator = kopf_on(stage, namespace, count)

    async def all_shown() -> bool:
        if operator.ended:
            raise operator.gone()
        return not count or ALL_SHOWN in operator.command.log.read_text()

    await operator.start()
    try:
        await until(all_shown, f"{count} objects shown to a bare kopf", every=0.5)
        process = psutil.Process(operator.pid)
        await until_rested(process, "a kopf", at_least=0.8)
        return float(process.memory_info().rss) / 1e6
    finally:
        await operator.stop()


if __name__ == "__main__":
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    asyncio.run(
        kopf.operator(registry=registry(int(sys.argv[2])), settings=settings, standalone=True, namespaces=[sys.argv[1]])
    )
