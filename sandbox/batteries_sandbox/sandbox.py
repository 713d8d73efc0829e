"""Starts the whole system, keeps it running, and stops it without leaving a process or a port."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from batteries_sandbox import components, control_plane, env_file
from batteries_sandbox.binaries import Binaries, kubernetes_version
from batteries_sandbox.cluster import NAMESPACE, Cluster
from batteries_sandbox.errors import SandboxError
from batteries_sandbox.paths import Paths
from batteries_sandbox.process import Command, ManagedProcess, answers, until_answers

ANSWER_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that is up."""

    paths: Paths
    cluster: Cluster
    api_url: str
    env: dict[str, str]
    fatal: tuple[ManagedProcess, ...]

    async def until_broken(self) -> None:
        """Never returns, unless a component ends that nobody restarts.

        Raises:
            SandboxError: it did.
        """
        if not self.fatal:  # every part was given
            await asyncio.Event().wait()
        waits = {asyncio.create_task(part.wait()): part for part in self.fatal}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            raise waits[done.pop()].gone()
        finally:
            for wait in waits:
                wait.cancel()


@contextlib.asynccontextmanager
async def sandbox(paths: Paths, programs: Binaries) -> AsyncIterator[Running]:
    """The whole system, for the duration of the block.

    Raises:
        SandboxError: something could not be had or did not come up, or a sandbox is up in this folder already.
    """
    with _only_one(paths):
        async with contextlib.AsyncExitStack() as stack:
            yield await _start(paths, programs, stack)


@contextlib.contextmanager
def _only_one(paths: Paths) -> Iterator[None]:
    paths.folder.mkdir(parents=True, exist_ok=True)
    with (paths.folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            api = env_file.read(paths.env_file).get("API_URL", "unknown")
            raise SandboxError(
                f"A sandbox is running in {paths.folder} already (its API: {api}). Use that one, stop it with Ctrl-C, "
                "or set SANDBOX_DIR and SANDBOX_PORT_BASE for a second one."
            ) from error
        try:
            yield
        finally:
            paths.env_file.unlink(missing_ok=True)


async def _start(paths: Paths, programs: Binaries, stack: contextlib.AsyncExitStack) -> Running:
    paths.ports.check_free()
    shutil.rmtree(paths.logs, ignore_errors=True)
    paths.logs.mkdir(parents=True)
    fatal: list[ManagedProcess] = []
    cluster = await _cluster(paths, programs, stack, fatal)
    api_url = f"http://127.0.0.1:{paths.ports.api}"
    aws, stripe = components.given_or_standin_aws(paths), components.given_or_standin_stripe(paths)
    if not os.environ.get("SANDBOX_AWS_ENDPOINT_URL"):
        standin = components.aws_standin(paths, aws)
        fatal.append(await _started(standin, f"{aws.endpoint}/_standin/health", stack))
    if not os.environ.get("SANDBOX_STRIPE_API_BASE"):
        standin = components.stripe_standin(paths, stripe, api_url)
        fatal.append(await _started(standin, f"{stripe.api_base}/_standin/health", stack))
    operator_config = cluster.kubeconfig_for("batteries-operator", NAMESPACE, paths.folder / "operator.kubeconfig")
    api_config = cluster.kubeconfig_for("batteries-apiserver", NAMESPACE, paths.folder / "apiserver.kubeconfig")
    operator = components.operator(paths, components.operators_aws(aws), operator_config)
    apiserver = components.apiserver(paths, stripe, api_config)
    say("preparing the organization with `batteries-operator bootstrap`")
    # A person's credentials run it; the operator's own can't.
    await _command(components.operator(paths, aws, operator_config), "bootstrap")
    admin_key = (await _command(apiserver, "admin-key")).strip().splitlines()[-1]
    operator_part = await _started(operator, f"http://127.0.0.1:{paths.ports.operator_health}/healthz", stack)
    api_part = await _started(apiserver, f"{api_url}/readyz", stack)

    def write_env() -> dict[str, str]:
        values = {
            "API_URL": api_url,
            "ADMIN_API_KEY": admin_key,
            "KUBECONFIG": str(cluster.kubeconfig),
            "NAMESPACE": NAMESPACE,
            **aws.environment(),
            **stripe.environment(),
            "OPERATOR_METRICS_URL": f"http://127.0.0.1:{paths.ports.operator_metrics}/metrics",
            "API_METRICS_URL": f"http://127.0.0.1:{paths.ports.api_metrics}/metrics",
            "OPERATOR_PID": str(operator_part.pid),
            "API_PID": str(api_part.pid),
            "LOG_DIR": str(paths.logs),
            **components.OPERATOR_SETTINGS,
        }
        env_file.write(paths.env_file, values)
        return values

    # A restarted part has another process id.
    operator_part.keep(on_restart=write_env)
    api_part.keep(on_restart=write_env)
    return Running(paths, cluster, api_url, write_env(), tuple(fatal))


async def _cluster(
    paths: Paths, programs: Binaries, stack: contextlib.AsyncExitStack, fatal: list[ManagedProcess]
) -> Cluster:
    """The cluster that SANDBOX_KUBECONFIG names, or our own. A plain KUBECONFIG is never used."""
    given = os.environ.get("SANDBOX_KUBECONFIG")
    if given:
        say(f"using the cluster of SANDBOX_KUBECONFIG ({given})")
        cluster = Cluster(programs.kubectl, Path(given))
    else:
        say(f"starting etcd and kube-apiserver {kubernetes_version()}")
        plane = await control_plane.start(programs, paths.folder / "controlplane", paths.ports, paths.logs)
        stack.push_async_callback(plane.etcd.stop)
        stack.push_async_callback(plane.kube.stop)
        fatal += [plane.etcd, plane.kube]
        cluster = Cluster(programs.kubectl, plane.kubeconfig)
    say("installing the resources and the permissions")
    await asyncio.to_thread(cluster.install_crds)
    await asyncio.to_thread(cluster.create_namespace, NAMESPACE)
    await asyncio.to_thread(cluster.install_permissions, NAMESPACE)
    return cluster


async def _started(command: Command, url: str, stack: contextlib.AsyncExitStack) -> ManagedProcess:
    say(f"starting the {command.name}")
    part = ManagedProcess(command)
    await part.start()
    stack.push_async_callback(part.stop)
    await until_answers(part, f"the {command.name}", lambda: answers(url), ANSWER_SECONDS)
    return part


async def _command(command: Command, subcommand: str) -> str:
    """Calls the component's program with another subcommand and returns its output."""
    done = await asyncio.to_thread(
        subprocess.run,
        [command.argv[0], subcommand],
        env=dict(command.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SandboxError(f"{Path(command.argv[0]).name} {subcommand} failed:\n{done.stderr.strip()[-1500:]}")
    return str(done.stdout)


def say(text: str) -> None:
    """One line of progress."""
    print(f"  · {text}", flush=True)
