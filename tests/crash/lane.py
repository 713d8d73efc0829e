"""One lane of the harness: an AWS stand-in, a namespace, a proxy and an operator process, all its own.

Nothing else happens in a lane's AWS, so the n-th call of an operation is always the same call.
"""

import asyncio
import base64
import contextlib
import json
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import boto3
import yaml
from crash.proxy import Proxy
from kubernetes.aio.client import ApiClient, ApiException, CoreV1Api

from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer
from batteries_crds.kube.client import Resources, connect
from batteries_crds.notification import Notification
from batteries_operator.runtime.settings import Settings
from batteries_sandbox import components
from batteries_sandbox.cluster import Cluster
from batteries_sandbox.control_plane import ControlPlane
from batteries_sandbox.process import Command, ManagedProcess, until_answers

ADMIN = "crash_admin"
PROFILE = "gpu"
PROFILES = '{"gpu": {"purchases": "allow"}}'
"""The operator has a profile of policies beside that of all other accounts."""

OPERATOR = "crash_operator"
REACHED_SECONDS = 60
FAST = {
    "BATTERIES_METRICS_PORT": "0",
    "BATTERIES_HEALTH_PORT": "0",
    "BATTERIES_LEADER_ELECTION": "false",
    "BATTERIES_POLL_SECONDS": "0.05",
    "BATTERIES_INTENT_GRACE_SECONDS": "0.2",
    "BATTERIES_BACKOFF_MAX_SECONDS": "0.5",
    "BATTERIES_RESYNC_SECONDS": "0",
    "BATTERIES_AWS_THREADS": "8",
    # A cell's customer is one of many that stop paying on the same day.
    "BATTERIES_BREAKER_PERCENT": "100",
    "BATTERIES_PAYMENT_CLOSE_AFTER_SECONDS": "2592000",
}
DELAYS = ("creation", "role", "assignment", "closure", "iam", "identity-center")


class Zygote:
    """Starts operators; see `crash.zygote`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._turn = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator["Zygote"]:
        """One for all lanes."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "crash.zygote",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**components.clean_environment(), "PYTHONPATH": str(Path(__file__).parents[1])},
        )
        try:
            yield cls(process)
        finally:
            process.kill()
            await process.wait()

    async def start(self, environment: dict[str, str], log: Path) -> int:
        """The process id of a new operator."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        async with self._turn:
            order = json.dumps({"environment": environment, "log": str(log)}) + "\n"
            self._process.stdin.write(order.encode())
            return int(await self._process.stdout.readline())


@dataclass
class Lane:
    """What a cell of the matrix happens in; also what `fakes.aws_world` asks."""

    number: int
    namespace: str
    proxy: Proxy
    api: ApiClient
    accounts: Resources[AwsAccount]
    url: str
    settings: Settings
    environment: dict[str, str]
    log: Path
    zygote: Zygote
    http: aiohttp.ClientSession
    pid: int = 0
    asked: dict[str, int] = field(default_factory=dict)
    """How often AWS had been asked for an account before the life of that name."""

    @property
    def customers(self) -> Resources[Customer]:
        """Its Customers."""
        return Resources(self.api, Customer, "harness")

    @property
    def notifications(self) -> Resources[Notification]:
        """The mails that the operator wrote down."""
        return Resources(self.api, Notification, "harness")

    @property
    def close_after(self) -> timedelta:
        """How long an account stays suspended that nobody pays for."""
        return timedelta(seconds=float(self.environment["BATTERIES_PAYMENT_CLOSE_AFTER_SECONDS"]))

    # The operator.

    async def start(self, **changes: str) -> None:
        """An operator with an empty memory, and with these changes of its environment."""
        self.pid = await self.zygote.start(self.environment | changes, self.log)

    async def kill(self) -> None:
        """kill -9; returns when the process is no more."""
        if not self.pid:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
            async with asyncio.timeout(10):
                while True:
                    os.kill(self.pid, 0)
                    await asyncio.sleep(0.005)
        self.pid = 0

    async def restart(self) -> None:
        """Kills it, where there is one, and starts another."""
        await self.kill()
        await self.start()

    # Kubernetes.

    async def find(self, name: str) -> AwsAccount | None:
        """The account as it is now."""
        return await self.accounts.find(self.namespace, name)

    async def until(
        self,
        name: str,
        reached: Callable[[Any], bool],
        seconds: float = REACHED_SECONDS,
        find: Callable[["Lane", str], Awaitable[Any]] | None = None,
    ) -> Any:
        """Waits until the account, or what `find` finds, is as `reached` says.

        Raises:
            TimeoutError: with what it is instead.
        """
        account = None
        try:
            async with asyncio.timeout(seconds):
                while not reached(account := await (find(self, name) if find else self.find(name))):
                    await asyncio.sleep(0.03)
        except TimeoutError:
            status = account.status.to_wire() if account else None
            raise TimeoutError(f"{name} in {self.namespace} stays {json.dumps(status, default=str)}") from None
        return account

    # AWS, by the names that `fakes.aws_world` uses.

    async def standin(self, path: str, body: Any = None, method: str = "") -> Any:
        """An answer of the stand-in's own tools; None where it refuses."""
        how = method or ("GET" if body is None else "POST")
        async with self.http.request(how, f"{self.url}/_standin/{path}", json=body) as answer:
            if answer.status >= 400:
                return None
            return await answer.json() if answer.status != 204 else None

    async def client(self, service: str, account: str | None = None, role: str = "") -> Any:
        """boto3 of the management account, or of a member as a role of it; never limited, never counted as ours.

        The role is the operator's access role where none is named.
        """
        keys = {"aws_access_key_id": ADMIN, "aws_secret_access_key": ADMIN, "region_name": "us-east-1"}
        if account is not None:
            sts = await self.client("sts")
            arn = f"arn:aws:iam::{account}:role/{role or self.settings.access_role_name}"
            raw = (await asyncio.to_thread(sts.assume_role, RoleArn=arn, RoleSessionName="check"))["Credentials"]
            keys |= {
                "aws_access_key_id": raw["AccessKeyId"],
                "aws_secret_access_key": raw["SecretAccessKey"],
                "aws_session_token": raw["SessionToken"],
            }
        return boto3.client(service, endpoint_url=self.url, **keys)  # type: ignore[call-overload]  # by literal names

    async def signs_in(self, account: AwsAccount) -> Any:
        """Whether the password in the Secret opens the console; None where it doesn't, or there is none."""
        try:
            secret = await CoreV1Api(self.api).read_namespaced_secret(
                f"{account.metadata.name}-credentials", self.namespace
            )
        except ApiException:
            return None
        user, password = (base64.b64decode((secret.data or {})[key]).decode() for key in ("username", "password"))
        words = {"accountId": account.status.aws_account_id, "userName": user, "password": password}
        return await self.standin("console-sign-in", words)


def _fast_standin(port: int, log: Path) -> Command:
    argv = (
        sys.executable,
        "-m",
        "batteries_sandbox.aws",
        f"--port={port}",
        f"--access-key-id={OPERATOR}",
        f"--admin-key-id={ADMIN}",
        *(f"--{name}-seconds=0.05" for name in DELAYS),
    )
    return Command(f"AWS of {log.stem}", argv, components.clean_environment(), log)


@asynccontextmanager
async def open_lane(
    number: int, port: int, cluster: Cluster, plane: ControlPlane, folder: Path, zygote: Zygote
) -> AsyncIterator[Lane]:
    """A lane with a prepared organization and no operator yet."""
    namespace, url = f"lane-{number}", f"http://127.0.0.1:{port}"
    trust = ssl.create_default_context(cafile=str(folder / "controlplane" / "ca.crt"))
    async with AsyncExitStack() as stack:
        standin = ManagedProcess(_fast_standin(port, folder / f"{namespace}-aws.log"))
        await standin.start()
        stack.push_async_callback(standin.stop)
        # While that begins.
        await asyncio.to_thread(cluster.create_namespace, namespace)
        config = await asyncio.to_thread(
            cluster.kubeconfig_for, "batteries-operator", "batteries", folder / f"{namespace}.direct"
        )
        server, token = _server_and_token(config)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        lane_log = folder / f"{namespace}.log"
        await until_answers(standin, standin.command.name, lambda: _listens(port), 30)
        proxy = Proxy(server, trust)
        address = await stack.enter_async_context(proxy.serve())
        kubeconfig = _write_kubeconfig(folder / f"{namespace}.kubeconfig", address, token)
        aws = components.Aws(url, OPERATOR, OPERATOR, "us-east-1")
        environment = {
            **components.clean_environment(),
            **aws.environment(),
            **components.OPERATOR_SETTINGS,
            **FAST,
            "BATTERIES_KUBECONFIG": str(kubeconfig),
            "BATTERIES_NAMESPACES": namespace,
            "BATTERIES_POLICY_PROFILES": PROFILES,
        }
        await _bootstrap(environment)
        api = await stack.enter_async_context(await connect(str(plane.kubeconfig)))
        accounts = Resources(api, AwsAccount, "harness")
        lane = Lane(number, namespace, proxy, api, accounts, url, settings(), environment, lane_log, zygote, http)
        stack.push_async_callback(lane.kill)
        yield lane


def settings() -> Settings:
    """The operator's, as far as what it makes follows from them."""
    chosen = components.OPERATOR_SETTINGS
    return Settings(
        account_email_template=chosen["BATTERIES_ACCOUNT_EMAIL_TEMPLATE"],
        issuer_url=chosen["BATTERIES_ISSUER_URL"],
        policy_profiles=PROFILES,
    )


def _server_and_token(kubeconfig: Path) -> tuple[str, str]:
    content = yaml.safe_load(kubeconfig.read_text())
    return content["clusters"][0]["cluster"]["server"], content["users"][0]["user"]["token"]


def _write_kubeconfig(path: Path, server: str, token: str) -> Path:
    """As the sandbox's, but for the proxy, which has no certificate."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "lane", "cluster": {"server": server}}],
        "users": [{"name": "lane", "user": {"token": token}}],
        "contexts": [{"name": "lane", "context": {"cluster": "lane", "user": "lane"}}],
        "current-context": "lane",
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(content))
    return path


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


async def _bootstrap(environment: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        str(components.BIN / "batteries-operator"),
        "bootstrap",
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
