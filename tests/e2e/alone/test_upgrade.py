"""An upgrade with accounts in it: the release before makes them, this one takes over, and nobody loses access.

The release before is taken from this repository's history and really run, with its own CRDs, chart and programs,
against the same cluster, AWS and Stripe. A checkout without that history (a tarball, a shallow clone) skips the test.
"""

import asyncio
import base64
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
import pytest_asyncio
import requests
from e2e.conftest import Sandbox
from fakes.identity_tokens import github_token

from batteries_sandbox import binaries, components, control_plane
from batteries_sandbox.cluster import NAMESPACE, Cluster
from batteries_sandbox.errors import SandboxError
from batteries_sandbox.paths import CHECKOUT, Paths, Ports, free_port_base
from batteries_sandbox.process import ManagedProcess, answers, until_answers
from batteries_sandbox.sandbox import sandbox as new_sandbox

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

BEFORE = "5dfcde5b8b13c055cfdf1f00f0ed5aba404a320b"
"""The commit that stands for the release before: the last one before ownership was proved."""

SECONDS = 120

HOLD_UP = """
import asyncio, pathlib, signal, sys
from batteries_sandbox import binaries, parts
from batteries_sandbox.places import Places
from batteries_sandbox.sandbox import sandbox

parts.BIN = pathlib.Path(sys.argv[1])

async def main():
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with sandbox(Places.from_environment(), binaries.provide()):
        print("up", flush=True)
        await ended.wait()

asyncio.run(main())
"""
"""Its sandbox without the journey; with all parts given, its own `run` ends at once. It starts its own programs: the
installed commands begin in modules of this release."""

PROGRAMS = ("batteries-operator", "batteries-apiserver")

ROOT_EMAILS = "aws+{id}@aibatteriesincluded.com"
"""The template that was the default then: an upgrade sets it, so that accounts are found by their addresses."""


@dataclass
class Upgrade:
    """What the release before left behind, and how to look at it now."""

    api_url: str
    cluster: Cluster
    aws: components.Aws
    key: dict[str, str]
    account_id: str
    passwords: dict[str, str]
    before: dict[str, dict[str, Any]]

    def show(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            self.cluster.run("get", "awsaccount", name, f"--namespace={NAMESPACE}", "--output=json")
        )
        return found

    def password(self, secret: str) -> str:
        """What the Secret holds."""
        where = (f"--namespace={NAMESPACE}", "--output=jsonpath={.data.password}")
        return base64.b64decode(self.cluster.run("get", "secret", secret, *where)).decode()

    def status(self, name: str) -> dict[str, Any]:
        status: dict[str, Any] = self.show(name).get("status", {})
        return status

    async def call(self, method: str, path: str, expected: int, body: Any = None) -> Any:
        """What the API answers to the customer's key."""
        url = f"{self.api_url}/v1/{path}"
        answer = await asyncio.to_thread(requests.request, method, url, json=body, headers=self.key, timeout=10)
        assert answer.status_code == expected, answer.text
        return answer.json()

    def is_in(self, name: str, phase: str) -> bool:
        return bool(self.status(name).get("phase") == phase)

    def client(self, service: str) -> Any:
        connect: Any = boto3.client
        return connect(
            service,
            endpoint_url=self.aws.endpoint,
            region_name=self.aws.region,
            aws_access_key_id=self.aws.access_key_id,
            aws_secret_access_key=self.aws.secret_access_key,
        )

    def signs_in(self, name: str) -> bool:
        body = {
            "accountId": self.before[name]["awsAccountId"],
            "userName": self.before[name]["iamUserName"],
            "password": self.passwords[name],
        }
        return requests.post(f"{self.aws.endpoint}/_standin/console-sign-in", json=body, timeout=10).status_code == 200

    def assigned(self, aws_account_id: str) -> int:
        admin = self.client("sso-admin")
        instance = admin.list_instances()["Instances"][0]["InstanceArn"]
        sets = admin.list_permission_sets(InstanceArn=instance)["PermissionSets"]
        return sum(
            len(
                admin.list_account_assignments(InstanceArn=instance, AccountId=aws_account_id, PermissionSetArn=arn)[
                    "AccountAssignments"
                ]
            )
            for arn in sets
        )

    def assumes(self, name: str, repository: str) -> bool:
        form = {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": self.before[name]["oidcRoleArn"],
            "RoleSessionName": "test",
            "WebIdentityToken": github_token(self.aws.endpoint, f"repo:{repository}:ref:refs/heads/main"),
        }
        return requests.post(self.aws.endpoint, data=form, timeout=10).status_code == 200

    def apply(self, name: str, **spec: Any) -> None:
        self.cluster.run(f"--namespace={NAMESPACE}", "apply", "-f", "-", stdin=json.dumps(account(name, **spec)))


def account(name: str, **spec: Any) -> dict[str, Any]:
    """An AwsAccount of the platform team."""
    return {
        "apiVersion": "aibatteriesincluded.com/v1",
        "kind": "AwsAccount",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"email": f"{name}@example.com", "githubRepos": [f"acme/{name}"], **spec},
    }


async def until(holds: Any, what: str, seconds: float = SECONDS) -> Any:
    """The first true value of `holds`, asked in a thread until a deadline."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        value = await asyncio.to_thread(holds)
        if value:
            return value
        assert asyncio.get_running_loop().time() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.2)


def release_before(folder: Path) -> Path:
    """The sources of the release before, unpacked; skips where git has no such commit."""
    words = ["git", "archive", BEFORE, "crds", "operator", "apiserver", "sandbox", "helm"]
    done = subprocess.run(words, cwd=CHECKOUT, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"the release before is not in this checkout's history: {done.stderr.decode().strip()[:200]}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def upgrade(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Upgrade]:
    """Accounts of the release before, and this release's programs at work on them."""
    folder = tmp_path_factory.mktemp("upgrade")
    old = release_before(folder / "before")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SANDBOX_AWS_SPEED", "10")
        async with AsyncExitStack() as stack:
            yield await _upgraded(stack, folder, old, environment)


async def _upgraded(stack: AsyncExitStack, folder: Path, old: Path, environment: pytest.MonkeyPatch) -> Upgrade:
    programs = binaries.provide()
    shared = Paths(folder / "shared", Ports(free_port_base()))
    shared.logs.mkdir(parents=True)
    plane = await control_plane.start(programs, shared.folder / "controlplane", shared.ports, shared.logs)
    stack.push_async_callback(plane.etcd.stop)
    stack.push_async_callback(plane.kube.stop)
    aws, stripe = components.given_or_standin_aws(shared), components.given_or_standin_stripe(shared)
    base = next(port for port in range(free_port_base(), 32000, 20) if port != shared.ports.base)
    api_url = f"http://127.0.0.1:{base}"
    for command, url in (
        (components.aws_standin(shared, aws), f"{aws.endpoint}/_standin/health"),
        (components.stripe_standin(shared, stripe, api_url), f"{stripe.api_base}/_standin/health"),
    ):
        part = ManagedProcess(command)
        await part.start()
        stack.push_async_callback(part.stop)
        await until_answers(part, command.name, partial(answers, url), 60)
    given = {
        "SANDBOX_KUBECONFIG": str(plane.kubeconfig),
        "SANDBOX_AWS_ENDPOINT_URL": aws.endpoint,
        "SANDBOX_STRIPE_API_BASE": stripe.api_base,
        "AWS_ACCESS_KEY_ID": aws.access_key_id,
        "AWS_SECRET_ACCESS_KEY": aws.secret_access_key,
        "AWS_REGION": aws.region,
        "SANDBOX_PORT_BASE": str(base),
    }
    upgrade = Upgrade(api_url, Cluster(programs.kubectl, plane.kubeconfig), aws, {}, "", {}, {})
    await _with_the_release_before(upgrade, folder, old, given)
    for name, value in given.items():
        environment.setenv(name, value)
    environment.setenv("SANDBOX_OPERATOR_BATTERIES_ACCOUNT_EMAIL_TEMPLATE", ROOT_EMAILS)
    environment.setenv("SANDBOX_OPERATOR_BATTERIES_RESYNC_SECONDS", "10")
    paths = Paths(folder / "after", Ports(base))
    await stack.enter_async_context(new_sandbox(paths, programs))
    return upgrade


def _start(old: Path, output: Path, given: dict[str, str]) -> "subprocess.Popen[bytes]":
    """The sandbox of the release before: its sources come before the installed ones."""
    commands = old / "bin"
    commands.mkdir()
    for program in PROGRAMS:
        package = program.replace("-", "_")
        command = commands / program
        command.write_text(f"#!{sys.executable}\nimport sys\nfrom {package}.main import main\nsys.exit(main())\n")
        command.chmod(0o755)
    sources = os.pathsep.join(str(old / name) for name in ("crds", "operator", "apiserver", "sandbox"))
    with output.open("wb") as sink:
        return subprocess.Popen(
            [sys.executable, "-c", HOLD_UP, str(commands)],
            cwd=old,
            env={**os.environ, **given, "PYTHONPATH": sources},
            stdout=sink,
            stderr=sink,
        )


async def _with_the_release_before(upgrade: Upgrade, folder: Path, old: Path, given: dict[str, str]) -> None:
    """Runs the release before until it has made its accounts, and ends it."""
    output = folder / "before.log"
    process = _start(old, output, {**given, "SANDBOX_DIR": str(folder / "old")})
    try:
        before = Sandbox(process, folder / "old", int(given["SANDBOX_PORT_BASE"]), output, {})

        def up() -> bool:
            assert process.poll() is None, f"the release before ended:\n{output.read_text()[-4000:]}"
            return output.read_text().endswith("up\n")

        await until(up, "the release before is up", 300)
        upgrade.key = await asyncio.to_thread(partial(before.sign_up, "customer@example.com", many=False))
        made = await upgrade.call("POST", "accounts", 202, {"githubRepos": ["acme/api"]})
        upgrade.account_id = made["accountId"]
        for name in ("active", "suspended", "kept"):
            upgrade.apply(name)
        names = ("active", "suspended", "kept", upgrade.account_id)
        for name in names:
            await until(partial(upgrade.is_in, name, "active"), f"{name} is active")
            upgrade.before[name] = upgrade.status(name)
            secret = upgrade.before[name]["credentialsSecretName"]
            upgrade.passwords[name] = upgrade.password(secret)
        upgrade.apply("suspended", suspended=True)
        await until(partial(upgrade.is_in, "suspended", "suspended"), "it is suspended")
        upgrade.cluster.run("delete", "awsaccount", "kept", f"--namespace={NAMESPACE}", "--timeout=30s")
        # What the garbage collector does in a whole cluster; the release before left it to that.
        upgrade.cluster.run("delete", "secret", "kept-credentials", f"--namespace={NAMESPACE}")
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 60)
        await until(partial(_is_free, int(given["SANDBOX_PORT_BASE"])), "the ports of the release before are free", 30)


def _is_free(base: int) -> bool:
    try:
        Ports(base).check_free()
    except SandboxError:
        return False
    return True


async def settled(upgrade: Upgrade, name: str, phase: str) -> dict[str, Any]:
    """The account's status once this release has seen it and says so."""

    def seen() -> bool:
        shown = upgrade.show(name)
        status = shown.get("status", {})
        return status.get("phase") == phase and status.get("observedGeneration") == shown["metadata"]["generation"]

    await until(seen, f"{name} is {phase}")
    return upgrade.status(name)


async def test_active_accounts_stay_active_with_every_door_open(upgrade: Upgrade) -> None:
    for name in ("active", upgrade.account_id):
        status = await settled(upgrade, name, "active")
        assert status["awsAccountId"] == upgrade.before[name]["awsAccountId"]
        assert upgrade.signs_in(name)
        assert upgrade.assigned(status["awsAccountId"]) == 1
        assert upgrade.assumes(name, "acme/api" if name == upgrade.account_id else f"acme/{name}")


async def test_the_customers_key_goes_on_working_and_changes_repositories(upgrade: Upgrade) -> None:
    path = f"accounts/{upgrade.account_id}"
    assert (await upgrade.call("GET", path, 200))["status"] == "active"
    await upgrade.call("PATCH", path, 200, {"githubRepos": ["acme/other"]})
    await until(lambda: upgrade.assumes(upgrade.account_id, "acme/other"), "the new repository may deploy")
    assert not upgrade.assumes(upgrade.account_id, "acme/api")


async def test_a_suspended_account_stays_shut_and_opens_on_resume(upgrade: Upgrade) -> None:
    status = await settled(upgrade, "suspended", "suspended")
    assert upgrade.assigned(status["awsAccountId"]) == 0
    assert not upgrade.signs_in("suspended")
    assert not upgrade.assumes("suspended", "acme/suspended")
    upgrade.apply("suspended", suspended=False)
    await settled(upgrade, "suspended", "active")
    assert upgrade.assigned(status["awsAccountId"]) == 1
    assert upgrade.assumes("suspended", "acme/suspended")


async def test_an_account_that_was_let_go_of_comes_back_to_its_owner(upgrade: Upgrade) -> None:
    upgrade.apply("kept")
    status = await settled(upgrade, "kept", "active")
    assert status["awsAccountId"] == upgrade.before["kept"]["awsAccountId"], "adopted, not made anew"
    upgrade.passwords["kept"] = upgrade.password("kept-credentials")
    assert upgrade.signs_in("kept"), "with a new first password: nobody had chosen one"
    assert upgrade.assumes("kept", "acme/kept")


async def test_a_new_account_of_an_old_customer_becomes_active(upgrade: Upgrade) -> None:
    made = await upgrade.call("POST", "accounts", 202, {"githubRepos": []})
    status = await settled(upgrade, made["accountId"], "active")
    assert status["awsAccountId"] != upgrade.before[upgrade.account_id]["awsAccountId"]
    assert upgrade.assigned(status["awsAccountId"]) == 1, "the same person, who signs in already"
